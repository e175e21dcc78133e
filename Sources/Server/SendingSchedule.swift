// SPDX-License-Identifier: Apache-2.0

package import Settings
package import Spool
import World

extension ServerSettings.Sending {
    /// When to try again, and when to tell the sender.
    var schedule: RetrySchedule {
        var schedule = RetrySchedule.standard
        if let last = retryMinutes.last {
            schedule.pauses = retryMinutes.dropLast().map { .minutes($0) }
            schedule.longestPause = .minutes(last)
        }
        schedule.delayNoticeAfter = delayNoticeHours.map { .hours($0) }
        return schedule
    }

    /// How long mail may wait.
    package var lifetimes: Lifetimes.Values {
        Lifetimes.Values(
            message: .hours(lifetimeHours), notification: .hours(notificationLifetimeHours))
    }
}
