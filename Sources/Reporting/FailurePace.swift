// SPDX-License-Identifier: Apache-2.0

import World

/// How fast reports on failures may go out (RFC 9991 §8.1: a rate limit is a must).
///
/// The first of its like is reported at once; what follows within an hour is counted, and told of
/// as one report when the hour is over.
struct FailurePace {
    static let window = Duration.hours(1)
    /// Reports in a window, to one domain and to all.
    static let maximumPerDomain = 20
    static let maximumPerWindow = 200
    /// Different likes that are remembered; the rest is not reported.
    static let maximumLikes = 1000

    private struct Like {
        var first: Instant
        var count: Int64
        var last: FailedMessage
    }

    private var likes: [String: Like] = [:]
    private var windowStart: Instant?
    private var sent: [String: Int] = [:]
    private var sentInAll = 0

    /// Whether this message is to be reported now; else it may be counted.
    mutating func take(_ message: FailedMessage, at now: Instant) -> Bool {
        roll(now)
        if likes[message.likeness] != nil {
            likes[message.likeness]?.count += 1
            likes[message.likeness]?.last = message
            return false
        }
        guard likes.count < Self.maximumLikes, mayReport(message.policyDomain) else { return false }
        likes[message.likeness] = Like(first: now, count: 0, last: message)
        return true
    }

    /// What has been counted in windows that are over, in the order of their beginnings.
    mutating func due(at now: Instant) -> [(message: FailedMessage, incidents: Int64)] {
        roll(now)
        let over = likes.filter { now - $0.value.first >= Self.window }
            .sorted { ($0.value.first, $0.key) < ($1.value.first, $1.key) }
        for (key, _) in over { likes[key] = nil }
        return over.compactMap { _, like in
            guard like.count > 0, mayReport(like.last.policyDomain) else { return nil }
            return (like.last, like.count)
        }
    }

    private mutating func mayReport(_ domain: String) -> Bool {
        guard sentInAll < Self.maximumPerWindow,
            sent[domain, default: 0] < Self.maximumPerDomain
        else { return false }
        sent[domain, default: 0] += 1
        sentInAll += 1
        return true
    }

    private mutating func roll(_ now: Instant) {
        guard let start = windowStart, now - start < Self.window else {
            windowStart = now
            sent = [:]
            sentInAll = 0
            return
        }
    }
}
