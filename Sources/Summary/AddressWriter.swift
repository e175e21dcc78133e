// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Writes the addresses of a field as IMAP's address structures (RFC 9051 §7.5.2).
///
/// It reads like `MIME.AddressList`, but keeps the octets: encoded words stay encoded. What has no
/// local part or no domain gets an empty string, for NIL would make a group of it.
///
/// ```abnf
/// address      = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
/// ```
struct AddressWriter {
    /// The first address of a field, for sorting; of a group its name, as in ENVELOPE.
    struct First {
        var name: [UInt8]
        var localPart: [UInt8]
        var domain: [UInt8]
    }

    private struct Word {
        /// Where its text stands, unquoted.
        var text: Range<Int>
        var isQuoted: Bool
        var isEncodedWord: Bool
        /// White space or a comment stands before it.
        var isApart: Bool
    }

    private(set) var first: First?
    private var cursor: FieldCursor
    private var output: ResponseText
    private var count = 0
    private var isInGroup = false
    private var words: [Word] = []
    /// The texts of words, one behind the other.
    private var text: [UInt8] = []

    /// Writes all addresses of one value behind `output`; `count` are there already.
    static func write(
        _ value: Range<Int>, of source: Source, count: inout Int, first: inout First?,
        to output: inout ResponseText
    ) {
        var writer = AddressWriter(
            first: first, cursor: FieldCursor(source, value), output: output, count: count)
        // One owner at a time: the text is not copied.
        output = ResponseText(reserving: 0)
        writer.run()
        output = writer.output
        count = writer.count
        first = writer.first
    }

    private init(first: First?, cursor: FieldCursor, output: consuming ResponseText, count: Int) {
        self.first = first
        self.cursor = cursor
        self.output = output
        self.count = count
    }

    private mutating func run() {
        while cursor.current != nil, count < AddressList.maximumAddresses, !output.isFull {
            element()
            if cursor.skip(UInt8(ascii: ";")) {
                endGroup()
            } else {
                _ = cursor.skip(UInt8(ascii: ","))
            }
        }
        endGroup()
    }

    // MARK: Writing

    private mutating func beginGroup() {
        endGroup()
        isInGroup = true
        count += 1
        output.verbatim("(NIL NIL ")
        let name = phrase(words[...])
        output.string(name)
        output.verbatim(" NIL)")
        first = first ?? First(name: name, localPart: name, domain: [])
    }

    private mutating func endGroup() {
        guard isInGroup else { return }
        isInGroup = false
        output.verbatim("(NIL NIL NIL NIL)")
    }

    private mutating func address(
        name: [UInt8], route: Range<Int>? = nil, local: [UInt8], domain: [UInt8]
    ) {
        count += 1
        output.open()
        if name.isEmpty { output.null() } else { output.string(name) }
        output.space()
        output.field(cursor.source, route)
        output.space()
        output.string(local)
        output.space()
        output.string(domain)
        output.close()
        first = first ?? First(name: name, localPart: local, domain: domain)
    }

    /// Words as one text, a space where they stand apart.
    private func phrase(_ words: ArraySlice<Word>) -> [UInt8] {
        var phrase: [UInt8] = []
        for word in words {
            if word.isApart, !phrase.isEmpty { phrase.append(.space) }
            phrase.append(contentsOf: text[word.text])
        }
        return phrase
    }

