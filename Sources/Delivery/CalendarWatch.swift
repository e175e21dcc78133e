// SPDX-License-Identifier: Apache-2.0

import World

/// Notices that the calendar was set, by the clock that nobody sets.
struct CalendarWatch {
    /// Smaller ones disturb no schedule, and clocks are adjusted all the time.
    static let smallestJump = Duration.seconds(60)

    /// Calendar less clock, as last seen, and when.
    private var offset: Duration
    private var lastLook: Instant

    init(_ time: any Time) {
        offset = Self.offset(time)
        lastLook = time.now
    }

    /// By how much the calendar was set since the last call that was followed by `heeded`, and
    /// what it would then have shown, had it been set already.
    mutating func jump(_ time: any Time) -> (by: Duration, since: Timestamp)? {
        let jump = Self.offset(time) - offset
        if jump > Self.smallestJump || jump < .zero - Self.smallestJump {
            return (jump, time.timestamp + (lastLook - time.now))
        }
        lastLook = time.now
        return nil
    }

    /// What depends on it has been moved.
    mutating func heeded(_ jump: Duration, _ time: any Time) {
        offset += jump
        lastLook = time.now
    }

    private static func offset(_ time: any Time) -> Duration {
        .milliseconds(time.timestamp.milliseconds - time.now.nanoseconds / 1_000_000)
    }
}
