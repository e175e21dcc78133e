// SPDX-License-Identifier: Apache-2.0

package import World

/// When to try again, and when to give up (RFC 5321 §4.5.4.1).
package struct RetrySchedule: Hashable, Sendable {
    /// The pause after the first attempt, the second, and so on.
    package var pauses: [Duration]
    /// The pause after all later ones.
    package var longestPause: Duration
    /// The age at which the sender is told that the message still waits; nil for never.
    package var delayNoticeAfter: Duration?

    /// Tenths of a per cent by which a pause may differ, so that what came together parts.
    private static let jitterPermille: Int64 = 100

    package static let standard = Self(
        pauses: [.minutes(1), .minutes(5), .minutes(15), .minutes(30), .hours(1), .hours(2)],
        longestPause: .hours(4), delayNoticeAfter: .hours(4))

    package init(
        pauses: [Duration], longestPause: Duration, delayNoticeAfter: Duration?
    ) {
        self.pauses = pauses
        self.longestPause = longestPause
        self.delayNoticeAfter = delayNoticeAfter
    }

    /// Makes every pause shorter by a factor, for trials.
    package mutating func shortenPauses(by factor: Int) {
        pauses = pauses.map { $0 / factor }
        longestPause /= factor
    }

    /// What follows a failure.
    package enum Next: Hashable, Sendable {
        case retry(at: Timestamp)
        /// The lifetime is over: the sender is to be told.
        case expired
    }

    /// What follows the failure of attempt number `attempts` (1 is the first), at `now`.
    ///
    /// The last attempt falls on the end of the lifetime itself.
    package func next(
        afterAttempts attempts: Int, end: Timestamp, at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> Next {
        guard now < end else { return .expired }
        let pause = attempts <= pauses.count ? pauses[max(attempts, 1) - 1] : longestPause
        let range = -Self.jitterPermille...Self.jitterPermille
        let jitter = Int64.random(in: range, using: &generator)
        let milliseconds = pause.nanoseconds / 1_000_000 * (1000 + jitter) / 1000
        return .retry(at: min(now + .milliseconds(milliseconds), end))
    }

    /// Whether the sender is to be told now that the message still waits.
    package func isDelayNoticeDue(acceptedAt: Timestamp, at now: Timestamp) -> Bool {
        delayNoticeAfter.map { now >= acceptedAt + $0 } ?? false
    }
}
