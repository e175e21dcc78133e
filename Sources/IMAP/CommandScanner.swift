// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// Why a command is not obeyed.
enum CommandFault: Error, Hashable {
    /// Not what the grammar asks for: BAD.
    case syntax(String)
    /// Well said, and impossible: NO.
    case refused(ResponseCode?, String)
    /// A sequence number under UIDONLY: BAD (RFC 9586 §3).
    case uidRequired
    /// A literal's octets are not there yet (only met before all of a command has come).
    case literalMissing
}

/// How a client writes text: what ENABLE has changed.
struct Dialect: Hashable, Sendable {
    /// Mailbox names are UTF-8 (RFC 9051 §5.1, RFC 6855 §3).
    var isUTF8 = false
    /// SEARCH answers with ESEARCH (RFC 9051 appendix E).
    var isRevision2 = false
    /// All text is UTF-8, and SEARCH does not name a charset (RFC 6855 §3).
    var refusesCharset = false
    /// Responses name messages by their UIDs anyway (RFC 9586 §3.3).
    var isUIDOnly = false
}

/// A mailbox name and how the client wrote it, which was another form of Unicode.
struct NormalizedName: Sendable {
    var name: MailboxName
    var written: MailboxName
    var attributes: MailboxAttributes = []
}

/// A place in a command: its line with the literals where they stand.
///
/// Atoms and literals come out as slices; only a quoted string with a backslash is copied.
struct CommandScanner {
    let octets: [UInt8]
    let dialect: Dialect
    private(set) var position: Int
    /// Mailbox names that were read, and were not written as they are here.
    private(set) var normalizedNames: [NormalizedName] = []

    init(_ octets: [UInt8], from position: Int = 0, dialect: Dialect) {
        self.octets = octets
        self.position = position
        self.dialect = dialect
    }

    var next: UInt8? { position < octets.count ? octets[position] : nil }
    var isAtEnd: Bool { position == octets.count }

    /// Goes back, or on, to a place it had.
    mutating func move(to place: Int) { position = place }

    // MARK: Single octets

    mutating func skip(_ octet: UInt8) -> Bool {
        guard position < octets.count, octets[position] == octet else { return false }
        position += 1
        return true
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool { skip(UInt8(ascii: character)) }

    mutating func demand(_ character: Unicode.Scalar) throws(CommandFault) {
        guard skip(character) else { throw .syntax("expected \(character)\(place)") }
    }

    /// `SP`: one space, no more (RFC 9051 §9).
    mutating func space() throws(CommandFault) {
        guard skip(UInt8.space) else {
            throw .syntax(isAtEnd ? "more arguments are needed" : "expected one space\(place)")
        }
    }

    func end() throws(CommandFault) {
        guard isAtEnd else { throw .syntax("more than the command takes\(place)") }
    }

    /// Where it went wrong, for people.
    private var place: String { isAtEnd ? " at the end" : " at octet \(position + 1)" }

    // MARK: Atoms

    /// ```abnf
    /// ATOM-CHAR     = <any CHAR except atom-specials>
    /// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / "]"
    /// ```
    static func isAtomCharacter(_ octet: UInt8) -> Bool {
        guard octet > 0x20, octet < 0x7F else { return false }
        switch octet {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"),
            UInt8(ascii: "*"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
            return false
        default: return true
        }
    }

    /// `ASTRING-CHAR = ATOM-CHAR / resp-specials`.
    static func isAStringCharacter(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: "]") || isAtomCharacter(octet)
    }

    /// The longest run of octets that fulfil `isIn`, perhaps empty.
    mutating func run(_ isIn: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while position < octets.count, isIn(octets[position]) { position += 1 }
        return octets[start..<position]
    }

    mutating func atom(_ what: StaticString = "a word") throws(CommandFault) -> ArraySlice<UInt8> {
        let atom = run(Self.isAtomCharacter)
        guard !atom.isEmpty else { throw .syntax("expected \(what)\(place)") }
        return atom
    }

    /// A key word, in upper case; what is too long to be one is no key word.
    mutating func word(_ what: StaticString = "a word") throws(CommandFault) -> Word {
        guard let word = Word(try atom(what)) else { throw .syntax("unknown word\(place)") }
        return word
    }

    /// Skips a key word if it stands here whole.
    mutating func skip(word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard octets.count - position >= count else { return false }
        let isSame = word.withUTF8Buffer {
            octets[position..<(position + count)].equalsIgnoringCase($0)
        }
        let after = position + count
        guard isSame, after == octets.count || !Self.isAtomCharacter(octets[after]) else {
            return false
        }
        position = after
        return true
    }

    // MARK: Numbers

    /// `number64 = 1*DIGIT`, below 2^63 (RFC 9051 §9).
    mutating func number64() throws(CommandFault) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        while position < octets.count, octets[position].isDigit {
            let (tens, overflows) = value.multipliedReportingOverflow(by: 10)
            value = tens &+ UInt64(octets[position] - 0x30)
            guard !overflows, value <= UInt64(Int64.max) else {
                throw .syntax("a number is too large\(place)")
            }
            position += 1
        }
        guard position > start else { throw .syntax("expected a number\(place)") }
        return value
    }

