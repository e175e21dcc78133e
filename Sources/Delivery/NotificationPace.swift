// SPDX-License-Identifier: Apache-2.0

import World

/// How fast one sender is notified, so that a sender who was forged a thousand times is not flooded
/// by us.
///
/// Nothing is lost: what comes too fast waits in the spool. Each notification moves the sender's
/// next place on by `interval`; what lies within `burst` of them goes at once.
struct NotificationPace {
    /// At once, if nothing was sent for long: a list with as many wrong addresses is nothing odd.
    static let burst = 100
    /// Beyond that: 360 in an hour.
    static let interval = Duration.seconds(10)
    /// None waits longer; whoever gets more than 8,640 in a day has worse worries.
    static let longestPause = Duration.hours(24)
    /// Senders remembered; beyond that they share a pace until some are forgotten.
    static let maximumSenders = 10_000

    /// When the next one to each sender would go if there were no burst.
    private var next: [String: Timestamp] = [:]

    /// How many are remembered.
    var senders: Int { next.count }

    /// When a notification to `sender` may go; nil for at once.
    mutating func place(for sender: String, at now: Timestamp) -> Timestamp? {
        var key = sender
        if next[key] == nil, next.count >= Self.maximumSenders {
            next = next.filter { $0.value > now }
            if next.count >= Self.maximumSenders { key = "" }
        }
        let mine = max(next[key] ?? now, now)
        next[key] = min(mine + Self.interval, now + Self.longestPause)
        let place = mine + Self.interval * -(Self.burst - 1)
        return place > now ? place : nil
    }
}
