// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

// What a usage line cannot say, checked as far as strings are constant.
extension Compiler {
    // MARK: Matching

    /// The match type and the comparator of a test.
    mutating func matchRule(_ arguments: inout Arguments) throws(Problem) -> MatchRule {
        let line = arguments.line
        var rule = MatchRule()
        if let name = arguments.text("comparator") {
            guard let comparator = Comparator(rawValue: name.source) else {
                throw Problem(
                    name.line, "the comparator \"\(name.source.prefix(60))\" is unknown",
                    isDeferrable: true)
            }
            rule.comparator = comparator
            if let capability = comparator.capability {
                try enable(
                    [capability], for: "the comparator \"\(comparator.rawValue)\"",
                    line: name.line, &arguments.needs)
            }
        }
        if arguments.has("contains") { rule.kind = .contains }
        if arguments.has("matches") { rule.kind = .matches }
        if arguments.has("regex") { rule.kind = .regex }
        if arguments.has("list") {
            rule.kind = .list
            // RFC 6134 §2.2.
            guard !arguments.has("comparator") else {
                throw Problem(line, "`:comparator` may not stand together with `:list`")
            }
        }
        if let relation = try relation("value", arguments) { rule.kind = .value(relation) }
        if let relation = try relation("count", arguments) { rule.kind = .count(relation) }
        // RFC 4790 §9.1: it has no substring operation.
        for (kind, tag) in [
            (MatchRule.Kind.contains, "contains"), (.matches, "matches"), (.regex, "regex"),
        ]
        where rule.comparator == .numeric && rule.kind == kind {
            throw Problem(
                line, "the comparator \"i;ascii-numeric\" cannot be used with `:\(tag)`")
        }
        if rule.kind == .regex { try checkExpressions(arguments, rule.comparator) }
        return rule
    }

    /// What is sought stands last in all that compare.
    private mutating func checkExpressions(
        _ arguments: Arguments, _ comparator: Comparator
    ) throws(Problem) {
        for key in arguments.texts(at: arguments.positional.count - 1) ?? [] {
            guard let pattern = key.constant else { continue }
            guard expressionInstructions <= Limit.expressionInstructions else {
                throw Problem(key.line, "the script's regular expressions repeat too much in all")
            }
            do {
                let expression = try RegularExpression(
                    Array(pattern.utf8), isOctets: comparator == .octet)
                expressionInstructions += expression.program.count
            } catch {
                expressionInstructions += RegularExpression.maximumInstructions
                throw Problem(
                    key.line,
                    "\"\(pattern.prefix(60))\" is no regular expression: \(error.description)")
            }
        }
    }

    private func relation(
        _ tag: String, _ arguments: Arguments
    ) throws(Problem) -> MatchRule.Relation? {
        guard let name = arguments.text(tag) else { return nil }
        guard let relation = MatchRule.Relation(rawValue: name.source.asciiLowercased) else {
            throw Problem(
                name.line,
                "behind `:\(tag)` one of \"gt\", \"ge\", \"lt\", \"le\", \"eq\", \"ne\" must stand")
        }
        return relation
    }

    // MARK: Commands

    func check(_ word: CommandWord, _ arguments: inout Arguments) throws(Problem) {
        switch word {
        case .redirect:
            if !arguments.has("list") { try checkAddress(arguments.text(at: 0)) }
        case .notify: try checkNotification(arguments)
        case .leaveLoop: try checkBreak(arguments)
        case .extracttext:
            try needVariables(for: "`extracttext`", line: arguments.line)
            try checkVariableName(arguments.text(at: 0))
            guard !loops.isEmpty else {
                throw Problem(arguments.line, "`extracttext` may stand only within `foreverypart`")
            }
        case .fileinto: try checkFiling(arguments)
        case .set: try checkVariableName(arguments.text(at: 0))
        case .setflag, .addflag, .removeflag:
            guard arguments.positional[0] != nil else { return }
            try needVariables(for: "the name of a variable", line: arguments.line)
            try checkVariableName(arguments.text(at: 0))
        case .vacation: try checkVacation(arguments)
        case .addheader: try checkFieldName(arguments.text(at: 0))
        case .deleteheader:
            try checkFieldName(arguments.text(at: 0))
            try checkIndex(arguments)
        case .include: try checkScriptName(arguments.text(at: 0))
        case .global:
            try needVariables(for: "`global`", line: arguments.line)
            for name in arguments.texts(at: 0) ?? [] {
                // RFC 6609 §3.4.1: no namespace stands here.
                try checkVariableName(name, allowsNamespace: false)
                guard !isStored(name.source) else {
                    throw Problem(
                        name.line, "the variable \"\(name.source)\" was set before `global`")
                }
            }
        case .stop, .keep, .discard, .reject, .ereject, .error, .leave: break
        }
    }

