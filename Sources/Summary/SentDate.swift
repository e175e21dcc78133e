// SPDX-License-Identifier: Apache-2.0

import MIME
import World

/// When a message was sent, by its `Date` field.
package struct SentDate: Hashable, Sendable {
    /// Seconds since 1970 in UTC: what SORT DATE and THREAD compare (RFC 5256 §2.2).
    package let seconds: Int64
    /// What the writer's clock was ahead of UTC.
    package let offsetMinutes: Int

    package init(seconds: Int64, offsetMinutes: Int) {
        self.seconds = seconds
        self.offsetMinutes = offsetMinutes
    }

    init?(_ value: [UInt8]) {
        guard let (date, _) = DateTime.parse(value[...]) else { return nil }
        seconds = date.timestamp.seconds
        offsetMinutes = date.offsetMinutes
    }

    /// The day on the writer's calendar, counted from 1 January 1970.
    ///
    /// SENTBEFORE, SENTON and SENTSINCE disregard time and zone (RFC 9051 §6.4.4).
    package var day: Int {
        let local = Int(seconds) + offsetMinutes * 60
        return local >= 0 ? local / 86400 : (local + 1) / 86400 - 1
    }
}
