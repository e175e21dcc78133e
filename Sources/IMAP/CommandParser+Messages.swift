// SPDX-License-Identifier: Apache-2.0

import Bytes

// MARK: - STORE, COPY, MOVE, APPEND

extension CommandParser {
    /// ```abnf
    /// store           = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP mod-sequence ")"]
    ///                   SP store-att-flags                              ; RFC 7162 §3.1.3
    /// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
    /// ```
    mutating func store(_ isUID: Bool) throws(CommandFault) -> Store {
        let messages = try set()
        try scanner.space()
        var unchangedSince: UInt64?
        if scanner.skip("(") {
            guard scanner.skip(word: "UNCHANGEDSINCE") else {
                throw .syntax("expected UNCHANGEDSINCE")
            }
            try scanner.space()
            unchangedSince = try scanner.number64()
            try scanner.demand(")")
            try scanner.space()
        }
        let manner: Store.Manner = scanner.skip("+") ? .add : scanner.skip("-") ? .remove : .replace
        let isSilent: Bool
        switch try scanner.word("FLAGS") {
        case "FLAGS": isSilent = false
        case "FLAGS.SILENT": isSilent = true
        default: throw .syntax("expected FLAGS or FLAGS.SILENT")
        }
        try scanner.space()
        return Store(
            messages: messages, isUID: isUID, manner: manner, isSilent: isSilent,
            flags: try scanner.flags(needsParentheses: false), unchangedSince: unchangedSince)
    }

    /// `copy = "COPY" SP sequence-set SP mailbox`, and MOVE (RFC 6851).
    mutating func transfer(_ isUID: Bool) throws(CommandFault) -> Transfer {
        Transfer(messages: try set(), isUID: isUID, mailbox: try mailbox())
    }

    /// ```abnf
    /// append  = "APPEND" SP mailbox 1*append-message                     ; RFC 3502 §6.3.11
    /// replace = "REPLACE" SP seq-number SP mailbox append-message        ; RFC 8508 §4
    /// ```
    mutating func append(_ verb: Verb, isUID: Bool) throws(CommandFault) -> Append {
        guard verb == .replace else { return Append(mailbox: try mailbox(), replaced: nil) }
        try scanner.space()
        let number =
            scanner.skip("*") ? SequenceSet.lastNumber : try scanner.positiveNumber()
        return Append(
            mailbox: try mailbox(), replaced: Append.Replaced(number: number, isUID: isUID))
    }

    /// What stands before a message, to the announcement of its octets, the last of the line.
    ///
    /// ```abnf
    /// append-message = [SP flag-list] [SP date-time] SP (literal / literal8 / append-utf8)
    /// append-utf8    = "UTF8" SP "(" literal8 ")"                        ; RFC 6855 §4
    /// ```
    mutating func appendedMessage() throws(CommandFault) -> (AppendedMessage, isWrapped: Bool) {
        try scanner.space()
        var flags = FlagList()
        if scanner.next == UInt8(ascii: "(") {
            flags = try scanner.flags(needsParentheses: true)
            try scanner.space()
        }
        var date: InternalDate?
        if scanner.next == UInt8(ascii: "\"") {
            date = try scanner.dateTime()
            try scanner.space()
        }
        let isWrapped = scanner.skip(word: "UTF8")
        if isWrapped {
            try scanner.space()
            try scanner.demand("(")
        }
        let isBinary = scanner.skip("~")
        guard isBinary || !isWrapped else { throw .syntax("UTF8 takes a literal8") }
        let octets = try scanner.literalHeader()
        try scanner.end()
        let message = AppendedMessage(
            flags: flags, date: date, octets: octets, isBinary: isBinary)
        return (message, isWrapped)
    }
}

// MARK: - FETCH

