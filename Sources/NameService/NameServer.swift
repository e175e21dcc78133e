// SPDX-License-Identifier: Apache-2.0

import DNS
package import Logging
package import World

/// An authoritative name server on a pair of sockets (RFC 1034, RFC 1035 §4.2, RFC 7766).
package struct NameServer: Sendable {
    private let zones: ZoneBox
    private let world: Surroundings
    private let log: Logger

    /// Datagrams taken in one go: the zones are looked at once for all of them.
    private static let batch = 64
    /// Connections at a time; the next ones wait unaccepted (RFC 7766 §6.2.2).
    private static let maximumConnections = 256
    /// RFC 7766 §6.2.3: an idle connection is for a client that has something to ask at once.
    private static let idle: Duration = .seconds(10)
    /// For one message to come in whole, or a response to go out.
    private static let patience: Duration = .seconds(10)
    /// Then the client may connect again: no connection is held for ever.
    private static let maximumQueries = 10_000
    /// A socket that fails this often without a datagram between is given up.
    private static let maximumFailures = 100

    package init(zones: ZoneBox, world: Surroundings, log: Logger) {
        self.zones = zones
        self.world = world
        self.log = log
    }

    /// Answers until the task is cancelled, or until both are closed.
    package func run(udp: any DatagramSocket, tcp: any Listener) async {
        log.info(
            "name server listens", metadata: ["udp": "\(udp.address)", "tcp": "\(tcp.address)"])
        async let datagrams: Void = answerDatagrams(udp)
        await tcp.serve(limit: Self.maximumConnections) { connection in
            await answer(connection)
        }
        await datagrams
    }

    private func answerDatagrams(_ socket: any DatagramSocket) async {
        var responder = Responder()
        var failures = 0
        while !Task.isCancelled, failures < Self.maximumFailures {
            do {
                let queries = try await socket.receive(
                    limit: Self.batch, deadline: world.time.now + .hours(1))
                failures = 0
                let zones = zones.zones
                var responses: [Datagram] = []
                responses.reserveCapacity(queries.count)
                for query in queries {
                    let response = responder.respond(
                        to: query.octets, from: zones, isStream: false)
                    if let response {
                        responses.append(Datagram(peer: query.peer, octets: response))
                    }
                }
                if !responses.isEmpty { socket.send(responses) }
            } catch .deadlinePassed {
                continue
            } catch .cancelled, .disconnected {
                return
            } catch {
                failures += 1
                log.warning("receiving DNS queries failed", metadata: ["reason": "\(error)"])
            }
        }
        if failures > 0 { log.error("the DNS socket \(socket.address) is given up") }
    }

    /// Several queries on one connection, answered in their order (RFC 7766 §6.2.1).
    private func answer(_ connection: any Connection) async {
        var frames = MessageFrames()
        var responder = Responder()
        var answered = 0
        var deadline = world.time.now + Self.idle
        do throws(NetworkFailure) {
            while answered < Self.maximumQueries {
                guard let octets = try await connection.receive(deadline: deadline) else { return }
                // A message that has begun must end in time, however slowly its octets drip.
                if !frames.holdsPart { deadline = world.time.now + Self.patience }
                frames.append(octets)
                let zones = zones.zones
                var wrote = false
                while let query = frames.next() {
                    guard let response = responder.respond(to: query, from: zones, isStream: true)
                    else { return }
                    connection.write(MessageFrames.frame(response))
                    answered += 1
                    wrote = true
                }
                guard wrote else { continue }
                try await connection.flush(deadline: world.time.now + Self.patience)
                deadline = world.time.now + (frames.holdsPart ? Self.patience : Self.idle)
            }
        } catch {
            log.debug(
                "DNS connection ended",
                metadata: ["peer": "\(connection.remoteAddress)", "reason": "\(error)"])
        }
    }
}
