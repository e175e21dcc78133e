// SPDX-License-Identifier: Apache-2.0

import World

/// A stream of numbers that a seed determines: xoshiro256** by Blackman and Vigna.
package struct Chance: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Streams of one seed with different numbers have nothing to do with each other.
    package init(seed: UInt64, stream: UInt64 = 0) {
        // SplitMix64 spreads a seed over the state, as the generator's authors advise.
        var seed = seed &+ stream &* 0xD1B5_4A32_D192_ED03
        func spread() -> UInt64 {
            seed &+= 0x9E37_79B9_7F4A_7C15
            var mixed = seed
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        state = (spread(), spread(), spread(), spread())
    }

    package mutating func next() -> UInt64 {
        let scrambled = state.1 &* 5
        let result = (scrambled << 7 | scrambled >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// A number from 0 to `limit - 1`.
    package mutating func below(_ limit: Int) -> Int {
        // The high half of the product: as fair as any simulation needs, and without a loop.
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(limit)).high)
    }

    /// Whether what has this probability happens now; takes no number when it is 0 or 1.
    package mutating func happens(_ probability: Double) -> Bool {
        if probability <= 0 { return false }
        if probability >= 1 { return true }
        return Double(next() >> 11) * 0x1p-53 < probability
    }

    /// A number in the range, each as likely as the others.
    package mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// A duration in the range, in whole nanoseconds.
    package mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let low = range.lowerBound.nanoseconds
        let span = range.upperBound.nanoseconds - low
        return .nanoseconds(low + Int64(below(Int(span) + 1)))
    }

    /// One of the elements; the collection is not empty.
    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }
}