    /// RFC 5228 §2.4.2.3: what mail is sent to must be an address.
    private func checkAddress(_ text: Text?) throws(Problem) {
        guard let text, let constant = text.constant else { return }
        guard OutboundAddress.parse(constant) != nil else {
            throw Problem(text.line, "\"\(constant.prefix(80))\" is no mail address")
        }
    }

    private func checkFiling(_ arguments: Arguments) throws(Problem) {
        if let name = arguments.text(at: 0), let constant = name.constant {
            guard !constant.isEmpty else { throw Problem(name.line, "the mailbox has no name") }
        }
        try checkSpecialUse(arguments.text("specialuse"))
    }

    /// `use-attr = "\" atom` (RFC 6154 §6), which RFC 8579 §4 takes over.
    private func checkSpecialUse(_ text: Text?) throws(Problem) {
        guard let text, let attribute = text.constant else { return }
        let isAtom = attribute.utf8.dropFirst().allSatisfy {
            (0x21...0x7E).contains($0) && !"(){%*\"\\]".utf8.contains($0)
        }
        guard attribute.hasPrefix("\\"), attribute.utf8.count > 1, isAtom else {
            throw Problem(
                text.line, "\"\(attribute.prefix(60))\" is no special use such as \"\\Junk\"")
        }
    }

    /// RFC 5229 §4: a constant string, `variable-name` but no match variable.
    private func checkVariableName(
        _ text: Text?, allowsNamespace: Bool = true
    ) throws(Problem) {
        guard let text else { return }
        if text.constant.map(Text.isName) ?? false { return }
        // RFC 6609 §3.4.2 lets the namespace stand in `set`.
        if allowsNamespace, reading.hasGlobals, let constant = text.constant?.asciiLowercased,
            constant.hasPrefix("global."), Text.isName(constant.dropFirst(7))
        {
            return
        }
        throw Problem(
            text.line,
            "\"\(text.source.prefix(60))\" cannot be the name of a variable: "
                + "a letter or `_`, then letters, digits and `_`")
    }

    private func needVariables(for what: String, line: Int) throws(Problem) {
        guard required.contains(.variables) else {
            throw Problem(line, "\(what) needs `require \"variables\";`")
        }
    }

    /// RFC 5703 §3.
    private func checkBreak(_ arguments: Arguments) throws(Problem) {
        guard !loops.isEmpty else {
            throw Problem(arguments.line, "`break` may stand only within `foreverypart`")
        }
        guard let name = arguments.text("name") else { return }
        guard let constant = name.constant, loops.contains(constant) else {
            throw Problem(
                name.line, "there is no loop \"\(name.source.prefix(60))\" around this place")
        }
    }

    /// RFC 5703 §4.1.
    private func checkMIME(_ arguments: Arguments) throws(Problem) {
        guard !arguments.has("mime") else { return }
        for tag in Signature.parts.map(\.name) where arguments.has(tag) {
            throw Problem(arguments.line, "`:\(tag)` may stand only together with `:mime`")
        }
    }

    /// RFC 5435 §3.2 to §3.5.
    private func checkNotification(_ arguments: Arguments) throws(Problem) {
        if let method = arguments.text(at: 0), let constant = method.constant {
            do {
                _ = try NotificationMethod(constant)
            } catch {
                throw Problem(
                    method.line,
                    "nobody can be notified by \"\(constant.prefix(80))\": \(error.description)")
            }
        }
        if let importance = arguments.text("importance"), let constant = importance.constant,
            !["1", "2", "3"].contains(constant)
        {
            throw Problem(
                importance.line,
                "the importance is \"1\", \"2\" or \"3\", not "
                    + "\"\(constant.prefix(20))\"")
        }
        for option in arguments.texts("options") ?? [] {
            guard let constant = option.constant, !Self.isOption(constant) else { continue }
            throw Problem(
                option.line, "an option has the form \"name=value\", not \"\(constant.prefix(60))\""
            )
        }
        try checkCopy(arguments)
    }

    /// `optionname = l-d *l-d-p`, `value = *(%x01-09 / %x0B-0C / %x0E-FF)` (RFC 5435 §3.5).
    private static func isOption(_ text: String) -> Bool {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let name = text.utf8[..<equals]
        guard let first = name.first, first.isAlphanumeric else { return false }
        return name.allSatisfy { $0.isAlphanumeric || ".-_".utf8.contains($0) }
            && text.utf8[equals...].allSatisfy { ![0, 0x0A, 0x0D].contains($0) }
    }

    private func checkVacation(_ arguments: Arguments) throws(Problem) {
        if let from = arguments.text("from"), let constant = from.constant {
            // RFC 5230 §4.3: a mailbox-list.
            let list = AddressList(constant).participants
            guard !list.isEmpty, list.allSatisfy({ $0.address != nil }) else {
                throw Problem(from.line, "\"\(constant.prefix(80))\" is no mail address")
            }
        }
        try checkCopy(arguments)
    }

