// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// Whom a header field names: RFC 5322's `mailbox`, an address with the name of a person.
package struct Participant: Hashable, Sendable, CustomStringConvertible {
    /// The display name, decoded; from a comment if there is no other; nil without any.
    package var name: String?
    /// Without quoting.
    package var localPart: String
    /// As written, without comments and white space; empty if the field names no domain.
    package var domain: String

    package init(name: String? = nil, localPart: String, domain: String) {
        self.name = name
        self.localPart = localPart
        self.domain = domain
    }

    package init(name: String? = nil, _ address: Address) {
        self.name = name
        localPart = address.localPart.value
        domain = address.destination.description
    }

    /// `addr-spec`, quoted where it has to be; only the local part if there is no domain.
    package var addressText: String {
        guard !domain.isEmpty else { return localPart }
        guard localPart.utf8.contains(where: { !$0.isAtomText && $0 != .dot }) || localPart.isEmpty
        else { return "\(localPart)@\(domain)" }
        var quoted = "\""
        for scalar in localPart.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return "\(quoted)\"@\(domain)"
    }

    /// The address as SMTP knows it, nil if it is none.
    package var address: Address? { try? Address(addressText) }

    package var description: String { name.map { "\($0) <\(addressText)>" } ?? addressText }
}

/// `address-list` (RFC 5322 §3.4, obsolete syntax by §4.4, UTF-8 by RFC 6532).
///
/// ```abnf
/// address      = mailbox / group
/// mailbox      = name-addr / addr-spec
/// name-addr    = [display-name] angle-addr
/// angle-addr   = [CFWS] "<" addr-spec ">" [CFWS] / obs-angle-addr
/// group        = display-name ":" [group-list] ";" [CFWS]
/// ```
package struct AddressList: Hashable, Sendable {
    /// One item of the list.
    package enum Entry: Hashable, Sendable {
        case participant(Participant)
        case group(name: String, members: [Participant])
    }

    /// More than any list; a header is bounded besides.
    package static let maximumAddresses = 10_000

    package private(set) var entries: [Entry] = []

    /// All participants in their order, those of groups too.
    package var participants: [Participant] {
        entries.flatMap { entry in
            switch entry {
            case .participant(let participant): [participant]
            case .group(_, let members): members
            }
        }
    }

    /// Reads a field's value, folded or not; never fails.
    package init(_ value: ArraySlice<UInt8>, defects: inout DefectList, at place: String = "") {
        var parser = AddressParser(value)
        parser.parse()
        entries = parser.entries
        if parser.isDamaged || parser.lexer.isDamaged { defects.note(.addressInvalid, at: place) }
        if parser.hasMisplacedWord { defects.note(.encodedWordMisplaced, at: place) }
        if !parser.isExact { defects.note(.encodedWordInvalid, at: place) }
        if !parser.isUTF8 { defects.note(.headerNotUTF8, at: place) }
    }

    package init(_ text: String) {
        var defects = DefectList()
        self.init(Array(text.utf8)[...], defects: &defects)
    }
}

/// Collects words until it is clear what they are: a name before `<` or `:`, a local part
/// before `@`.
private struct AddressParser {
    var lexer: Lexer
    var entries: [AddressList.Entry] = []
    var isDamaged = false
    var hasMisplacedWord = false
    var isExact = true
    var isUTF8 = true
    private var count = 0
    private var search = EncodedWord.Search()
    /// The group whose members are being read.
    private var group: (name: String, members: [Participant])?

    private struct Word {
        enum Kind {
            case atom(EncodedWord?)
            case quoted
        }
        var kind: Kind
        var octets: [UInt8]
        /// White space or a comment stands before it.
        var isApart: Bool
    }

    init(_ octets: ArraySlice<UInt8>) { lexer = Lexer(octets) }

    mutating func parse() {
        while !lexer.isAtEnd, count < AddressList.maximumAddresses {
            element()
            if lexer.skip(UInt8(ascii: ";")) {
                if group == nil { isDamaged = true }
                endGroup()
            } else {
                _ = lexer.skip(UInt8(ascii: ","))
            }
        }
        if !lexer.isAtEnd { isDamaged = true }
        if group != nil {
            isDamaged = true
            endGroup()
        }
    }

    private mutating func endGroup() {
        guard let ended = group else { return }
        entries.append(.group(name: ended.name, members: ended.members))
        group = nil
    }

    private mutating func add(_ participant: Participant) {
        count += 1
        if group == nil {
            entries.append(.participant(participant))
        } else {
            group?.members.append(participant)
        }
    }

