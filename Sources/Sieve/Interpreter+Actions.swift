// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

extension Interpreter {
    mutating func perform(_ word: CommandWord, _ arguments: Arguments) throws(Interruption) {
        switch word {
        case .stop:
            note("stop", arguments.line)
            throw .stop
        case .leave:
            note("return", arguments.line)
            throw .leave
        case .discard:
            keepsImplicitly = false
            note("discard: the implicit keep is cancelled", arguments.line)
            try add(.discard, arguments)
        case .keep:
            var filing = Filing(mailbox: "INBOX")
            filing.isKeep = true
            try file(filing, arguments)
        case .fileinto: try fileInto(arguments)
        case .redirect: try redirect(arguments)
        case .reject, .ereject: try reject(word, arguments)
        case .set: try set(arguments)
        case .setflag, .addflag, .removeflag: try changeFlags(word, arguments)
        case .vacation: try vacation(arguments)
        case .addheader: try addHeader(arguments)
        case .deleteheader: try deleteHeader(arguments)
        case .error:
            throw failure(arguments.line, try string(arguments.text(at: 0)))
        case .include: try include(arguments)
        case .notify: try notify(arguments)
        case .extracttext: try extractText(arguments)
        case .leaveLoop:
            note("break", arguments.line)
            throw .leaveLoop(arguments.text("name")?.source)
        case .global:
            for name in arguments.texts(at: 0) ?? [] {
                let name = name.source.asciiLowercased
                guard frame.variables[name] == nil else {
                    throw failure(
                        arguments.line, "the variable \(Self.quoted(name)) is set already")
                }
                frame.globalNames.insert(name)
            }
        }
    }

    mutating func string(_ text: Text?) throws(Interruption) -> String {
        guard let text else { return "" }
        return try value(text)
    }

    /// RFC 5228 §2.10.4; RFC 5429 §2.4: a refused message goes nowhere else.
    mutating func add(_ action: Action, _ arguments: Arguments) throws(Interruption) {
        guard !actions.contains(action) else { return }
        guard actions.count < Limit.actions else {
            throw failure(arguments.line, "the script does more than \(Limit.actions) things")
        }
        let rejects = actions.contains { if case .reject = $0 { true } else { false } }
        if rejects, !action.isIndependent {
            throw failure(arguments.line, "what is rejected cannot be delivered or answered too")
        }
        actions.append(action)
    }

    // MARK: Filing

    private mutating func fileInto(_ arguments: Arguments) throws(Interruption) {
        let name = try string(arguments.text(at: 0))
        guard !name.isEmpty else { throw failure(arguments.line, "the mailbox has no name") }
        try file(try filing(name, arguments), arguments)
    }

    mutating func filing(
        _ mailbox: String, _ arguments: Arguments
    ) throws(Interruption) -> Filing {
        var filing = Filing(mailbox: mailbox)
        filing.creates = arguments.has("create")
        if let use = arguments.text("specialuse") { filing.specialUse = try value(use) }
        if let id = arguments.text("mailboxid") { filing.mailboxID = try value(id) }
        return filing
    }

    private mutating func file(
        _ filing: Filing, _ arguments: Arguments
    ) throws(Interruption) {
        var filing = filing
        // RFC 5232 §5: those of the tag, or else those of now.
        filing.flags =
            arguments.has("flags")
            ? try flags(in: values(arguments.texts("flags")), at: arguments.line) : flags
        if isHeaderEdited { try workThroughHeader(at: arguments.line) }
        filing.header = editedHeader
        // RFC 3894 §3: a copy does not cancel the implicit keep.
        if !arguments.has("copy") { keepsImplicitly = false }
        let flagText = filing.flags.isEmpty ? "" : " with \(filing.flags.joined(separator: " "))"
        note(
            filing.isKeep
                ? "keep: into the inbox\(flagText)"
                : "fileinto: into \(Self.quoted(filing.mailbox))\(flagText)", arguments.line)
        if !replace(filing) { try add(.file(filing), arguments) }
    }

    /// RFC 5228 §2.10.3: once into each mailbox; the last flags count (RFC 5232 §2).
    private mutating func replace(_ filing: Filing) -> Bool {
        let place = actions.firstIndex {
            guard case .file(let other) = $0 else { return false }
            return other.isSamePlace(as: filing)
        }
        guard let place else { return false }
        actions[place] = .file(filing)
        return true
    }

    mutating func replaceOrAdd(_ filing: Filing) {
        if !replace(filing) { actions.append(.file(filing)) }
    }

    // MARK: Elsewhere

