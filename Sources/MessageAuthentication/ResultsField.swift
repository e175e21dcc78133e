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
        let head = Array("Authentication-Results: \(authservID)".utf8)
        let lines = results.map { words in
            var writer = TagWriter("\t" + words[0])
            for word in words.dropFirst() { writer.add(word) }
            return writer.octets
        }
        let end: [UInt8] = [.carriageReturn, .lineFeed]
        return Array(([head] + lines).joined(separator: [UInt8(ascii: ";")] + end)) + end
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

    /// Each as the words of one `resinfo`, of which there is one at least.
    private var results: [[String]] {
        var results = [spf(sender.mailFrom, isHello: sender.reversePath.address == nil)]
        if let check = sender.helloCheck { results.append(spf(check, isHello: true)) }
        results.append(iprev)
        results += signatures.isEmpty ? [["dkim=none"]] : signatures.map(dkim)
        results.append(dmarcResult)
        if chain.status != .none { results.append(arc) }
        return results
    }

    /// RFC 8601 §2.7.2.
    private func spf(_ verdict: HostCheck.Verdict, isHello: Bool) -> [String] {
        var words = ["spf=\(verdict.result.rawValue)"]
        if let mechanism = verdict.mechanism {
            words.append(Self.comment(mechanism))
        } else if let problem = verdict.problem, verdict.result.isError {
            words.append("reason=" + Self.quoted(problem))
        }
        let identity = isHello ? sender.hello : sender.mailFromDomain
        if !identity.isEmpty {
            words.append("smtp.\(isHello ? "helo" : "mailfrom")=\(Self.value(identity))")
        }
        return words
    }

    /// RFC 8601 §2.7.3.
    private var iprev: [String] {
        var words = ["iprev=\(sender.reverseName.result.rawValue)"]
        if let name = sender.reverseName.name {
            words.append(Self.comment(String(lossy: name.dotted)))
        }
        words.append("policy.iprev=\(Self.value("\(sender.client)"))")
        return words
    }

    /// RFC 8601 §2.7.1, with `header.a` and `header.s` (RFC 8601 §2.7.1) and `header.b` (RFC 6008).
    private func dkim(_ finding: Verification.Finding) -> [String] {
        var words = ["dkim=\(finding.result.rawValue)"]
        if finding.isTesting { words.append("(test mode)") }
        if let reason = finding.reason { words.append("reason=" + Self.quoted(reason)) }
        if let domain = finding.domain { words.append("header.d=\(Self.value(domain))") }
        if let identity = finding.identity { words.append("header.i=\(Self.identity(identity))") }
        if let selector = finding.selector { words.append("header.s=\(Self.value(selector))") }
        if let algorithm = finding.algorithm { words.append("header.a=\(Self.value(algorithm))") }
        if let hint = finding.hint { words.append("header.b=\(Self.value(hint))") }
        return words
    }

    /// RFC 9989 §9.1.
    private var dmarcResult: [String] {
        var words = ["dmarc=\(dmarc.result.rawValue)"]
        if let policy = dmarc.policy { words.append("(p=\(policy.rawValue))") }
        if let author = dmarc.authorDomain ?? authors.domains.first {
            words.append("header.from=\(Self.value(String(lossy: author.dotted)))")
        }
        if dmarc.record != nil { words.append("policy.dmarc=\(dmarc.disposition.rawValue)") }
        return words
    }

    /// RFC 8617 §10.
    private var arc: [String] {
        var words = ["arc=\(chain.status.rawValue)"]
        if let reason = chain.reason { words.append("reason=" + Self.quoted(reason)) }
        if !chain.sealers.isEmpty {
            words.append(Self.comment("sealed by " + chain.sealers.joined(separator: ", ")))
        }
        if let oldest = chain.oldestPass { words.append("header.oldest-pass=\(oldest)") }
        words.append("smtp.remote-ip=\(Self.value("\(sender.client)"))")
        return words
    }
}

// How what others wrote is put into a field: nothing of it can end a value, a comment or a line.
extension Findings {
    /// What a sender wrote is repeated no longer than this.
    static let maximumCharacters = 200

    /// `value` of RFC 2045 §5.1: a token, or a quoted string.
    static func value(_ text: String) -> String {
        let isToken = text.utf8.allSatisfy { octet in
            (0x21...0x7E).contains(octet) && !"()<>@,;:\\\"/[]?=".utf8.contains(octet)
        }
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
        "\"" + clean(text, escaping: "\\\"") + "\""
    }

    static func comment(_ text: String) -> String { "(" + clean(text, escaping: "\\()") + ")" }

    private static func clean(_ text: String, escaping special: String) -> String {
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
