// SPDX-License-Identifier: Apache-2.0

package import Journal
package import Mail
package import MessageStore
package import Storage
package import World

/// How an attempt for one recipient ended, and what that makes of it.
package struct Settlement: Sendable {
    package var recipient: DueRecipient
    package var result: Result
    /// What happened, for the journal; written only if the recipient was still ours.
    package var facts: [Fact]
    /// The message that takes the recipient's place, in this very transaction.
    package var continuation: Continuation?
    /// What was computed of the content, to be kept beside it.
    package var summary: StoredSummary?
    /// Messages of our own that it causes, in this very transaction: answers, redirections.
    package var notices: [Conclusion.Notice] = []
    /// What else is to be written if the recipient was still ours.
    package var record: (@Sendable (any Transaction) throws(StorageFailure) -> Void)?

    /// The same content on its way to others: the recipient was an alias.
    package struct Continuation: Sendable {
        package var id: QueueID
        package var acceptance: Acceptance

        package init(as id: QueueID, _ acceptance: Acceptance) {
            self.id = id
            self.acceptance = acceptance
        }
    }

    /// What becomes of the recipient.
    package enum Result: Hashable, Sendable {
        /// Into a mailbox here, in this very transaction; `prefix` is header lines with CRLF that
        /// go in front (Return-Path).
        case deliveredLocally(account: Int64, mailbox: String, prefix: String)
        /// As a script of the account wants it: into any number of mailboxes, perhaps none.
        case sorted(account: Int64, [Mailboxes.Sorted], prefix: String)
        /// The next system has it, or the sender is told that it will never arrive, or another
        /// message continues it: it is gone.
        case done
        /// Tried in vain; again at `until`.
        case deferred(until: Timestamp, Outcome.Evidence, told: DelayNotices)
        /// Not tried; at `until`. The count of attempts stays.
        case putOff(until: Timestamp)
        /// Waits for an operator.
        case held
    }

    package init(
        _ recipient: DueRecipient, _ result: Result, facts: [Fact] = [],
        continuation: Continuation? = nil
    ) {
        self.recipient = recipient
        self.result = result
        self.facts = facts
        self.continuation = continuation
    }
}

/// Settlements that belong together, with the notification that they cause.
package struct Conclusion: Sendable {
    package var settlements: [Settlement]
    /// Enters the spool in the same transaction, if at least one of the settlements counts.
    package var notice: Notice?

    package init(_ settlements: [Settlement], notice: Notice? = nil) {
        self.settlements = settlements
        self.notice = notice
    }

    /// Whose mailboxes got something, if all its settlements count.
    fileprivate var accounts: [Int64] {
        settlements.flatMap { settlement -> [Int64] in
            switch settlement.result {
            case .deliveredLocally(let account, _, _): [account]
            case .sorted(let account, let copies, _):
                [account] + copies.compactMap(\.others?.owner)
            case .done, .deferred, .putOff, .held: []
            }
        }
    }

    /// A message of our own, small enough for a row (`Content.rowLimitOctets`).
    package struct Notice: Sendable {
        package var id: QueueID
        package var octets: [UInt8]
        package var acceptance: Acceptance

        package init(id: QueueID, octets: [UInt8], _ acceptance: Acceptance) {
            precondition(octets.count <= Content.rowLimitOctets, "a notification is short")
            self.id = id
            self.octets = octets
            self.acceptance = acceptance
        }
    }
}

/// What became of conclusions.
package struct Settled: Sendable {
    /// Recipients that were no longer ours: the claim had expired, or an operator had removed them.
    ///
    /// Nothing was done for them; a mailbox got nothing.
    package var lost: [RecipientKey] = []
    /// Notifications that stand in the spool now.
    package var notices: [QueueID] = []
    /// Messages that continue others, due at once.
    package var continued: [QueueID] = []
    /// Body files that nobody refers to any longer.
    var files: [String] = []
}

extension Spooler {
    /// Ends attempts, all in one transaction.
    ///
    /// A recipient that was delivered into a mailbox leaves the spool in the transaction that
    /// puts it there, and only if the claim still holds: that is why it happens exactly once.
    /// With its last recipient the message goes, and with its last reference the content.
    @discardableResult
    package func settle(_ conclusions: [Conclusion]) async throws -> Settled {
        let (now, lifetimes) = (time.timestamp, lifetimes)
        let settled = try await store.write { transaction in
            var settled = Settled()
            for conclusion in conclusions {
                try Self.settle(conclusion, at: now, lifetimes, &settled, transaction)
            }
            return settled
        }
        for account in conclusions.flatMap(\.accounts) { mailboxChanges.signal(account) }
        // Should this fail, the files are orphans, and collected.
        for file in settled.files { try? await bodies.remove(file) }
        return settled
    }

    private static func settle(
        _ conclusion: Conclusion, at now: Timestamp, _ lifetimes: Lifetimes,
        _ settled: inout Settled, _ transaction: any Transaction
    ) throws(StorageFailure) {
        var isEffective = false
        for settlement in conclusion.settlements {
            switch try settlement.apply(at: now, lifetimes, in: transaction) {
            case .lost:
                settled.lost.append(settlement.recipient.key)
                continue
            case .counts(let file): if let file { settled.files.append(file) }
            }
            isEffective = true
            try Trace.record(settlement.facts, in: transaction)
            if let continuation = settlement.continuation {
                settled.continued.append(continuation.id)
            }
            for notice in settlement.notices {
                try insert(notice, at: now, lifetimes, &settled, transaction)
            }
            try settlement.record?(transaction)
        }
        guard isEffective, let notice = conclusion.notice else { return }
        try insert(notice, at: now, lifetimes, &settled, transaction)
    }

