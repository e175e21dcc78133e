// SPDX-License-Identifier: Apache-2.0

import Journal
package import Mail
import MessageStore
import Storage
package import World

extension Spooler {
    /// Recipients taken out of the spool, and where to go on looking.
    package struct Claimed: Sendable {
        package var recipients: [DueRecipient] = []
        /// Due, but nobody can try them: they are left as they are, for a release that can.
        package var unreadable: [UnreadableRecipient] = []
        /// For the next call; nil when everything due was looked at.
        package var rest: Place?

        package init() {}
    }

    /// A recipient whose stored address this release cannot read.
    package struct UnreadableRecipient: Hashable, Sendable {
        package let key: RecipientKey
        /// As it is stored.
        package let address: String
    }

    /// A place among what is due, in the order of the due times.
    package struct Place: Hashable, Sendable {
        let due: Int64
        let message: Int64
        let ordinal: Int64
    }

    /// One call looks at no more rows than this, so that a huge destination which takes no more
    /// at the moment does not hold the writer.
    static let examinedLimit = 5_000

    /// Claims what is due at `now`, the longest due first, at most `limit` recipients.
    ///
    /// Three quarters of them may be urgent ones (RFC 6710), which need not wait behind the others.
    /// Lines in `excluded` are passed over: destinations, and hosts (`DueRecipient.line`). A claim that has expired counts as due.
    package func claim(
        at now: Timestamp, limit: Int, excluding excluded: Set<Destination> = [],
        from place: Place? = nil
    ) async throws -> Claimed {
        let names = Set(excluded.map(\.description))
        let (claim, node) = (newClaim(at: now), node)
        return try await store.write { transaction in
            // Those of them that cannot be read are found among what is due, too.
            let urgent = try Self.urgent(
                at: now, limit: limit * 3 / 4, excluding: names, claim, transaction)
            try Self.note(claim, by: node, of: urgent, transaction)
            var claimed = try Self.due(
                at: now, limit: limit - urgent.count, excluding: names, from: place, claim,
                transaction)
            try Self.note(claim, by: node, of: claimed.recipients, transaction)
            claimed.recipients = urgent + claimed.recipients
            return claimed
        }
    }

    private static func note(
        _ claim: Claim, by node: String, of recipients: [DueRecipient],
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        for recipient in recipients {
            try transaction.execute(
                """
                UPDATE recipient SET claim = ?, claim_node = ?, next_attempt = ?
                WHERE message_id = ? AND ordinal = ?
                """,
                [
                    .integer(claim.token), .text(node), .integer(claim.expires.milliseconds),
                    .integer(recipient.message.id.value), .integer(Int64(recipient.ordinal)),
                ])
        }
    }

