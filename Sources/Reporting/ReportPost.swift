// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Feedback
import HTTP
import Mail
import World

/// Hands reports on TLS to HTTPS servers (RFC 8460 §5.4).
///
/// Certificates are not looked at, as RFC 8460 §3 allows: the reports are to arrive just where
/// something is wrong with TLS, and hold nothing secret.
struct ReportPost: Sendable {
    let resolver: any Resolver
    let network: any Network
    let time: any Time
    /// A stranger's record must not make this host talk to those around it.
    let allowsPrivateAddresses: Bool

    /// For all of it, and for one connection.
    static let patience = Duration.seconds(60)
    static let connectionPatience = Duration.seconds(15)
    /// Of one server; the next ones are for the next time.
    static let maximumAddresses = 4

    /// What came of it.
    enum Outcome: Equatable {
        case accepted
        /// It will not be taken, whatever is done.
        case refused(String)
        /// It may be taken later; if it was taken all the same, it is known by its identifier.
        case failed(String)
    }

    /// Hands a packed report to the server of a URI.
    func hand(_ file: [UInt8], to uri: String) async -> Outcome {
        guard let target = HTTPSTarget(uri) else { return .refused("this is no HTTPS server") }
        let deadline = time.now + Self.patience
        let addresses: [IPAddress]
        switch await self.addresses(of: target) {
        case .success(let found): addresses = found
        case .failure(let failure): return failure.outcome
        }
        var reason = ""
        for address in addresses {
            do throws(NetworkFailure) {
                let connection = try await connect(to: address, target, deadline)
                let outcome = await exchange(file, target, on: connection, deadline)
                await connection.close()
                return outcome
            } catch {
                reason = "\(address): \(error)"
            }
            guard time.now < deadline, !Task.isCancelled else { break }
        }
        return .failed(reason)
    }

    private struct NoAddress: Error {
        var outcome: Outcome
    }

    private func addresses(of target: HTTPSTarget) async -> Result<[IPAddress], NoAddress> {
        guard let name = Name(dotted: target.host.name.utf8) else {
            return .failure(NoAddress(outcome: .refused("its name is none")))
        }
        async let v6 = resolver.resolve(name, .aaaa)
        async let v4 = resolver.resolve(name, .a)
        let answers = await [v6, v4]
        let found: [IPAddress] = answers.flatMap(\.records).compactMap { record in
            switch record.data {
            case .a(let address): .v4(address)
            case .aaaa(let address): .v6(address)
            default: nil
            }
        }
        let usable = found.filter {
            !$0.isUnusable && (allowsPrivateAddresses || !$0.isPrivate)
        }
        guard usable.isEmpty else { return .success(Array(usable.prefix(Self.maximumAddresses))) }
        let hasFailed = answers.contains { if case .failure = $0.outcome { true } else { false } }
        return .failure(
            NoAddress(
                outcome: hasFailed
                    ? .failed("its address cannot be had at the moment")
                    : .refused(
                        found.isEmpty ? "it has no address" : "it has no address of its own")))
    }

    /// Connects and shakes hands: until then nothing has been said.
    private func connect(
        to address: IPAddress, _ target: HTTPSTarget, _ deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        let soon = min(deadline, time.now + Self.connectionPatience)
        let connection = try await network.connect(
            to: SocketAddress(address, port: target.port), from: nil, deadline: soon)
        do {
            try await connection.startTLS(
                .client(serverName: target.host.name, verify: false), deadline: soon)
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    /// Sends the request and waits for the status; what follows it does not matter.
    private func exchange(
        _ file: [UInt8], _ target: HTTPSTarget, on connection: any Connection, _ deadline: Instant
    ) async -> Outcome {
        connection.write(Self.head(target, file.count) + file)
        var response = Response()
        do {
            while true {
                if let status = try response.status() { return Self.outcome(status) }
                if let octets = try await connection.receive(deadline: deadline) {
                    response.receive(octets)
                } else {
                    response.receiveEnd()
                }
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private static func head(_ target: HTTPSTarget, _ length: Int) -> [UInt8] {
        let lines = [
            "POST \(target.target) HTTP/1.1", "Host: \(target.authority)",
            "User-Agent: postreiter", "Content-Type: \(ReportMail.packedTLSType)",
            "Content-Length: \(length)", "Connection: close",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// RFC 8460 §5.4: any success; the others are retried as mail is, if waiting may help.
    private static func outcome(_ status: Int) -> Outcome {
        switch status {
        case 200..<300: .accepted
        // Too slow, too early, too many; and what is wrong with the server.
        case 408, 425, 429, 500...: .failed("the server answered \(status)")
        // Redirections are not followed: to where they lead nobody has agreed.
        default: .refused("the server answered \(status)")
        }
    }
}
