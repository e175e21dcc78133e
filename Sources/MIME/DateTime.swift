// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// `date-time` (RFC 5322 §3.3) with the offset its writer had.
package struct DateTime: Hashable, Sendable, CustomStringConvertible {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int
    package let hour: Int
    package let minute: Int
    /// 0 to 60.
    package let second: Int
    /// East of UTC is positive.
    package let offsetMinutes: Int
    /// `-0000`: the time is UTC, and nothing is said about where it was written (§3.3).
    package let isOffsetUnknown: Bool

    /// RFC 3339 with the offset: `1997-11-21T09:55:06-06:00`.
    package var description: String {
        let sign = offsetMinutes < 0 || isOffsetUnknown ? "-" : "+"
        let offset = abs(offsetMinutes)
        return "\(pad(year, 4))-\(pad(month))-\(pad(day))T\(pad(hour)):\(pad(minute)):"
            + "\(pad(second))\(sign)\(pad(offset / 60)):\(pad(offset % 60))"
    }

    private func pad(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The instant it names.
    package var timestamp: Timestamp {
        // Days from 1 January 1970, counting years from March so that the leap day is the last.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second - offsetMinutes * 60
        return Timestamp(seconds: Int64(seconds))
    }

    /// Reads what mail programs write, nil if no date can be made of it.
    ///
    /// ```abnf
    /// date-time   = [ day-of-week "," ] date time [CFWS]
    /// date        = day month year
    /// time        = hour ":" minute [ ":" second ] FWS zone
    /// obs-zone    = "UT" / "GMT" / "EST" / … / military        ; §4.3
    /// ```
    ///
    /// Also `21-Nov-97`, `Nov 21 09:55:06 1997` and RFC 3339, because they are met; `isStrict` is
    /// false for those and for a missing zone.
    package static func parse(
        _ value: ArraySlice<UInt8>
    ) -> (date: DateTime, isStrict: Bool)? {
        var parser = DateParser(words: words(of: value))
        guard let date = parser.parse() else { return nil }
        return (date, parser.isStrict)
    }

    /// No date has more words.
    private static let maximumWords = 16

    private static func words(of value: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var lexer = Lexer(value)
        var words: [ArraySlice<UInt8>] = []
        words.reserveCapacity(8)
        while words.count < maximumWords {
            lexer.skipCFWS()
            let word = lexer.run {
                !$0.isWhitespace && $0 != .carriageReturn && $0 != .lineFeed
                    && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "(")
            }
            if let last = words.last, !word.isEmpty,
                last.last == UInt8(ascii: ":") || word.first == UInt8(ascii: ":")
            {
                // `09(comment):   55  :  06` (appendix A.6.3).
                words[words.count - 1] = last + word
            } else if !word.isEmpty {
                words.append(word)
            }
            if word.isEmpty, !lexer.skip(UInt8(ascii: ",")) { break }
        }
        return words
    }

    fileprivate static func isValid(_ year: Int, _ month: Int, _ day: Int) -> Bool {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return day <= [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }
}

private struct DateParser {
    var words: [ArraySlice<UInt8>]
    var isStrict = true
    private var day: Int?
    private var month: Int?
    private var year: Int?
    private var time: (hour: Int, minute: Int, second: Int)?
    private var offset: Int?
    private var isOffsetUnknown = false

    init(words: [ArraySlice<UInt8>]) { self.words = words }

    mutating func parse() -> DateTime? {
        if let first = words.first, first.count >= 10, first.contains(UInt8(ascii: "-")),
            first.prefix(4).allSatisfy(\.isDigit)
        {
            guard splitInternetFormat() else { return nil }
        }
        for word in words { guard take(word) else { return nil } }
        guard let day, let month, let year, let time, DateTime.isValid(year, month, day) else {
            return nil
        }
        if offset == nil {
            isStrict = false
            isOffsetUnknown = true
        }
        return DateTime(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute,
            second: time.second, offsetMinutes: offset ?? 0, isOffsetUnknown: isOffsetUnknown)
    }

    /// RFC 3339: `2014-01-01T10:11:12Z`, the letter T or a space between.
    private mutating func splitInternetFormat() -> Bool {
        isStrict = false
        var word = words.removeFirst()
        let parts = word.prefix(10).split(separator: UInt8(ascii: "-"))
        guard parts.count == 3, let y = number(parts[0]), let m = number(parts[1]),
            let d = number(parts[2])
        else { return false }
        (year, month, day) = (y, m, d)
        word = word.dropFirst(10)
        if word.first?.lowercased == UInt8(ascii: "t") {
            words.insert(word.dropFirst(), at: 0)
        } else if !word.isEmpty {
            return false
        }
        guard let clock = words.first else { return false }
        let end = clock.firstIndex { !($0.isDigit || $0 == UInt8(ascii: ":") || $0 == .dot) }
        guard let end else { return true }
        words[0] = clock[..<end]
        words.insert(clock[end...], at: 1)
        return true
    }

    private func number(_ word: ArraySlice<UInt8>) -> Int? {
        guard (1...4).contains(word.count), word.allSatisfy(\.isDigit) else { return nil }
        return word.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static let months = Array("janfebmaraprmayjunjulaugsepoctnovdec".utf8)
    private static let weekdays = Array("sunmontuewedthufrisat".utf8)

    private static func position(of word: ArraySlice<UInt8>, in names: [UInt8]) -> Int? {
        guard word.count >= 3, word.allSatisfy(\.isAlpha) else { return nil }
        return stride(from: 0, to: names.count, by: 3).first { start in
            (0..<3).allSatisfy { names[start + $0] == word[word.startIndex + $0].lowercased }
        }.map { $0 / 3 }
    }

    /// Gives one word its meaning by its form; false if it has none.
    private mutating func take(_ word: ArraySlice<UInt8>) -> Bool {
        if word.contains(UInt8(ascii: ":")), time == nil { return takeTime(word) }
        // A word counts as a zone only behind the time.
        if time != nil, offset == nil, let zone = Self.zone(word) {
            (offset, isOffsetUnknown) = (zone.minutes, zone.isUnknown)
            if zone.isOdd { isStrict = false }
            return true
        }
        if month == nil, let found = Self.position(of: word, in: Self.months) {
            if day == nil { isStrict = false }
            month = found + 1
            return true
        }
        if let number = number(word) { return takeNumber(number, digits: word.count) }
        if day == nil, word.contains(UInt8(ascii: "-")) { return takeHyphenated(word) }
        if Self.position(of: word.last == .dot ? word.dropLast() : word, in: Self.weekdays) != nil {
            return day == nil || !isStrict
        }
        // Names of zones behind the offset ("PST" without parentheses) say nothing new.
        isStrict = false
        return offset != nil && word.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private mutating func takeNumber(_ number: Int, digits: Int) -> Bool {
        if day == nil, digits <= 2 {
            day = number
        } else if year == nil {
            year = Self.fullYear(number, digits)
            if digits < 4 || time != nil { isStrict = false }
        } else {
            isStrict = false
            return offset != nil
        }
        return true
    }

    /// `21-Nov-97`.
    private mutating func takeHyphenated(_ word: ArraySlice<UInt8>) -> Bool {
        isStrict = false
        let parts = word.split(separator: UInt8(ascii: "-"))
        guard parts.count == 3, let d = number(parts[0]), let y = number(parts[2]),
            let m = Self.position(of: parts[1], in: Self.months)
        else { return false }
        (day, month, year) = (d, m + 1, Self.fullYear(y, parts[2].count))
        return true
    }

    /// §4.3: two digits below 50 are of this century, other two or three are counted from 1900.
    private static func fullYear(_ number: Int, _ digits: Int) -> Int {
        switch digits {
        case 4...: number
        case 3: number + 1900
        default: number < 50 ? number + 2000 : number + 1900
        }
    }

    private mutating func takeTime(_ whole: ArraySlice<UInt8>) -> Bool {
        let word = whole.prefix { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }
        let parts = word.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hour = number(parts[0]),
            let minute = number(parts[1]), hour < 24, minute < 60
        else { return false }
        var second = 0
        if parts.count == 3 {
            // A fraction of a second is no part of the grammar.
            let whole = parts[2].prefix { $0 != .dot }
            if whole.count != parts[2].count { isStrict = false }
            guard let value = number(whole), value <= 60 else { return false }
            second = value
        }
        time = (hour, minute, second)
        guard word.endIndex < whole.endIndex else { return true }
        // `00:01+0000`: the space before the zone is missing.
        isStrict = false
        return take(whole[word.endIndex...])
    }

    private static func zone(
        _ word: ArraySlice<UInt8>
    ) -> (minutes: Int, isUnknown: Bool, isOdd: Bool)? {
        if let minutes = minutes(of: word) {
            return (minutes, minutes == 0 && word.first == UInt8(ascii: "-"), false)
        }
        let text = String(decoding: word.map(\.lowercased), as: UTF8.self)
        switch text {
        case "ut", "gmt": return (0, false, false)
        case "z", "utc": return (0, false, true)
        case "edt": return (-240, false, false)
        case "est", "cdt": return (-300, false, false)
        case "cst", "mdt": return (-360, false, false)
        case "mst", "pdt": return (-420, false, false)
        case "pst": return (-480, false, false)
        case "cet", "met", "bst": return (60, false, true)
        case "cest", "mest": return (120, false, true)
        default: break
        }
        // §4.3: military zones were defined with the wrong sign and mean nothing.
        if word.count == 1, word[word.startIndex].isAlpha { return (0, true, false) }
        // `GMT+0100` and `+01:00`.
        let isNamed = text.hasPrefix("gmt") || text.hasPrefix("utc")
        let offset = word.dropFirst(isNamed ? 3 : 0).filter { $0 != UInt8(ascii: ":") }
        return minutes(of: offset[...]).map { minutes in
            (minutes, minutes == 0 && offset.first == UInt8(ascii: "-"), true)
        }
    }

    /// `zone = ( "+" / "-" ) 4DIGIT`, as minutes east of UTC.
    private static func minutes(of word: ArraySlice<UInt8>) -> Int? {
        guard word.count == 5, let sign = word.first,
            sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            word.dropFirst().allSatisfy(\.isDigit)
        else { return nil }
        let value = word.dropFirst().reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value % 100 < 60 else { return nil }
        let minutes = value / 100 * 60 + value % 100
        return sign == UInt8(ascii: "-") ? -minutes : minutes
    }
}
