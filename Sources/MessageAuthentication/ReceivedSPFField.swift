// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import Mail
import SPF

extension SenderFacts {
    /// The trace field of RFC 7208 §9.1, with its CRLF.
    ///
    /// ```abnf
    /// header-field   = "Received-SPF:" [CFWS] result FWS [comment FWS] [ key-value-list ] CRLF
    /// key-value-list = key-value-pair *( ";" [CFWS] key-value-pair ) [";"]
    /// key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string )
    /// ```
    package func receivedSPF(receiver: String) -> [UInt8] {
        var writer = TagWriter("Received-SPF: \(mailFrom.result.rawValue)")
        for word in explanation(receiver).split(separator: " ") { writer.add(String(word)) }
        writer.add("receiver=", Self.value(receiver) + ";")
        writer.add("client-ip=", Self.value("\(client)") + ";")
        let sender = reversePath.address
        if let sender { writer.add("envelope-from=", Self.value("\(sender)") + ";") }
        writer.add("helo=", Self.value(hello) + ";")
        writer.add("identity=", sender == nil ? "helo;" : "mailfrom;")
        let mechanism = Self.value(mailFrom.mechanism ?? "default")
        if let problem = mailFrom.problem, mailFrom.result.isError {
            writer.add("mechanism=", mechanism + ";")
            writer.add("problem=", Self.value(problem))
        } else {
            writer.add("mechanism=", mechanism)
        }
        return writer.octets + [.carriageReturn, .lineFeed]
    }

    private func explanation(_ receiver: String) -> String {
        let domain = mailFromDomain.isEmpty ? "the sender" : mailFromDomain
        let text =
            switch mailFrom.result {
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
