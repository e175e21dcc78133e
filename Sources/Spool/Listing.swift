// SPDX-License-Identifier: Apache-2.0

package import Journal
package import Mail
import Storage
package import World

/// A message in the spool as an operator sees it.
package struct QueueEntry: Hashable, Sendable {
    package var id: QueueID
    package var accepted: Timestamp
    package var expires: Timestamp
    package var reversePath: ReversePath
    package var octets: Int
    package var body: Envelope.Body
    package var isInternational: Bool
    /// What its sender asks for by extensions of SMTP.
    package var requests: Envelope.Requests
    package var messageID: String?
    package var source: [Fact.Field]
    /// Those that are not done, in the order of the envelope.
    package var recipients: [Recipient]

    /// What is known of one recipient.
    package struct Recipient: Hashable, Sendable {
        package var ordinal: Int
        package var address: String
        package var original: String?
        /// `NOTIFY=` (RFC 3461 §4.1); nil if the sender did not say.
        package var notify: Envelope.Notify?
        /// `ORCPT=` (RFC 3461 §4.2).
        package var originalRecipient: Envelope.OriginalRecipient?
        package var destination: String
        package var state: State
        /// When it is due; nil while it is held or tried.
        package var nextAttempt: Timestamp?
        package var attempts: Int
        package var firstAttempt: Timestamp?
        package var lastAttempt: Timestamp?
        package var lastStatus: EnhancedStatus?
        package var lastText: String?
        package var lastHost: String?
        /// The host that takes it by an operator's will.
        package var via: String?
        /// Who tries it at the moment.
        package var node: String?
    }

    /// What a recipient waits for.
    package enum State: String, Hashable, Sendable {
        /// For its next attempt.
        case waiting
        /// Claimed by a node.
        case active
        /// For an operator.
        case held
    }
}

/// A part of a listing.
package struct QueuePage: Hashable, Sendable {
    package var entries: [QueueEntry] = []
    /// Behind which message the next part begins; nil at the end.
    package var next: QueueID?
}

extension Spooler {
    /// No part of a listing holds more messages.
    package static let listLimit = 1_000

    /// Messages in the order of acceptance, all recipients of each, from behind `after`.
    ///
    /// Those that have a recipient who is meant.
    package func entries(
        _ selection: Selection = Selection(), after: QueueID? = nil, limit: Int = listLimit
    ) async throws -> QueuePage {
        let limit = max(1, min(limit, Self.listLimit))
        var page = QueuePage()
        // Where everything is meant, nothing beyond the page need be looked at.
        let size = selection.isEverything ? limit : Stretch.recipients
        try await stretches(selection, after: after, size: size) { transaction, stretch in
            var ids: [QueueID] = []
            try selection.walk(stretch, in: transaction) { row in
                let id = QueueID(value: row.integer(0))
                if ids.count <= limit, ids.last != id { ids.append(id) }
            }
            return try ids.compactMap { try Self.entry($0, transaction) }
        } each: { part in
            page.entries += part
            guard page.entries.count > limit else { return true }
            page.entries.removeLast(page.entries.count - limit)
            page.next = page.entries.last?.id
            return false
        }
        return page
    }

    /// One message; nil if it is not in the spool (any longer).
    package func entry(_ id: QueueID) async throws -> QueueEntry? {
        try await store.read { try Self.entry(id, $0) }
    }

    private static func entry(
        _ id: QueueID, _ transaction: any Transaction
    ) throws(StorageFailure) -> QueueEntry? {
        var entry = try transaction.first(
            """
            SELECT accepted, expires, reverse_path, octets, is_8bit, is_international, message_id,
                source, parameters
            FROM message WHERE id = ?
            """,
            [.integer(id.value)]
        ) { row in
            let (body, requests) = StoredParameters.message(
                row.optionalText(8), is8Bit: row.integer(4) != 0)
            return QueueEntry(
                id: id, accepted: Timestamp(milliseconds: row.integer(0)),
                expires: Timestamp(milliseconds: row.integer(1)),
                reversePath: ReversePath(stored: row.text(2)), octets: Int(row.integer(3)),
                body: body, isInternational: row.integer(5) != 0, requests: requests,
                messageID: row.optionalText(6), source: [Fact.Field](stored: row.text(7)),
                recipients: [])
        }
        entry?.recipients = try transaction.all(
            """
            SELECT ordinal, address, original, destination, next_attempt, claim_node, attempts,
                first_attempt, last_attempt, last_status, last_text, last_host, parameters, via
            FROM recipient WHERE message_id = ? ORDER BY ordinal
            """,
            [.integer(id.value)]
        ) { QueueEntry.Recipient(row: $0) }
        return entry
    }
}

extension QueueEntry.Recipient {
    fileprivate init(row: any Row) {
        func time(_ column: Int) -> Timestamp? {
            row.optionalInteger(column).map { Timestamp(milliseconds: $0) }
        }
        // Nobody can try it: that is why it waits, whatever there was before.
        let problem =
            Address.isReadable(row.text(1)) ? nil : Diagnosis.addressUnreadable.text()
        let node = row.optionalText(5)
        let due = time(4)
        let (notify, originalRecipient) = StoredParameters.recipient(row.optionalText(12))
        self.init(
            ordinal: Int(row.integer(0)), address: row.text(1), original: row.optionalText(2),
            notify: notify, originalRecipient: originalRecipient, destination: row.text(3),
            state: due == nil ? .held : node == nil ? .waiting : .active,
            nextAttempt: node == nil ? due : nil, attempts: Int(row.integer(6)),
            firstAttempt: time(7), lastAttempt: time(8),
            lastStatus: row.optionalText(9).flatMap { EnhancedStatus($0) },
            lastText: problem ?? row.optionalText(10), lastHost: row.optionalText(11),
            via: row.optionalText(13), node: node)
    }
}