    private mutating func redirect(_ arguments: Arguments) throws(Interruption) {
        let text = try string(arguments.text(at: 0))
        if arguments.has("list") {
            // RFC 6134 §2.3: whom a list here holds can be asked one by one, and not be listed.
            throw failure(
                arguments.line, "nothing can be redirected to the list \(Self.quoted(text))")
        }
        guard let address = OutboundAddress.parse(text) else {
            throw failure(arguments.line, "\(Self.quoted(text)) is no mail address")
        }
        let isThere = actions.contains {
            if case .redirect(address, _) = $0 { true } else { false }
        }
        let count = actions.count { if case .redirect = $0 { true } else { false } }
        guard isThere || count < Limit.redirects else {
            throw failure(
                arguments.line, "the script redirects to more than \(Limit.redirects) addresses")
        }
        if !arguments.has("copy") { keepsImplicitly = false }
        note("redirect: to \(address)", arguments.line)
        if !isThere { try add(.redirect(address, header: editedHeader), arguments) }
    }

    private mutating func reject(
        _ word: CommandWord, _ arguments: Arguments
    ) throws(Interruption) {
        let reason = try string(arguments.text(at: 0))
        let conflict = actions.contains { !$0.isIndependent }
        guard !conflict else {
            throw failure(
                arguments.line, "what is delivered or answered cannot be rejected too")
        }
        keepsImplicitly = false
        if let doubt = incoming.doubt {
            // Whoever is named as its sender would hear of what he has not sent.
            note("\(word.rawValue): kept, and nobody is told, because \(doubt)", arguments.line)
            var keep = Filing(mailbox: "INBOX")
            keep.isKeep = true
            return try add(.file(keep), arguments)
        }
        note("\(word.rawValue): \(Self.quoted(reason))", arguments.line)
        try add(.reject(reason: reason, isExtended: word == .ereject), arguments)
    }

    // MARK: Variables and flags

    /// RFC 5229 §4.
    private mutating func set(_ arguments: Arguments) throws(Interruption) {
        let name = try string(arguments.text(at: 0))
        let text = try string(arguments.text(at: 1))
        try work(text.utf8.count * Cost.item, at: arguments.line)
        let value = modified(text, arguments)
        note("set: \(name) is now \(Self.quoted(value))", arguments.line)
        try store(
            value, in: name,
            isForeign: isForeign(arguments.text(at: 1)) && !arguments.has("length"),
            line: arguments.line)
    }

    /// RFC 5229 §4.1: the higher precedence first.
    func modified(_ value: String, _ arguments: Arguments) -> String {
        var value = value
        if arguments.has("lower") { value = value.asciiLowercased }
        if arguments.has("upper") { value = value.asciiUppercased }
        if arguments.has("lowerfirst") {
            value = String(value.prefix(1)).asciiLowercased + value.dropFirst()
        }
        if arguments.has("upperfirst") {
            value = String(value.prefix(1)).asciiUppercased + value.dropFirst()
        }
        if arguments.has("quotewildcard") {
            value = String(
                value.unicodeScalars.reduce(into: String.UnicodeScalarView()) {
                    if $1 == "*" || $1 == "?" || $1 == "\\" { $0.append("\\") }
                    $0.append($1)
                })
        }
        if arguments.has("quoteregex") { value = RegularExpression.quote(value) }
        // RFC 5435 §6.
        if arguments.has("encodeurl") { value = PercentEncoding.encode(value.utf8) }
        if arguments.has("length") { value = String(value.unicodeScalars.count) }
        return value
    }

    /// RFC 5232 §3.
    private mutating func changeFlags(
        _ word: CommandWord, _ arguments: Arguments
    ) throws(Interruption) {
        let name = arguments.text(at: 0)?.source.asciiLowercased
        let given = try flags(in: values(arguments.texts(at: 1)), at: arguments.line)
        var flags = self.flags
        if let name { flags = try self.flags(in: [variable(name)], at: arguments.line) }
        switch word {
        case .addflag: flags = FlagList.split(flags + given)
        case .removeflag: flags.removeAll { FlagList.contains(given, $0) }
        default: flags = given
        }
        note("\(word.rawValue): now \(Self.quoted(flags.joined(separator: " ")))", arguments.line)
        if let name {
            let comesFromMessage =
                isForeign(.variable(name))
                || (arguments.texts(at: 1) ?? []).contains { isForeign($0) }
            try store(
                flags.joined(separator: " "), in: name, isForeign: comesFromMessage,
                line: arguments.line)
        } else {
            self.flags = flags
        }
    }

    // MARK: Header

    /// RFC 5293 §4.
    private mutating func addHeader(_ arguments: Arguments) throws(Interruption) {
        let name = try string(arguments.text(at: 0))
        guard FieldName.isValid(name) else {
            throw failure(arguments.line, "\(Self.quoted(name)) cannot be the name of a field")
        }
        guard addedFields < Limit.addedFields else {
            throw failure(arguments.line, "the script adds too many header fields")
        }
        addedFields += 1
        var writer = HeaderWriter()
        writer.field(name, text: try string(arguments.text(at: 1)))
        // The field with its folding, without its name and its last line end.
        let value = writer.octets.dropFirst(name.utf8.count + 1).dropLast(2)
        let field = HeaderField(name: name, value: Array(value)[...])
        // §6: loops are found by these.
        guard !FieldName.isProtected(name) else {
            return note("addheader: \(name) is not for scripts to add", arguments.line)
        }
        if arguments.has("last") { fields.append(field) } else { fields.insert(field, at: 0) }
        isHeaderEdited = true
        note("addheader: \(name)", arguments.line)
    }

