// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// A socket for simulated datagrams.
final class SimulatedDatagramSocket: DatagramSocket, @unchecked Sendable {
    /// A system's receive buffer holds about so many small datagrams; the next ones are lost.
    private static let queueLimit = 512

    let address: SocketAddress
    private let host: SimulatedHost
    private var queue: [Datagram] = []
    private var waiter: Waiter?
    private var isClosed = false

    private var world: SimulatedNetwork { host.world }
    private var simulation: Simulation { host.world.simulation }

    init(_ address: SocketAddress, _ host: SimulatedHost) {
        self.address = address
        self.host = host
    }

    func receive(limit: Int, deadline: Instant) async throws(NetworkFailure) -> [Datagram] {
        simulation.turn()
        while true {
            if isClosed { throw .disconnected }
            if !queue.isEmpty {
                let taken = Array(queue.prefix(limit))
                queue.removeFirst(taken.count)
                return taken
            }
            try await simulation.wait("receiving at", .address(address), until: deadline) {
                waiter = $0
            }
        }
    }

    func send(_ datagrams: [Datagram]) {
        guard !isClosed else { return }
        for datagram in datagrams {
            guard let peer = world.owner(of: datagram.peer.host, from: host),
                let from = address.host.isUnspecified
                    ? host.source(towards: datagram.peer.host) : address.host
            else { continue }
            let copies =
                simulation.faults.happens(world.faults.datagramDuplicationProbability)
                ? 2 : 1
            for _ in 0..<copies {
                dispatch(
                    Datagram(
                        peer: SocketAddress(from, port: address.port), octets: datagram.octets),
                    to: datagram.peer, at: peer)
            }
        }
    }

    /// Sends one copy on its way, which may be slower than that of a later one.
    private func dispatch(
        _ datagram: Datagram, to address: SocketAddress, at peer: SimulatedHost
    ) {
        guard !simulation.faults.happens(world.faults.datagramLossProbability) else { return }
        let delay = simulation.faults.duration(in: world.faults.datagramDelay)
        simulation.at(world.arrival(from: host, to: peer) + delay) { [self] in
            guard peer.isUp, !world.isPartitioned(host, peer) else { return }
            simulation.note(.datagram, UInt64(datagram.octets.count))
            peer.socket(at: address)?.arrive(datagram)
        }
    }

    private func arrive(_ datagram: Datagram) {
        guard queue.count < Self.queueLimit else { return }
        queue.append(datagram)
        waiter?.wake()
    }

    func close() async { die() }

    func die() {
        guard !isClosed else { return }
        isClosed = true
        host.sockets[address] = nil
        waiter?.wake()
    }
}
