// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// A stream between two hosts: its two directions, its two ends, and its end before its time.
final class Wire: @unchecked Sendable {
    private let world: SimulatedNetwork
    private var cut: SimulatedNetwork.Cut?
    /// Nothing arrives any more, in either direction.
    private(set) var isLost = false

    /// Whose octets arrived last, and how often that has changed.
    private weak var speaking: Pipe?
    private var turns = 0

    private let toServer: Pipe
    private let toClient: Pipe
    /// The ends that are still open.
    private var client: SimulatedConnection?
    private var server: SimulatedConnection?

    private init(_ world: SimulatedNetwork, _ client: SimulatedHost, _ server: SimulatedHost) {
        self.world = world
        cut = world.takeCut()
        toServer = Pipe(world, from: client, to: server)
        toClient = Pipe(world, from: server, to: client)
        toServer.wire = self
        toClient.wire = self
    }

    /// Makes a stream and its two ends.
    static func connect(
        _ client: NetworkStack, at local: SocketAddress,
        to server: NetworkStack, at remote: SocketAddress
    ) -> (client: SimulatedConnection, server: SimulatedConnection) {
        let world = client.host.world
        let wire = Wire(world, client.host, server.host)
        let near = SimulatedConnection(
            client, local, remote, wire, inbound: wire.toClient, outbound: wire.toServer)
        let far = SimulatedConnection(
            server, remote, local, wire, inbound: wire.toServer, outbound: wire.toClient)
        wire.client = near
        wire.server = far
        wire.cutIfDue()
        return (near, far)
    }
}

extension Wire {
    /// How many of these octets come through before the connection is cut.
    func pass(_ count: Int, on pipe: Pipe) -> Int {
        if pipe !== speaking {
            speaking = pipe
            turns += 1
        }
        switch cut?.place {
        case nil: return count
        case .octets(let left):
            let passed = min(count, left)
            cut?.place = .octets(left - passed)
            return passed
        case .turns(let last): return turns > last ? 0 : count
        }
    }

    private var isCutDue: Bool {
        switch cut?.place {
        case nil: false
        case .octets(let left): left == 0
        case .turns(let last): turns > last
        }
    }

    func cutIfDue() {
        guard let cut, isCutDue, !isLost else { return }
        isLost = true
        let word = cut.ending == .reset ? "is cut" : "vanishes"
        if let client {
            world.simulation.tell(
                "the connection of \(client.localAddress) to \(client.remoteAddress) \(word)")
        }
        world.simulation.note(.ending, 0)
        guard cut.ending == .reset else { return }
        reset(client)
        reset(server)
    }

    /// Nothing more gets through, and nobody hears of it.
    func vanish() { isLost = true }

    /// Tells the other end that this one is gone.
    func resetPeer(of end: SimulatedConnection) { reset(end === client ? server : client) }

    func resetWriter(of pipe: Pipe) { reset(pipe === toServer ? client : server) }

    func isReceiverClosed(_ pipe: Pipe) -> Bool {
        (pipe === toServer ? server : client)?.isClosed ?? true
    }

    func forget(_ end: SimulatedConnection) {
        if end === client { client = nil }
        if end === server { server = nil }
    }

    /// Has a reset arrive, after what was sent before it or overtaking that.
    private func reset(_ end: SimulatedConnection?) {
        guard let end else { return }
        let peer = end === client ? toClient.from : toServer.from
        world.simulation.at(world.arrival(from: peer, to: end.host)) { [world] in
            if world.isPartitioned(peer, end.host) {
                world.hold { end.hearReset() }
            } else {
                end.hearReset()
            }
        }
    }
}