    private func checkCopy(_ arguments: Arguments) throws(Problem) {
        guard !arguments.has("fcc") else {
            return try checkSpecialUse(arguments.text("specialuse"))
        }
        // RFC 8580 §3: these say how the copy is filed.
        for tag in Signature.filing.map(\.name) where arguments.has(tag) {
            throw Problem(arguments.line, "`:\(tag)` may stand here only with `:fcc`")
        }
    }

    /// `field-name = 1*ftext` (RFC 5322 §2.2): printable ASCII but the colon.
    private func checkFieldName(_ text: Text?) throws(Problem) {
        guard let text, let constant = text.constant, !FieldName.isValid(constant) else { return }
        throw Problem(text.line, "\"\(constant.prefix(60))\" cannot be the name of a header field")
    }

    private func checkIndex(_ arguments: Arguments) throws(Problem) {
        if arguments.has("last"), !arguments.has("index") {
            throw Problem(arguments.line, "`:last` may stand only together with `:index`")
        }
        if let index = arguments.number("index"), index < 1 {
            throw Problem(arguments.line, "`:index` counts from 1")
        }
    }

    /// `sieve-name` (RFC 5804 §1.6): no controls, no line separators, at most 128 characters.
    private func checkScriptName(_ text: Text?) throws(Problem) {
        guard let text else { return }
        guard let constant = text.constant, ScriptName.isValid(constant) else {
            throw Problem(
                text.line, "\"\(text.source.prefix(60))\" cannot be the name of a script")
        }
    }

    // MARK: Tests

    func check(_ word: TestWord, _ arguments: inout Arguments) throws(Problem) {
        switch word {
        case .size:
            guard arguments.has("over") || arguments.has("under") else {
                throw Problem(arguments.line, "`size` needs `:over` or `:under`")
            }
        case .address:
            try checkIndex(arguments)
            try checkMIME(arguments)
            // RFC 5703 §4.2: parts have others.
            guard !arguments.has("mime") else { return }
            for name in arguments.texts(at: 0) ?? [] { try checkAddressField(name) }
        case .envelope:
            for part in arguments.texts(at: 0) ?? [] { try checkEnvelopePart(part) }
        case .header:
            try checkIndex(arguments)
            try checkMIME(arguments)
        case .exists: try checkMIME(arguments)
        case .hasflag:
            guard let names = arguments.texts(at: 0) else { return }
            try needVariables(for: "the name of a variable", line: arguments.line)
            for name in names { try checkVariableName(name) }
        case .date:
            try checkIndex(arguments)
            try checkZone(arguments)
            try checkDatePart(arguments.text(at: 1))
        case .currentdate:
            try checkZone(arguments)
            try checkDatePart(arguments.text(at: 0))
        case .ihave:
            for name in arguments.texts(at: 0) ?? [] where name.constant == nil {
                throw Problem(name.line, "the names of extensions must be constant")
            }
        case .string, .body, .mailboxexists, .mailboxidexists, .specialUseExists,
            .duplicate, .environment, .spamtest, .virustest, .metadata, .metadataexists,
            .servermetadata, .servermetadataexists, .validNotifyMethod, .notifyMethodCapability,
            .validExternalList:
            break
        }
    }

    /// RFC 5228 §5.1: only fields that hold addresses.
    ///
    /// A name that no field can have is no error (§2.4.2.2).
    private func checkAddressField(_ text: Text) throws(Problem) {
        guard let name = text.constant, FieldName.isValid(name),
            !FieldName.holdsAddresses(name)
        else { return }
        throw Problem(
            text.line,
            "the header field \"\(name.prefix(60))\" holds no addresses; use `header` for it")
    }

    /// RFC 5228 §5.4: others are an error.
    private func checkEnvelopePart(_ text: Text) throws(Problem) {
        guard let part = text.constant, EnvelopePart(rawValue: part.asciiLowercased) == nil
        else { return }
        throw Problem(
            text.line, "an envelope has the parts \"from\" and \"to\", not \"\(part.prefix(60))\"")
    }

    /// `time-zone = ( "+" / "-" ) 4DIGIT` (RFC 5260 §4.1).
    private func checkZone(_ arguments: Arguments) throws(Problem) {
        guard let text = arguments.text("zone"), let zone = text.constant,
            CalendarMoment.offsetMinutes(zone) == nil
        else { return }
        throw Problem(text.line, "\"\(zone.prefix(20))\" is no time zone such as \"+0100\"")
    }

    private func checkDatePart(_ text: Text?) throws(Problem) {
        guard let text, let part = text.constant,
            CalendarMoment.Part(rawValue: part.asciiLowercased) == nil
        else { return }
        throw Problem(text.line, "\"\(part.prefix(60))\" is no part of a date")
    }
}
