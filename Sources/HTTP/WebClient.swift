// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
import Mail
package import World

/// Asks web servers, one question for each connection.
package struct WebClient: Sendable {
    /// Why there is no answer; a sentence's end for people.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// There is no such server, and to wait does not help.
        case noServer(String)
        case failed(String)

        package var description: String {
            switch self {
            case .noServer(let text), .failed(let text): text
            }
        }
    }

    private let resolver: any Resolver
    private let network: any Network
    private let time: any Time
    private let verifiesCertificates: Bool
    private let allowsPrivateAddresses: Bool

    /// For one connection and its handshake.
    package static let connectionPatience = Duration.seconds(15)
    /// Of one server; the next ones are for the next time.
    package static let maximumAddresses = 4

    /// Without `allowsPrivateAddresses` hosts around this one are not talked to: for URIs that
    /// strangers write.
    package init(
        resolver: any Resolver, network: any Network, time: any Time,
        verifiesCertificates: Bool, allowsPrivateAddresses: Bool
    ) {
        self.resolver = resolver
        self.network = network
        self.time = time
        self.verifiesCertificates = verifiesCertificates
        self.allowsPrivateAddresses = allowsPrivateAddresses
    }

    /// Sends a request, which asks for the connection to be closed, and takes in the answer until
    /// `read` has what it wants.
    ///
    /// Another address is tried as long as nothing has been said.
    package func ask<Answer>(
        _ request: [UInt8], of target: HTTPTarget, deadline: Instant,
        _ read: (inout Response) throws(Response.Fault) -> Answer?
    ) async throws(Failure) -> Answer {
        var reason = ""
        for address in try await addresses(of: target) {
            let connection: any Connection
            do throws(NetworkFailure) {
                connection = try await connect(to: address, target, deadline)
            } catch {
                reason = "\(address): \(error)"
                guard time.now < deadline, !Task.isCancelled else { break }
                continue
            }
            do {
                connection.write(request)
                let answer = try await answer(on: connection, deadline, read)
                await connection.close()
                return answer
            } catch {
                await connection.close()
                throw .failed("\(error)")
            }
        }
        throw .failed(reason)
    }

    private func answer<Answer>(
        on connection: any Connection, _ deadline: Instant,
        _ read: (inout Response) throws(Response.Fault) -> Answer?
    ) async throws -> Answer {
        var response = Response()
        while true {
            if let answer = try read(&response) { return answer }
            if let octets = try await connection.receive(deadline: deadline) {
                response.receive(octets)
            } else {
                response.receiveEnd()
            }
        }
    }

    private func addresses(of target: HTTPTarget) async throws(Failure) -> [IPAddress] {
        switch target.host {
        case .address(let address): return try usable([address])
        // RFC 6761 §6.3: resolvers need not know it.
        case .name where target.isHere:
            return try usable([.v4(IPv4Address(127, 0, 0, 1)), .v6(IPv6Address(high: 0, low: 1))])
        case .name(let host):
            guard let name = Name(dotted: host.name.utf8) else {
                throw .noServer("its name is none")
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
            let hasFailed = answers.contains {
                if case .failure = $0.outcome { true } else { false }
            }
            if hasFailed, (try? usable(found)) == nil {
                throw .failed("its address cannot be had at the moment")
            }
            return try usable(found)
        }
    }

    private func usable(_ found: [IPAddress]) throws(Failure) -> [IPAddress] {
        let usable = found.filter {
            !$0.isUnusable && (allowsPrivateAddresses || !$0.isPrivate)
        }
        guard !usable.isEmpty else {
            throw .noServer(found.isEmpty ? "it has no address" : "it has no address of its own")
        }
        return Array(usable.prefix(Self.maximumAddresses))
    }

    /// Connects and, for `https`, shakes hands: until then nothing has been said.
    private func connect(
        to address: IPAddress, _ target: HTTPTarget, _ deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        let soon = min(deadline, time.now + Self.connectionPatience)
        let connection = try await network.connect(
            to: SocketAddress(address, port: target.port), from: nil, deadline: soon)
        guard target.isSecure else { return connection }
        do {
            try await connection.startTLS(
                .client(serverName: target.hostName, verify: verifiesCertificates),
                deadline: soon)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }
}
