// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

extension CommandParser {
    /// ```abnf
    /// search             = "SEARCH" [search-return-opts] SP search-program
    /// search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    /// search-program     = ["CHARSET" SP charset SP] search-key *(SP search-key)
    /// ```
    mutating func search(_ isUID: Bool) throws(CommandFault) -> Search {
        try scanner.space()
        // RFC 9051 appendix E: IMAP4rev2 knows ESEARCH alone, and ALL without RETURN.
        var returns = scanner.dialect.isRevision2 ? SearchReturn(.all) : nil
        if scanner.skip(word: "RETURN") {
            try scanner.space()
            let wanted = try searchReturn()
            savesResult = wanted.options.contains(.save)
            returns = wanted
            try scanner.space()
        }
        var charset: Charset?
        if scanner.skip(word: "CHARSET") {
            guard !scanner.dialect.refusesCharset else {
                throw .syntax("after ENABLE UTF8=ACCEPT all is UTF-8: name no charset")
            }
            try scanner.space()
            charset = try self.charset()
        }
        return Search(key: try program(charset), isUID: isUID, returns: returns)
    }

    private mutating func searchReturn() throws(CommandFault) -> SearchReturn {
        var result = SearchReturn([])
        try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
            switch try scanner.word("a return option") {
            case "MIN": result.options.insert(.min)
            case "MAX": result.options.insert(.max)
            case "ALL": result.options.insert(.all)
            case "COUNT": result.options.insert(.count)
            case "SAVE": result.options.insert(.save)
            case "PARTIAL":
                guard result.partial == nil else { throw .syntax("PARTIAL twice") }
                try scanner.space()
                result.partial = try Self.partialRange(&scanner)
            default: throw .syntax("unknown return option of SEARCH")
            }
        }
        // RFC 9394 §3.1: either of them.
        guard result.partial == nil || !result.options.contains(.all) else {
            throw .syntax("PARTIAL and ALL exclude each other")
        }
        // RFC 9051 §6.4.4: () is (ALL).
        if result.options.isEmpty, result.partial == nil { result.options = .all }
        return result
    }

    /// `charset SP`, where `charset = atom / quoted`: without a key behind it it is no search,
    /// whatever it is called.
    private mutating func charset() throws(CommandFault) -> Charset {
        let name = String(lossy: try scanner.astring("a charset").prefix(60))
        try scanner.space()
        guard let charset = Charset(name) else {
            throw .refused(.badCharset(["UTF-8", "US-ASCII"]), "unknown charset \(name)")
        }
        return charset
    }

    /// All keys to the end of the command.
    private mutating func program(_ charset: Charset?) throws(CommandFault) -> SearchKey {
        var reader = SearchKeyReader(scanner: scanner, charset: charset)
        let key = try reader.keys()
        scanner = reader.scanner
        return key
    }

    private static let criteria: [Word: Sort.Criterion] = [
        "ARRIVAL": .arrival, "CC": .cc, "DATE": .date, "FROM": .from, "SIZE": .size,
        "SUBJECT": .subject, "TO": .to, "DISPLAYFROM": .displayFrom, "DISPLAYTO": .displayTo,
    ]

    /// ```abnf
    /// sort            = ["UID" SP] "SORT" SP sort-criteria SP search-criteria     ; RFC 5256 §5
    /// sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
    /// sort-criterion  = ["REVERSE" SP] sort-key
    /// search-criteria = charset 1*(SP search-key)
    /// ```
    mutating func sort(_ isUID: Bool) throws(CommandFault) -> Sort {
        try scanner.space()
        var steps: [Sort.Step] = []
        try scanner.list { scanner throws(CommandFault) in
            try Self.bound(steps.count, Sort.maximumSteps)
            let isReversed = scanner.skip(word: "REVERSE")
            if isReversed { try scanner.space() }
            guard let criterion = Self.criteria[try scanner.word("a sort key")] else {
                throw .syntax("unknown sort key")
            }
            steps.append(Sort.Step(criterion: criterion, isReversed: isReversed))
        }
        return Sort(criteria: steps, key: try searchCriteria(), isUID: isUID)
    }

    /// `thread = ["UID" SP] "THREAD" SP thread-alg SP search-criteria` (RFC 5256 §5).
    mutating func thread(_ isUID: Bool) throws(CommandFault) -> Thread {
        try scanner.space()
        let algorithm: Thread.Algorithm
        switch try scanner.word("an algorithm") {
        case "ORDEREDSUBJECT": algorithm = .orderedSubject
        case "REFERENCES": algorithm = .references
        default: throw .syntax("the algorithms are REFERENCES and ORDEREDSUBJECT")
        }
        return Thread(algorithm: algorithm, key: try searchCriteria(), isUID: isUID)
    }

    private mutating func searchCriteria() throws(CommandFault) -> SearchKey {
        try scanner.space()
        return try program(try charset())
    }
}