extension CommandParser {
    /// ```abnf
    /// fetch          = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
    ///                  "(" fetch-att *(SP fetch-att) ")") [SP "(" fetch-modifier
    ///                  *(SP fetch-modifier) ")"]                         ; RFC 4466 §2.4
    /// fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" / "PARTIAL" SP partial-range
    /// ```
    mutating func fetch(_ isUID: Bool) throws(CommandFault) -> Fetch {
        let messages = try set()
        try scanner.space()
        var fetch = Fetch(messages: messages, isUID: isUID, items: try fetchItems())
        if scanner.skip(UInt8.space) { try modifiers(of: &fetch) }
        // RFC 9051 §6.4.9; RFC 9586 §3.3: UIDFETCH has it in front, and here only if it is named.
        if isUID, !scanner.dialect.isUIDOnly, !fetch.items.contains(.uid) {
            fetch.items.insert(.uid, at: 0)
        }
        // RFC 7162 §3.1.4.1: as if MODSEQ had been named.
        if fetch.changedSince != nil, !fetch.items.contains(.modificationSequence) {
            fetch.items.append(.modificationSequence)
        }
        return fetch
    }

    private mutating func modifiers(of fetch: inout Fetch) throws(CommandFault) {
        var result = fetch
        try scanner.list { scanner throws(CommandFault) in
            switch try scanner.word("a modifier") {
            case "CHANGEDSINCE":
                try scanner.space()
                result.changedSince = try scanner.number64()
            case "VANISHED": result.wantsVanished = true
            case "PARTIAL":
                try scanner.space()
                result.partial = try Self.partialRange(&scanner)
            default: throw .syntax("unknown modifier of FETCH")
            }
        }
        // RFC 7162 §3.2.6.
        guard !result.wantsVanished || (result.isUID && result.changedSince != nil) else {
            throw .syntax("VANISHED needs UID FETCH with CHANGEDSINCE")
        }
        // RFC 9394 §3.3: the modifier belongs to UID FETCH.
        guard result.partial == nil || result.isUID else {
            throw .syntax("PARTIAL needs UID FETCH")
        }
        fetch = result
    }

    static func partialRange(
        _ scanner: inout CommandScanner
    ) throws(CommandFault) -> PartialRange {
        let isFromEnd = scanner.skip("-")
        let first = try scanner.positiveNumber()
        try scanner.demand(":")
        guard scanner.skip("-") == isFromEnd else {
            throw .syntax("both ends count from the same end")
        }
        return PartialRange(first, try scanner.positiveNumber(), isFromEnd: isFromEnd)
    }

    /// One item, a macro, or a list of items in parentheses.
    mutating func fetchItems() throws(CommandFault) -> [FetchItem] {
        if scanner.skip(word: "ALL") { return [.flags, .internalDate, .size, .envelope] }
        if scanner.skip(word: "FAST") { return [.flags, .internalDate, .size] }
        if scanner.skip(word: "FULL") { return [.flags, .internalDate, .size, .envelope, .body] }
        guard scanner.next == UInt8(ascii: "(") else { return [try fetchItem()] }
        var items: [FetchItem] = []
        scanner.move(to: scanner.position + 1)
        repeat {
            try Self.bound(items.count)
            let item = try fetchItem()
            if !items.contains(item) { items.append(item) }
        } while scanner.skip(UInt8.space)
        try scanner.demand(")")
        return items
    }

    private static let plainItems: [Word: FetchItem] = [
        "UID": .uid, "FLAGS": .flags, "INTERNALDATE": .internalDate, "RFC822.SIZE": .size,
        "ENVELOPE": .envelope, "BODYSTRUCTURE": .bodyStructure, "RFC822": .message,
        "RFC822.HEADER": .messageHeader, "RFC822.TEXT": .messageText,
        "MODSEQ": .modificationSequence, "EMAILID": .emailID, "THREADID": .threadID,
        "SAVEDATE": .saveDate,
    ]

