// SPDX-License-Identifier: Apache-2.0

package import Journal
package import Mail
import MessageStore
import Storage
package import World

/// What is known of a message at the moment it is accepted, beside its octets.
package struct Acceptance: Sendable {
    package var envelope: Envelope
    /// The Message-ID of its header, if it has one.
    package var messageID: String?
    /// Whence it came: client, helo, protocolName, tls, account.
    package var source: [Fact.Field]
    /// When we give up; nil for the usual lifetime.
    ///
    /// A message that is held at first (`holdUntil`) gets so much more.
    package var expires: Timestamp?
    /// Further facts to keep with it (an alias expanded, say).
    package var facts: [Fact]

    package init(
        _ envelope: Envelope, messageID: String? = nil, source: [Fact.Field] = [],
        expires: Timestamp? = nil, facts: [Fact] = []
    ) {
        self.envelope = envelope
        self.messageID = messageID
        self.source = source
        self.expires = expires
        self.facts = facts
    }
}

extension Acceptance {
    /// Writes the message with its content, its recipients and its facts.
    ///
    /// With a claim the recipients are this node's from the first moment, and are returned.
    func insert(
        as id: QueueID, _ body: Content.Body, octets: Int, at now: Timestamp,
        _ lifetimes: Lifetimes, claim: (claim: Claim, node: String)?,
        in transaction: any Transaction
    ) throws(StorageFailure) -> [DueRecipient] {
        let content = Content.ID(value: id.value)
        try Content.insert(content, octets: octets, body, in: transaction)
        return try insert(
            as: id, referringTo: content, octets: octets, at: now, lifetimes, claim: claim,
            in: transaction)
    }

    /// As `insert`, for a content that is there already and counts this reference.
    func insert(
        as id: QueueID, referringTo content: Content.ID, octets: Int, at now: Timestamp,
        _ lifetimes: Lifetimes, claim: (claim: Claim, node: String)?,
        in transaction: any Transaction
    ) throws(StorageFailure) -> [DueRecipient] {
        precondition(!envelope.recipients.isEmpty, "a message is accepted for someone")
        let released = max(now, envelope.requests.holdUntil ?? now)
        let expires = expires ?? now + lifetimes.lifetime(from: envelope.reversePath)
        let message = SpooledMessage(
            id: id, reversePath: envelope.reversePath, accepted: now,
            expires: expires + (released - now),
            content: content,
            octets: octets, body: envelope.body, isInternational: envelope.isInternational,
            requests: envelope.requests)
        try insert(message, in: transaction)
        for (ordinal, recipient) in envelope.recipients.enumerated() {
            try insert(recipient, ordinal, of: message, claim: claim, in: transaction)
        }
        try Trace.record(ownFacts(of: message) + facts, in: transaction)
        guard let claim else { return [] }
        return envelope.recipients.enumerated().map { ordinal, recipient in
            DueRecipient(message: message, ordinal: ordinal, recipient, claim: claim.claim)
        }
    }

    private func insert(
        _ message: SpooledMessage, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO message
                (id, accepted, expires, reverse_path, content_id, octets, is_8bit,
                 is_international, message_id, source, parameters)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(message.id.value), .integer(message.accepted.milliseconds),
                .integer(message.expires.milliseconds), .text(message.reversePath.description),
                .integer(message.content.value), .integer(Int64(message.octets)),
                .integer(message.is8BitMIME ? 1 : 0), .integer(message.isInternational ? 1 : 0),
                .text(optional: messageID), .text(source.stored),
                .text(optional: StoredParameters.text(message.body, message.requests)),
            ])
    }

    private func insert(
        _ recipient: Envelope.Recipient, _ ordinal: Int, of message: SpooledMessage,
        claim: (claim: Claim, node: String)?, in transaction: any Transaction
    ) throws(StorageFailure) {
        let due = claim?.claim.expires ?? message.released
        try transaction.execute(
            """
            INSERT INTO recipient
                (message_id, ordinal, address, original, destination, next_attempt, claim,
                 claim_node, attempts, is_delay_notified, parameters, priority)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)
            """,
            [
                .integer(message.id.value), .integer(Int64(ordinal)),
                .text(recipient.address.description),
                .text(optional: recipient.original?.description),
                .text(recipient.address.destination.description), .integer(due.milliseconds),
                .integer(optional: claim?.claim.token), .text(optional: claim?.node),
                .text(optional: StoredParameters.text(recipient)),
                .integer(Int64(message.requests.priority)),
            ])
    }

    /// One fact for the message, and one for each recipient if there are several.
    private func ownFacts(of message: SpooledMessage) -> [Fact] {
        var fields = [Fact.Field(.sender, envelope.reversePath)] + source
        fields.append(Fact.Field(.octets, message.octets))
        if let messageID { fields.append(Fact.Field(.messageID, messageID)) }
        if message.released > message.accepted {
            fields.append(Fact.Field(.until, CalendarDate(message.released).internetFormat))
        }
        let recipients = envelope.recipients
        let only = recipients.count == 1 ? recipients.first : nil
        if let original = only?.original { fields.append(Fact.Field(.original, original)) }
        let accepted = Fact(
            .accepted, of: message.id, at: message.accepted, recipient: only?.address,
            fields: fields)
        guard only == nil else { return [accepted] }
        return [accepted]
            + recipients.map { recipient in
                Fact(
                    .addressed, of: message.id, at: message.accepted,
                    recipient: recipient.address,
                    fields: recipient.original.map { [Fact.Field(.original, $0)] } ?? [])
            }
    }
}
