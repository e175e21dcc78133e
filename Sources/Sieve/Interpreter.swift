// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

/// Runs a script over one message (RFC 5228 §2.10), in bounded time and memory.
package struct Interpreter {
    let incoming: Incoming
    let account: any AccountKnowledge

    // MARK: What the run has come to

    var fields: [HeaderField] { didSet { known = KnownFields() } }
    var known = KnownFields()
    /// The contents of parts, by the types that `body` asked for; of a few at a time.
    var knownBodies: [[String]: [ArraySlice<UInt8>]] = [:]
    let bodyStart: Int
    var isHeaderEdited = false
    var addedFields = 0
    var actions: [Action] = []
    var keepsImplicitly = true
    /// RFC 5232 §2: the internal variable.
    var flags: [String] = []
    var globals: [String: String] = [:]
    /// Those whose values come from the message.
    var foreignGlobals: Set<String> = []
    var sightings: [Sighting] = []
    private(set) var steps: [Verdict.Step] = []

    // MARK: Scripts

    var frame: Frame
    /// Names of the scripts that are being run, and of all that have been (RFC 6609 §3.2).
    var includeStack: [String] = []
    var included: Set<String> = []
    /// How often one was taken in, the same again counted again.
    var inclusions = 0

    // MARK: Bounds

    var matcher: Matcher
    private var instructions = 0
    private var expandedOctets = 0
    /// The test that is under way.
    private(set) var judged: TestWord?
    /// Taken apart when a test asks for it.
    private var parsedMessage: Message?
    /// That of the innermost loop (RFC 5703 §3).
    private(set) var part: Entity?

    /// What is private to a script (RFC 6609 §3.2, §3.4).
    struct Frame {
        var name: String?
        var enabled: Set<Capability>
        var variables: [String: String] = [:]
        var globalNames: Set<String> = []
        /// From the last `:matches` that held (RFC 5229 §3.2).
        var captures: [String] = []
        /// Whether those come from the message, and the variables that do.
        var hasForeignCaptures = false
        var foreign: Set<String> = []
    }

    /// Why the course of commands is left.
    enum Interruption: Error {
        case stop
        case leave
        /// The nearest loop of the name; nil: the nearest.
        case leaveLoop(String?)
        case failure(Diagnostic)
        /// Nobody can say what the script has asked of its account.
        case unanswered(any Error)
    }

    /// Runs a script and says what is to be done, and why.
    ///
    /// Whatever goes wrong, the message is kept (RFC 5228 §2.10.6); so it is if its tests compare
    /// more than so many octets. Throws only what `account` throws.
    package static func run(
        _ script: Script, over incoming: Incoming, in account: some AccountKnowledge,
        comparing octets: Int = Limit.comparedOctets
    ) throws -> Verdict {
        var interpreter = Self(script, incoming, account, Matcher(budget: octets))
        return try interpreter.verdict(of: script)
    }

    private init(
        _ script: Script, _ incoming: Incoming, _ account: any AccountKnowledge,
        _ matcher: Matcher
    ) {
        self.matcher = matcher
        self.incoming = incoming
        self.account = account
        var bodyStart = incoming.message.count
        var defects = DefectList()
        let header = Header(incoming.message[...], bodyStart: &bodyStart, defects: &defects)
        fields = header.fields
        self.bodyStart = bodyStart
        frame = Frame(enabled: script.capabilities)
    }

    private mutating func verdict(of script: Script) throws -> Verdict {
        do throws(Interruption) {
            try run(script.statements)
        } catch .unanswered(let error) {
            throw error
        } catch .failure(let diagnostic) {
            // With the header as it came, and without flags (RFC 5293 §7).
            var keep = Filing(mailbox: "INBOX")
            keep.isKeep = true
            note(
                "the script ends here: \(diagnostic.message); the message is kept", diagnostic.line)
            return Verdict(
                actions: [.file(keep)], steps: steps, failure: diagnostic, sightings: [])
        } catch {}
        if keepsImplicitly {
            // RFC 5228 §2.10.2; with the flags (RFC 5232 §5) and the header of now.
            var keep = Filing(mailbox: "INBOX")
            keep.isKeep = true
            keep.flags = flags
            keep.header = editedHeader
            replaceOrAdd(keep)
            note("nothing has disposed of the message: it is kept", 0)
        }
        return Verdict(actions: actions, steps: steps, failure: nil, sightings: sightings)
    }

    // MARK: Control

    mutating func run(_ statements: [Statement]) throws(Interruption) {
        for statement in statements {
            switch statement {
            case .conditional(let branches, let otherwise):
                try run(branches, otherwise: otherwise)
            case .command(let word, let arguments):
                try spend(at: arguments.line)
                try require(arguments)
                try perform(word, arguments)
            case .loop(let name, let block, let arguments):
                try spend(at: arguments.line)
                try require(arguments)
                try run(block, asLoop: name, line: arguments.line)
            case .fault(let diagnostic): throw .failure(diagnostic)
            }
        }
    }

    /// RFC 5703 §3: the parts within the part of the loop around, or all of the message.
    private mutating func run(
        _ block: [Statement], asLoop name: String?, line: Int
    ) throws(Interruption) {
        let outer = part
        defer { part = outer }
        for entity in outer?.descendants ?? message.entities {
            try spend(at: line)
            part = entity
            note(
                "foreverypart: \(entity.path.isEmpty ? "the message" : "part \(entity.path)"), "
                    + "\(entity.contentType)", line)
            do throws(Interruption) {
                try run(block)
            } catch .leaveLoop(let wanted) where wanted == nil || wanted == name {
                return
            }
        }
    }

    private mutating func run(
        _ branches: [Statement.Branch], otherwise: [Statement]
    ) throws(Interruption) {
        for branch in branches where try holds(branch.test) {
            try run(branch.block)
            return
        }
        try run(otherwise)
    }

    // MARK: Tests

    /// From left to right, and no further than needed (RFC 5229 §3.2, RFC 5463 §4).
    mutating func holds(_ test: Test) throws(Interruption) -> Bool {
        switch test {
        case .constant(let value, let line):
            note(value ? "true" : "false", line, value)
            return value
        case .not(let inner, let line):
            let result = try !holds(inner)
            note("not", line, result)
            return result
        case .all(let tests, let line):
            var result = true
            for test in tests where result { result = try holds(test) }
            note("allof", line, result)
            return result
        case .any(let tests, let line):
            var result = false
            for test in tests where !result { result = try holds(test) }
            note("anyof", line, result)
            return result
        case .test(let word, let arguments):
            try spend(at: arguments.line)
            try require(arguments)
            judged = word
            let (result, reason) = try judge(word, arguments)
            note(
                reason.isEmpty ? word.rawValue : "\(word.rawValue): \(reason)", arguments.line,
                result)
            return result
        case .fault(let diagnostic): throw .failure(diagnostic)
        }
    }

    // MARK: Bounds

    mutating func spend(_ steps: Int = 1, at line: Int) throws(Interruption) {
        instructions += steps
        guard instructions <= Limit.instructions else {
            throw .failure(Diagnostic(line: line, message: "the script takes too many steps"))
        }
    }

    /// RFC 5463 §4: what no `ihave` has found before is not there.
    private func require(_ arguments: Arguments) throws(Interruption) {
        for capability in arguments.needs where !frame.enabled.contains(capability) {
            throw .failure(
                Diagnostic(
                    line: arguments.line,
                    message: "the extension \"\(capability.rawValue)\" is neither required "
                        + "nor found by ihave"))
        }
    }

    func failure(_ line: Int, _ message: String) -> Interruption {
        .failure(Diagnostic(line: line, message: message))
    }

    /// What the account says to a question.
    mutating func ask<Answer>(
        at line: Int, _ question: (any AccountKnowledge) throws -> Answer
    ) throws(Interruption) -> Answer {
        try work(Cost.question, at: line)
        do {
            return try question(account)
        } catch {
            throw .unanswered(error)
        }
    }

    // MARK: Explanation

    mutating func note(_ text: String, _ line: Int, _ outcome: Bool? = nil) {
        guard steps.count < Limit.sentences else { return }
        steps.append(
            Verdict.Step(script: frame.name, line: line, text: text, outcome: outcome))
    }

    /// A value in an explanation.
    static func quoted(_ text: String) -> String {
        let clean = text.unicodeScalars.prefix(80).map {
            $0.value < 0x20 || $0.value == 0x7F ? " " : String(Character($0))
        }.joined()
        return text.unicodeScalars.count > 80 ? "\"\(clean)…\"" : "\"\(clean)\""
    }

    // MARK: Strings

    /// The value of now (RFC 5229 §3); what is unknown is empty.
    mutating func value(_ text: Text) throws(Interruption) -> String {
        try work(text.segments.count * Cost.item + text.source.utf8.count, at: text.line)
        if let constant = text.constant { return constant }
        var result = ""
        for segment in text.segments {
            result += value(segment)
            guard result.utf8.count <= Limit.variableOctets * 2 else { break }
        }
        result = Self.truncated(result)
        try spendExpanded(result.utf8.count, at: text.line)
        return result
    }

    mutating func spendExpanded(_ octets: Int, at line: Int) throws(Interruption) {
        expandedOctets += octets
        guard expandedOctets <= Limit.expandedOctets else {
            throw failure(line, "the script's strings have become too long in all")
        }
    }

    func value(_ segment: Text.Segment) -> String {
        switch segment {
        case .literal(let literal): literal
        case .variable(let name): variable(name)
        case .match(let index): index < frame.captures.count ? frame.captures[index] : ""
        case .global(let name): globals[name] ?? ""
        }
    }

    /// Whether it comes from the message: its sender has written it.
    func isForeign(_ segment: Text.Segment) -> Bool {
        switch segment {
        case .literal: false
        case .variable(let name):
            frame.globalNames.contains(name)
                ? foreignGlobals.contains(name) : frame.foreign.contains(name)
        case .match: frame.hasForeignCaptures
        case .global(let name): foreignGlobals.contains(name)
        }
    }

    func isForeign(_ text: Text?) -> Bool { text?.segments.contains(where: isForeign) ?? false }

    mutating func values(_ texts: [Text]?) throws(Interruption) -> [String] {
        var values: [String] = []
        for text in texts ?? [] { values.append(try value(text)) }
        return values
    }

    func variable(_ name: String) -> String {
        frame.globalNames.contains(name)
            ? globals[name] ?? "" : frame.variables[name] ?? ""
    }

    /// RFC 5229 §6: a value that is too long is cut behind a character.
    static func truncated(_ text: String) -> String {
        guard text.utf8.count > Limit.variableOctets else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: Limit.variableOctets)
        while end > text.startIndex, String.Index(end, within: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end])
    }

    mutating func store(
        _ value: String, in name: String, isForeign: Bool, line: Int
    ) throws(Interruption) {
        var name = name.asciiLowercased
        let isGlobal = name.hasPrefix("global.") || frame.globalNames.contains(name)
        if name.hasPrefix("global.") { name.removeFirst(7) }
        let count = isGlobal ? globals.count : frame.variables.count
        let isKnown = isGlobal ? globals[name] != nil : frame.variables[name] != nil
        guard isKnown || count < Limit.variables else {
            throw failure(line, "the script has more than \(Limit.variables) variables")
        }
        let value = Self.truncated(value)
        if isGlobal {
            globals[name] = value
            if isForeign { foreignGlobals.insert(name) } else { foreignGlobals.remove(name) }
        } else {
            frame.variables[name] = value
            if isForeign { frame.foreign.insert(name) } else { frame.foreign.remove(name) }
        }
    }

    // MARK: Parts

    /// The message as it came, taken apart once.
    var message: Message {
        mutating get {
            if let parsedMessage { return parsedMessage }
            let message = Message(incoming.message)
            parsedMessage = message
            return message
        }
    }

    // MARK: Header

    /// The header as it stands now, if the script has changed it (RFC 5293 §7).
    var editedHeader: [UInt8]? {
        guard isHeaderEdited else { return nil }
        var octets: [UInt8] = []
        for field in fields {
            octets += field.name.utf8
            octets.append(UInt8(ascii: ":"))
            octets += field.value
            octets += [.carriageReturn, .lineFeed]
        }
        return octets + [.carriageReturn, .lineFeed]
    }

    func fields(named name: String) -> [HeaderField] { fields.filter { $0.isNamed(name) } }
}