    /// `A(comment)` in the manner of before RFC 822: the comment is the name.
    private var commentName: [UInt8] {
        guard let comment = cursor.comment else { return [] }
        var name: [UInt8] = []
        var isEscaped = false
        for octet in cursor.source[cursor.source.trimmed(comment)] {
            if !isEscaped, octet == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            }
            isEscaped = false
            if octet != .carriageReturn, octet != .lineFeed { name.append(octet) }
        }
        return name
    }

    // MARK: Reading

    /// One address or the beginning of a group; stops before `,` or `;`, or at the end.
    private mutating func element() {
        cursor.comment = nil
        words.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        while true {
            let isApart = cursor.skipCFWS()
            guard let octet = cursor.current else { return nameAlone() }
            switch octet {
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                return nameAlone()
            case UInt8(ascii: "<"):
                return angle(named: phrase(words[...]))
            case UInt8(ascii: "@"):
                return bare()
            case UInt8(ascii: ":"):
                cursor.index += 1
                return beginGroup()
            case UInt8(ascii: "\""):
                let start = text.count
                if cursor.quotedString(into: &text) {
                    words.append(
                        Word(
                            text: start..<text.count, isQuoted: true, isEncodedWord: false,
                            isApart: isApart))
                }
            default:
                atom(isApart: isApart)
            }
        }
    }

    /// An encoded word, or a run of what is neither white space nor special.
    private mutating func atom(isApart: Bool) {
        let start = text.count
        let encoded = encodedWord()
        let run = encoded ?? cursor.run { $0.isAtomOrDot }
        if run.isEmpty {
            // A special that may not stand here.
            text.append(cursor.source[cursor.index])
            cursor.index += 1
        } else {
            text.append(contentsOf: cursor.source[run])
        }
        words.append(
            Word(
                text: start..<text.count, isQuoted: false, isEncodedWord: encoded != nil,
                isApart: isApart))
    }

    /// Longer encoded words are none (RFC 2047 §2 allows 75).
    private static let maximumEncodedWordOctets = 500

    /// An encoded word may hold specials in practice: `=?utf-8?Q?M=FCller, Hans?=`.
    private mutating func encodedWord() -> Range<Int>? {
        let source = cursor.source
        let start = cursor.index
        let limit = min(cursor.end, start + Self.maximumEncodedWordOctets)
        guard start + 8 <= limit, source[start] == UInt8(ascii: "="),
            source[start + 1] == UInt8(ascii: "?")
        else { return nil }
        var marks = 0
        var index = start + 2
        while index < limit {
            let octet = source[index]
            if octet == .carriageReturn || octet == .lineFeed { return nil }
            if marks < 2, octet <= 0x20 { return nil }
            if octet == UInt8(ascii: "?") {
                marks += 1
                if marks > 2 {
                    guard index + 1 < limit, source[index + 1] == UInt8(ascii: "=") else {
                        return nil
                    }
                    cursor.index = index + 2
                    return start..<(index + 2)
                }
            }
            index += 1
        }
        return nil
    }

    /// No address followed: one word is a local user's name, several are a name without address.
    private mutating func nameAlone() {
        guard let word = words.first else { return }
        if words.count == 1, !word.isQuoted, !word.isEncodedWord {
            address(name: commentName, local: Array(text[word.text]), domain: [])
        } else {
            address(name: phrase(words[...]), local: [], domain: [])
        }
    }

    /// `addr-spec` without angle brackets; the cursor stands on `@`.
    private mutating func bare() {
        // `pete . smith @ example` is one local part (RFC 5322 §4.4); a word that is set apart
        // without a dot belongs to a name.
        var first = words.count
        while first > 0 {
            first -= 1
            let joins =
                !words[first].isApart || text[words[first].text].first == .dot
                || first > 0 && text[words[first - 1].text].last == .dot
            if !joins || first == 0 { break }
        }
        var local: [UInt8] = []
        for word in words[min(first, words.count)...] { local += text[word.text] }
        cursor.index += 1
        let domain = readDomain()
        cursor.skipCFWS()
        if cursor.current == UInt8(ascii: "<") {
            // `joe@example.org <joe@example.org>`
            var name = phrase(words[..<first])
            if !name.isEmpty { name.append(.space) }
            return angle(named: name + local + [UInt8(ascii: "@")] + domain)
        }
        let leading = phrase(words[..<first])
        skipRest()
        address(name: leading.isEmpty ? commentName : leading, local: local, domain: domain)
    }

    /// Up to the end of this element.
    private mutating func skipRest() {
        while true {
            cursor.skipCFWS()
            guard let octet = cursor.current, octet != UInt8(ascii: ","),
                octet != UInt8(ascii: ";")
            else { return }
            if octet == UInt8(ascii: "\"") {
                let mark = text.count
                let isString = cursor.quotedString(into: &text)
                text.removeLast(text.count - mark)
                if isString { continue }
            }
            if cursor.run(while: { $0.isAtomOrDot }).isEmpty, cursor.current != nil {
                cursor.index += 1
            }
        }
    }

    /// `domain = dot-atom / domain-literal / obs-domain`, behind `@`.
    private mutating func readDomain() -> [UInt8] {
        var domain: [UInt8] = []
        while true {
            let before = cursor.index
            let isApart = cursor.skipCFWS()
            guard let octet = cursor.current else { return domain }
            if octet == UInt8(ascii: "["), domain.isEmpty { return domainLiteral() }
            // A word set apart from the domain is none of it, but for `example . org`.
            if isApart, !domain.isEmpty, octet != .dot, domain.last != .dot {
                cursor.index = before
                return domain
            }
            let run = cursor.run { $0.isAtomOrDot }
            guard !run.isEmpty else { return domain }
            domain.append(contentsOf: cursor.source[run])
        }
    }

    /// `domain-literal = "[" *([FWS] dtext) [FWS] "]"` with its brackets, without white space.
    private mutating func domainLiteral() -> [UInt8] {
        var literal: [UInt8] = []
        while let octet = cursor.current {
            guard octet != UInt8(ascii: ">"), octet != UInt8(ascii: ",") else { break }
            cursor.index += 1
            if octet.isSpaceOrLineEnd { continue }
            literal.append(octet)
            if octet == UInt8(ascii: "]") { break }
        }
        return literal
    }

    /// Behind a name; the cursor stands on `<`.
    private mutating func angle(named name: [UInt8]) {
        cursor.index += 1
        cursor.skipCFWS()
        let route = route()
        var local: [UInt8] = []
        var domain: [UInt8]?
        reading: while true {
            cursor.skipCFWS()
            guard let octet = cursor.current else { break }
            switch octet {
            case UInt8(ascii: ">"):
                cursor.index += 1
                break reading
            case UInt8(ascii: "@"):
                // `<a@b@c>`: the last one counts.
                if let earlier = domain { local += [UInt8(ascii: "@")] + earlier }
                cursor.index += 1
                domain = readDomain()
            case UInt8(ascii: "\""):
                _ = cursor.quotedString(into: &local)
            case UInt8(ascii: ",") where domain != nil, UInt8(ascii: ";") where domain != nil:
                break reading
            case UInt8(ascii: "<"):
                // `<Joe <joe@example.org>>`
                cursor.index += 1
                local = []
                domain = nil
            default:
                angleText(octet, &local, isLocal: domain == nil)
            }
        }
        skipRest()
        address(
            name: name.isEmpty ? commentName : name, route: route, local: local,
            domain: domain ?? [])
    }

    private mutating func angleText(_ octet: UInt8, _ local: inout [UInt8], isLocal: Bool) {
        let run = cursor.run { $0.isAtomOrDot }
        if !run.isEmpty {
            if isLocal { local.append(contentsOf: cursor.source[run]) }
            return
        }
        cursor.index += 1
        if octet == UInt8(ascii: ":"), local.equalsIgnoringCase("mailto".utf8) {
            local = []
        } else if isLocal {
            local.append(octet)
        }
    }

    /// `obs-route = obs-domain-list ":"` (RFC 5322 §4.4): `<@a.example,@b.example:joe@c.example>`.
    private mutating func route() -> Range<Int>? {
        guard cursor.current == UInt8(ascii: "@") || cursor.current == UInt8(ascii: ",") else {
            return nil
        }
        let start = cursor.index
        let route = cursor.run {
            $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "<")
        }
        guard cursor.skip(UInt8(ascii: ":")) else {
            cursor.index = start
            return nil
        }
        return route
    }
}