/// Reads the keys of a search (RFC 9051 §9, `search-key`), bounded in depth and number.
private struct SearchKeyReader {
    var scanner: CommandScanner
    let charset: Charset?
    private var count = 0

    init(scanner: CommandScanner, charset: Charset?) {
        self.scanner = scanner
        self.charset = charset
    }

    mutating func keys() throws(CommandFault) -> SearchKey {
        var keys: [SearchKey] = []
        repeat { keys.append(try key(depth: 0)) } while scanner.skip(UInt8.space)
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    private enum Kind {
        case fixed(SearchKey)
        case text(SearchKey.TextField)
        case date(SearchKey.DateField, SearchKey.DateComparison)
        case keyword(isSet: Bool)
        case age(isOlder: Bool)
        case header, larger, smaller, uid, uidAfter, uidBefore
        case modificationSequence, emailID, threadID, not, or
    }

    private static let kinds: [Word: Kind] = [
        "ALL": .fixed(.all), "ANSWERED": .fixed(.flag(.answered, isSet: true)),
        "BCC": .text(.bcc), "BEFORE": .date(.internal, .before), "BODY": .text(.body),
        "CC": .text(.cc), "DELETED": .fixed(.flag(.deleted, isSet: true)),
        "FLAGGED": .fixed(.flag(.flagged, isSet: true)), "FROM": .text(.from),
        "KEYWORD": .keyword(isSet: true), "ON": .date(.internal, .on),
        "SEEN": .fixed(.flag(.seen, isSet: true)), "SINCE": .date(.internal, .since),
        "SUBJECT": .text(.subject), "TEXT": .text(.text), "TO": .text(.to),
        "UNANSWERED": .fixed(.flag(.answered, isSet: false)),
        "UNDELETED": .fixed(.flag(.deleted, isSet: false)),
        "UNFLAGGED": .fixed(.flag(.flagged, isSet: false)), "UNKEYWORD": .keyword(isSet: false),
        "UNSEEN": .fixed(.flag(.seen, isSet: false)), "DRAFT": .fixed(.flag(.draft, isSet: true)),
        "UNDRAFT": .fixed(.flag(.draft, isSet: false)), "HEADER": .header, "LARGER": .larger,
        "NOT": .not, "OR": .or, "SENTBEFORE": .date(.sent, .before), "SENTON": .date(.sent, .on),
        "SENTSINCE": .date(.sent, .since), "SMALLER": .smaller, "UID": .uid,
        // RFC 9738 §3.2.
        "UIDAFTER": .uidAfter, "UIDBEFORE": .uidBefore,
        "NEW": .fixed(.and([.recent, .flag(.seen, isSet: false)])), "OLD": .fixed(.not(.recent)),
        "RECENT": .fixed(.recent),
        "MODSEQ": .modificationSequence, "EMAILID": .emailID, "THREADID": .threadID,
        "SAVEDBEFORE": .date(.saved, .before), "SAVEDON": .date(.saved, .on),
        "SAVEDSINCE": .date(.saved, .since), "SAVEDATESUPPORTED": .fixed(.saveDateSupported),
        "OLDER": .age(isOlder: true), "YOUNGER": .age(isOlder: false),
    ]

    private mutating func key(depth: Int) throws(CommandFault) -> SearchKey {
        guard depth < SearchKey.maximumDepth else {
            throw .refused(.limit, "keys are at most \(SearchKey.maximumDepth) deep")
        }
        guard count < SearchKey.maximumKeys else {
            throw .refused(.limit, "a search has at most \(SearchKey.maximumKeys) keys")
        }
        count += 1
        let first = scanner.next ?? 0
        if first == UInt8(ascii: "(") { return try group(depth: depth) }
        if first.isDigit || first == UInt8(ascii: "*") || first == UInt8(ascii: "$") {
            return .numbers(try scanner.sequenceSet())
        }
        let name = try scanner.atom("a search key")
        guard let kind = Word(name).flatMap({ Self.kinds[$0] }) else {
            throw .syntax("unknown search key \(String(lossy: name.prefix(24)))")
        }
        if case .fixed(let key) = kind { return key }
        try scanner.space()
        return try argument(of: kind, depth: depth)
    }

    /// `"(" search-key *(SP search-key) ")"`.
    private mutating func group(depth: Int) throws(CommandFault) -> SearchKey {
        try scanner.demand("(")
        var keys: [SearchKey] = []
        repeat { keys.append(try key(depth: depth + 1)) } while scanner.skip(UInt8.space)
        try scanner.demand(")")
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    private mutating func argument(of kind: Kind, depth: Int) throws(CommandFault) -> SearchKey {
        switch kind {
        case .fixed(let key): return key
        case .text(let field): return .text(field, try text())
        case .date(let field, let comparison): return .date(field, comparison, try scanner.date())
        case .keyword(let isSet):
            let name = try scanner.atom("a keyword")
            if let known = FlagSet(name: name) { return .flag(known, isSet: isSet) }
            return .keyword(String(lossy: name), isSet: isSet)
        case .age(let isOlder):
            return .age(seconds: try scanner.positiveNumber(), isOlder: isOlder)
        case .header:
            let name = try scanner.astring("a field's name")
            guard !name.isEmpty, name.count <= 100, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { throw .syntax("a header field has no such name") }
            try scanner.space()
            return .text(.header(String(lossy: name)), try text())
        case .larger: return .larger(try scanner.number64())
        case .smaller: return .smaller(try scanner.number64())
        case .uid: return .uid(try scanner.sequenceSet())
        case .uidAfter:
            let uid = try scanner.positiveNumber()
            return uid == .max ? .none : .uid(.ranges([.init(uid + 1, .max)]))
        case .uidBefore:
            let uid = try scanner.positiveNumber()
            return uid == 1 ? .none : .uid(.ranges([.init(1, uid - 1)]))
        case .modificationSequence: return .modificationSequence(try modificationSequence())
        case .emailID: return .emailID(try objectIdentifier())
        case .threadID: return .threadID(try objectIdentifier())
        case .not: return .not(try key(depth: depth + 1))
        case .or:
            let left = try key(depth: depth + 1)
            try scanner.space()
            return .or(left, try key(depth: depth + 1))
        }
    }

    /// An `astring` in the charset of the search, UTF-8 if none is named.
    private mutating func text() throws(CommandFault) -> String {
        let octets = try scanner.astring()
        if let charset {
            let (text, isExact) = charset.decode(octets)
            guard isExact else {
                throw .refused(.parse, "the text is not in the charset \(charset.name)")
            }
            return text
        }
        return try CommandParser.text(octets)
    }

    /// ```abnf
    /// search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
    /// ```
    ///
    /// Here a message has one modification sequence for all its flags, which RFC 7162 §3.1.5 lets
    /// stand for each of them.
    private mutating func modificationSequence() throws(CommandFault) -> UInt64 {
        if scanner.next == UInt8(ascii: "\"") {
            let entry = try scanner.string()
            guard entry.starts(with: "/flags/".utf8) else { throw .syntax("unknown entry") }
            try scanner.space()
            switch try scanner.word("priv, shared or all") {
            case "PRIV", "SHARED", "ALL": break
            default: throw .syntax("expected priv, shared or all")
            }
            try scanner.space()
        }
        return try scanner.number64()
    }

    /// `objectid = 1*255(ALPHA / DIGIT / "_" / "-")` (RFC 8474 §7).
    private mutating func objectIdentifier() throws(CommandFault) -> String {
        let identifier = try scanner.astring("an identifier")
        guard (1...255).contains(identifier.count),
            identifier.allSatisfy({
                $0.isAlphanumeric || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            })
        else { throw .syntax("expected an object identifier") }
        return String(lossy: identifier)
    }
}
