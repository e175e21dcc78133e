// SPDX-License-Identifier: Apache-2.0

private import Synchronization
package import World

/// The name of one accepted message within this node, for queue, journal, log and Received field.
///
/// 13 letters and digits whose order is the order of acceptance.
package struct QueueID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Milliseconds since 2020 in the upper 41 bits, 22 bits that make it unique below them.
    package let value: Int64

    package init(value: Int64) { self.value = value }

    /// Crockford's base 32: nothing that is mistaken for another when read aloud.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let length = 13
    private static let epochMilliseconds: Int64 = 1_577_836_800_000
    private static let uniqueBits: Int64 = 22

    /// Reads the 13 letters, in upper or lower case.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.length else { return nil }
        var value: UInt64 = 0
        for octet in text.utf8 {
            let upper = (0x61...0x7A).contains(octet) ? octet - 0x20 : octet
            guard let digit = Self.alphabet.firstIndex(of: upper) else { return nil }
            guard value >> 58 == 0 else { return nil }
            value = value << 5 | UInt64(digit)
        }
        self.value = Int64(value)
    }

    /// The smallest one that a message accepted at `time` can have.
    package init(earliestAt time: Timestamp) {
        let milliseconds = max(0, time.milliseconds - Self.epochMilliseconds)
        value = min(milliseconds, Int64.max >> Self.uniqueBits) << Self.uniqueBits
    }

    package var description: String {
        String(unsafeUninitializedCapacity: Self.length) { buffer in
            var rest = value
            for index in (0..<Self.length).reversed() {
                buffer[index] = Self.alphabet[Int(rest & 31)]
                rest >>= 5
            }
            return Self.length
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    fileprivate init(at time: Timestamp, chance: UInt64) {
        let earliest = QueueID(earliestAt: time).value
        value = earliest | Int64(chance & (1 << Self.uniqueBits - 1))
    }
}

/// Gives queue ids: each greater than the one before, also when the clock is set back.
package final class QueueIDSource: Sendable {
    private let time: any Time
    private let entropy: any Entropy
    private let last = Mutex(QueueID(value: 0))

    package init(time: any Time, entropy: any Entropy) {
        self.time = time
        self.entropy = entropy
    }

    package func next() -> QueueID {
        let fresh = QueueID(at: time.timestamp, chance: entropy.next())
        return last.withLock { last in
            last = max(fresh, QueueID(value: last.value + 1))
            return last
        }
    }
}
