// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
package import World

/// Answers `GET /metrics` for Prometheus and `GET /healthz` for whoever restarts servers.
///
/// As little of HTTP (RFC 9112) as these two need: one request, one answer, and the end of the
/// connection. For loopback or a network one trusts: anybody who can connect may read.
package struct MetricsService: Sendable {
    private let registry: MeterRegistry
    private let time: any Time
    private let sample: @Sendable () async throws -> [Sample]
    private let check: @Sendable () async throws -> Void
    private let kept: Kept

    /// A request of this kind has a line and some fields.
    static let maximumRequestOctets = 16 << 10
    /// From the beginning of the connection to its end.
    static let patience = Duration.seconds(10)
    /// Several readers, or one in a hurry, do not have the queue counted again and again.
    static let sampleAge = Duration.seconds(10)

    private final class Kept: Sendable {
        let samples = Mutex<(samples: [Sample], until: Instant)?>(nil)
    }

    /// `sample` finds out what is not counted as it happens; `check` throws what ails the server.
    package init(
        _ registry: MeterRegistry, time: any Time,
        sample: @escaping @Sendable () async throws -> [Sample],
        check: @escaping @Sendable () async throws -> Void
    ) {
        self.registry = registry
        self.time = time
        self.sample = sample
        self.check = check
        kept = Kept()
    }

    /// Serves one connection to its end.
    package func handle(_ connection: any Connection) async {
        let deadline = time.now + Self.patience
        do throws(NetworkFailure) {
            guard let target = try await request(connection, deadline) else { return }
            connection.write(Array(await answer(to: target).utf8))
            try await connection.flush(deadline: deadline)
        } catch {
            return
        }
    }

    /// Method and path of the request; nil when the client has gone.
    private func request(
        _ connection: any Connection, _ deadline: Instant
    ) async throws(NetworkFailure) -> (method: String, path: String)? {
        var octets: [UInt8] = []
        // A request ends with an empty line (RFC 9112 §2.1); a body is of no interest.
        while !Self.holdsHeader(octets) {
            guard octets.count <= Self.maximumRequestOctets else { return ("", "") }
            guard let piece = try await connection.receive(deadline: deadline) else { return nil }
            octets += piece
        }
        let line = octets.prefix { $0 != .carriageReturn && $0 != .lineFeed }
        let words = line.split(separator: 0x20)
        guard words.count == 3 else { return ("", "") }
        let path = words[1].prefix { $0 != UInt8(ascii: "?") }
        return (String(lossy: words[0]), String(lossy: path))
    }

    private static func holdsHeader(_ octets: [UInt8]) -> Bool {
        var wasLineFeed = false
        for octet in octets where octet != .carriageReturn {
            if octet == .lineFeed, wasLineFeed { return true }
            wasLineFeed = octet == .lineFeed
        }
        return false
    }

    private func answer(to request: (method: String, path: String)) async -> String {
        guard request.method == "GET" || request.method == "HEAD" else {
            return Self.response("405 Method Not Allowed", "only GET is known here\n", to: request)
        }
        switch request.path {
        case "/metrics":
            let type = "text/plain; version=0.0.4; charset=utf-8"
            do {
                let page = registry.page(try await samples())
                return Self.response("200 OK", type: type, page, to: request)
            } catch {
                return Self.response("503 Service Unavailable", "\(error)\n", to: request)
            }
        case "/healthz":
            do {
                try await check()
                return Self.response("200 OK", "ok\n", to: request)
            } catch {
                return Self.response("503 Service Unavailable", "\(error)\n", to: request)
            }
        default: return Self.response("404 Not Found", "see /metrics and /healthz\n", to: request)
        }
    }

    private func samples() async throws -> [Sample] {
        let now = time.now
        let known = kept.samples.withLock { $0 }
        if let known, now < known.until { return known.samples }
        let fresh = try await sample()
        kept.samples.withLock { $0 = (fresh, now + Self.sampleAge) }
        return fresh
    }

    private static func response(
        _ status: String, type: String = "text/plain; charset=utf-8", _ body: String,
        to request: (method: String, path: String)
    ) -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n" + (request.method == "HEAD" ? "" : body)
    }
}
