// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import World

/// Serves the MTA-STS policies of hosted domains by HTTPS (RFC 8461 §3.3).
///
/// As little of HTTP (RFC 9112) as that needs: one GET for `/.well-known/mta-sts.txt` of the host
/// `mta-sts.DOMAIN`, one answer, and the end of the connection. TLS begins with the connection.
package struct PolicyHost: Sendable {
    private let identity: any TLSIdentity
    private let time: any Time
    private let policy: @Sendable (Name) async throws -> String?

    /// A request of this kind has a line and some fields.
    package static let maximumRequestOctets = 16 << 10
    /// From the beginning of the connection to its end: more than a sender waits (RFC 8461 §3.3).
    package static let patience = Duration.seconds(60)
    private static let path = "/.well-known/mta-sts.txt"
    private static let label = "mta-sts."

    /// `policy` is the text of a domain's policy; nil: there is none.
    package init(
        identity: any TLSIdentity, time: any Time,
        policy: @escaping @Sendable (Name) async throws -> String?
    ) {
        self.identity = identity
        self.time = time
        self.policy = policy
    }

    /// Serves one connection to its end.
    package func handle(_ connection: any Connection) async {
        let deadline = time.now + Self.patience
        do throws(NetworkFailure) {
            try await connection.startTLS(.server(identity), deadline: deadline)
            guard let request = try await receive(connection, deadline) else { return }
            connection.write(Array(await answer(to: request).utf8))
            try await connection.flush(deadline: deadline)
        } catch {
            return
        }
    }

    /// Nil when the client has gone.
    private func receive(
        _ connection: any Connection, _ deadline: Instant
    ) async throws(NetworkFailure) -> Request? {
        var octets: [UInt8] = []
        while true {
            if let end = Self.endOfHeader(octets) { return Request(octets[..<end]) }
            guard octets.count <= Self.maximumRequestOctets else { return Request(fault: 431) }
            guard let piece = try await connection.receive(deadline: deadline) else { return nil }
            octets += piece
        }
    }

    /// RFC 9112 §2.1: the header ends with an empty line; a body is of no interest.
    private static func endOfHeader(_ octets: [UInt8]) -> Int? {
        var wasLineFeed = false
        for (index, octet) in octets.enumerated() where octet != .carriageReturn {
            if octet == .lineFeed, wasLineFeed { return index }
            wasLineFeed = octet == .lineFeed
        }
        return nil
    }

    private func answer(to request: Request) async -> String {
        if let fault = request.fault { return Self.response(fault, "", to: request) }
        guard request.host.hasPrefix(Self.label),
            let domain = try? Name(request.host.dropFirst(Self.label.utf8.count))
        else { return Self.response(421, "only mta-sts.DOMAIN is served here\n", to: request) }
        guard request.path == Self.path else {
            return Self.response(404, "see \(Self.path)\n", to: request)
        }
        guard ["GET", "HEAD"].contains(request.method) else {
            return Self.response(405, "only GET is known here\n", to: request)
        }
        do {
            guard let text = try await policy(domain) else {
                return Self.response(404, "there is no policy of \(domain) here\n", to: request)
            }
            return Self.response(200, text, to: request)
        } catch {
            return Self.response(503, "not just now\n", to: request)
        }
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
        421: "Misdirected Request", 431: "Request Header Fields Too Large",
        503: "Service Unavailable", 505: "HTTP Version Not Supported",
    ]

    private static func response(_ status: Int, _ body: String, to request: Request) -> String {
        var lines = [
            "HTTP/1.1 \(status) \(reasons[status] ?? "")",
            // RFC 8461 §3.2.
            "Content-Type: text/plain; charset=utf-8", "Content-Length: \(body.utf8.count)",
            "X-Content-Type-Options: nosniff", "Connection: close",
        ]
        if status == 405 { lines.append("Allow: GET, HEAD") }
        return lines.map { $0 + "\r\n" }.joined() + "\r\n"
            + (request.method == "HEAD" ? "" : body)
    }
}

extension PolicyHost {
    /// What matters of a request, or which answer it deserves at once.
    struct Request {
        var method = ""
        var path = ""
        /// In lower case, without a port.
        var host = ""
        var fault: Int?

        init(fault: Int) { self.fault = fault }

        /// Reads the request line and the field `Host` (RFC 9112 §3).
        init(_ octets: ArraySlice<UInt8>) {
            let lines = octets.split(separator: .lineFeed, omittingEmptySubsequences: false)
                .map { line in line.last == .carriageReturn ? line.dropLast() : line }
            let words = (lines.first ?? []).split(
                separator: .space, omittingEmptySubsequences: false)
            guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else {
                fault = words.count == 3 && words[2].starts(with: "HTTP/".utf8) ? 505 : 400
                return
            }
            method = String(lossy: words[0])
            var hosts = lines.dropFirst().compactMap { Self.host(in: $0) }
            // RFC 9112 §3.2: exactly one.
            guard hosts.count == 1 else {
                fault = 400
                return
            }
            var target = String(lossy: words[1])
            // RFC 9112 §3.2.2: the absolute form says the host itself.
            if target.asciiLowercased.hasPrefix("https://") {
                let rest = target.dropFirst("https://".utf8.count)
                let end = rest.firstIndex(of: "/") ?? rest.endIndex
                hosts = [String(rest[..<end])]
                target = end == rest.endIndex ? "/" : String(rest[end...])
            }
            path = String(target.prefix { $0 != "?" })
            host = Self.withoutPort(hosts[0]).asciiLowercased
            if host.hasSuffix(".") { host.removeLast() }
        }

        private static func host(in line: ArraySlice<UInt8>) -> String? {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                line[..<colon].equalsIgnoringCase("host".utf8)
            else { return nil }
            let value = line[(colon + 1)...].drop(while: \.isWhitespace)
            return String(lossy: value.prefix { !$0.isWhitespace })
        }

        private static func withoutPort(_ host: String) -> String {
            guard let colon = host.lastIndex(of: ":"),
                host[host.index(after: colon)...].allSatisfy(\.isNumber)
            else { return host }
            return String(host[..<colon])
        }
    }
}