    /// What is urgent and due; the index that is asked holds nothing else.
    private static func urgent(
        at now: Timestamp, limit: Int, excluding excluded: Set<String>, _ claim: Claim,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [DueRecipient] {
        var recipients: [DueRecipient] = []
        try transaction.query(
            """
            SELECT r.next_attempt, r.message_id, r.ordinal, r.destination, r.address, r.original,
                r.attempts, r.first_attempt, r.is_delay_notified, m.reverse_path, m.accepted,
                m.expires, m.content_id, m.octets, m.is_8bit, m.is_international, m.parameters,
                r.parameters, r.via
            FROM recipient r JOIN message m ON m.id = r.message_id
            WHERE r.priority > 0 AND r.next_attempt <= ? ORDER BY r.next_attempt LIMIT ?
            """,
            [.integer(now.milliseconds), .integer(Int64(limit))]
        ) { row in
            guard !isPassedOver(row, excluded),
                let recipient = DueRecipient(row: row, claim: claim)
            else { return }
            recipients.append(recipient)
        }
        return recipients
    }

    /// Whether the line that a row of `claim`'s query belongs to takes no more.
    private static func isPassedOver(_ row: any Row, _ excluded: Set<String>) -> Bool {
        guard !excluded.isEmpty else { return false }
        guard let via = row.optionalText(18) else { return excluded.contains(row.text(3)) }
        return excluded.contains(DueRecipient.line(via: via).description)
    }

    private static func due(
        at now: Timestamp, limit: Int, excluding excluded: Set<String>, from place: Place?,
        _ claim: Claim, _ transaction: any Transaction
    ) throws(StorageFailure) -> Claimed {
        var claimed = Claimed()
        var examined = 0
        var last: Place?
        // Without an exclusion every row counts, and none beyond the limit needs reading.
        let rows = excluded.isEmpty ? limit : examinedLimit
        try transaction.query(
            """
            SELECT r.next_attempt, r.message_id, r.ordinal, r.destination, r.address, r.original,
                r.attempts, r.first_attempt, r.is_delay_notified, m.reverse_path, m.accepted,
                m.expires, m.content_id, m.octets, m.is_8bit, m.is_international, m.parameters,
                r.parameters, r.via
            FROM recipient r JOIN message m ON m.id = r.message_id
            WHERE r.next_attempt <= ? AND (r.next_attempt, r.message_id, r.ordinal) > (?, ?, ?)
            ORDER BY r.next_attempt, r.message_id, r.ordinal LIMIT ?
            """,
            [
                .integer(now.milliseconds), .integer(place?.due ?? .min),
                .integer(place?.message ?? 0), .integer(place?.ordinal ?? 0),
                .integer(Int64(rows)),
            ]
        ) { row in
            guard claimed.recipients.count < limit else { return }
            examined += 1
            last = Place(
                due: row.integer(0), message: row.integer(1), ordinal: row.integer(2))
            guard !isPassedOver(row, excluded) else { return }
            if let recipient = DueRecipient(row: row, claim: claim) {
                claimed.recipients.append(recipient)
            } else {
                claimed.unreadable.append(UnreadableRecipient(row))
            }
        }
        if examined == rows || claimed.recipients.count == limit { claimed.rest = last }
        return claimed
    }

    /// Which of these recipients still wait, and still cannot be read.
    package func unreadable(among keys: [RecipientKey]) async throws -> [UnreadableRecipient] {
        try await store.read { transaction in
            try keys.compactMap { key in
                let address = try transaction.first(
                    "SELECT address FROM recipient WHERE message_id = ? AND ordinal = ?",
                    [.integer(key.message.value), .integer(Int64(key.ordinal))]
                ) { $0.text(0) }
                guard let address, !Address.isReadable(address) else { return nil }
                return UnreadableRecipient(key: key, address: address)
            }
        }
    }

    /// Makes claims last longer, for attempts that take their time; a lost claim stays lost.
    package func extend(_ recipients: [DueRecipient], until: Timestamp) async throws {
        try await store.write { transaction in
            for recipient in recipients {
                try transaction.execute(
                    """
                    UPDATE recipient SET next_attempt = ?
                    WHERE message_id = ? AND ordinal = ? AND claim = ?
                    """,
                    [
                        .integer(until.milliseconds), .integer(recipient.message.id.value),
                        .integer(Int64(recipient.ordinal)), .integer(recipient.claim.token),
                    ])
            }
        }
    }

    /// Gives back what this node had claimed before it ended; once, before anything is claimed.
    ///
    /// Returns how many recipients were under way then.
    @discardableResult
    package func releaseOwnClaims(at now: Timestamp) async throws -> Int {
        let node = node
        return try await store.write { transaction in
            try transaction.execute(
                """
                UPDATE recipient SET claim = NULL, claim_node = NULL, next_attempt = ?
                WHERE claim_node = ?
                """,
                [.integer(now.milliseconds), .text(node)])
        }
    }

    /// When the next recipient is due after `time` (or its claim ends); nil when nothing waits.
    package func nextDue(after time: Timestamp = Timestamp(milliseconds: .min)) async throws
        -> Timestamp?
    {
        try await store.read { transaction in
            try transaction.first(
                """
                SELECT next_attempt FROM recipient WHERE next_attempt > ?
                ORDER BY next_attempt LIMIT 1
                """, [.integer(time.milliseconds)]
            ) { Timestamp(milliseconds: $0.integer(0)) }
        }
    }
}

extension Address {
    /// Whether a row's address can be read.
    static func isReadable(_ stored: String) -> Bool { (try? Address(stored)) != nil }
}

extension Spooler.UnreadableRecipient {
    /// Reads the columns of `claim`'s query.
    fileprivate init(_ row: any Row) {
        self.init(
            key: RecipientKey(
                message: QueueID(value: row.integer(1)), ordinal: Int(row.integer(2))),
            address: row.text(4))
    }
}

extension DueRecipient {
    /// Reads the columns of `claim`'s query; nil for an address that this release cannot read.
    fileprivate init?(row: any Row, claim: Claim) {
        guard let address = try? Address(row.text(4)) else { return nil }
        let id = QueueID(value: row.integer(1))
        let (body, requests) = StoredParameters.message(
            row.optionalText(16), is8Bit: row.integer(14) != 0)
        let message = SpooledMessage(
            id: id, reversePath: ReversePath(stored: row.text(9)),
            accepted: Timestamp(milliseconds: row.integer(10)),
            expires: Timestamp(milliseconds: row.integer(11)),
            content: Content.ID(value: row.integer(12)), octets: Int(row.integer(13)),
            body: body, isInternational: row.integer(15) != 0, requests: requests)
        let (notify, originalRecipient) = StoredParameters.recipient(row.optionalText(17))
        self.init(
            message: message, ordinal: Int(row.integer(2)),
            Envelope.Recipient(
                address, original: row.optionalText(5).flatMap { try? Address($0) },
                notify: notify, originalRecipient: originalRecipient),
            via: row.optionalText(18), attempts: Int(row.integer(6)),
            firstAttempt: row.optionalInteger(7).map { Timestamp(milliseconds: $0) },
            told: DelayNotices(rawValue: row.integer(8)), claim: claim)
    }
}

extension ReversePath {
    /// Reads what `description` wrote.
    init(stored: String) { self = (try? Address(stored)).map { .address($0) } ?? .null }
}
