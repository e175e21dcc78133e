// SPDX-License-Identifier: Apache-2.0

import World

/// Notices that the calendar was set, by the clock that nobody sets.
struct CalendarWatch {
    /// Smaller ones disturb no schedule, and clocks are adjusted all the time.
    static let smallestJump = Duration.seconds(60)

    /// Calendar less clock, as last seen.
    private var offset: Duration

    init(_ time: any Time) { offset = Self.offset(time) }

    /// By how much the calendar was set since the last call that was followed by `heeded`.
    func jump(_ time: any Time) -> Duration? {
        let jump = Self.offset(time) - offset
        return jump > Self.smallestJump || jump < .zero - Self.smallestJump ? jump : nil
    }

    /// What depends on it has been moved.
    mutating func heeded(_ jump: Duration) { offset += jump }

    private static func offset(_ time: any Time) -> Duration {
        .milliseconds(time.timestamp.milliseconds - time.now.nanoseconds / 1_000_000)
    }
}