    /// `number`: 32 bits.
    mutating func number() throws(CommandFault) -> UInt32 {
        let value = try number64()
        guard let number = UInt32(exactly: value) else {
            throw .syntax("a number is too large\(place)")
        }
        return number
    }

    /// `nz-number`.
    mutating func positiveNumber() throws(CommandFault) -> UInt32 {
        let value = try number()
        guard value > 0 else { throw .syntax("a number must not be 0\(place)") }
        return value
    }

    // MARK: Strings

    /// `astring = 1*ASTRING-CHAR / string`.
    mutating func astring(
        _ what: StaticString = "a string"
    ) throws(CommandFault) -> ArraySlice<UInt8> {
        if let string = try stringIfAny() { return string }
        let atom = run(Self.isAStringCharacter)
        guard !atom.isEmpty else { throw .syntax("expected \(what)\(place)") }
        return atom
    }

    /// `string = quoted / literal`.
    mutating func string(
        _ what: StaticString = "a string"
    ) throws(CommandFault) -> ArraySlice<UInt8> {
        guard let string = try stringIfAny() else { throw .syntax("expected \(what)\(place)") }
        return string
    }

    /// `nstring = string / nil`.
    mutating func nstring() throws(CommandFault) -> ArraySlice<UInt8>? {
        if skip(word: "NIL") { return nil }
        return try string()
    }

    private mutating func stringIfAny() throws(CommandFault) -> ArraySlice<UInt8>? {
        switch next {
        case UInt8(ascii: "\""): return try quoted()
        case UInt8(ascii: "{"): return try literal()
        default: return nil
        }
    }

