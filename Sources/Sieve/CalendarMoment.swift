// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// An instant as a calendar and a clock show it somewhere (RFC 5260 §4).
struct CalendarMoment {
    /// `date-part` (RFC 5260 §4.2).
    enum Part: String {
        case year, month, day, date, julian, hour, minute, second, time, iso8601, std11, zone
        case weekday
    }

    let seconds: Int64
    let offsetMinutes: Int

    /// Minutes east of UTC; nil if the text is no `time-zone = ( "+" / "-" ) 4DIGIT`.
    static func offsetMinutes(_ zone: String) -> Int? {
        let octets = Array(zone.utf8)
        guard octets.count == 5, octets[1...].allSatisfy(\.isDigit),
            octets[0] == UInt8(ascii: "+") || octets[0] == UInt8(ascii: "-")
        else { return nil }
        let digits = octets[1...].map { Int($0 - 0x30) }
        let hours = digits[0] * 10 + digits[1]
        let minutes = digits[2] * 10 + digits[3]
        guard hours < 24, minutes < 60 else { return nil }
        return (octets[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }

    /// Days from 1 January 1970, and seconds within the day.
    private var split: (days: Int64, seconds: Int) {
        let local = seconds + Int64(offsetMinutes) * 60
        let days = local >= 0 ? local / 86400 : (local - 86399) / 86400
        return (days, Int(local - days * 86400))
    }

    /// The Gregorian calendar, counting years from March so that the leap day is the last.
    private var civil: (year: Int, month: Int, day: Int) {
        let shifted = Int(split.days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private var weekday: Int { Int(((split.days + 4) % 7 + 7) % 7) }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    func text(_ part: Part) -> String {
        let (year, month, day) = civil
        let time = split.seconds
        let date = "\(Self.pad(year, 4))-\(Self.pad(month))-\(Self.pad(day))"
        let clock =
            "\(Self.pad(time / 3600)):\(Self.pad(time / 60 % 60)):\(Self.pad(time % 60))"
        switch part {
        case .year: return Self.pad(year, 4)
        case .month: return Self.pad(month)
        case .day: return Self.pad(day)
        case .date: return date
        // 1 January 1970 is the Modified Julian Day 40587.
        case .julian: return String(split.days + 40587)
        case .hour: return Self.pad(time / 3600)
        case .minute: return Self.pad(time / 60 % 60)
        case .second: return Self.pad(time % 60)
        case .time: return clock
        case .iso8601: return "\(date)T\(clock)" + (offsetMinutes == 0 ? "Z" : zone(":"))
        case .std11:
            return "\(Self.days[weekday]), \(day) \(Self.months[month - 1]) "
                + "\(Self.pad(year, 4)) \(clock) \(zone(""))"
        case .zone: return zone("")
        case .weekday: return String(weekday)
        }
    }

    private func zone(_ separator: String) -> String {
        let minutes = abs(offsetMinutes)
        return (offsetMinutes < 0 ? "-" : "+")
            + "\(Self.pad(minutes / 60))\(separator)\(Self.pad(minutes % 60))"
    }

    private static func pad(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
