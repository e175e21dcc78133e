// SPDX-License-Identifier: Apache-2.0

package import Mail
package import World

/// One thing that happened to a message.
package struct Fact: Hashable, Sendable {
    package var time: Timestamp
    package var queueID: QueueID
    package var kind: Kind
    /// Whom it concerns; nil where it concerns the whole message.
    package var recipient: Address?
    /// The host that was reached or that said it: name and address.
    package var host: String?
    package var status: EnhancedStatus?
    /// What was said or found, one line, at most `maximumTextCharacters`.
    package var text: String?
    /// Details by name, in a fixed order.
    package var fields: [Field]

    /// A reply may be long; what a person reads of it is not.
    package static let maximumTextCharacters = 1000

    /// What happened.
    ///
    /// The raw values are stored: never change one.
    package enum Kind: String, CaseIterable, Sendable {
        /// We took responsibility: sender, client, helo, protocolName, tls, account, octets,
        /// messageID, until (when its sender wants it released), results and verdict (what was found
        /// out about its sender), filtered; `recipient` if there is only one.
        case accepted
        /// One of several recipients of an accepted message; `original` if an alias led to it.
        case addressed
        /// We refused a message: client, helo, sender, results, text.
        case refused
        /// Where it is to go: route, security, returnPath; or why nowhere.
        case routed
        /// A delivery was tried: host, status, text, attempt, security.
        case attempted
        /// It waits: until, attempt.
        case deferred
        /// The next system or the mailbox has it: host or mailbox.
        case delivered
        /// It will never arrive: status, text.
        case bounced
        /// A notification was sent to the sender: notification (its queue id), reason (failure,
        /// delay, success, relayed or expanded).
        case notified
        /// An operator or a rule keeps it.
        case held
        /// An operator let it go on.
        case released
        /// An operator deleted it, or a filter took the recipient away.
        case deleted
        /// It goes on as another message, because the address is an alias: continuation (its queue
        /// id).
        case continued
        /// It is due at once: its host answers again, or an operator asked.
        case hastened
        /// An operator sends it elsewhere: recipient is the new address, original the one before.
        /// Without original the address stays, and goes by the host via, or its own way again.
        case redirected
        /// An operator stopped deliveries: scope, subject. A story of its own, without a message.
        case suspended
        /// An operator let them go on: scope, subject. A story of its own, without a message.
        case resumed
    }

    /// The name of a detail.
    ///
    /// The raw values are stored: never change one.
    package enum Key: String, CaseIterable, Sendable {
        case sender, client, helo, account, octets, original, until, attempt, mailbox, route
        case security, notification, continuation, reason, preference, exchange, destination
        case protocolName = "protocol"
        case tls
        case messageID = "message-id"
        case hostName = "host-name"
        /// Who did it: a person and the way the command came.
        case author
        /// The message that this one continues.
        case continues
        /// The message that this notification is about.
        case about
        /// The report of ours that this message carries: its domain and kind.
        case report
        /// The host that an operator has chosen.
        case via
        /// The reverse-path with which it goes on, if that is not its sender's own (SRS).
        case returnPath = "return-path"
        /// What a suspension is about: destination, host or sender; and which.
        case scope, subject
        /// What SPF, DKIM, DMARC and ARC came to, and what was done for it.
        case results, verdict
        /// What filters have changed of its envelope or body.
        case filtered
    }

    /// A detail.
    package struct Field: Hashable, Sendable {
        package var key: Key
        package var value: String

        package init(_ key: Key, _ value: some CustomStringConvertible) {
            self.key = key
            self.value = value.description
        }
    }

    package init(
        _ kind: Kind, of queueID: QueueID, at time: Timestamp, recipient: Address? = nil,
        host: String? = nil, status: EnhancedStatus? = nil, text: String? = nil,
        fields: [Field] = []
    ) {
        self.time = time
        self.queueID = queueID
        self.kind = kind
        self.recipient = recipient
        self.host = host
        self.status = status
        self.text = text
        self.fields = fields
    }

    package subscript(_ key: Key) -> String? { fields.first { $0.key == key }?.value }
}

extension [Fact.Field] {
    /// `name=value` lines; whoever is outside can put no line of their own among them.
    package var stored: String {
        var text = ""
        for field in self {
            text += field.key.rawValue
            text += "="
            text += field.value.oneLine(limit: Fact.maximumTextCharacters)
            text += "\n"
        }
        return text
    }

    /// Reads what `stored` wrote; names of a newer release are passed over.
    package init(stored: String) {
        self = stored.split(separator: "\n").compactMap { line in
            guard let equals = line.firstIndex(of: "="),
                let key = Fact.Key(rawValue: String(line[..<equals]))
            else { return nil }
            return Fact.Field(key, String(line[line.index(after: equals)...]))
        }
    }
}

extension String {
    /// Without control characters and no longer than `limit` characters.
    func oneLine(limit: Int) -> String {
        if utf8.count <= limit, !utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return self }
        let clean = unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }
        return String(String(String.UnicodeScalarView(clean)).prefix(limit))
    }
}
