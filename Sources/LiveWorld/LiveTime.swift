// SPDX-License-Identifier: Apache-2.0

import Glibc
package import World

/// The clocks of the operating system.
package struct LiveTime: Time {
    package init() {}

    package var now: Instant { Instant(nanoseconds: Self.read(CLOCK_MONOTONIC)) }

    package var timestamp: Timestamp {
        Timestamp(milliseconds: Self.read(CLOCK_REALTIME) / 1_000_000)
    }

    package func sleep(until deadline: Instant) async throws(CancellationError) {
        let rest = max(0, deadline.nanoseconds - now.nanoseconds)
        do {
            try await Task.sleep(nanoseconds: UInt64(rest))
        } catch {
            throw CancellationError()
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