    /// ```abnf
    /// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"]
    ///             / "UID" / "BODY" [".PEEK"] section [partial]
    ///             / "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
    ///             / "RFC822" [".HEADER" / ".TEXT"]                        ; RFC 3501 §9
    ///             / "MODSEQ" / "EMAILID" / "THREADID" / "SAVEDATE"
    ///             / "PREVIEW" [SP "(" "LAZY" ")"]                         ; RFC 8970 §6
    /// ```
    private mutating func fetchItem() throws(CommandFault) -> FetchItem {
        let name = scanner.run {
            $0.isAlphanumeric || $0 == .dot
        }
        guard !name.isEmpty, let word = Word(name) else { throw .syntax("expected a FETCH item") }
        if let item = Self.plainItems[word] { return item }
        switch word {
        case "BODY":
            return scanner.next == UInt8(ascii: "[") ? try section(isPeek: false) : .body
        case "BODY.PEEK": return try section(isPeek: true)
        case "BINARY": return .binary(part: try binaryPart(), try partial(), isPeek: false)
        case "BINARY.PEEK": return .binary(part: try binaryPart(), try partial(), isPeek: true)
        case "BINARY.SIZE": return .binarySize(part: try binaryPart())
        case "PREVIEW": return .preview(isLazy: try isLazy())
        default:
            throw .syntax("unknown FETCH item \(String(lossy: name))")
        }
    }

    private mutating func isLazy() throws(CommandFault) -> Bool {
        let place = scanner.position
        guard scanner.skip(UInt8.space), scanner.skip("(") else {
            scanner.move(to: place)
            return false
        }
        // Modifiers of FETCH itself stand in parentheses, too.
        guard scanner.skip(word: "LAZY") else {
            scanner.move(to: place)
            return false
        }
        try scanner.demand(")")
        return true
    }

    /// See `Section`.
    private mutating func section(isPeek: Bool) throws(CommandFault) -> FetchItem {
        try scanner.demand("[")
        var section = Section()
        section.part = try part()
        if scanner.next != UInt8(ascii: "]") { section.text = try sectionText(of: section.part) }
        try scanner.demand("]")
        return .section(section, try partial(), isPeek: isPeek)
    }

    /// `section-part = nz-number *("." nz-number)`, with the dot before what follows.
    private mutating func part() throws(CommandFault) -> [UInt32] {
        var part: [UInt32] = []
        while let octet = scanner.next, octet.isDigit {
            guard part.count < Section.maximumDepth else {
                throw .refused(.limit, "parts are at most \(Section.maximumDepth) deep")
            }
            part.append(try scanner.positiveNumber())
            guard scanner.next == .dot else { break }
            scanner.move(to: scanner.position + 1)
            guard scanner.next != UInt8(ascii: "]") else { throw .syntax("a part ends with a dot") }
        }
        return part
    }

    private mutating func sectionText(of part: [UInt32]) throws(CommandFault) -> Section.Text {
        let name = scanner.run { $0.isAlpha || $0 == .dot }
        switch Word(name) {
        case "HEADER": return .header
        case "TEXT": return .text
        // §6.4.5.1: of the message itself there are no MIME headers apart.
        case "MIME" where !part.isEmpty: return .mime
        case "HEADER.FIELDS": return .fields(try fields())
        case "HEADER.FIELDS.NOT": return .fieldsNot(try fields())
        default: throw .syntax("unknown section \(String(lossy: name.prefix(24)))")
        }
    }

    /// `header-list = "(" header-fld-name *(SP header-fld-name) ")"`.
    private mutating func fields() throws(CommandFault) -> [[UInt8]] {
        try scanner.space()
        var fields: [[UInt8]] = []
        try scanner.list { scanner throws(CommandFault) in
            try Self.bound(fields.count, Section.maximumFields)
            let name = try scanner.astring("a field's name")
            // RFC 5322 §2.2: printable ASCII without the colon.
            guard !name.isEmpty, name.count <= 100,
                name.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") })
            else { throw .syntax("a header field has no such name") }
            fields.append(Array(name))
        }
        return fields
    }

    /// `section-binary = "[" [section-part] "]"`.
    private mutating func binaryPart() throws(CommandFault) -> [UInt32] {
        try scanner.demand("[")
        let part = try part()
        try scanner.demand("]")
        return part
    }

    /// `partial = "<" number64 "." nz-number64 ">"`.
    private mutating func partial() throws(CommandFault) -> Partial? {
        guard scanner.skip("<") else { return nil }
        let offset = try scanner.number64()
        try scanner.demand(".")
        let count = try scanner.number64()
        guard count > 0 else { throw .syntax("a partial fetch wants at least one octet") }
        try scanner.demand(">")
        return Partial(offset: offset, count: count)
    }
}
