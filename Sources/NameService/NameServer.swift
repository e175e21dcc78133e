// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
package import Logging
import Synchronization
package import World

/// An authoritative name server on a pair of sockets (RFC 1034, RFC 1035 §4.2, RFC 7766).
package struct NameServer: Sendable {
    /// What is a matter of taste or of the place.
    package struct Settings: Sendable {
        /// What the server calls itself (RFC 5001); empty: it does not say.
        package var identity = ""
        /// Responses of one kind by datagram to one network per second; nil: no limit.
        package var responsesPerSecond: Int? = ResponseRateLimit.usualPerSecond
        /// Sixteen octets each; empty: one is made up.
        ///
        /// With the first, cookies are made, those of a second are still taken (RFC 9018 §5).
        package var cookieSecrets: [[UInt8]] = []

        package init() {}
    }

    private let zones: ZoneBox
    private let world: Surroundings
    private let log: Logger
    private let policy: Responder.Policy
    /// Who answers transfers and the like; nil: they are refused.
    private let desk: TransactionDesk?
    private let gate = Gate()
    /// What has been answered since the start.
    package let tally = AnswerTally()

    /// Connections at a time; the next ones wait unaccepted (RFC 7766 §6.2.2).
    static let maximumConnections = 256
    /// Of these, from one network: nobody shuts the others out.
    static let maximumConnectionsPerNetwork = 64
    /// RFC 7766 §6.2.3: an idle connection is for a client that has something to ask at once.
    private static let idle: Duration = .seconds(10)
    /// The same while more than half of the connections are in use.
    private static let shortIdle: Duration = .seconds(2)
    /// For one message to come in whole, or a response to go out.
    private static let patience: Duration = .seconds(10)
    /// Then the client may connect again: no connection is held for ever.
    private static let maximumQueries = 10_000
    /// Responses that are written before they are sent: a client that asks much and reads nothing
    /// costs no more.
    private static let maximumUnsent = 1 << 18
    /// A message of a transfer that the other side does not take within this ends it.
    private static let transferPatience: Duration = .seconds(30)
    /// Requests by datagram that wait for the desk; what comes beyond them is lost, as datagrams
    /// are.
    private static let maximumWaiting = 1000
    /// Of these, under way at a time.
    private static let maximumAtDesk = 32

    package init(
        zones: ZoneBox, world: Surroundings, log: Logger, settings: Settings = Settings(),
        exchange: ZoneExchange? = nil
    ) {
        desk = exchange?.desk
        self.zones = zones
        self.world = world
        self.log = log
        var policy = Responder.Policy()
        policy.identity = Array(settings.identity.utf8)
        policy.cookies = ServerCookies(
            secret: settings.cookieSecrets.first ?? world.entropy.octets(ServerCookies.keyOctets),
            former: settings.cookieSecrets.dropFirst().first)
        policy.limit = settings.responsesPerSecond.map { ResponseRateLimit(perSecond: $0) }
        policy.leavesTransactions = exchange != nil
        policy.idleTenths = UInt16(Self.idle.components.seconds * 10)
        self.policy = policy
    }

    /// How many zones are answered for.
    package var zoneCount: Int { zones.snapshot.count }

    /// Answers until the task is cancelled, or until both are closed.
    package func run(udp: any DatagramDoor, tcp: any Listener) async {
        log.info(
            "name server listens", metadata: ["udp": "\(udp.address)", "tcp": "\(tcp.address)"])
        async let datagrams: Void = answerDatagrams(udp)
        await tcp.serve(limit: Self.maximumConnections) { connection in
            await gate.enter(connection, at: world.time.now) { await answer(connection) }
        }
        await datagrams
    }

    private func answerDatagrams(_ door: any DatagramDoor) async {
        let (zones, policy, time, tally) = (zones, policy, world.time, tally)
        let (line, waiting) = AsyncStream.makeStream(
            of: (TransactionDesk.Request, any DatagramReturn).self,
            bufferingPolicy: .bufferingOldest(Self.maximumWaiting))
        async let later: Void = answerLater(line)
        do throws(NetworkFailure) {
            try await door.serve(at: time) {
                NameAnswerer(zones, policy, time, tally.datagrams()) { waiting.yield(($0, $1)) }
            }
        } catch {
            log.error("the DNS socket \(door.address) is given up: \(error)")
        }
        waiting.finish()
        await later
    }

    private func answerLater(
        _ line: AsyncStream<(TransactionDesk.Request, any DatagramReturn)>
    ) async {
        guard let desk else { return }
        await withTaskGroup(of: Void.self) { group in
            var count = 0
            for await (request, way) in line {
                if count >= Self.maximumAtDesk {
                    await group.next()
                    count -= 1
                }
                count += 1
                group.addTask {
                    try? await desk.answer(request) { message throws(NetworkFailure) in
                        way.send(message)
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// Several queries on one connection, answered in their order (RFC 7766 §6.2.1).
    private func answer(_ connection: any Connection) async {
        var frames = MessageFrames()
        let answerer = NameAnswerer(zones, policy, world.time, tally.streams, isStream: true)
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 2 + Message.maximumOctets, alignment: 8)
        defer { room.deallocate() }
        var answered = 0
        var deadline = world.time.now + Self.idle
        do throws(NetworkFailure) {
            while answered < Self.maximumQueries {
                guard let octets = try await connection.receive(deadline: deadline) else { return }
                // A message that has begun must end in time, however slowly its octets drip.
                if !frames.holdsPart { deadline = world.time.now + Self.patience }
                frames.append(octets)
                answerer.begin()
                var unsent = 0
                var wrote = false
                while answered < Self.maximumQueries, let query = frames.next() {
                    let count = Self.write(
                        answerer, query, from: connection.remoteAddress.host, room)
                    if count == 0, answerer.isLeftForLater {
                        try await answer(query, at: connection)
                        answered += 1
                        wrote = true
                        // The zones may be others by now.
                        answerer.begin()
                        continue
                    }
                    // What deserves no reply is not a client of ours.
                    guard count > 0 else { return }
                    connection.write(Array(room[..<count]))
                    answered += 1
                    wrote = true
                    unsent += count
                    if unsent > Self.maximumUnsent {
                        try await connection.flush(deadline: world.time.now + Self.patience)
                        unsent = 0
                    }
                }
                guard wrote else { continue }
                try await connection.flush(deadline: world.time.now + Self.patience)
                let idle = gate.isCrowded ? Self.shortIdle : Self.idle
                deadline = world.time.now + (frames.holdsPart ? Self.patience : idle)
            }
        } catch {
            log.debug(
                "DNS connection ended",
                metadata: ["peer": "\(connection.remoteAddress)", "reason": "\(error)"])
        }
    }

    /// Has a request answered by the desk, as fast as the other side reads.
    private func answer(
        _ query: [UInt8], at connection: any Connection
    ) async throws(NetworkFailure) {
        let request = TransactionDesk.Request(
            octets: query, peer: connection.remoteAddress.host, isStream: true)
        try await desk?.answer(request) { message throws(NetworkFailure) in
            connection.write(MessageFrames.frame(message))
            try await connection.flush(deadline: world.time.now + Self.transferPatience)
        }
    }

    /// Writes the response behind its length (RFC 1035 §4.2.2); 0: there is none.
    private static func write(
        _ answerer: NameAnswerer, _ query: [UInt8], from peer: IPAddress,
        _ room: UnsafeMutableRawBufferPointer
    ) -> Int {
        let response = UnsafeMutableRawBufferPointer(rebasing: room[2...])
        let count = query.withUnsafeBytes { answerer.reply(to: $0, from: peer, into: response) }
        guard count > 0 else { return 0 }
        room.storeBytes(of: UInt16(count).bigEndian, as: UInt16.self)
        return 2 + count
    }
}

/// Counts the connections of all listeners.
private final class Gate: Sendable {
    private let admission = Mutex(
        Admission(
            .init(
                connections: 0, perNetwork: NameServer.maximumConnectionsPerNetwork)))

    var isCrowded: Bool {
        admission.withLock { $0.open } > NameServer.maximumConnections / 2
    }

    /// Lets a connection in, or ends it at once: there is nothing to say in this protocol.
    func enter(
        _ connection: any Connection, at now: Instant, _ body: () async -> Void
    ) async {
        let pass = admission.withLock { admission in
            try? admission.admit(connection.remoteAddress.host, at: now)
        }
        guard let pass else { return }
        await body()
        admission.withLock { $0.leave(pass) }
    }
}
