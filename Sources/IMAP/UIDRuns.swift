// SPDX-License-Identifier: Apache-2.0

/// The UIDs of a selected mailbox in order, kept as runs without gaps.
///
/// 100,000 messages of which none was ever removed are one run; where every second one was, it
/// takes 8 octets for each that is left. Sequence numbers count from 1 (RFC 9051 §2.3.1.2).
package struct UIDRuns: Hashable, Sendable {
    private struct Run: Hashable {
        var firstUID: UInt32
        /// The sequence number of `firstUID`, from 1.
        var firstNumber: UInt32
    }

    private var runs: [Run] = []
    /// How many messages there are: the last sequence number.
    package private(set) var count: UInt32 = 0

    package init() {}

    package init(_ uids: NumberSet) {
        runs.reserveCapacity(uids.ranges.count)
        for range in uids.ranges { append(range) }
    }

    package var isEmpty: Bool { count == 0 }
    /// The largest UID, nil without messages.
    package var last: UInt32? { isEmpty ? nil : uid(at: count) }

    /// Adds a message behind the last one; its UID must be larger (RFC 9051 §2.3.1.1).
    package mutating func append(_ uid: UInt32) { append(uid...uid) }

    /// Adds messages behind the last one.
    package mutating func append(_ range: ClosedRange<UInt32>) {
        let last = self.last
        precondition(range.lowerBound > last ?? 0, "UIDs only rise")
        if last == nil || range.lowerBound - 1 != last {
            runs.append(Run(firstUID: range.lowerBound, firstNumber: count + 1))
        }
        count += UInt32(range.count)
    }

    private func length(_ index: Int) -> UInt32 {
        let next = index + 1 < runs.count ? runs[index + 1].firstNumber : count + 1
        return next - runs[index].firstNumber
    }

    private func range(_ index: Int) -> ClosedRange<UInt32> {
        runs[index].firstUID...(runs[index].firstUID + (length(index) - 1))
    }

    /// The UID of a sequence number that is there.
    package func uid(at number: UInt32) -> UInt32 {
        precondition(number >= 1 && number <= count, "no such sequence number")
        let run = runs[runs.partitioningIndex { $0.firstNumber > number } - 1]
        return run.firstUID + (number - run.firstNumber)
    }

    /// The sequence number of a UID, nil if no message has it.
    package func number(of uid: UInt32) -> UInt32? {
        let index = runs.partitioningIndex { $0.firstUID > uid } - 1
        guard index >= 0 else { return nil }
        let distance = uid - runs[index].firstUID
        return distance < length(index) ? runs[index].firstNumber + distance : nil
    }

    /// All UIDs.
    package var uids: NumberSet {
        var result = NumberSet()
        for index in runs.indices { result.appendRange(range(index)) }
        return result
    }

    /// Those of the given UIDs that are there.
    package func uids(in set: NumberSet) -> NumberSet {
        var result = NumberSet()
        for wanted in set.ranges {
            var index = max(0, runs.partitioningIndex { $0.firstUID > wanted.lowerBound } - 1)
            while index < runs.count, runs[index].firstUID <= wanted.upperBound {
                let held = range(index)
                let low = max(held.lowerBound, wanted.lowerBound)
                let high = min(held.upperBound, wanted.upperBound)
                if low <= high { result.appendRange(low...high) }
                index += 1
            }
        }
        return result
    }

    /// The UIDs of sequence numbers; numbers beyond the last are none.
    package func uids(ofNumbers set: NumberSet) -> NumberSet {
        var result = NumberSet()
        for wanted in set.ranges where wanted.lowerBound <= count && wanted.upperBound > 0 {
            var number = max(1, wanted.lowerBound)
            let end = min(wanted.upperBound, count)
            var index = runs.partitioningIndex { $0.firstNumber > number } - 1
            while number <= end {
                let run = runs[index]
                let last = min(end, run.firstNumber + length(index) - 1)
                let first = run.firstUID + (number - run.firstNumber)
                result.appendRange(first...(first + (last - number)))
                number = last + 1
                index += 1
            }
        }
        return result
    }

    /// The sequence numbers of those of the UIDs that are there.
    package func numbers(of uids: NumberSet) -> NumberSet {
        var result = NumberSet()
        for present in self.uids(in: uids).ranges {
            // A range of present UIDs lies in one run.
            guard let first = number(of: present.lowerBound) else { continue }
            result.appendRange(first...(first + UInt32(present.count - 1)))
        }
        return result
    }

    /// Removes the UIDs that are there, in one pass over the runs.
    package mutating func remove(_ gone: NumberSet) {
        guard !gone.isEmpty else { return }
        self = Self(uids.subtracting(gone))
    }
}
