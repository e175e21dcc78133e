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
        let sender = reversePath.address
        var pairs = [("receiver", receiver), ("client-ip", "\(client)")]
        if let sender { pairs.append(("envelope-from", "\(sender)")) }
        pairs += [("helo", hello), ("identity", sender == nil ? "helo" : "mailfrom")]
        pairs.append(("mechanism", mailFrom.mechanism ?? "default"))
        if let problem = mailFrom.problem, mailFrom.result.isError {
            pairs.append(("problem", problem))
        }
        for (index, pair) in pairs.enumerated() {
            let end = index == pairs.count - 1 ? "" : ";"
            writer.add("\(pair.0)=\(Self.value(pair.1))\(end)")
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

    /// A dot-atom as it is, anything else quoted.
    private static func value(_ text: String) -> String {
        let isAtom =
            !text.isEmpty && text.utf8.count <= Findings.maximumCharacters
            && text.utf8.first != UInt8(ascii: ".") && text.utf8.last != UInt8(ascii: ".")
            && text.utf8.allSatisfy { octet in
                octet == UInt8(ascii: ".") || octet.isAlphanumeric
                    || "!#$%&'*+-/=?^_`{|}~".utf8.contains(octet)
            }
        return isAtom ? text : Findings.quoted(text)
    }
}
