// SPDX-License-Identifier: Apache-2.0

import MessageStore
import Synchronization
import World

/// Leaves time to those who wait for their mail, while mailboxes change quickly.
final class Pace: Sendable {
    private static let moment = Duration.milliseconds(100)
    /// So many changes within a moment are mail that comes now and then.
    private static let fewChanges = 2
    /// A batch waits for so many moments at most.
    private static let maximumMoments = 10

    private struct State {
        var changes: UInt64
        var since: Instant
        var isBusy = false
    }

    private let changes: MailboxChanges
    private let time: any Time
    private let state: Mutex<State>

    init(_ changes: MailboxChanges, _ time: any Time) {
        self.changes = changes
        self.time = time
        state = Mutex(State(changes: changes.count, since: time.now))
    }

    /// Returns at once while few changes come.
    func leaveTime() async throws(CancellationError) {
        for _ in 0..<Self.maximumMoments {
            guard isBusy else { return }
            try await time.sleep(for: Self.moment)
        }
    }

    /// Whether there was more than a few changes in each moment since the last look.
    private var isBusy: Bool {
        let now = time.now
        return state.withLock { state in
            let moments = (now - state.since).nanoseconds / Self.moment.nanoseconds
            guard moments > 0 else { return state.isBusy }
            let count = changes.count
            state.isBusy = count - state.changes > UInt64(Self.fewChanges) * UInt64(moments)
            (state.changes, state.since) = (count, now)
            return state.isBusy
        }
    }
}
