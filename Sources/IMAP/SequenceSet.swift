// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Which messages a command means, as the client wrote it.
///
/// ```abnf
/// seq-number   = nz-number / "*"
/// seq-range    = seq-number ":" seq-number
/// sequence-set = (seq-number / seq-range) ["," sequence-set] / "$"
/// ```
package enum SequenceSet: Hashable, Sendable {
    /// `$`: what the last SEARCH with SAVE found (RFC 5182).
    case saved
    /// Pairs in any order; `lastNumber` stands for `*`.
    case ranges([Range])

    /// Two numbers and what is between them, in either order.
    package struct Range: Hashable, Sendable {
        package var first: UInt32
        package var last: UInt32

        package init(_ first: UInt32, _ last: UInt32) {
            self.first = first
            self.last = last
        }
    }

    /// `*`: 0, which is no number of a message.
    package static let lastNumber: UInt32 = 0
    /// A client that selects from 100,000 messages writes some thousands.
    package static let maximumRanges = 20_000

    /// Every message: `1:*`.
    package static let all = SequenceSet.ranges([Range(1, lastNumber)])

    /// The numbers meant, where `*` is `largest`: the last message's UID or sequence number.
    ///
    /// An empty mailbox has no `*`: with 0 only what is written in digits remains (RFC 9051 §9,
    /// `seq-number`). For `saved`, pass what was saved to `SelectedMailbox`; here it is empty.
    package func resolve(largest: UInt32) -> NumberSet {
        guard case .ranges(let ranges) = self else { return NumberSet() }
        // The common case: one range, no sorting.
        if ranges.count == 1, let range = closed(ranges[0], largest) { return NumberSet(range) }
        return NumberSet(ranges.compactMap { closed($0, largest) })
    }

    private func closed(_ range: Range, _ largest: UInt32) -> ClosedRange<UInt32>? {
        let first = range.first == Self.lastNumber ? largest : range.first
        let last = range.last == Self.lastNumber ? largest : range.last
        guard first > 0, last > 0 else { return nil }
        return min(first, last)...max(first, last)
    }

    /// Whether `*` is in it, which some places forbid (RFC 7162 §7).
    package var hasLastNumber: Bool {
        guard case .ranges(let ranges) = self else { return false }
        return ranges.contains { $0.first == Self.lastNumber || $0.last == Self.lastNumber }
    }
}

/// What part of the results is wanted (RFC 9394 §4).
///
/// ```abnf
/// partial-range-first = nz-number ":" nz-number
/// partial-range-last  = MINUS nz-number ":" MINUS nz-number
/// ```
package struct PartialRange: Hashable, Sendable {
    package var first: UInt32
    package var last: UInt32
    /// Counted from the newest.
    package var isFromEnd: Bool

    package init(_ first: UInt32, _ last: UInt32, isFromEnd: Bool) {
        self.first = first
        self.last = last
        self.isFromEnd = isFromEnd
    }

    /// The results in the range, of those that are there.
    package func select(from results: NumberSet) -> NumberSet {
        let count = results.count
        let (low, high) = (Int(min(first, last)), Int(max(first, last)))
        let places =
            isFromEnd
            ? max(0, count - high)..<max(0, count - low + 1)
            : min(low - 1, count)..<min(high, count)
        return results.slice(places)
    }
}
