// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DKIM
import DMARC
import DNS
import Mail
import SPF

extension Findings {
    /// The field that says what was found (RFC 8601 §2.2), with its CRLF.
    package func authenticationResults(authservID: String) -> [UInt8] {
        var field = TagWriter("Authentication-Results: \(authservID)")
        write(sender.mailFrom, isHello: sender.reversePath.address == nil, to: &field)
        if let check = sender.helloCheck { write(check, isHello: true, to: &field) }
        writeReverseName(to: &field)
        if signatures.isEmpty { field.addLine("dkim=", "none") }
        for finding in signatures { write(finding, to: &field) }
        writeAlignment(to: &field)
        if chain.status != .none { writeChain(to: &field) }
        return field.octets + [.carriageReturn, .lineFeed]
    }

    /// What was found, in short, for people and the journal.
    package var summary: String {
        var words = ["spf=\(sender.mailFrom.result.rawValue)"]
        words += signatures.map { finding in
            "dkim=\(finding.result.rawValue)" + (finding.domain.map { " (\($0))" } ?? "")
        }
        if signatures.isEmpty { words.append("dkim=none") }
        words.append("dmarc=\(dmarc.result.rawValue)")
        if chain.status != .none { words.append("arc=\(chain.status.rawValue)") }
        words.append("iprev=\(sender.reverseName.result.rawValue)")
        return words.joined(separator: ", ")
    }

    /// RFC 8601 §2.7.2.
    private func write(
        _ verdict: HostCheck.Verdict, isHello: Bool, to field: inout TagWriter
    ) {
        field.addLine("spf=", verdict.result.rawValue)
        if let mechanism = verdict.mechanism {
            field.add(Self.comment(mechanism))
        } else if let problem = verdict.problem, verdict.result.isError {
            field.add("reason=", Self.quoted(problem))
        }
        if isHello {
            if !sender.hello.isEmpty { field.add("smtp.helo=", Self.value(sender.hello)) }
        } else {
            field.add("smtp.mailfrom=", Self.value(sender.mailFromDomain))
        }
    }

    /// RFC 8601 §2.7.3.
    private func writeReverseName(to field: inout TagWriter) {
        field.addLine("iprev=", sender.reverseName.result.rawValue)
        if let name = sender.reverseName.name {
            field.add(Self.comment(String(lossy: name.dotted)))
        }
        field.add("policy.iprev=", Self.value("\(sender.client)"))
    }

    /// RFC 8601 §2.7.1, with `header.a` and `header.s` (RFC 8601 §2.7.1) and `header.b` (RFC 6008).
    private func write(_ finding: Verification.Finding, to field: inout TagWriter) {
        field.addLine("dkim=", finding.result.rawValue)
        if finding.isTesting { field.add("(test mode)") }
        if let reason = finding.reason { field.add("reason=", Self.quoted(reason)) }
        if let domain = finding.domain { field.add("header.d=", Self.value(domain)) }
        if let identity = finding.identity { field.add("header.i=", Self.identity(identity)) }
        if let selector = finding.selector { field.add("header.s=", Self.value(selector)) }
        if let algorithm = finding.algorithm { field.add("header.a=", Self.value(algorithm)) }
        if let hint = finding.hint { field.add("header.b=", Self.value(hint)) }
    }

    /// RFC 9989 §9.1.
    private func writeAlignment(to field: inout TagWriter) {
        field.addLine("dmarc=", dmarc.result.rawValue)
        if let policy = dmarc.policy { field.add("(p=\(policy.rawValue))") }
        if let author = dmarc.authorDomain ?? authors.domains.first {
            field.add("header.from=", Self.value(String(lossy: author.dotted)))
        }
        if dmarc.record != nil { field.add("policy.dmarc=", dmarc.disposition.rawValue) }
    }

    /// RFC 8617 §10.
    private func writeChain(to field: inout TagWriter) {
        field.addLine("arc=", chain.status.rawValue)
        if let reason = chain.reason { field.add("reason=", Self.quoted(reason)) }
        if !chain.sealers.isEmpty {
            field.add(Self.comment("sealed by " + chain.sealers.joined(separator: ", ")))
        }
        if let oldest = chain.oldestPass { field.add("header.oldest-pass=", "\(oldest)") }
        field.add("smtp.remote-ip=", Self.value("\(sender.client)"))
    }
}

// How what others wrote is put into a field: nothing of it can end a value, a comment or a line.
extension Findings {
    /// What a sender wrote is repeated no longer than this.
    static let maximumCharacters = 200

    /// ```abnf
    /// token = 1*<any (US-ASCII) CHAR except SPACE, CTLs, or tspecials>   ; RFC 2045 §5.1
    /// ```
    private static let token = OctetSet(0x21...0x7E, without: OctetSet("()<>@,;:\\\"/[]?="))

    /// `value` of RFC 2045 §5.1: a token, or a quoted string.
    static func value(_ text: String) -> String {
        let isToken = text.utf8.allSatisfy(token.contains)
        return isToken && !text.isEmpty && text.utf8.count <= maximumCharacters
            ? text : quoted(text)
    }

    /// An `i=`: `[[local-part] "@"] domain-name`.
    static func identity(_ text: String) -> String {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, value(String(parts[1])) == parts[1],
            parts[0].isEmpty || value(String(parts[0])) == parts[0]
        else { return value(text) }
        return text
    }

    static func quoted(_ text: String) -> String {
        "\"" + clean(text, escaping: "\\\"", plain: plainInQuotes) + "\""
    }

    static func comment(_ text: String) -> String {
        "(" + clean(text, escaping: "\\()", plain: plainInComment) + ")"
    }

    private static let plainInQuotes = OctetSet(0x20...0x7E, without: OctetSet("\\\""))
    private static let plainInComment = OctetSet(0x20...0x7E, without: OctetSet("\\()"))

    private static func clean(
        _ text: String, escaping special: String, plain: OctetSet
    ) -> String {
        if text.utf8.count <= maximumCharacters, text.utf8.allSatisfy(plain.contains) {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars.prefix(maximumCharacters) {
            // Octets beyond ASCII need a message that is international itself.
            guard (0x20...0x7E).contains(scalar.value) else {
                result += "?"
                continue
            }
            if special.unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}

extension SPFResult {
    var isError: Bool { self == .temperror || self == .permerror }
}
