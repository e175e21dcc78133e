// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// A `Resolver` that asks one or more servers over the network and does not validate by itself.
///
/// UDP from a fresh port for each attempt (RFC 5452 §9.2) with EDNS, TCP after TC, in 2 seconds
/// in all unless the policy says otherwise.
package struct StubResolver: Resolver {
    private let servers: [SocketAddress]
    private let world: Surroundings
    private let policy: StubSession.Policy

    /// What a forger may send in one attempt before we stop listening to it.
    private static let maximumStrayReplies = 64

    /// The servers are asked in this order; there is at least one.
    package init(
        servers: [SocketAddress], world: Surroundings, policy: StubSession.Policy = .init()
    ) {
        precondition(!servers.isEmpty, "a stub resolver has at least one server")
        self.servers = servers
        self.world = world
        self.policy = policy
    }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        var session = StubSession(
            name: name, type: type, servers: servers, policy: policy, now: world.time.now)
        while true {
            if Task.isCancelled { return Answer(.failure(.timeout)) }
            switch session.next(now: world.time.now, chance: world.entropy.next()) {
            case .finished(let answer): return answer
            case .ask(let server, let query, let isStream, let deadline):
                do throws(NetworkFailure) {
                    try await isStream
                        ? askByStream(server, query, deadline, &session)
                        : askByDatagram(server, query, deadline, &session)
                } catch {
                    session.failed()
                }
            }
        }
    }

    private func askByDatagram(
        _ server: SocketAddress, _ query: [UInt8], _ deadline: Instant,
        _ session: inout StubSession
    ) async throws(NetworkFailure) {
        let anywhere: IPAddress =
            server.host.isIPv4
            ? .v4(IPv4Address(rawValue: 0)) : .v6(IPv6Address(high: 0, low: 0))
        let socket = try await world.network.bind(to: SocketAddress(anywhere, port: 0))
        socket.send([Datagram(peer: server, octets: query)])
        var strays = 0
        do throws(NetworkFailure) {
            while strays < Self.maximumStrayReplies {
                for datagram in try await socket.receive(limit: 16, deadline: deadline) {
                    if session.received(datagram.octets, from: datagram.peer) {
                        await socket.close()
                        return
                    }
                    strays += 1
                }
            }
        } catch {
            await socket.close()
            throw error
        }
        await socket.close()
        throw .deadlinePassed
    }

    /// RFC 7766 §8: two octets of length before each message.
    private func askByStream(
        _ server: SocketAddress, _ query: [UInt8], _ deadline: Instant,
        _ session: inout StubSession
    ) async throws(NetworkFailure) {
        let connection = try await world.network.connect(
            to: server, from: nil, deadline: deadline)
        var frames = MessageFrames()
        connection.write(MessageFrames.frame(query))
        do throws(NetworkFailure) {
            while true {
                guard let octets = try await connection.receive(deadline: deadline) else {
                    throw NetworkFailure.disconnected
                }
                frames.append(octets)
                guard let reply = frames.next() else { continue }
                guard session.received(reply, from: server) else {
                    throw NetworkFailure.disconnected
                }
                break
            }
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}
