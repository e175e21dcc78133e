// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// A machine in the simulated network: addresses, and what listens on them.
package final class SimulatedHost: @unchecked Sendable {
    package let name: String
    package let addresses: [IPAddress]
    package private(set) var isUp = true
    /// While it is down: whether a connection attempt hears so or waits in vain.
    private(set) var isSilent = false

    let number: Int
    let world: SimulatedNetwork
    var listeners: [SocketAddress: SimulatedListener] = [:]
    var sockets: [SocketAddress: SimulatedDatagramSocket] = [:]
    private var stacks: [NetworkStack] = []
    private var nextPort: UInt16 = 49152

    init(_ name: String, _ addresses: [IPAddress], number: Int, in world: SimulatedNetwork) {
        self.name = name
        self.addresses = addresses
        self.number = number
        self.world = world
    }

    /// The network as a program on this host sees it; useless for ever once the host is stopped.
    package var network: any Network { stack() }

    /// Stops the machine: listeners are gone, and its connections are reset or vanish.
    package func stop(_ ending: Ending = .reset) {
        guard isUp else { return }
        world.simulation.tell("\(name) stops")
        isUp = false
        isSilent = ending == .vanish
        let stacks = stacks
        self.stacks = []
        for stack in stacks { stack.die(ending) }
    }

    /// Lets the machine come back; programs on it must be started anew.
    package func start() {
        guard !isUp else { return }
        world.simulation.tell("\(name) is up")
        isUp = true
    }

    func stack() -> NetworkStack {
        let stack = NetworkStack(self)
        if isUp { stacks.append(stack) } else { stack.die(.reset) }
        return stack
    }

    func forget(_ stack: NetworkStack) { stacks.removeAll { $0 === stack } }

    func owns(_ address: IPAddress) -> Bool {
        address.isLoopback || address.isUnspecified || addresses.contains(address)
    }

    func freePort() -> UInt16 {
        defer { nextPort = nextPort == 65535 ? 49152 : nextPort + 1 }
        return nextPort
    }

    /// The address of ours that a packet to `destination` comes from.
    func source(towards destination: IPAddress) -> IPAddress? {
        if destination.isLoopback { return destination }
        return addresses.first { $0.isIPv4 == destination.isIPv4 }
    }

    /// The exact address comes first, then the "any" address of its family.
    func listener(at address: SocketAddress) -> SimulatedListener? {
        listeners[address] ?? listeners[Self.any(address)]
    }

    func socket(at address: SocketAddress) -> SimulatedDatagramSocket? {
        sockets[address] ?? sockets[Self.any(address)]
    }

    private static func any(_ address: SocketAddress) -> SocketAddress {
        let host: IPAddress =
            address.host.isIPv4
            ? .v4(IPv4Address(rawValue: 0)) : .v6(IPv6Address(high: 0, low: 0))
        return SocketAddress(host, port: address.port)
    }
}
