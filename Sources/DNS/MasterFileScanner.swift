// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A word of a master file, its escapes still in it (RFC 1035 §5.1).
struct Token: Sendable {
    var raw: ArraySlice<UInt8>
    var isQuoted: Bool
    /// Whether nothing stands between this word and the one before it, as in `key="value"`.
    var adjoins = false
    /// Counted from 1; columns in octets.
    var line: Int
    var column: Int

    /// The word as people see it in a message: short, and valid text.
    var shown: String {
        let text = String(lossy: raw.prefix(60))
        return raw.count > 60 ? text + "…" : text
    }
}

/// A line of a master file, with those that its parentheses draw in.
struct MasterFileEntry {
    /// Whether the line begins with white space: the owner is that of the record before.
    var beginsBlank: Bool
    var tokens: [Token]
    /// The place after the last token, where something missing was expected.
    var endLine: Int
    var endColumn: Int
}

/// Cuts a master file into entries and words: comments, quotes, parentheses, escapes.
struct MasterFileScanner {
    /// The longest word: the longest RDATA, every octet written as `\DDD`.
    static let maximumTokenOctets = 4 * RecordFormat.maximumOctets
    /// One word for each octet of RDATA is more than any type has.
    static let maximumTokens = RecordFormat.maximumOctets + 16

    /// RFC 1035 §5.1 groups lines with them; nobody nests them deeply.
    static let maximumParentheses = 100

    let text: [UInt8]
    /// What was read so far; behind an entry, where the next line begins.
    private(set) var index = 0
    /// Where the line begins on which the last entry stands first.
    private(set) var entryStart = 0
    private var line = 1
    private var lineStart = 0

    init(_ text: [UInt8]) { self.text = text }

    private var column: Int { index - lineStart + 1 }

    private func fault(_ expected: String, found: String = "") -> MasterFile.Fault {
        MasterFile.Fault(line: line, column: column, token: found, expected: expected)
    }

    /// The next entry that holds a word, nil at the end.
    ///
    /// After a fault the next line follows.
    mutating func next() throws(MasterFile.Fault) -> MasterFileEntry? {
        while index < text.count {
            entryStart = index
            do {
                let entry = try entry()
                if !entry.tokens.isEmpty { return entry }
            } catch {
                skipLine()
                throw error
            }
        }
        return nil
    }

    private mutating func skipLine() {
        while index < text.count, text[index] != .lineFeed { index += 1 }
        if index < text.count { newLine() }
    }

    private mutating func newLine() {
        index += 1
        line += 1
        lineStart = index
    }

    private mutating func entry() throws(MasterFile.Fault) -> MasterFileEntry {
        var entry = MasterFileEntry(
            beginsBlank: text[index].isWhitespace, tokens: [], endLine: line, endColumn: 1)
        // Most records have no more words: one allocation holds them.
        entry.tokens.reserveCapacity(8)
        var open: [MasterFile.Fault] = []
        var lastEnd = index
        while index < text.count {
            switch text[index] {
            case .lineFeed:
                newLine()
                if open.isEmpty { return entry }
            case .space, .tab, .carriageReturn: index += 1
            case UInt8(ascii: ";"):
                while index < text.count, text[index] != .lineFeed { index += 1 }
            case UInt8(ascii: "("):
                guard open.count < Self.maximumParentheses else {
                    throw fault(
                        "at most \(Self.maximumParentheses) parentheses within each other",
                        found: "(")
                }
                open.append(fault("a closing parenthesis for this one", found: "("))
                index += 1
            case UInt8(ascii: ")"):
                guard open.popLast() != nil else {
                    throw fault("no closing parenthesis without an opening one", found: ")")
                }
                index += 1
            default:
                guard entry.tokens.count < Self.maximumTokens else {
                    throw fault("at most \(Self.maximumTokens) words in a record")
                }
                let adjoins = !entry.tokens.isEmpty && index == lastEnd
                entry.tokens.append(try token(adjoins: adjoins))
                lastEnd = index
                entry.endLine = line
                entry.endColumn = column
            }
        }
        if let unclosed = open.last { throw unclosed }
        return entry
    }

