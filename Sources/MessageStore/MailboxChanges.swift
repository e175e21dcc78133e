// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// Tells who watches an account's mailboxes that something in them has changed.
///
/// A signal without content: what has changed is read from the store, so none can be missed and
/// many at once cost one look. In memory, for the sessions of this node.
package final class MailboxChanges: Sendable {
    /// Ends the watching with `MailboxChanges.end`.
    package struct Watch: Hashable, Sendable {
        fileprivate let account: Int64
        fileprivate let number: UInt64
    }

    private struct State {
        var watchers: [Int64: [(number: UInt64, wake: @Sendable () -> Void)]] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())
    private let signals = Atomic<UInt64>(0)
    let sharedLook = SharedLook()

    package init() {}

    /// Calls `wake` after each committed change of the account's mailboxes, until `end`.
    ///
    /// It is called wherever the change was made, and must return at once.
    package func watch(_ account: Int64, wake: @escaping @Sendable () -> Void) -> Watch {
        state.withLock { state in
            state.last += 1
            state.watchers[account, default: []].append((state.last, wake))
            return Watch(account: account, number: state.last)
        }
    }

    /// Wakes no more; a call that is under way may still end.
    package func end(_ watch: Watch) {
        state.withLock { state in
            state.watchers[watch.account]?.removeAll { $0.number == watch.number }
            if state.watchers[watch.account]?.isEmpty == true {
                state.watchers[watch.account] = nil
            }
        }
    }

    /// To be called once the change is committed.
    ///
    /// `filed`: what the change was, if it is known; nobody need look for it then.
    package func signal(_ account: Int64, _ filed: Mailboxes.Filed? = nil) {
        let count = signals.add(1, ordering: .sequentiallyConsistent).newValue
        if let filed, let changes = filed.changes {
            sharedLook.keep(
                changes,
                of: SharedLook.Question(
                    mailbox: filed.before.id, modSequence: filed.before.highestModSequence,
                    uidNext: filed.before.uidNext, reader: nil, count: count))
        }
        let wakes = state.withLock { $0.watchers[account] } ?? []
        for watcher in wakes { watcher.wake() }
    }

    /// How many changes there were; what was read before the latest of them may be old.
    package var count: UInt64 { signals.load(ordering: .sequentiallyConsistent) }
}
