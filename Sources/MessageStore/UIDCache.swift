// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// Which UIDs the mailboxes hold that were opened lately, so that opening one again does not read
/// all its rows.
///
/// Bounded; what is not in it is read.
final class UIDCache: Sendable {
    struct Entry: Sendable {
        var modSequence: Int64
        var uidNext: UInt32
        var uids: [ClosedRange<UInt32>]
    }

    /// Ranges in all, of 8 octets; a full cache starts anew.
    static let capacity = 1 << 20

    private struct State {
        var entries: [Mailbox.ID: Entry] = [:]
        var ranges = 0
    }

    private let state = Mutex(State())

    func entry(of mailbox: Mailbox.ID) -> Entry? { state.withLock { $0.entries[mailbox] } }

    func keep(_ entry: Entry, of mailbox: Mailbox.ID) {
        state.withLock { state in
            if state.ranges + entry.uids.count > Self.capacity {
                state = State()
                guard entry.uids.count <= Self.capacity else { return }
            }
            // Never back to an older state: two may be opening it.
            if let old = state.entries[mailbox] {
                guard old.modSequence <= entry.modSequence else { return }
                state.ranges -= old.uids.count
            }
            state.entries[mailbox] = entry
            state.ranges += entry.uids.count
        }
    }
}

extension Mailboxes {
    /// `ranges` without `uids`, both rising.
    static func subtract(
        _ uids: [UInt32], from ranges: [ClosedRange<UInt32>]
    ) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var gone = uids[...]
        for range in ranges {
            var next = range.lowerBound
            while let uid = gone.first, uid <= range.upperBound {
                gone.removeFirst()
                guard uid >= next else { continue }
                if uid > next { result.append(next...uid - 1) }
                // A UID is below UInt32.max: uidNext is one, too.
                next = uid + 1
            }
            if next <= range.upperBound { result.append(next...range.upperBound) }
        }
        return result
    }

    /// `ranges` and further UIDs above them, rising.
    static func append(
        _ uids: [UInt32], to ranges: [ClosedRange<UInt32>]
    ) -> [ClosedRange<UInt32>] {
        var result = ranges
        for range in Self.ranges(uids) {
            if let last = result.last, last.upperBound + 1 == range.lowerBound {
                result[result.count - 1] = last.lowerBound...range.upperBound
            } else {
                result.append(range)
            }
        }
        return result
    }
}
