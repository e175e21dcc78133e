// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import World

/// What a sender asks for by extensions of SMTP, as a row keeps it: `keyword[=value]` words as on
/// the wire, but with points in time as milliseconds since 1970.
///
/// Nothing at all (NULL) for usual mail. Words of a newer release are passed over.
enum StoredParameters {
    // MARK: Of a message

    /// The column for a message; whether the body holds 8-bit octets has a column of its own.
    static func text(_ body: Envelope.Body, _ requests: Envelope.Requests) -> String? {
        guard body == .binaryMIME || requests != Envelope.Requests() else { return nil }
        var words: [String] = []
        if body == .binaryMIME { words.append("BODY=" + body.rawValue) }
        if let returned = requests.returned { words.append("RET=" + returned.rawValue) }
        if let id = requests.envelopeID { words.append("ENVID=" + Xtext.encode(id.utf8)) }
        if requests.requiresTLS { words.append("REQUIRETLS") }
        if requests.isJunk { words.append("JUNK") }
        if let forgery = requests.forgery { words.append("FORGED=" + forgery.rawValue) }
        if requests.waivesTLSPolicy { words.append("TLS-REQUIRED=NO") }
        if let time = requests.holdUntil { words.append("HOLDUNTIL=\(time.milliseconds)") }
        if let deliverBy = requests.deliverBy {
            let trace = deliverBy.isTraced ? "T" : ""
            words.append(
                "BY=\(deliverBy.deadline.milliseconds);\(deliverBy.mode.rawValue)\(trace)")
        }
        if requests.priority != 0 { words.append("MT-PRIORITY=\(requests.priority)") }
        return words.joined(separator: " ")
    }

    /// Reads what `text` wrote.
    static func message(
        _ text: String?, is8Bit: Bool
    ) -> (body: Envelope.Body, requests: Envelope.Requests) {
        var body: Envelope.Body = is8Bit ? .eightBitMIME : .sevenBit
        var requests = Envelope.Requests()
        guard let text else { return (body, requests) }
        for (keyword, value) in words(text) {
            switch keyword {
            case "BODY": body = Envelope.Body(rawValue: value) ?? body
            case "RET": requests.returned = Envelope.Returned(rawValue: value)
            case "ENVID": requests.envelopeID = decoded(value)
            case "REQUIRETLS": requests.requiresTLS = true
            case "JUNK": requests.isJunk = true
            case "FORGED": requests.forgery = Envelope.Forgery(rawValue: value)
            case "TLS-REQUIRED": requests.waivesTLSPolicy = value == "NO"
            case "HOLDUNTIL": requests.holdUntil = time(value)
            case "BY": requests.deliverBy = deliverBy(value)
            case "MT-PRIORITY": requests.priority = Int(value) ?? 0
            default: break
            }
        }
        return (body, requests)
    }

    private static func deliverBy(_ value: String) -> Envelope.DeliverBy? {
        let parts = value.split(separator: ";", maxSplits: 1)
        guard parts.count == 2, let deadline = time(String(parts[0])),
            let mode = Envelope.DeliverBy.Mode(rawValue: String(parts[1].prefix(1)))
        else { return nil }
        return Envelope.DeliverBy(
            deadline: deadline, mode: mode, isTraced: parts[1].hasSuffix("T"))
    }

    // MARK: Of a recipient

    /// The column for a recipient.
    static func text(_ recipient: Envelope.Recipient) -> String? {
        guard recipient.notify != nil || recipient.originalRecipient != nil else { return nil }
        var words: [String] = []
        if let notify = recipient.notify { words.append("NOTIFY=\(notify)") }
        if let original = recipient.originalRecipient {
            words.append(
                "ORCPT=\(original.addressType);\(Xtext.encode(original.address.utf8))")
        }
        return words.joined(separator: " ")
    }

    /// Reads what `text` wrote.
    static func recipient(
        _ text: String?
    ) -> (notify: Envelope.Notify?, originalRecipient: Envelope.OriginalRecipient?) {
        var notify: Envelope.Notify?
        var original: Envelope.OriginalRecipient?
        guard let text else { return (notify, original) }
        for (keyword, value) in words(text) {
            switch keyword {
            case "NOTIFY": notify = Envelope.Notify(value)
            case "ORCPT": original = originalRecipient(value)
            default: break
            }
        }
        return (notify, original)
    }

    private static func originalRecipient(_ value: String) -> Envelope.OriginalRecipient? {
        let parts = value.split(
            separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = decoded(String(parts[1])) else { return nil }
        return Envelope.OriginalRecipient(addressType: String(parts[0]), address: address)
    }

    // MARK: Words

    private static func words(_ text: String) -> [(keyword: String, value: String)] {
        text.split(separator: " ").map { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        }
    }

    private static func decoded(_ value: String) -> String? {
        Xtext.decode(value.utf8).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func time(_ value: String) -> Timestamp? {
        Int64(value).map { Timestamp(milliseconds: $0) }
    }
}
