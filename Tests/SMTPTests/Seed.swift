// SPDX-License-Identifier: Apache-2.0

/// SplitMix64: the same choices for the same seed, everywhere.
struct Seed: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The octets in pieces of 1 to `most`.
    mutating func cut(_ octets: [UInt8], most: Int) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = octets[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...most, using: &self))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }

    /// Takes some octets off the front: few, or up to 4000.
    mutating func take(from wire: inout [UInt8]) -> [UInt8] {
        let most = min(wire.count, Bool.random(using: &self) ? 3 : 4000)
        let piece = Array(wire.prefix(Int.random(in: 1...most, using: &self)))
        wire.removeFirst(piece.count)
        return piece
    }

    /// Octets among the few that matter to line ends and dots.
    mutating func octets(_ count: Int, of alphabet: String) -> [UInt8] {
        let letters = Array(alphabet.utf8)
        return (0..<count).map { _ in letters[Int.random(in: 0..<letters.count, using: &self)] }
    }
}
