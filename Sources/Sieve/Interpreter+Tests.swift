// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import World

extension Interpreter {
    /// Whether a test holds, and why.
    mutating func judge(
        _ word: TestWord, _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        switch word {
        case .size: return size(arguments)
        case .exists: return try exists(arguments)
        case .header: return try header(arguments)
        case .address: return try address(arguments)
        case .envelope: return try envelope(arguments)
        case .string:
            let strings = try values(arguments.texts(at: 0))
            // RFC 5229 §5: an empty string counts nothing.
            return try compare(
                strings.map { Array($0.utf8)[...] },
                keys: values(arguments.texts(at: 1)), arguments, what: "the string",
                count: strings.count { !$0.isEmpty })
        case .hasflag: return try hasFlag(arguments)
        case .body: return try body(arguments)
        case .mailboxexists:
            return try all(arguments.texts(at: 0), "mailbox") {
                try $0.hasMailbox(named: $1)
            }
        case .mailboxidexists:
            return try all(arguments.texts(at: 0), "mailbox") {
                try $0.hasMailbox(identifiedBy: $1)
            }
        case .specialUseExists:
            let mailbox = try arguments.text(at: 0).map { text throws(Interruption) in
                try value(text)
            }
            return try all(arguments.texts(at: 1), "special use") {
                try $0.hasSpecialUse($1, mailbox: mailbox)
            }
        case .date, .currentdate: return try date(word, arguments)
        case .duplicate: return try duplicate(arguments)
        case .ihave: return ihave(arguments)
        case .environment: return try environment(arguments)
        case .spamtest, .virustest: return try verdictTest(word, arguments)
        case .metadata, .servermetadata: return try annotation(word, arguments)
        case .metadataexists, .servermetadataexists: return try hasAnnotations(word, arguments)
        case .validNotifyMethod: return try isNotificationMethod(arguments)
        case .notifyMethodCapability: return try notificationCapability(arguments)
        case .validExternalList: return try isExternalList(arguments)
        }
    }

    // MARK: Comparing

    /// Any value with any key (RFC 5228 §2.7); `:count` compares how many values there are.
    mutating func compare(
        _ values: [ArraySlice<UInt8>], keys: [String], _ arguments: Arguments, what: String,
        count: Int? = nil
    ) throws(Interruption) -> (Bool, String) {
        var rule = arguments.match ?? MatchRule()
        if rule.kind == .list { return try look(for: values, on: keys, arguments, what: what) }
        var values = values
        let wanted = keys.map { Array($0.utf8) }
        if case .count = rule.kind {
            // RFC 5231 §4.2: a number.
            rule.comparator = .numeric
            values = [Array(String(count ?? values.count).utf8)[...]]
        }
        for value in values {
            for (key, octets) in zip(keys, wanted) {
                let captures: Matcher.Captures?
                do throws(Matcher.Exhausted) {
                    captures = try matcher.match(value, octets, rule)
                } catch {
                    throw failure(arguments.line, "the script's tests compare too much text")
                }
                guard let captures else { continue }
                if !captures.isEmpty {
                    frame.captures = captures.map { String(lossy: $0.prefix(Limit.variableOctets)) }
                    frame.hasForeignCaptures = comparesMessage(arguments)
                }
                return (
                    true,
                    "\(what) \(Self.shown(value)) \(rule.phrase) \(Self.quoted(key))"
                )
            }
        }
        guard !values.isEmpty else { return (false, "\(what) is not there") }
        let seen = values.prefix(3).map(Self.shown).joined(separator: ", ")
        let sought = keys.prefix(3).map(Self.quoted).joined(separator: ", ")
        return (
            false,
            "\(what) \(seen)\(values.count > 3 ? " …" : ""): none \(rule.phrase) "
                + "\(sought)\(keys.count > 3 ? " …" : "")"
        )
    }