    /// RFC 5293 §5.
    private mutating func deleteHeader(_ arguments: Arguments) throws(Interruption) {
        let name = try string(arguments.text(at: 0))
        guard FieldName.isValid(name) else {
            throw failure(arguments.line, "\(Self.quoted(name)) cannot be the name of a field")
        }
        // Pays for their values, too.
        _ = try selected(name, in: fields, at: arguments.line)
        var places = fields.indices.filter { fields[$0].isNamed(name) }
        if let index = arguments.number("index") {
            // Counted before values are looked at.
            let isIn = index >= 1 && index <= Int64(places.count)
            let place = isIn ? Int(index) - 1 : 0
            places =
                isIn ? [places[arguments.has("last") ? places.count - 1 - place : place]] : []
        }
        guard !FieldName.isProtected(name) else {
            return note("deleteheader: \(name) is not for scripts to delete", arguments.line)
        }
        if arguments.texts(at: 1) != nil {
            let keys = try values(arguments.texts(at: 1))
            var matching: [Int] = []
            for place in places {
                let value = fields[place].decoded.trimmed
                let (holds, _) = try compare(
                    [Array(value.utf8)[...]], keys: keys, arguments, what: name)
                if holds { matching.append(place) }
            }
            places = matching
        }
        for place in places.reversed() { fields.remove(at: place) }
        if !places.isEmpty { isHeaderEdited = true }
        note("deleteheader: \(places.count) fields \(name)", arguments.line)
    }

    // MARK: Other scripts

    /// RFC 6609 §3.2.
    private mutating func include(_ arguments: Arguments) throws(Interruption) {
        let name = arguments.text(at: 0)?.source ?? ""
        let isGlobal = arguments.has("global")
        let key = "\(isGlobal ? "global" : "personal")/\(name)"
        if arguments.has("once"), included.contains(key) {
            return note("include: \(Self.quoted(name)) was included before", arguments.line)
        }
        guard !includeStack.contains(key) else {
            throw failure(arguments.line, "the script \(Self.quoted(name)) includes itself")
        }
        inclusions += 1
        guard includeStack.count < Limit.includeDepth, inclusions <= Limit.includes else {
            throw failure(arguments.line, "too many scripts are included")
        }
        let text = try ask(at: arguments.line) {
            try $0.script(named: name, isGlobal: isGlobal)
        }
        guard let octets = text else {
            guard arguments.has("optional") else {
                throw failure(arguments.line, "there is no script \(Self.quoted(name))")
            }
            return note("include: there is no script \(Self.quoted(name))", arguments.line)
        }
        try work(octets.count * Cost.scriptOctet, at: arguments.line)
        let script: Script
        do {
            script = try Script(octets)
        } catch {
            throw failure(
                arguments.line,
                "the script \(Self.quoted(name)) is not valid: "
                    + (error.errors.first?.description ?? ""))
        }
        note("include: \(Self.quoted(name))", arguments.line)
        included.insert(key)
        includeStack.append(key)
        let caller = frame
        frame = Frame(name: name, enabled: script.capabilities)
        defer {
            frame = caller
            includeStack.removeLast()
        }
        do throws(Interruption) {
            try run(script.statements)
        } catch .leave {
        }
    }
}

extension Action {
    /// What is done whether or not the message is delivered.
    fileprivate var isIndependent: Bool {
        switch self {
        case .discard, .notify: true
        case .file, .redirect, .reject, .reply: false
        }
    }
}

extension Filing {
    /// Whether both lead to the same mailbox.
    fileprivate func isSamePlace(as other: Filing) -> Bool {
        let names = [mailbox, other.mailbox].map {
            $0.asciiLowercased == "inbox" ? "INBOX" : $0
        }
        return names[0] == names[1] && specialUse == other.specialUse
            && mailboxID == other.mailboxID
    }
}

extension String {
    /// ASCII letters in upper case and nothing else changed.
    var asciiUppercased: String {
        String(decoding: utf8.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }, as: UTF8.self)
    }

    /// Without white space at both ends.
    var trimmed: String {
        let octets = utf8.drop(while: \.isSpaceOrLineEnd)
        var end = octets.endIndex
        while end > octets.startIndex,
            octets[octets.index(before: end)].isSpaceOrLineEnd
        { end = octets.index(before: end) }
        return String(octets[..<end]) ?? self
    }
}