    private mutating func token(adjoins: Bool) throws(MasterFile.Fault) -> Token {
        let start = index
        var token = Token(raw: [], isQuoted: false, adjoins: adjoins, line: line, column: column)
        if text[index] == UInt8(ascii: "\"") {
            token.isQuoted = true
            token.raw = try quoted()
        } else {
            loop: while index < text.count {
                switch text[index] {
                case .space, .tab, .lineFeed, .carriageReturn, UInt8(ascii: ";"),
                    UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""):
                    break loop
                case UInt8(ascii: "\\"):
                    index += 1
                    guard index < text.count, text[index] != .lineFeed,
                        text[index] != .carriageReturn
                    else { throw fault("a character after the backslash") }
                    index += 1
                default: index += 1
                }
            }
            token.raw = text[start..<index]
        }
        guard token.raw.count <= Self.maximumTokenOctets else {
            throw fault("a word of at most \(Self.maximumTokenOctets) octets", found: token.shown)
        }
        return token
    }

    /// What stands between two quotes; it may hold line ends.
    private mutating func quoted() throws(MasterFile.Fault) -> ArraySlice<UInt8> {
        let unclosed = fault("a closing quote for this one", found: "\"")
        let open = (index: index, line: line, lineStart: lineStart)
        index += 1
        let start = index
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\""):
                defer { index += 1 }
                return text[start..<index]
            case UInt8(ascii: "\\"):
                index += 1
                if index < text.count, text[index] == .lineFeed { newLine() } else { index += 1 }
            case .lineFeed: newLine()
            default: index += 1
            }
        }
        (index, line, lineStart) = open
        throw unclosed
    }
}

/// The words of one entry, taken from the left.
struct TokenReader {
    let entry: MasterFileEntry
    /// What names without a final dot stand below.
    var origin: Name
    var index = 0
    /// Whether a dot anywhere makes a name absolute, as people mean it outside of master files.
    var takesDottedNamesWhole = false

    var isAtEnd: Bool { index == entry.tokens.count }
    var peek: Token? { isAtEnd ? nil : entry.tokens[index] }

    /// A fault at the word taken last.
    func fault(_ expected: String) -> MasterFile.Fault {
        fault(expected, at: index > 0 ? entry.tokens[index - 1] : peek)
    }

    func fault(_ expected: String, at token: Token?) -> MasterFile.Fault {
        MasterFile.Fault(
            line: token?.line ?? entry.endLine, column: token?.column ?? entry.endColumn,
            token: token?.shown ?? "", expected: expected)
    }

    mutating func next(_ expected: String) throws(MasterFile.Fault) -> Token {
        guard let token = peek else { throw fault(expected, at: nil) }
        index += 1
        return token
    }

    /// All words left, at least one.
    mutating func rest(_ expected: String) throws(MasterFile.Fault) -> [UInt8] {
        var text = Array(try next(expected).raw)
        while let token = peek {
            text += token.raw
            index += 1
        }
        return text
    }