    /// Whether the test that is under way looks at what the sender has written.
    func comparesMessage(_ arguments: Arguments) -> Bool {
        switch judged {
        case .currentdate, .environment, .metadata, .servermetadata, .spamtest, .virustest,
            .notifyMethodCapability:
            false
        case .string: (arguments.texts(at: 0) ?? []).contains { isForeign($0) }
        default: true
        }
    }

    static func shown(_ value: ArraySlice<UInt8>) -> String {
        quoted(String(lossy: value.prefix(400)))
    }

    /// Whether a question is answered with yes for all names.
    private mutating func all(
        _ texts: [Text]?, _ what: String, _ question: (any AccountKnowledge, String) throws -> Bool
    ) throws(Interruption) -> (Bool, String) {
        let line = texts?.first?.line ?? 0
        for name in try values(texts)
        where try !ask(at: line, { try question($0, name) }) {
            return (false, "there is no \(what) \(Self.quoted(name))")
        }
        return (true, "there is such a \(what)")
    }

    // MARK: The message

    /// RFC 5228 §5.9; a message of exactly the limit is neither.
    private func size(_ arguments: Arguments) -> (Bool, String) {
        let limit = arguments.number(at: 0) ?? 0
        let size = Int64(incoming.message.count)
        let holds = arguments.has("over") ? size > limit : size < limit
        return (
            holds,
            "the message has \(size) octets, asked for "
                + "\(arguments.has("over") ? "over" : "under") \(limit)"
        )
    }

    private mutating func exists(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let names = try values(arguments.texts(at: 0))
        let headers = arguments.has("mime") ? try headers(arguments) : [fields]
        let passed = names.count * headers.reduce(0) { $0 + $1.count }
        try work(passed * Cost.item, at: arguments.line)
        for name in names
        where !headers.contains(where: { $0.contains { $0.isNamed(name) } }) {
            return (false, "there is no field \(Self.quoted(name))")
        }
        return (true, "all fields are there")
    }

    /// The fields of these names, in the names' order, or the one of them that `:index` says.
    mutating func selected(
        _ names: [String], _ arguments: Arguments, in header: [HeaderField]
    ) throws(Interruption) -> [HeaderField] {
        var found: [HeaderField] = []
        for name in names { found += try selected(name, in: header, at: arguments.line) }
        return Self.indexed(found, arguments)
    }

    private mutating func header(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let names = try values(arguments.texts(at: 0))
        var found: [ArraySlice<UInt8>] = []
        if arguments.has("mime") {
            found = try partValues(names, arguments).map { Array($0.utf8)[...] }
        } else {
            for name in names { found += try decodedValues(name, at: arguments.line) }
            found = Self.indexed(found, arguments)
        }
        return try compare(
            found, keys: values(arguments.texts(at: 1)), arguments,
            what: names.prefix(4).joined(separator: "/"))
    }

    // MARK: Addresses

    private mutating func address(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let names = try values(arguments.texts(at: 0))
        var found: [ArraySlice<UInt8>] = []
        // RFC 5231 §4.2: whole mailboxes, also those without the part that is asked for.
        var count = 0
        var lists: [[Participant]] = []
        if arguments.has("mime") {
            // RFC 5703 §4.2: in parts any field may hold addresses.
            for header in try headers(arguments) {
                lists += Self.participants(in: try selected(names, arguments, in: header))
            }
        } else {
            for name in names where FieldName.holdsAddresses(name) {
                lists += try participants(name, at: arguments.line)
            }
            lists = Self.indexed(lists, arguments)
        }
        for participant in lists.joined() {
            count += 1
            try work(Cost.address, at: arguments.line)
            append(participant.localPart, participant.domain, to: &found, arguments)
        }
        return try compare(
            found, keys: values(arguments.texts(at: 1)), arguments,
            what: names.prefix(4).joined(separator: "/"), count: count)
    }

