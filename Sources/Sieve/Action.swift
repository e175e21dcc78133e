// SPDX-License-Identifier: Apache-2.0

package import Mail

/// What is to be done with a message.
package enum Action: Hashable, Sendable {
    case file(Filing)
    /// With the header as edited; nil as it came.
    case redirect(Address, header: [UInt8]?)
    /// Thrown away in silence, as far as nothing else is done.
    case discard
    /// Refused with a text for its sender; `ereject` does so by SMTP where that is possible
    /// (RFC 5429 §2.1, §2.2).
    case reject(reason: String, isExtended: Bool)
    case reply(AutoReply)
    /// The owner is told of the message elsewhere (RFC 5435); whatever else is done with it stays.
    case notify(MailNotification)
}

/// A notification by mail (RFC 5436).
package struct MailNotification: Hashable, Sendable {
    /// At least one, with those of `copies` at most `Limit.notified`.
    package var recipients: [Address]
    /// Those of them that stand in Cc.
    package var copies: [Address]
    /// `:from`, if it is an address of the account.
    package var from: String?
    package var subject: String
    package var body: String
    /// 1 is high, 2 normal, 3 low.
    package var importance: Int
    /// `:fcc` (RFC 8580).
    package var copy: Filing?
    /// That of the message which it tells of.
    package var messageID: String?
}

/// A copy into a mailbox.
package struct Filing: Hashable, Sendable {
    /// As the script names it; `INBOX` for keep.
    package var mailbox: String
    package var isKeep = false
    /// Made if it does not exist (RFC 5490 §3.2).
    package var creates = false
    /// Preferred to `mailbox` if one exists (RFC 8579 §4).
    package var specialUse: String?
    /// Preferred to `mailbox` if it exists (RFC 9042 §4).
    package var mailboxID: String?
    /// IMAP flags and keywords, each once.
    package var flags: [String] = []
    /// The whole header as edited (RFC 5293), its empty line included; nil as it came.
    package var header: [UInt8]?

    package init(mailbox: String) { self.mailbox = mailbox }
}

/// An answer by `vacation` (RFC 5230), to be sent once in a period to each sender.
package struct AutoReply: Hashable, Sendable {
    package var recipient: Address
    package var subject: String
    /// `:from` (§4.3).
    package var from: String?
    package var reason: String
    /// `:mime`: the reason is a MIME entity with its header (§4.4).
    package var isMIME: Bool
    /// What counts as the same answer (§4.2): handle, or the arguments before variables.
    package var identity: String
    /// How long the same answer is not sent to the same sender again.
    package var seconds: Int64
    /// The message's `Message-ID` and `References`, for those of the answer (§5.8).
    package var messageID: String?
    package var references: String?
    /// `:fcc` (RFC 8580).
    package var copy: Filing?
}

/// What came of a script.
package struct Verdict: Sendable {
    package var actions: [Action]
    /// Why, in the order it was found out; bounded by `Limit.sentences`.
    package var steps: [Step]
    /// Why the script ended early; then the only action is keep (RFC 5228 §2.10.6).
    package var failure: Diagnostic?
    /// To be remembered once the message is delivered (RFC 7352 §3).
    package var sightings: [Sighting]

    /// Why, in one line: what the script did, not what it did not.
    package var summary: String {
        if let failure { return "script failed: \(failure)" }
        let acts = steps.filter { $0.outcome == nil }.prefix(5).map {
            $0.line == 0 ? $0.text : "line \($0.line): \($0.text)"
        }
        return "script: " + acts.joined(separator: "; ")
    }

    /// Says that an action is not taken after all: it was taken before, for this message or sender.
    package mutating func omit(_ action: Action) {
        switch action {
        case .redirect(let address, _): add("it went to \(address) before, and does not again")
        case .reply(let reply): add("\(reply.recipient) was answered before")
        case .notify: add("it was told of before")
        case .file, .discard, .reject: break
        }
    }

    /// Files the message into the inbox, as nothing else is left to be done with it.
    package mutating func keep() {
        var keep = Filing(mailbox: "INBOX")
        keep.isKeep = true
        actions.append(.file(keep))
        add("it is kept")
    }

    private mutating func add(_ text: String) {
        steps.append(Step(script: nil, line: 0, text: text, outcome: nil))
    }

    /// One thing that the script did or found out.
    package struct Step: Hashable, Sendable {
        /// The name of an included script; nil for the script itself.
        package let script: String?
        package let line: Int
        package let text: String
        /// The outcome of a test; nil for a command.
        package let outcome: Bool?
    }
}
