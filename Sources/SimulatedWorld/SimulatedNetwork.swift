// SPDX-License-Identifier: Apache-2.0

package import Bytes
import World

/// The wires between simulated hosts, and what goes wrong on them.
package final class SimulatedNetwork: @unchecked Sendable {
    let simulation: Simulation
    package var faults = Faults.none

    /// Every host by each of its addresses.
    private var hosts: [IPAddress: SimulatedHost] = [:]
    private var hostCount = 0
    private var links: [Pair: Link] = [:]
    /// What waits for a partition to heal.
    private var held: [() -> Void] = []
    private var plannedCut: Cut?

    package init(_ simulation: Simulation) { self.simulation = simulation }

    /// Two hosts, in either order.
    private struct Pair: Hashable {
        let low: Int
        let high: Int
        init(_ a: SimulatedHost, _ b: SimulatedHost) {
            low = min(a.number, b.number)
            high = max(a.number, b.number)
        }
    }

    private struct Link {
        var isPartitioned = false
        var cloggedUntil = Instant(nanoseconds: 0)
    }

    /// Where and how a connection ends before its time.
    struct Cut {
        var place: Place
        var ending: Ending

        enum Place {
            /// After so many octets of both directions.
            case octets(Int)
            /// When the sides have taken turns in speaking so often: the next word is not heard.
            case turns(Int)
        }
    }
}

// MARK: - Hosts

extension SimulatedNetwork {
    /// Adds a host, whose name is for stories only.
    ///
    /// Loopback addresses are every host's own.
    package func host(_ name: String, _ addresses: IPAddress...) -> SimulatedHost {
        host(name, addresses: addresses)
    }

    /// Adds a host with any number of addresses; none of them belongs to another host.
    package func host(_ name: String, addresses: [IPAddress]) -> SimulatedHost {
        hostCount += 1
        let host = SimulatedHost(name, addresses, number: hostCount, in: self)
        for address in addresses {
            precondition(hosts[address] == nil, "\(address) belongs to another host")
            hosts[address] = host
        }
        return host
    }

    /// Who has that address, seen from `host`.
    func owner(of address: IPAddress, from host: SimulatedHost) -> SimulatedHost? {
        address.isLoopback ? host : hosts[address]
    }
}

// MARK: - Faults on purpose

extension SimulatedNetwork {
    /// Lets nothing pass between two hosts, in either direction, until they are healed.
    package func partition(_ a: SimulatedHost, _ b: SimulatedHost) {
        simulation.tell("no way between \(a.name) and \(b.name)")
        links[Pair(a, b), default: Link()].isPartitioned = true
    }

    /// Ends the partition between two hosts; what was held up goes on.
    package func heal(_ a: SimulatedHost, _ b: SimulatedHost) {
        simulation.tell("the way between \(a.name) and \(b.name) is open")
        links[Pair(a, b)]?.isPartitioned = false
        releaseHeld()
    }

    /// Ends all partitions.
    package func heal() {
        simulation.tell("all ways are open")
        for pair in Array(links.keys) { links[pair]?.isPartitioned = false }
        releaseHeld()
    }

    /// Holds up everything between two hosts for a while; nothing is lost.
    package func clog(_ a: SimulatedHost, _ b: SimulatedHost, for duration: Duration) {
        simulation.tell("the way between \(a.name) and \(b.name) is clogged for \(duration)")
        links[Pair(a, b), default: Link()].cloggedUntil = simulation.now + duration
    }

    /// Cuts the next connection that is made after so many octets, counted over both directions.
    package func cutNextConnection(afterOctets octets: Int, _ ending: Ending) {
        plannedCut = Cut(place: .octets(octets), ending: ending)
    }

    /// Cuts the next connection that is made once the sides have taken turns so often.
    package func cutNextConnection(afterTurns turns: Int, _ ending: Ending) {
        plannedCut = Cut(place: .turns(turns), ending: ending)
    }

    private func releaseHeld() {
        let released = held
        held = []
        for action in released { action() }
    }
}

// MARK: - What the parts of the network ask

extension SimulatedNetwork {
    func isPartitioned(_ a: SimulatedHost, _ b: SimulatedHost) -> Bool {
        links[Pair(a, b)]?.isPartitioned ?? false
    }

    /// Has `action` happen once no partition stands in the way.
    func hold(_ action: @escaping () -> Void) { held.append(action) }

    /// When a packet sent now arrives.
    func arrival(from a: SimulatedHost, to b: SimulatedHost) -> Instant {
        let travel = simulation.now + simulation.faults.duration(in: faults.latency)
        guard let link = links[Pair(a, b)], link.cloggedUntil > simulation.now else {
            return travel
        }
        return max(travel, link.cloggedUntil + simulation.faults.duration(in: faults.latency))
    }

    /// Whether and where the connection that is being made will be cut.
    func takeCut() -> Cut? {
        if let planned = plannedCut {
            plannedCut = nil
            return planned
        }
        guard simulation.faults.happens(faults.cutProbability) else { return nil }
        return Cut(
            place: simulation.faults.happens(0.5)
                ? .octets(simulation.faults.number(in: faults.cutRange))
                : .turns(simulation.faults.number(in: faults.cutTurns)),
            ending: simulation.faults.happens(faults.vanishProbability) ? .vanish : .reset)
    }
}