    private mutating func envelope(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let parts = try values(arguments.texts(at: 0))
        var found: [ArraySlice<UInt8>] = []
        var count = 0
        for part in parts {
            guard let part = EnvelopePart(rawValue: part.asciiLowercased) else {
                throw failure(arguments.line, "an envelope has no part \(Self.quoted(part))")
            }
            try work(Cost.address * 4, at: arguments.line)
            let address = part == .from ? incoming.sender : incoming.recipient
            // RFC 5228 §5.4: the null path is the empty string in all its parts.
            guard !address.isEmpty else {
                found.append([])
                continue
            }
            // RFC 5231 §4.2: the null path counts nothing.
            count += 1
            if let parsed = try? Address(address) {
                append(
                    parsed.localPart.value, parsed.destination.description, to: &found, arguments)
            } else {
                append(address, "", to: &found, arguments)
            }
        }
        return try compare(
            found, keys: values(arguments.texts(at: 1)), arguments,
            what: "the envelope's \(parts.prefix(2).joined(separator: "/"))", count: count)
    }

    /// The part of an address that is asked for (RFC 5228 §2.7.4, RFC 5233 §4).
    private func append(
        _ localPart: String, _ domain: String, to found: inout [ArraySlice<UInt8>],
        _ arguments: Arguments
    ) {
        let delimiter = incoming.subaddressDelimiter
        let split = delimiter.isEmpty ? nil : localPart.firstRange(ofText: delimiter)
        if arguments.has("localpart") {
            found.append(Array(localPart.utf8)[...])
        } else if arguments.has("domain") {
            found.append(Array(domain.utf8)[...])
        } else if arguments.has("user") {
            found.append(
                Array((split.map { localPart[..<$0.lowerBound] } ?? localPart[...]).utf8)[...])
        } else if arguments.has("detail") {
            // §4: without a delimiter there is no detail, which is not the empty one.
            guard let split else { return }
            found.append(Array(localPart[split.upperBound...].utf8)[...])
        } else {
            let whole = domain.isEmpty ? localPart : "\(localPart)@\(domain)"
            found.append(Array(whole.utf8)[...])
        }
    }

    // MARK: Flags

    /// RFC 5232 §4.
    private mutating func hasFlag(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        var found: [[String]] = []
        if let names = arguments.texts(at: 0) {
            for name in names {
                try work(Cost.item + name.source.utf8.count, at: name.line)
                found.append(
                    try flags(in: [variable(name.source.asciiLowercased)], at: name.line))
            }
        } else {
            found = [flags]
        }
        let keys = try values(arguments.texts(at: 1))
        let isCount = if case .count = arguments.match?.kind { true } else { false }
        return try compare(
            found.joined().map { Array($0.utf8)[...] },
            keys: isCount ? keys : FlagList.words(keys), arguments, what: "the flags",
            count: found.reduce(0) { $0 + $1.count })
    }

    // MARK: Facts from elsewhere

    private mutating func environment(
        _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let name = try values(arguments.texts(at: 0)).first ?? ""
        // RFC 5183 §4: what is unknown fails.
        guard let item = incoming.environment[name.asciiLowercased] else {
            return (false, "\(Self.quoted(name)) is unknown here")
        }
        return try compare(
            [Array(item.utf8)[...]], keys: values(arguments.texts(at: 1)), arguments, what: name)
    }

    /// RFC 5235 §3.2, §3.3: 0 says that nobody looked.
    private mutating func verdictTest(
        _ word: TestWord, _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let percent = incoming.spamPercent.map { min(max($0, 0), 100) }
        let result: String
        let isKnown: Bool
        if word == .virustest {
            isKnown = incoming.virusScore != nil
            result = String(min(max(incoming.virusScore ?? 0, 0), 5))
        } else {
            isKnown = percent != nil
            result =
                arguments.has("percent")
                // §3.2.2: not looked at is the word, for 0 is a result.
                ? percent.map(String.init) ?? "untested"
                : percent.map { String(1 + $0 * 9 / 100) } ?? "0"
        }
        return try compare(
            [Array(result.utf8)[...]], keys: values(arguments.texts(at: 0)), arguments,
            what: "the result", count: isKnown ? 1 : 0)
    }