    /// One address or the beginning of a group; stops before `,` or `;`, or at the end.
    private mutating func element() {
        lexer.comment = nil
        var words: [Word] = []
        while true {
            let isApart = lexer.skipCFWS()
            guard let octet = lexer.current else { return nameAlone(words) }
            switch octet {
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                return nameAlone(words)
            case UInt8(ascii: "<"):
                return angle(named: words)
            case UInt8(ascii: "@"):
                return bare(words)
            case UInt8(ascii: ":"):
                lexer.index += 1
                endGroup()
                group = (name(words) ?? "", [])
                return
            case UInt8(ascii: "\""):
                if let text = lexer.quotedString() {
                    words.append(Word(kind: .quoted, octets: text, isApart: isApart))
                }
            default:
                words.append(atom(isApart: isApart))
            }
        }
    }

    /// An encoded word, or a run of what is neither white space nor special.
    ///
    /// Dots belong to it: `John Q. Public` is common (RFC 5322 §4.1 `obs-phrase`).
    private mutating func atom(isApart: Bool) -> Word {
        let start = lexer.index
        if let word = EncodedWord(in: lexer.octets, at: &lexer.index, search: &search) {
            if let next = lexer.current, !next.isWhitespace, !"\r\n<,;:(@".utf8.contains(next) {
                hasMisplacedWord = true
            }
            if word.hasWhitespace { hasMisplacedWord = true }
            return Word(
                kind: .atom(word), octets: Array(lexer.octets[start..<lexer.index]),
                isApart: isApart)
        }
        let run = lexer.run { $0.isAtomText || $0 == .dot }
        if run.isEmpty {
            // A special that may not stand here.
            isDamaged = true
            lexer.index += 1
        }
        return Word(
            kind: .atom(nil), octets: Array(lexer.octets[start..<lexer.index]), isApart: isApart)
    }

