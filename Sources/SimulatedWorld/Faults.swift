// SPDX-License-Identifier: Apache-2.0

/// How the network treats what is entrusted to it; may be changed at any time.
package struct Faults: Sendable {
    /// How long a packet travels.
    package var latency: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(40)
    /// Whether what is written in one go arrives in pieces.
    package var splitsWrites = true
    /// Octets under way or arrived but not taken, for each direction of a stream.
    package var window = 65_536

    /// How likely a connection is cut: at an octet of `cutRange`, counted over both directions,
    /// or just when the sides have taken `cutTurns` turns, so that an answer is lost whole.
    package var cutProbability = 0.0
    package var cutRange = 1...4000
    package var cutTurns = 0...16
    /// How likely a cut connection vanishes, so that both sides wait, instead of being reset.
    package var vanishProbability = 0.3
    /// How likely a connection is refused although somebody listens.
    package var refusalProbability = 0.0
    /// How likely a piece of a stream is held up, and for how long.
    package var stallProbability = 0.0
    package var stall: ClosedRange<Duration> = .seconds(1) ... .seconds(90)
    /// How likely a TLS handshake fails.
    package var handshakeFailureProbability = 0.0

    package var datagramLossProbability = 0.0
    package var datagramDuplicationProbability = 0.0
    /// How much longer than `latency` a datagram may take, so that others overtake it.
    package var datagramDelay: ClosedRange<Duration> = .zero ... .zero

    package init() {}

    /// A network that does nothing worse than to be slow and to cut writes into pieces.
    package static var none: Faults { Faults() }

    /// A network on which everything goes wrong now and then.
    package static var rough: Faults {
        var faults = Faults()
        faults.latency = .milliseconds(1) ... .milliseconds(150)
        faults.cutProbability = 0.3
        faults.refusalProbability = 0.05
        faults.stallProbability = 0.01
        faults.handshakeFailureProbability = 0.05
        faults.datagramLossProbability = 0.1
        faults.datagramDuplicationProbability = 0.05
        faults.datagramDelay = .zero ... .milliseconds(300)
        return faults
    }
}

/// How a host, a process or a connection goes.
package enum Ending: Sendable {
    /// Peers are told: their connections are reset.
    case reset
    /// Peers are told nothing: they wait until their deadlines.
    case vanish
}
