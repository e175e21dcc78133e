// SPDX-License-Identifier: Apache-2.0

private import Bytes

/// A `Timestamp` taken apart by the Gregorian calendar, in UTC.
package struct CalendarDate: Hashable, Sendable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int
    package let hour: Int
    package let minute: Int
    package let second: Int
    /// 0 is Sunday.
    package let weekday: Int

    package init(_ time: Timestamp) {
        let days = Int(time.seconds >= 0 ? time.seconds / 86400 : (time.seconds - 86399) / 86400)
        let rest = Int(time.seconds) - days * 86400
        // Days are counted from 1 March of year 0, so that the leap day is the last of a year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = ((days + 4) % 7 + 7) % 7
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `date-time` (RFC 5322 §3.3), in UTC: `Sat, 21 Nov 2026 06:11:37 +0000`.
    package var internetMessageFormat: String {
        "\(Self.weekdays[weekday]), \(day) \(Self.months[month - 1]) \(year) \(clock) +0000"
    }

    /// RFC 3339 in UTC: `2026-11-21T06:11:37Z`.
    package var internetFormat: String {
        "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(clock)Z"
    }

    /// `06:11:37`.
    package var clock: String { "\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second, 2))" }

    private func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Timestamp {
    /// Reads `date-time` of RFC 3339 §5.6 in UTC; nil if it is none, or no day of the calendar.
    ///
    /// ```abnf
    /// date-time = full-date "T" partial-time "Z"
    /// ```
    package init?(internetFormat text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count >= 20, octets.last?.lowercased == UInt8(ascii: "z") else { return nil }
        let marks: [(Int, UInt8)] = [
            (4, UInt8(ascii: "-")), (7, UInt8(ascii: "-")), (10, UInt8(ascii: "t")),
            (13, UInt8(ascii: ":")), (16, UInt8(ascii: ":")),
        ]
        guard marks.allSatisfy({ octets[$0.0].lowercased == $0.1 }) else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            octets[range].reduce(0) { value, octet in
                value.flatMap { octet.isDigit ? $0 * 10 + Int(octet - 0x30) : nil }
            }
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        // `time-secfrac` is read and forgotten.
        let fraction = octets[19..<(octets.count - 1)]
        guard
            fraction.isEmpty
                || fraction.first == .dot && fraction.count > 1
                    && fraction.dropFirst().allSatisfy(\.isDigit)
        else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let yearOfEra = shifted - era * 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        self.init(seconds: Int64(days * 86_400 + hour * 3600 + minute * 60 + second))
        // 31 February is the 3rd of March, and meant as neither.
        let date = CalendarDate(self)
        guard date.day == day || second == 60 else { return nil }
    }
}