    /// The words as text for people.
    private mutating func name(_ words: [Word]) -> String? {
        var text = EncodedText()
        var wasEncoded = false
        for (index, word) in words.enumerated() {
            if case .atom(.some(let encoded)) = word.kind {
                if word.isApart, index > 0, !wasEncoded { text.append(" ") }
                text.append(encoded)
                wasEncoded = true
                continue
            }
            if word.isApart, index > 0 { text.append(" ") }
            text.append(plain(word))
            wasEncoded = false
        }
        let result = text.finish()
        if !text.isExact { isExact = false }
        let trimmed = result.trimmingWhitespace
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// A quoted string may hold encoded words in practice, though RFC 2047 §5 (3) forbids it.
    private mutating func plain(_ word: Word) -> String {
        var noted = DefectList()
        guard case .quoted = word.kind, word.octets.contains(UInt8(ascii: "?")) else {
            let (text, isUTF8) = Charset.guess(word.octets)
            if !isUTF8 { self.isUTF8 = false }
            return text
        }
        let text = EncodedWord.decode(word.octets[...], defects: &noted, at: "")
        if !text.utf8.elementsEqual(word.octets) { hasMisplacedWord = true }
        if noted.defects.contains(where: { $0.code == .encodedWordInvalid }) { isExact = false }
        return text
    }

    /// `A(comment)` in the manner of before RFC 822: the comment is the name.
    private mutating func commentName() -> String? {
        guard let comment = lexer.comment, !comment.isEmpty else { return nil }
        var noted = DefectList()
        let text = EncodedWord.decode(comment[...], defects: &noted, at: "")
        if noted.defects.contains(where: { $0.code == .headerNotUTF8 }) { isUTF8 = false }
        let trimmed = text.trimmingWhitespace
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// No address followed: one word is a local user's name, several are a name without address.
    private mutating func nameAlone(_ words: [Word]) {
        guard !words.isEmpty else { return }
        isDamaged = true
        if words.count == 1, case .atom(nil) = words[0].kind {
            add(Participant(name: commentName(), localPart: plain(words[0]), domain: ""))
        } else {
            add(Participant(name: name(words), localPart: "", domain: ""))
        }
    }

    /// `addr-spec` without angle brackets; the lexer stands on `@`.
    private mutating func bare(_ words: [Word]) {
        // `pete . smith @ example` is one local part (RFC 5322 §4.4); a word that is set apart
        // without a dot belongs to a name.
        var first = words.count
        while first > 0 {
            first -= 1
            let joins =
                !words[first].isApart || words[first].octets.first == .dot
                || first > 0 && words[first - 1].octets.last == .dot
            if !joins || first == 0 { break }
        }
        var local = words[min(first, words.count)...].flatMap(\.octets)
        lexer.index += 1
        var domain = readDomain()
        while lexer.current == UInt8(ascii: "@") {
            // `a@b@c`: the last one counts.
            isDamaged = true
            local += [UInt8(ascii: "@")] + domain
            lexer.index += 1
            domain = readDomain()
        }
        if local.isEmpty || domain.isEmpty { isDamaged = true }
        lexer.skipCFWS()
        if lexer.current == UInt8(ascii: "<") {
            // `joe@example.org <joe@example.org>`
            let written = "\(String(lossy: local))@\(String(lossy: domain))"
            isDamaged = true
            return angle(
                named: words[..<first] + [
                    Word(kind: .quoted, octets: Array(written.utf8), isApart: true)
                ])
        }
        if first > 0 { isDamaged = true }
        let leading = first > 0 ? name(Array(words[..<first])) : nil
        skipRest()
        add(
            Participant(
                name: leading ?? commentName(), localPart: text(local), domain: text(domain)))
    }

    private mutating func text(_ octets: [UInt8]) -> String {
        let (text, isUTF8) = Charset.guess(octets)
        if !isUTF8 { self.isUTF8 = false }
        return text
    }

    /// Up to the end of this element, or to an address that follows without a comma: whom others
    /// may see is not passed over.
    private mutating func skipRest() {
        while true {
            lexer.skipCFWS()
            guard let octet = lexer.current, octet != UInt8(ascii: ","),
                octet != UInt8(ascii: ";")
            else { return }
            isDamaged = true
            if octet == UInt8(ascii: "<") { return }
            if octet == UInt8(ascii: "\""), lexer.quotedString() != nil { continue }
            if lexer.run(while: { $0.isAtomText || $0 == .dot }).isEmpty { lexer.index += 1 }
        }
    }

    /// `domain = dot-atom / domain-literal / obs-domain`, behind `@`.
    private mutating func readDomain() -> [UInt8] {
        var domain: [UInt8] = []
        while true {
            let before = lexer.index
            let isApart = lexer.skipCFWS()
            guard let octet = lexer.current else { return domain }
            if octet == UInt8(ascii: "["), domain.isEmpty { return lexer.domainLiteral() }
            // A word set apart from the domain is none of it, but for `example . org`.
            if isApart, !domain.isEmpty, octet != .dot, domain.last != .dot {
                lexer.index = before
                return domain
            }
            let run = lexer.run { $0.isAtomText || $0 == .dot }
            guard !run.isEmpty else { return domain }
            domain += run
        }
    }

    /// Behind a name; the lexer stands on `<`.
    private mutating func angle(named words: some Collection<Word>) {
        lexer.index += 1
        let named = name(Array(words))
        lexer.skipCFWS()
        skipRoute()
        var local: [UInt8] = []
        var domain: [UInt8]?
        var isClosed = false
        while !isClosed {
            lexer.skipCFWS()
            guard let octet = lexer.current else { break }
            switch octet {
            case UInt8(ascii: ">"):
                lexer.index += 1
                isClosed = true
            case UInt8(ascii: "@"):
                if let earlier = domain {
                    // `<a@b@c>`: the last one counts.
                    isDamaged = true
                    local += [UInt8(ascii: "@")] + earlier
                }
                lexer.index += 1
                domain = readDomain()
            case UInt8(ascii: "\""):
                if let text = lexer.quotedString() { local += text }
            case UInt8(ascii: ",") where domain != nil, UInt8(ascii: ";") where domain != nil:
                isDamaged = true
                isClosed = true
            case UInt8(ascii: "<"):
                // `<Joe <joe@example.org>>`
                isDamaged = true
                lexer.index += 1
                local = []
                domain = nil
            default:
                let run = lexer.run { $0.isAtomText || $0 == .dot }
                if run.isEmpty || domain != nil { isDamaged = true }
                if !run.isEmpty {
                    if domain == nil { local += run }
                } else {
                    lexer.index += 1
                    if octet == UInt8(ascii: ":"), local.equalsIgnoringCase("mailto".utf8) {
                        local = []
                    } else if domain == nil {
                        local.append(octet)
                    }
                }
            }
        }
        if !isClosed || domain?.isEmpty != false || local.isEmpty { isDamaged = true }
        skipRest()
        add(
            Participant(
                name: named ?? commentName(), localPart: text(local), domain: text(domain ?? [])))
    }

    /// `obs-route = obs-domain-list ":"` (RFC 5322 §4.4): `<@a.example,@b.example:joe@c.example>`.
    private mutating func skipRoute() {
        guard lexer.current == UInt8(ascii: "@") || lexer.current == UInt8(ascii: ",") else {
            return
        }
        let start = lexer.index
        _ = lexer.run {
            $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "<")
        }
        if !lexer.skip(UInt8(ascii: ":")) { lexer.index = start }
    }
}

extension String {
    /// Without white space and line ends at both ends.
    var trimmingWhitespace: Substring {
        let isBlank = { (character: Character) in
            character == " " || character == "\t" || character.isNewline
        }
        guard let first = firstIndex(where: { !isBlank($0) }),
            let last = lastIndex(where: { !isBlank($0) })
        else { return "" }
        return self[first...last]
    }
}