    private static func insert(
        _ notice: Conclusion.Notice, at now: Timestamp, _ lifetimes: Lifetimes,
        _ settled: inout Settled, _ transaction: any Transaction
    ) throws(StorageFailure) {
        _ = try notice.acceptance.insert(
            as: notice.id, .octets(notice.octets), octets: notice.octets.count, at: now,
            lifetimes, claim: nil, in: transaction)
        settled.notices.append(notice.id)
    }

    /// Removes a message that has no recipient left; returns the body file to remove.
    static func removeMessage(
        _ id: QueueID, in transaction: any Transaction
    ) throws(StorageFailure) -> String? {
        guard let content = try takeContent(of: id, in: transaction) else { return nil }
        return try Content.release(content, in: transaction)
    }

    /// Removes a message that has no recipient left; its reference to the content returned is the
    /// caller's now.
    fileprivate static func takeContent(
        of id: QueueID, in transaction: any Transaction
    ) throws(StorageFailure) -> Content.ID? {
        try transaction.first(
            """
            DELETE FROM message WHERE id = ?1
                AND NOT EXISTS (SELECT 1 FROM recipient WHERE message_id = ?1)
            RETURNING content_id
            """,
            [.integer(id.value)]
        ) { Content.ID(value: $0.integer(0)) }
    }
}

extension Settlement {
    fileprivate enum Effect {
        /// The recipient was no longer ours: nothing was done.
        case lost
        /// Done; nobody refers to this body file any longer.
        case counts(orphan: String?)
    }

    /// Changes the recipient's row, if the claim still holds.
    fileprivate func apply(
        at now: Timestamp, _ lifetimes: Lifetimes, in transaction: any Transaction
    ) throws(StorageFailure) -> Effect {
        let isOurs =
            switch result {
            case .deliveredLocally, .sorted, .done: try remove(in: transaction)
            case .deferred(let until, let evidence, let told):
                try deferRecipient(until, evidence, told, at: now, in: transaction)
            case .putOff(let until):
                try giveBack(due: .integer(until.milliseconds), in: transaction)
            case .held: try giveBack(due: .null, in: transaction)
            }
        guard isOurs else { return .lost }
        switch result {
        case .deliveredLocally(let account, let mailbox, let prefix):
            // From the last recipient the reference passes from the spool to the mailbox.
            let content = try Spooler.takeContent(of: recipient.message.id, in: transaction)
            try Mailboxes.deliver(
                recipient.message.content, octets: recipient.message.octets, prefix: prefix,
                to: account, mailbox: mailbox, at: now, passingReference: content != nil,
                in: transaction)
            try summary?.insert(of: recipient.message.content, in: transaction)
            return .counts(orphan: nil)
        case .sorted(let account, let copies, let prefix):
            let message = recipient.message
            try insertContinuation(at: now, lifetimes, in: transaction)
            try Mailboxes.sort(
                message.content, octets: message.octets, prefix: prefix, to: account, copies,
                at: now, in: transaction)
            if copies.contains(where: { $0.replacement == nil }) {
                try summary?.insert(of: message.content, in: transaction)
            }
            // The copies have references of their own.
            return .counts(orphan: try Spooler.removeMessage(message.id, in: transaction))
        case .done:
            try insertContinuation(at: now, lifetimes, in: transaction)
            let orphan = try Spooler.removeMessage(recipient.message.id, in: transaction)
            return .counts(orphan: orphan)
        case .deferred, .putOff, .held: return .counts(orphan: nil)
        }
    }

    /// The message shares the content of the one it continues, which holds it until now.
    fileprivate func insertContinuation(
        at now: Timestamp, _ lifetimes: Lifetimes, in transaction: any Transaction
    ) throws(StorageFailure) {
        guard let continuation else { return }
        let message = recipient.message
        try Content.retain(message.content, in: transaction)
        _ = try continuation.acceptance.insert(
            as: continuation.id, referringTo: message.content, octets: message.octets, at: now,
            lifetimes, claim: nil, in: transaction)
    }

    private var claimedRow: [Value] {
        [
            .integer(recipient.message.id.value), .integer(Int64(recipient.ordinal)),
            .integer(recipient.claim.token),
        ]
    }

    private func remove(in transaction: any Transaction) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM recipient WHERE message_id = ? AND ordinal = ? AND claim = ?",
            claimedRow) == 1
    }

    private func giveBack(
        due: Value, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.execute(
            """
            UPDATE recipient SET next_attempt = ?, claim = NULL, claim_node = NULL
            WHERE message_id = ? AND ordinal = ? AND claim = ?
            """,
            [due] + claimedRow) == 1
    }

    private func deferRecipient(
        _ until: Timestamp, _ evidence: Outcome.Evidence, _ told: DelayNotices,
        at now: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.execute(
            """
            UPDATE recipient SET next_attempt = ?, claim = NULL, claim_node = NULL,
                attempts = attempts + 1, first_attempt = COALESCE(first_attempt, ?),
                last_attempt = ?, last_status = ?, last_text = ?, last_host = ?,
                is_delay_notified = ?
            WHERE message_id = ? AND ordinal = ? AND claim = ?
            """,
            [
                .integer(until.milliseconds), .integer(now.milliseconds),
                .integer(now.milliseconds), .text(evidence.status.description),
                .text(String(evidence.text.prefix(Fact.maximumTextCharacters))),
                .text(optional: evidence.host), .integer(told.rawValue),
            ] + claimedRow) == 1
    }
}