    /// RFC 5463 §4: all or none are enabled.
    private mutating func ihave(_ arguments: Arguments) -> (Bool, String) {
        var found: [Capability] = []
        for name in arguments.texts(at: 0) ?? [] {
            guard let capability = Capability(rawValue: name.source),
                !capability.changesReading || frame.enabled.contains(capability)
            else { return (false, "\(Self.quoted(name.source)) is not supported") }
            found.append(capability)
        }
        frame.enabled.formUnion(found)
        return (true, "all are supported")
    }

    /// RFC 7352 §3.
    private mutating func duplicate(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let identity: String
        if let text = arguments.text("uniqueid") {
            identity = try value(text)
        } else {
            let name = try values(arguments.texts("header")).first ?? "Message-ID"
            // §3.1: an absent field is no duplicate, and nothing is remembered.
            guard let value = try decodedValues(name, at: arguments.line).first else {
                return (false, "there is no field \(Self.quoted(name))")
            }
            identity = String(lossy: value)
        }
        let asked = arguments.number("seconds") ?? Self.duplicateSeconds
        guard asked > 0 else { return (false, "nothing is remembered for no time") }
        let sighting = Sighting(
            handle: try values(arguments.texts("handle")).first ?? "",
            identity: identity, seconds: min(asked, Self.maximumDuplicateSeconds))
        let wasSeen = try ask(at: arguments.line) { try $0.hasSeen(sighting) }
        // §3.3: only with `:last` the time begins anew.
        guard !wasSeen || arguments.has("last") else { return (true, "seen before") }
        if !sightings.contains(sighting) {
            guard sightings.count < Limit.actions else {
                throw failure(arguments.line, "the script has too many tests for duplicates")
            }
            sightings.append(sighting)
        }
        return (wasSeen, wasSeen ? "seen before" : "not seen before")
    }

    /// RFC 7352 §3.2: 7 days are the default.
    private static let duplicateSeconds: Int64 = 7 * 86400
    private static let maximumDuplicateSeconds: Int64 = 90 * 86400

    // MARK: Dates

    /// RFC 5260 §4, §5.
    private mutating func date(
        _ word: TestWord, _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let isCurrent = word == .currentdate
        var offset = incoming.zoneOffsetMinutes
        if let zone = arguments.text("zone") {
            let text = try value(zone)
            guard let given = CalendarMoment.offsetMinutes(text) else {
                throw failure(arguments.line, "\(Self.quoted(text)) is no time zone")
            }
            offset = given
        }
        let partName = try values(arguments.texts(at: isCurrent ? 0 : 1)).first ?? ""
        guard let part = CalendarMoment.Part(rawValue: partName.asciiLowercased) else {
            throw failure(arguments.line, "\(Self.quoted(partName)) is no part of a date")
        }
        let keys = try values(arguments.texts(at: isCurrent ? 1 : 2))
        var moment: CalendarMoment?
        var what = "the date"
        if isCurrent {
            moment = CalendarMoment(seconds: incoming.now.seconds, offsetMinutes: offset)
        } else {
            what = try values(arguments.texts(at: 0)).first ?? ""
            // Only the first, unless `:index` says which.
            let field = try selected([what], arguments, in: fields).first
            if let field, let date = Self.date(in: field) {
                moment = CalendarMoment(
                    seconds: date.timestamp.seconds,
                    offsetMinutes: arguments.has("originalzone") ? date.offsetMinutes : offset)
            }
        }
        return try compare(
            moment.map { [Array($0.text(part).utf8)[...]] } ?? [], keys: keys, arguments,
            what: "\(what)'s \(part.rawValue)")
    }

    /// The whole value, or what follows the last semicolon as in `Received`.
    private static func date(in field: HeaderField) -> DateTime? {
        let value = field.value
        if let semicolon = value.lastIndex(of: UInt8(ascii: ";")),
            let (date, _) = DateTime.parse(value[(semicolon + 1)...])
        {
            return date
        }
        return DateTime.parse(value)?.date
    }
}

extension String {
    /// The first place of another text, octet by octet.
    func firstRange(ofText other: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) {
                return start..<index(start, offsetBy: other.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
