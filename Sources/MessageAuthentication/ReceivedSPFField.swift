// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import Mail
import SPF

extension SenderFacts {
    /// The trace fields of RFC 7208 §9.1, each with its CRLF: one for each identity that was checked,
    /// as many as Authentication-Results has (§9).
    ///
    /// ```abnf
    /// header-field   = "Received-SPF:" [CFWS] result FWS [comment FWS] [ key-value-list ] CRLF
    /// key-value-list = key-value-pair *( ";" [CFWS] key-value-pair ) [";"]
    /// key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string )
    /// ```
    package func receivedSPF(receiver: String) -> [UInt8] {
        let client = client.description
        let isHello = reversePath.address == nil
        var writer = TagWriter(Self.start(mailFrom))
        write(mailFrom, isHello: isHello, receiver, client, to: &writer)
        if let helloCheck {
            writer.begin(Self.start(helloCheck))
            write(helloCheck, isHello: true, receiver, client, to: &writer)
        }
        return writer.octets + [.carriageReturn, .lineFeed]
    }

    private static func start(_ verdict: HostCheck.Verdict) -> String {
        "Received-SPF: " + verdict.result.rawValue
    }

    private func write(
        _ verdict: HostCheck.Verdict, isHello: Bool, _ receiver: String, _ client: String,
        to writer: inout TagWriter
    ) {
        let domain = isHello ? hello : mailFromDomain
        let told = Self.explanation(
            verdict.result, domain.isEmpty ? "the sender" : domain, client)
        writer.add(words: Findings.comment(receiver + ": " + told))
        writer.add("receiver=", Self.value(receiver), end: ";")
        writer.add("client-ip=", Self.value(client), end: ";")
        if let sender = reversePath.address {
            writer.add("envelope-from=", Self.value(sender.description), end: ";")
        }
        writer.add("helo=", Self.value(hello), end: ";")
        writer.add("identity=", isHello ? "helo" : "mailfrom", end: ";")
        let mechanism = Self.value(verdict.mechanism ?? "default")
        if let problem = verdict.problem, verdict.result.isError {
            writer.add("mechanism=", mechanism, end: ";")
            writer.add("problem=", Self.value(problem))
        } else {
            writer.add("mechanism=", mechanism)
        }
    }

    private static func explanation(
        _ result: SPFResult, _ domain: String, _ client: String
    ) -> String {
        switch result {
        case .pass: domain + " designates " + client + " as permitted sender"
        case .fail, .softfail: domain + " does not designate " + client + " as permitted sender"
        case .neutral: domain + " says nothing about " + client
        case .none: domain + " does not say who may send for it"
        case .temperror: "the policy of " + domain + " could not be had now"
        case .permerror: "the policy of " + domain + " cannot be understood"
        }
    }

    /// `atext` (RFC 5322 §3.2.3) without letters and digits, and the dot.
    private static let signs = OctetSet("!#$%&'*+-/=?^_`{|}~.")

    /// A dot-atom as it is, anything else quoted.
    private static func value(_ text: String) -> String {
        let isAtom =
            !text.isEmpty && text.utf8.count <= Findings.maximumCharacters
            && text.utf8.first != UInt8(ascii: ".") && text.utf8.last != UInt8(ascii: ".")
            && text.utf8.allSatisfy { $0.isAlphanumeric || signs.contains($0) }
        return isAtom ? text : Findings.quoted(text)
    }
}
