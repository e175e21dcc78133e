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
        receivedSPF(mailFrom, isHello: reversePath.address == nil, receiver)
            + (helloCheck.map { receivedSPF($0, isHello: true, receiver) } ?? [])
    }

    private func receivedSPF(
        _ verdict: HostCheck.Verdict, isHello: Bool, _ receiver: String
    ) -> [UInt8] {
        var writer = TagWriter("Received-SPF: \(verdict.result.rawValue)")
        let told = explanation(verdict.result, isHello ? hello : mailFromDomain, receiver)
        for word in told.split(separator: " ") { writer.add(String(word)) }
        writer.add("receiver=", Self.value(receiver) + ";")
        writer.add("client-ip=", Self.value("\(client)") + ";")
        if let sender = reversePath.address {
            writer.add("envelope-from=", Self.value("\(sender)") + ";")
        }
        writer.add("helo=", Self.value(hello) + ";")
        writer.add("identity=", isHello ? "helo;" : "mailfrom;")
        let mechanism = Self.value(verdict.mechanism ?? "default")
        if let problem = verdict.problem, verdict.result.isError {
            writer.add("mechanism=", mechanism + ";")
            writer.add("problem=", Self.value(problem))
        } else {
            writer.add("mechanism=", mechanism)
        }
        return writer.octets + [.carriageReturn, .lineFeed]
    }

    private func explanation(_ result: SPFResult, _ domain: String, _ receiver: String) -> String {
        let domain = domain.isEmpty ? "the sender" : domain
        let text =
            switch result {
            case .pass: "\(domain) designates \(client) as permitted sender"
            case .fail, .softfail: "\(domain) does not designate \(client) as permitted sender"
            case .neutral: "\(domain) says nothing about \(client)"
            case .none: "\(domain) does not say who may send for it"
            case .temperror: "the policy of \(domain) could not be had now"
            case .permerror: "the policy of \(domain) cannot be understood"
            }
        return Findings.comment("\(receiver): \(text)")
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
