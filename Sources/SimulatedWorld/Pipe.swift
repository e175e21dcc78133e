// SPDX-License-Identifier: Apache-2.0

import World

/// One direction of a stream: unsent at the writer, in transit, arrived and not taken.
final class Pipe: @unchecked Sendable {
    /// What travels in order.
    enum Piece {
        case octets([UInt8])
        case handshake(Handshake)
        case end
    }

    private let world: SimulatedNetwork
    /// The stream this belongs to; nil when both its ends are gone.
    weak var wire: Wire?
    let from: SimulatedHost
    private let to: SimulatedHost

    private var unsent: [Piece] = []
    private var transit: [Piece] = []
    private var arrived: [Piece] = []
    /// Octets sent and not taken yet: what the window bounds.
    private var outstanding = 0
    private var lastArrival = Instant(nanoseconds: 0)

    /// Waits for something to arrive.
    var reader: Waiter?
    /// Waits until nothing is unsent.
    var writer: Waiter?

    init(_ world: SimulatedNetwork, from: SimulatedHost, to: SimulatedHost) {
        self.world = world
        self.from = from
        self.to = to
    }

    func wake() {
        reader?.wake()
        writer?.wake()
    }
}

// MARK: - The writer's end

extension Pipe {
    var isFlushed: Bool { unsent.isEmpty }

    func push(_ piece: Piece) { unsent.append(piece) }

    /// Sends what the window allows, in pieces.
    func pump() {
        while let piece = unsent.first {
            guard case .octets(let octets) = piece else {
                unsent.removeFirst()
                dispatch(piece)
                continue
            }
            let room = min(octets.count, world.faults.window - outstanding)
            guard room > 0 else { return }
            let count = pieceSize(upTo: room)
            outstanding += count
            if count == octets.count {
                unsent.removeFirst()
                dispatch(piece)
            } else {
                unsent[0] = .octets(Array(octets[count...]))
                dispatch(.octets(Array(octets[..<count])))
            }
        }
        writer?.wake()
    }

    /// Mostly all at once; now and then a few octets, or what a packet holds.
    private func pieceSize(upTo limit: Int) -> Int {
        guard world.faults.splitsWrites, limit > 1 else { return limit }
        switch world.simulation.faults.below(6) {
        case 0: return min(limit, 1 + world.simulation.faults.below(9))
        case 1: return 1 + world.simulation.faults.below(limit)
        case 2: return min(limit, 1460)
        default: return limit
        }
    }

    private func dispatch(_ piece: Piece) {
        transit.append(piece)
        let chance = world.simulation.faults.happens(world.faults.stallProbability)
        let stall = chance ? world.simulation.faults.duration(in: world.faults.stall) : .zero
        lastArrival = max(lastArrival, world.arrival(from: from, to: to) + stall)
        world.simulation.at(lastArrival) { [self] in deliver() }
    }
}

// MARK: - On the way

extension Pipe {
    /// The front of what is in transit is there; each piece sent has one call.
    private func deliver() {
        guard let wire, !wire.isLost, !transit.isEmpty else { return }
        guard !world.isPartitioned(from, to) else {
            world.hold { [self] in
                world.simulation.at(world.arrival(from: from, to: to)) { [self] in deliver() }
            }
            return
        }
        let piece = transit.removeFirst()
        switch piece {
        case .octets(let octets):
            let passed = wire.pass(octets.count, on: self)
            world.simulation.note(.arrival, UInt64(passed))
            if passed == octets.count {
                arrive(piece, on: wire)
            } else if passed > 0 {
                arrive(.octets(Array(octets[..<passed])), on: wire)
            }
        case .handshake(let handshake):
            let count = handshake.octets.count
            if wire.pass(count, on: self) == count { arrive(piece, on: wire) }
        case .end: arrive(piece, on: wire)
        }
        wire.cutIfDue()
    }

    private func arrive(_ piece: Piece, on wire: Wire) {
        // Octets for someone who has closed are answered with a reset.
        guard !wire.isReceiverClosed(self) else {
            if case .octets = piece { wire.resetWriter(of: self) }
            return
        }
        arrived.append(piece)
        reader?.wake()
    }

    /// Forgets everything that has not arrived.
    func drop() {
        unsent = []
        transit = []
    }

    func dropUnsent() { unsent = [] }

    func dropArrived() {
        arrived = []
        outstanding = 0
    }
}

// MARK: - The reader's end

extension Pipe {
    /// More at once would make a reader's memory grow with the window.
    private static let takeLimit = 65_536

    /// What is first among what has arrived.
    enum Taken {
        case nothing
        case octets([UInt8])
        case handshake(Handshake)
        case end
    }

    /// All octets that have arrived up to a handshake or the end, else that.
    func take() -> Taken {
        switch arrived.first {
        case nil: return .nothing
        case .end: return .end
        case .handshake(let handshake):
            arrived.removeFirst()
            return .handshake(handshake)
        case .octets: return .octets(takeOctets())
        }
    }

    private func takeOctets() -> [UInt8] {
        var taken: [UInt8] = []
        var count = 0
        for piece in arrived {
            guard case .octets(let octets) = piece, taken.count < Self.takeLimit else { break }
            if taken.isEmpty { taken = octets } else { taken += octets }
            count += 1
        }
        arrived.removeFirst(count)
        outstanding -= taken.count
        pump()
        return taken
    }

    var hasUnread: Bool {
        if case .octets = arrived.first { true } else { false }
    }

    /// Forgets octets that came in plain text before a handshake.
    func dropPlainText() {
        if hasUnread { _ = takeOctets() }
        if hasUnread { dropPlainText() }
    }
}
