// SPDX-License-Identifier: Apache-2.0

/// Chance: the operating system's, or a seed's.
package protocol Entropy: Sendable {
    /// 64 random bits; in the live world fit for keys.
    func next() -> UInt64
}

extension Entropy {
    /// So many random octets.
    package func octets(_ count: Int) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(count + 7)
        while octets.count < count {
            withUnsafeBytes(of: next()) { octets.append(contentsOf: $0) }
        }
        octets.removeLast(octets.count - count)
        return octets
    }

    /// For the standard library's `shuffled(using:)` and `random(in:using:)`.
    package var generator: EntropyGenerator { EntropyGenerator(entropy: self) }
}

/// An `Entropy` as the standard library wants it.
package struct EntropyGenerator: RandomNumberGenerator {
    let entropy: any Entropy
    package mutating func next() -> UInt64 { entropy.next() }
}
