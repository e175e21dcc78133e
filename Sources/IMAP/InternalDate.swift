// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// A day of the calendar, as SEARCH names it: time and zone do not count (RFC 9051 §6.4.4).
package struct CalendarDay: Hashable, Comparable, Sendable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int

    /// nil for a day that the calendar does not have.
    package init?(year: Int, month: Int, day: Int) {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    /// Its first moment in UTC.
    package var start: Timestamp {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Timestamp(seconds: Int64(era * 146_097 + dayOfEra - 719_468) * 86400)
    }
}

/// INTERNALDATE (RFC 9051 §2.3.3): a moment, and the zone it was written in.
///
/// ```abnf
/// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// zone      = ("+" / "-") 4DIGIT
/// ```
package struct InternalDate: Hashable, Sendable {
    package var timestamp: Timestamp
    /// East of UTC is positive.
    package var offsetMinutes: Int

    package init(_ timestamp: Timestamp, offsetMinutes: Int = 0) {
        self.timestamp = timestamp
        self.offsetMinutes = offsetMinutes
    }

    static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// With its quotation marks.
    package func write(to octets: inout [UInt8]) {
        let local = Timestamp(seconds: timestamp.seconds + Int64(offsetMinutes * 60))
        let date = CalendarDate(local)
        octets.append(UInt8(ascii: "\""))
        octets.appendPadded(date.day, " ")
        octets.append("-")
        octets.append(Self.months[date.month - 1])
        octets.append("-")
        octets.appendPadded(date.year / 100, "0")
        octets.appendPadded(date.year % 100, "0")
        octets.append(UInt8.space)
        octets.appendPadded(date.hour, "0")
        octets.append(":")
        octets.appendPadded(date.minute, "0")
        octets.append(":")
        octets.appendPadded(date.second, "0")
        octets.append(offsetMinutes < 0 ? " -" : " +")
        octets.appendPadded(abs(offsetMinutes) / 60, "0")
        octets.appendPadded(abs(offsetMinutes) % 60, "0")
        octets.append(UInt8(ascii: "\""))
    }
}

extension [UInt8] {
    /// Two digits.
    fileprivate mutating func appendPadded(_ number: Int, _ padding: Unicode.Scalar) {
        append(number < 10 ? UInt8(ascii: padding) : UInt8(number / 10 % 10) + 0x30)
        append(UInt8(number % 10) + 0x30)
    }
}
