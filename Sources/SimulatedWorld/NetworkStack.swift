// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// The doors that one program on a simulated host has opened; they die together.
final class NetworkStack: Network, @unchecked Sendable {
    let host: SimulatedHost
    private(set) var isDead = false
    private var listeners: [SimulatedListener] = []
    private var sockets: [SimulatedDatagramSocket] = []
    /// Open connections by number, so that closing one of many costs nothing.
    private var connections: [Int: SimulatedConnection] = [:]
    private var connectionNumber = 0

    private var world: SimulatedNetwork { host.world }
    private var simulation: Simulation { host.world.simulation }

    init(_ host: SimulatedHost) { self.host = host }

    /// Shuts every door; what waits at one throws.
    func die(_ ending: Ending) {
        guard !isDead else { return }
        isDead = true
        host.forget(self)
        for listener in listeners { listener.die() }
        for socket in sockets { socket.die() }
        for (_, connection) in connections.sorted(by: { $0.key < $1.key }) {
            connection.die(ending)
        }
        listeners = []
        sockets = []
        connections = [:]
    }

    func enter(_ connection: SimulatedConnection) -> Int {
        connectionNumber += 1
        connections[connectionNumber] = connection
        return connectionNumber
    }

    func leave(_ number: Int) { connections[number] = nil }

    func identity(
        certificateChain: [UInt8], privateKey: [UInt8]
    ) throws(NetworkFailure) -> any TLSIdentity {
        DeclaredIdentity(certificateChain)
    }
}

// MARK: - Listening

extension NetworkStack {
    func listen(on address: SocketAddress) async throws(NetworkFailure) -> any Listener {
        let address = try free(address) { host.listeners[$0] != nil }
        let listener = SimulatedListener(address, self)
        host.listeners[address] = listener
        listeners.append(listener)
        return listener
    }

    func bind(to address: SocketAddress) async throws(NetworkFailure) -> any DatagramSocket {
        let address = try free(address) { host.sockets[$0] != nil }
        let socket = SimulatedDatagramSocket(address, host)
        host.sockets[address] = socket
        sockets.append(socket)
        return socket
    }

    private func free(
        _ address: SocketAddress, _ isTaken: (SocketAddress) -> Bool
    ) throws(NetworkFailure) -> SocketAddress {
        try checkAlive()
        guard host.owns(address.host) else {
            throw .system("\(address.host) is not an address of this host")
        }
        var address = address
        if address.port == 0 {
            repeat { address.port = host.freePort() } while isTaken(address)
        }
        if isTaken(address) { throw .addressInUse(address) }
        return address
    }

    private func checkAlive() throws(NetworkFailure) {
        if isDead { throw .system("this program has been ended") }
    }
}

// MARK: - Connecting

extension NetworkStack {
    /// A first packet without an answer is sent again after 1, 2, 4 … seconds, as TCP does.
    private static let firstRetransmission = Duration.seconds(1)

    func connect(
        to address: SocketAddress, from source: IPAddress?, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        try checkAlive()
        if let source, !host.owns(source) {
            throw .system("\(source) is not an address of this host")
        }
        guard let source = source ?? host.source(towards: address.host),
            source.isIPv4 == address.host.isIPv4
        else { throw .unreachable("this host has no address of that family") }
        let local = SocketAddress(source, port: host.freePort())
        let attempt = Attempt(from: local, to: address)
        knock(attempt, again: Self.firstRetransmission)
        do {
            try await simulation.wait("connecting to", .path(local, address), until: deadline) {
                attempt.waiter = $0
            }
        } catch {
            attempt.isOver = true
            attempt.connection?.die(.reset)
            throw error
        }
        attempt.isOver = true
        guard let connection = attempt.connection else { throw attempt.failure ?? .refused }
        if isDead { throw .system("this program has been ended") }
        return connection
    }

    /// What a call of `connect` and the packets it sends know of each other.
    private final class Attempt {
        let local: SocketAddress
        let remote: SocketAddress
        var waiter: Waiter?
        var isOver = false
        var connection: SimulatedConnection?
        var failure: NetworkFailure?

        init(from local: SocketAddress, to remote: SocketAddress) {
            self.local = local
            self.remote = remote
        }
    }

    private func knock(_ attempt: Attempt, again pause: Duration) {
        guard let peer = world.owner(of: attempt.remote.host, from: host) else {
            answer(attempt, .unreachable("no host has that address"), after: simulation.now)
            return
        }
        simulation.at(world.arrival(from: host, to: peer)) { [self] in
            guard !attempt.isOver, !isDead else { return }
            if world.isPartitioned(host, peer) || !arrive(attempt, at: peer) {
                simulation.at(simulation.now + pause) { [self] in
                    if !attempt.isOver, !isDead { knock(attempt, again: pause + pause) }
                }
            }
        }
    }

    /// The first packet is there; false when nothing comes back.
    private func arrive(_ attempt: Attempt, at peer: SimulatedHost) -> Bool {
        let back = world.arrival(from: peer, to: host)
        guard peer.isUp else {
            if peer.isSilent { return false }
            answer(attempt, .unreachable("the host is down"), after: back)
            return true
        }
        guard let listener = peer.listener(at: attempt.remote),
            !simulation.faults.happens(world.faults.refusalProbability)
        else {
            answer(attempt, .refused, after: back)
            return true
        }
        guard listener.hasRoom else { return false }
        let ends = Wire.connect(self, at: attempt.local, to: listener.stack, at: attempt.remote)
        attempt.connection = ends.client
        simulation.note(.connect, UInt64(attempt.local.port) << 16 | UInt64(attempt.remote.port))
        listener.arrive(ends.server)
        answer(attempt, nil, after: back)
        return true
    }

    private func answer(_ attempt: Attempt, _ failure: NetworkFailure?, after: Instant) {
        attempt.failure = failure
        simulation.at(after) { attempt.waiter?.wake() }
    }
}
