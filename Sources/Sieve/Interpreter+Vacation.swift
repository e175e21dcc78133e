// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

// RFC 5230: answering for a person who is away.
extension Interpreter {
    /// §4.1, RFC 6131 §2: a week is the default, a quarter the most.
    private static let defaultSeconds: Int64 = 7 * 86400
    private static let maximumSeconds: Int64 = 90 * 86400
    /// Shorter would make a chat of two automats; RFC 6131 §2 lets a site set a minimum.
    private static let minimumSeconds: Int64 = 3600

    mutating func vacation(_ arguments: Arguments) throws(Interruption) {
        // §4.7: once in a run, and not for what is rejected.
        for action in actions {
            if case .reply = action {
                throw failure(arguments.line, "vacation may answer a message only once")
            }
            if case .reject = action {
                throw failure(arguments.line, "what is rejected cannot be answered too")
            }
        }
        try workThroughHeader(at: arguments.line)
        let reply = try makeReply(arguments)
        if let reason = silence(arguments: try values(arguments.texts("addresses"))) {
            return note("vacation: no answer, because \(reason)", arguments.line)
        }
        guard let reply else {
            return note("vacation: no answer, because nobody can be answered", arguments.line)
        }
        note("vacation: an answer to \(reply.recipient)", arguments.line)
        actions.append(.reply(reply))
    }

    private mutating func makeReply(_ arguments: Arguments) throws(Interruption) -> AutoReply? {
        let reason = try values(arguments.texts(at: 0)).first ?? ""
        let from = try values(arguments.texts("from")).first
        let givenSubject = try values(arguments.texts("subject")).first
        let handle = try values(arguments.texts("handle")).first
        var copy: Filing?
        if let mailbox = try values(arguments.texts("fcc")).first {
            var filing = Filing(mailbox: mailbox)
            filing.creates = arguments.has("create")
            filing.specialUse = try values(arguments.texts("specialuse")).first
            filing.flags = try flags(in: values(arguments.texts("flags")), at: arguments.line)
            copy = filing
        }
        if let from {
            let list = AddressList(from).participants
            guard !list.isEmpty, list.allSatisfy({ $0.address != nil }) else {
                throw failure(arguments.line, "\(Self.quoted(from)) is no mail address")
            }
        }
        guard let recipient = try? Address(incoming.sender) else { return nil }
        let original = fields.first { $0.isNamed("Subject") }?.decoded
        // §4.3: the default subject.
        let subject = givenSubject ?? original.map { "Auto: \($0)" } ?? "Automated reply"
        return AutoReply(
            recipient: recipient, subject: Self.truncated(subject), from: from, reason: reason,
            isMIME: arguments.has("mime"), identity: Self.identity(handle, arguments),
            seconds: Self.period(arguments),
            messageID: fields.first { $0.isNamed("Message-ID") }?.identifiers.first?.description,
            references: fields.first { $0.isNamed("References") }
                .map { String(lossy: $0.unfolded.prefix(2000)) },
            copy: copy)
    }

    /// §4.2: the handle, or the arguments as they stand in the script.
    private static func identity(_ handle: String?, _ arguments: Arguments) -> String {
        if let handle { return "handle:\(handle)" }
        let parts = [
            arguments.text("subject")?.source, arguments.text("from")?.source,
            arguments.has("mime") ? "mime" : nil, arguments.text(at: 0)?.source,
        ]
        // Each with its length, so that no text can pass for two.
        return "text:" + parts.map { $0.map { "\($0.utf8.count):\($0)" } ?? "-" }.joined()
    }

    private static func period(_ arguments: Arguments) -> Int64 {
        if let days = arguments.number("days") {
            return min(max(days, 1), maximumSeconds / 86400) * 86400
        }
        guard let seconds = arguments.number("seconds") else { return defaultSeconds }
        return min(max(seconds, minimumSeconds), maximumSeconds)
    }

    // MARK: When not to answer

    /// Why an answer would go to nobody, to an automat or to many; nil if to a person.
    private func silence(arguments addresses: [String]) -> String? {
        guard !incoming.sender.isEmpty else { return "the message is a notification" }
        if let doubt = incoming.doubt { return "\(doubt)" }
        let localPart = incoming.sender.prefix { $0 != "@" }.lowercased()
        let automats = ["mailer-daemon", "listserv", "majordomo", "noreply", "no-reply"]
        // §4.6, RFC 3834 §2.
        if automats.contains(localPart) || localPart.hasPrefix("owner-")
            || localPart.hasSuffix("-request") || localPart.hasSuffix("-owner")
            || localPart.contains("-bounce")
        {
            return "its sender \(incoming.sender) is no person"
        }
        for field in fields where field.name.asciiLowercased.hasPrefix("list-") {
            return "it came by a mailing list (\(field.name))"
        }
        for field in fields(named: "Auto-Submitted")
        where field.decoded.prefix(while: { $0 != ";" }).description.trimmed.asciiLowercased != "no"
        {
            return "it was written by a program (Auto-Submitted)"
        }
        for field in fields(named: "Precedence")
        where ["bulk", "list", "junk"].contains(field.decoded.trimmed.asciiLowercased) {
            return "it was sent to many (Precedence)"
        }
        for name in ["X-Auto-Response-Suppress", "X-Loop", "Feedback-ID"]
        where fields.contains(where: { $0.isNamed(name) }) {
            return "it asks for no answer or was written by a program (\(name))"
        }
        let own = ([incoming.recipient] + incoming.ownAddresses + addresses)
            .map(\.asciiLowercased)
        guard !own.contains(incoming.sender.asciiLowercased) else {
            return "it comes from the same person"
        }
        return isAddressed(to: Set(own)) ? nil : "none of the own addresses stands in To or Cc"
    }

    /// §4.5.
    private func isAddressed(to own: Set<String>) -> Bool {
        let names = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"]
        return fields.contains { field in
            guard names.contains(where: field.isNamed) else { return false }
            var defects = DefectList()
            return field.addresses(defects: &defects).participants.contains {
                own.contains("\($0.localPart)@\($0.domain)".asciiLowercased)
            }
        }
    }
}