    /// ```abnf
    /// quoted      = DQUOTE *QUOTED-CHAR DQUOTE
    /// QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8
    /// ```
    private mutating func quoted() throws(CommandFault) -> ArraySlice<UInt8> {
        position += 1
        let start = position
        var copy: [UInt8]?
        while let octet = next {
            switch octet {
            case UInt8(ascii: "\""):
                let text = copy.map { $0[...] } ?? octets[start..<position]
                position += 1
                return text
            case UInt8(ascii: "\\"):
                if copy == nil { copy = Array(octets[start..<position]) }
                position += 1
                guard let escaped = next,
                    [UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(escaped)
                else { throw .syntax("only \" and \\ may be quoted by \\\(place)") }
                copy?.append(escaped)
            case 0, .carriageReturn, .lineFeed:
                throw .syntax("NUL and line ends must not be quoted\(place)")
            default: copy?.append(octet)
            }
            position += 1
        }
        throw .syntax("a quoted string does not end")
    }

    /// A literal with its octets behind it (RFC 9051 §4.3, RFC 7888).
    ///
    /// ```abnf
    /// literal = "{" number64 ["+"] "}" CRLF *CHAR8
    /// ```
    private mutating func literal() throws(CommandFault) -> ArraySlice<UInt8> {
        let header = try literalHeader()
        return try literalOctets(header)
    }

    /// `literal8 = "~{" number64 ["+"] "}" CRLF *OCTET`, where a NUL may be.
    mutating func literal8() throws(CommandFault) -> ArraySlice<UInt8> {
        try demand("~")
        return try literalOctets(try literalHeader(), mayHoldNull: true)
    }

    private mutating func literalOctets(
        _ count: UInt64, mayHoldNull: Bool = false
    ) throws(CommandFault) -> ArraySlice<UInt8> {
        guard count <= UInt64(octets.count - position) else { throw .literalMissing }
        let text = octets[position..<(position + Int(count))]
        position += Int(count)
        guard mayHoldNull || !text.contains(0) else {
            throw .syntax("a literal must not hold NUL")
        }
        return text
    }

    /// The announcement with its CRLF; returns the octets announced.
    mutating func literalHeader() throws(CommandFault) -> UInt64 {
        try demand("{")
        let count = try number64()
        _ = skip("+")
        try demand("}")
        guard skip(UInt8.carriageReturn), skip(UInt8.lineFeed) else {
            throw .syntax("a literal begins on a new line")
        }
        return count
    }

    // MARK: What many commands have

    /// `mailbox = "INBOX" / astring`.
    mutating func mailbox() throws(CommandFault) -> MailboxName {
        let octets = try astring("a mailbox name")
        do {
            let name = try MailboxName(wire: octets, isUTF8: dialect.isUTF8)
            if let written = MailboxName.asWritten(octets, isUTF8: dialect.isUTF8) {
                normalizedNames.append(NormalizedName(name: name, written: written))
            }
            return name
        } catch {
            throw .refused(.cannot, "no mailbox can have this name: \(error)")
        }
    }

    /// See `SequenceSet`.
    mutating func sequenceSet() throws(CommandFault) -> SequenceSet {
        if skip("$") { return .saved }
        var ranges: [SequenceSet.Range] = []
        repeat {
            let first = try sequenceNumber()
            let last = skip(":") ? try sequenceNumber() : first
            guard ranges.count < SequenceSet.maximumRanges else {
                throw .refused(.limit, "a set has at most \(SequenceSet.maximumRanges) ranges")
            }
            ranges.append(SequenceSet.Range(first, last))
        } while skip(",")
        return .ranges(ranges)
    }

    private mutating func sequenceNumber() throws(CommandFault) -> UInt32 {
        skip("*") ? SequenceSet.lastNumber : try positiveNumber()
    }

    /// A set in which neither `*` nor `$` stands.
    mutating func numberSet() throws(CommandFault) -> NumberSet {
        let set = try sequenceSet()
        guard set != .saved, !set.hasLastNumber else {
            throw .syntax("neither * nor $ may stand here\(place)")
        }
        return set.resolve(largest: 0)
    }

    /// `flag-list`, or without parentheses as STORE allows.
    mutating func flags(needsParentheses: Bool) throws(CommandFault) -> FlagList {
        var list = FlagList()
        let isInParentheses = skip("(")
        guard isInParentheses || !needsParentheses else {
            throw .syntax("expected flags in parentheses\(place)")
        }
        if isInParentheses, skip(")") { return list }
        repeat { try flag(into: &list) } while skip(UInt8.space)
        if isInParentheses { try demand(")") }
        return list
    }

    private mutating func flag(into list: inout FlagList) throws(CommandFault) {
        let start = position
        let isSystem = skip("\\")
        _ = try atom("a flag")
        let name = octets[start..<position]
        if let known = FlagSet(name: name) {
            list.known.insert(known)
        } else if isSystem {
            // RFC 9051 §2.3.2: a client cannot set \Recent, nor invent system flags.
            throw .syntax("no such flag: \(String(lossy: name))")
        } else {
            guard name.count <= FlagList.maximumKeywordOctets else {
                throw .refused(
                    .limit, "a keyword has at most \(FlagList.maximumKeywordOctets) octets")
            }
            let keyword = String(lossy: name)
            if list.keywords.contains(where: { $0.utf8.equalsIgnoringCase(name) }) { return }
            guard list.keywords.count < FlagList.maximumKeywords else {
                throw .refused(.limit, "at most \(FlagList.maximumKeywords) keywords at once")
            }
            list.keywords.append(keyword)
        }
    }

    /// A list of at least one element in parentheses, each read by `element`.
    mutating func list(
        mayBeEmpty: Bool = false,
        _ element: (inout Self) throws(CommandFault) -> Void
    ) throws(CommandFault) {
        try demand("(")
        if mayBeEmpty, skip(")") { return }
        repeat { try element(&self) } while skip(UInt8.space)
        try demand(")")
    }

    // MARK: Dates

    private static let months: [Word: Int] = [
        "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9,
        "OCT": 10, "NOV": 11, "DEC": 12,
    ]

    /// ```abnf
    /// date      = date-text / DQUOTE date-text DQUOTE
    /// date-text = date-day "-" date-month "-" date-year
    /// ```
    mutating func date() throws(CommandFault) -> CalendarDay {
        let isQuoted = skip("\"")
        let date = try calendarDay(digits: 1...2)
        if isQuoted { try demand("\"") }
        return date
    }

    private mutating func calendarDay(
        digits: ClosedRange<Int>
    ) throws(CommandFault) -> CalendarDay {
        let day = try fixedNumber(digits)
        try demand("-")
        let name = run(\.isAlpha)
        try demand("-")
        let year = try fixedNumber(4...4)
        guard let word = Word(name), let month = Self.months[word],
            let date = CalendarDay(year: year, month: month, day: day)
        else { throw .syntax("expected a date such as 1-Feb-2026\(place)") }
        return date
    }

    private mutating func fixedNumber(_ digits: ClosedRange<Int>) throws(CommandFault) -> Int {
        let run = run(\.isDigit)
        guard digits.contains(run.count) else { throw .syntax("expected digits\(place)") }
        return run.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// `date-time`, see `InternalDate`.
    mutating func dateTime() throws(CommandFault) -> InternalDate {
        try demand("\"")
        // date-day-fixed = (SP DIGIT) / 2DIGIT
        let isPadded = skip(UInt8.space)
        let day = try calendarDay(digits: isPadded ? 1...1 : 2...2)
        try space()
        let hour = try fixedNumber(2...2)
        try demand(":")
        let minute = try fixedNumber(2...2)
        try demand(":")
        let second = try fixedNumber(2...2)
        try space()
        let isWest = skip("-")
        if !isWest { try demand("+") }
        let zone = try fixedNumber(4...4)
        try demand("\"")
        guard hour < 24, minute < 60, second <= 60, zone % 100 < 60, zone < 2400 else {
            throw .syntax("no such time of day\(place)")
        }
        let offset = (zone / 100 * 60 + zone % 100) * (isWest ? -1 : 1)
        let seconds = Int64(hour * 3600 + minute * 60 + second - offset * 60)
        return InternalDate(
            Timestamp(seconds: day.start.seconds + seconds), offsetMinutes: offset)
    }
}
