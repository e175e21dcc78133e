// SPDX-License-Identifier: Apache-2.0

package import DNS
package import World

/// When a secondary looks for news, and when what it has does not count any more (RFC 1035 §3.3.13,
/// RFC 1996 §3.11).
package struct SecondaryClock: Hashable, Sendable {
    /// When the primary is asked next.
    package private(set) var nextCheck: Timestamp
    /// From then on the zone is not served; nil while there is nothing to serve.
    package private(set) var expiry: Timestamp?
    private var failures = 0
    private var soa: SOA?

    /// No shorter, whatever a zone says: primaries must not be flooded.
    private static let shortest: Duration = .seconds(10)
    /// No longer: an operator who mends a zone does not wait for weeks.
    private static let longestRefresh: Duration = .days(1)
    private static let longestRetry: Duration = .hours(6)
    /// Without a first transfer, the pause doubles from `shortest` up to this.
    private static let longestFirstRetry: Duration = .hours(1)

    /// A zone that has nothing yet: it is due at once.
    package init(now: Timestamp) { nextCheck = now }

    /// A zone that was last known to be current at a time: what a restart finds.
    package init(checkedAt: Timestamp, soa: SOA, chance: UInt64) {
        nextCheck = checkedAt
        succeeded(at: checkedAt, soa, chance: chance)
    }

    /// The primary has nothing newer, or its zone was taken.
    package mutating func succeeded(at now: Timestamp, _ soa: SOA, chance: UInt64) {
        self.soa = soa
        failures = 0
        expiry = now + .seconds(Int(soa.expire))
        let refresh = min(
            max(.seconds(Int(soa.refresh)), Self.shortest), Self.longestRefresh)
        nextCheck = now + Self.early(refresh, chance)
    }

    /// No primary could be asked, or none gave anything usable.
    package mutating func failed(at now: Timestamp, chance: UInt64) {
        let pause: Duration
        if let soa, !isExpired(at: now) {
            pause = min(max(.seconds(Int(soa.retry)), Self.shortest), Self.longestRetry)
        } else {
            pause = min(Self.shortest * (1 << min(failures, 10)), Self.longestFirstRetry)
        }
        failures += 1
        nextCheck = now + Self.early(pause, chance)
    }

    /// A notification makes the check due (RFC 1996 §4.7).
    package mutating func notified(at now: Timestamp) { nextCheck = min(nextCheck, now) }

    /// Whether the primary is to be asked now.
    package func isDue(at now: Timestamp) -> Bool { now >= nextCheck }

    /// Whether there is something that may be served no longer.
    package func isExpired(at now: Timestamp) -> Bool { expiry.map { now >= $0 } ?? false }

    /// Up to a tenth earlier, so that thousands of zones are not due in one second.
    private static func early(_ pause: Duration, _ chance: UInt64) -> Duration {
        let tenth = UInt64(max(1, pause.nanoseconds / 10))
        return pause - .nanoseconds(Int64(chance % tenth))
    }
}
