// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock: for deadlines and pauses within one run, never stored.
package struct Instant: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
    package static func + (instant: Self, duration: Duration) -> Self {
        Self(nanoseconds: instant.nanoseconds.addingReportingOverflow(duration.nanoseconds).0)
    }
    package static func - (later: Self, earlier: Self) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }
}

/// A point in calendar time, as stored and shown: milliseconds since 1970 in UTC.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { milliseconds = seconds * 1000 }

    package var seconds: Int64 {
        milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }
    package static func + (time: Self, duration: Duration) -> Self {
        Self(milliseconds: time.milliseconds + duration.nanoseconds / 1_000_000)
    }
    package static func - (later: Self, earlier: Self) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
    }
}

extension Duration {
    package var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
    /// So many minutes of 60 seconds.
    package static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    /// So many hours of 60 minutes.
    package static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }
    /// So many days of 24 hours.
    package static func days(_ count: Int) -> Duration { .seconds(count * 86400) }
}

/// The clocks.
package protocol Time: Sendable {
    /// The monotonic clock: it never jumps.
    var now: Instant { get }
    /// The calendar: it may be set, forward and back.
    var timestamp: Timestamp { get }
    /// Returns at `deadline` or, by throwing, as soon as the task is cancelled.
    func sleep(until deadline: Instant) async throws(CancellationError)
}

extension Time {
    package func sleep(for duration: Duration) async throws(CancellationError) {
        try await sleep(until: now + duration)
    }
}