    /// A decimal number without sign.
    mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
        _ expected: String, as: Number.Type = Number.self
    ) throws(MasterFile.Fault) -> Number {
        let token = try next(expected)
        guard let number = Number(decimal: token.raw) else { throw fault(expected) }
        return number
    }

    /// Seconds, or numbers with units: `1h30m`.
    mutating func duration() throws(MasterFile.Fault) -> UInt32 {
        let expected = "seconds up to 4294967295, or a time such as 1h30m"
        let token = try next(expected)
        guard let seconds = seconds(of: token.raw) else { throw fault(expected) }
        return seconds
    }

    mutating func name() throws(MasterFile.Fault) -> Name {
        try name(of: try next("a domain name"))
    }

    /// A name: `@`, absolute with a final dot, or below the origin (RFC 1035 §5.1).
    func name(of token: Token) throws(MasterFile.Fault) -> Name {
        guard !token.raw.isEmpty else { throw fault("a domain name", at: token) }
        if token.raw.count == 1 {
            if !token.isQuoted, token.raw.first == UInt8(ascii: "@") { return origin }
            if token.raw.first == .dot { return .root }
        }
        // The labels behind each other, each begun with room for its length.
        var wire: [UInt8] = []
        wire.reserveCapacity(min(token.raw.count + 1, Name.maximumOctets) + origin.wire.count)
        wire.append(0)
        var start = 0
        var isAbsolute = false
        var index = token.raw.startIndex
        while index < token.raw.endIndex {
            let octet = token.raw[index]
            isAbsolute = octet == .dot
            if isAbsolute {
                let length = wire.count - start - 1
                guard length > 0 else { throw fault("a name without empty labels", at: token) }
                wire[start] = UInt8(length)
                start = wire.count
                wire.append(0)
                index += 1
            } else {
                wire.append(try character(token, &index))
            }
            guard wire.count - start - 1 <= Name.maximumLabelOctets else {
                throw fault("labels of at most 63 octets", at: token)
            }
        }
        if !isAbsolute {
            wire[start] = UInt8(wire.count - start - 1)
            if takesDottedNamesWhole, start > 0 { wire.append(0) } else { wire += origin.wire }
        }
        guard wire.count <= Name.maximumOctets else {
            throw fault("a name of at most 255 octets in all", at: token)
        }
        return Name(uncheckedWire: wire)
    }

    /// The octets that a word stands for.
    func content(of token: Token) throws(MasterFile.Fault) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(token.raw.count)
        var index = token.raw.startIndex
        while index < token.raw.endIndex { content.append(try character(token, &index)) }
        return content
    }

    /// One octet: itself, `\X`, or `\DDD` (RFC 1035 §5.1).
    private func character(
        _ token: Token, _ index: inout Int
    ) throws(MasterFile.Fault) -> UInt8 {
        let octet = token.raw[index]
        index += 1
        guard octet == UInt8(ascii: "\\") else { return octet }
        guard index < token.raw.endIndex else {
            throw fault("a character after the backslash", at: token)
        }
        guard token.raw[index].isDigit else {
            index += 1
            return token.raw[index - 1]
        }
        let digits = token.raw[index...].prefix(3)
        guard digits.count == 3, let code = UInt8(decimal: digits) else {
            throw fault("three digits from 000 to 255 after the backslash", at: token)
        }
        index += 3
        return code
    }

    /// `<character-string>` with its length octet.
    mutating func string() throws(MasterFile.Fault) -> [UInt8] {
        let token = try next("a character string")
        let content = try content(of: token)
        guard content.count <= 255 else {
            throw fault("a character string of at most 255 octets")
        }
        return [UInt8(content.count)] + content
    }

    mutating func end() throws(MasterFile.Fault) {
        if let token = peek { throw fault("the end of the record", at: token) }
    }
}

/// Seconds: a number, or numbers with units of weeks, days, hours, minutes and seconds.
func seconds(of text: some Collection<UInt8>) -> UInt32? {
    if let seconds = UInt32(decimal: text) { return seconds }
    var total: UInt64 = 0
    var number: UInt64?
    for octet in text {
        if octet.isDigit {
            number = (number ?? 0) * 10 + UInt64(octet - 0x30)
        } else {
            guard let unit = unitSeconds(octet.lowercased), let count = number else { return nil }
            total += count * unit
            number = nil
        }
        guard total <= UInt32.max, number ?? 0 <= UInt32.max else { return nil }
    }
    guard number == nil, !text.isEmpty else { return nil }
    return UInt32(total)
}

/// The seconds of a unit of time in lower case.
private func unitSeconds(_ letter: UInt8) -> UInt64? {
    switch letter {
    case UInt8(ascii: "w"): 604_800
    case UInt8(ascii: "d"): 86_400
    case UInt8(ascii: "h"): 3_600
    case UInt8(ascii: "m"): 60
    case UInt8(ascii: "s"): 1
    default: nil
    }
}

extension FixedWidthInteger {
    /// `1*DIGIT` that fits.
    init?(decimal text: some Collection<UInt8>) {
        guard !text.isEmpty else { return nil }
        var value: Self = 0
        for digit in text {
            guard digit.isDigit else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(Self(digit - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        self = value
    }
}
