// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// The line before a message in an mbox file.
///
/// ```abnf
/// from-line = "From " sender SP asctime *( SP anything )
/// asctime   = day-name SP month SP day SP time [ SP zone ] SP year [ SP zone ]
/// ```
package struct FromLine: Hashable, Sendable {
    package let date: Timestamp?

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Longer lines are none.
    private static let maximumOctets = 1000

    /// Nil for a line that does not begin with `From `.
    package init?(_ line: [UInt8]) {
        guard line.starts(with: "From ".utf8) else { return nil }
        date = Self.date(line)
    }

    /// Whether a line behind an empty one begins a message: a date is in it.
    package static func begins(_ line: [UInt8]) -> Bool {
        line.count <= maximumOctets && line.starts(with: "From ".utf8) && date(line) != nil
    }

    /// `From SENDER DATE`, with an LF.
    package static func text(_ sender: String, _ date: Timestamp) -> String {
        let calendar = CalendarDate(date)
        let words = calendar.internetMessageFormat.split { $0 == " " || $0 == "," }
        let day = calendar.day < 10 ? " \(calendar.day)" : "\(calendar.day)"
        let name = sender.isEmpty || sender.contains(" ") ? "MAILER-DAEMON" : sender
        return "From \(name) \(words[0]) \(words[2]) \(day) \(calendar.clock) \(calendar.year)\n"
    }

    private static func date(_ line: [UInt8]) -> Timestamp? {
        let words = String(decoding: line, as: UTF8.self)
            .split { $0 == " " || $0 == "\n" || $0 == "\r" || $0 == "\t" }
        // The sender may hold spaces: the date is where a month is.
        for index in words.indices.dropFirst() {
            guard let month = months.firstIndex(of: String(words[index])) else { continue }
            let rest = words[(index + 1)...].map(String.init)
            guard rest.count >= 3, let day = Int(rest[0]), (1...31).contains(day),
                let seconds = clock(rest[1]),
                let year = rest.dropFirst(2).prefix(2).compactMap({ year($0) }).first
            else { continue }
            let zone = rest.dropFirst(2).prefix(2).compactMap(zone).first ?? 0
            return Timestamp(
                seconds: Int64(days(year, month + 1, day) * 86400 + seconds - zone))
        }
        return nil
    }

    private static func year(_ word: String) -> Int? {
        guard word.utf8.count == 4, let year = Int(word), (1970...9999).contains(year) else {
            return nil
        }
        return year
    }

    private static func clock(_ word: String) -> Int? {
        let parts = word.split(separator: ":").map { Int($0) }
        guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1],
            (0...23).contains(hour), (0...59).contains(minute)
        else { return nil }
        let second = parts.count == 3 ? parts[2] ?? -1 : 0
        guard (0...60).contains(second) else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func zone(_ word: String) -> Int? {
        guard word.utf8.count == 5, word.hasPrefix("+") || word.hasPrefix("-"),
            let number = Int(word.dropFirst())
        else { return nil }
        let seconds = number / 100 * 3600 + number % 100 * 60
        return word.hasPrefix("-") ? -seconds : seconds
    }

    /// Days since 1 January 1970, by the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Counted from 1 March, so that the leap day is the last of a year.
        let shifted = month <= 2 ? year - 1 : year
        let fromMarch = (month + 9) % 12
        return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400
            + (153 * fromMarch + 2) / 5 + day - 1 - 719_468
    }
}
