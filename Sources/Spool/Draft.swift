// SPDX-License-Identifier: Apache-2.0

package import Journal
import Mail
package import MessageStore
package import Storage
package import World

/// A message on its way in: written piece by piece, then committed once, or discarded.
///
/// A small one is held in memory, a larger one in a body file, so that memory per session stays
/// flat. Dropped without `commit` or `discard` it leaves at most an orphan to be collected.
package struct Draft: ~Copyable, Sendable {
    package let id: QueueID
    /// How many octets have been appended.
    package private(set) var octets = 0
    private let intake: Intake
    /// What comes before everything appended.
    private var head: [UInt8] = []
    private var buffer: [UInt8] = []
    private var file: (any BodyFile)?

    /// What collects in memory before it goes to the file in one piece.
    private static let pieceOctets = 256 << 10

    init(_ intake: Intake, _ id: QueueID) {
        self.intake = intake
        self.id = id
    }

    deinit { if file != nil { intake.noteClosed(file: id.description) } }

    /// Takes the next octets; after a failure the draft can only be discarded.
    package mutating func append(_ piece: ArraySlice<UInt8>) async throws(StorageFailure) {
        octets += piece.count
        buffer.append(contentsOf: piece)
        if file == nil, buffer.count <= Content.rowLimitOctets { return }
        guard buffer.count >= Self.pieceOctets else { return }
        try await writePiece()
    }

    /// Puts fields above all that has been appended, and above what was put there before.
    ///
    /// For fields that say something about the whole message, and so are known at its end.
    package mutating func prepend(_ fields: [UInt8]) {
        octets += fields.count
        head = fields + head
    }

    /// All octets, as they would be stored; of a large one the most is read back from its file.
    package borrowing func contents() async throws(StorageFailure) -> [UInt8] {
        guard file != nil else { return head + buffer }
        var contents = head
        contents.reserveCapacity(octets)
        let end = octets - head.count - buffer.count
        var offset = 0
        while offset < end {
            let piece = try await intake.spooler.bodies.read(
                id.description, at: offset, count: min(end - offset, Self.pieceOctets))
            guard !piece.isEmpty else { throw .corrupt("the draft \(id) is shorter than written") }
            contents += piece
            offset += piece.count
        }
        return contents + buffer
    }

    /// Forgets what has been appended and put above it, so that other octets take its place.
    package mutating func clear() async {
        (octets, head, buffer) = (0, [], [])
        guard let file else { return }
        await file.discard()
        self.file = nil
        intake.noteClosed(file: id.description)
    }

    private mutating func writePiece() async throws(StorageFailure) {
        if file == nil {
            intake.noteOpen(file: id.description)
            file = try await intake.spooler.bodies.create(id.description)
        }
        try await file?.append(buffer[...])
        buffer.removeAll(keepingCapacity: false)
    }

    /// Takes responsibility: returns once message and recipients are on the disk.
    ///
    /// The instant of acceptance. The body file, if there is one, is on the disk first; then one
    /// transaction names it. Before that transaction is committed nothing has been accepted,
    /// afterwards everything has; what a crash leaves is in Documentation/Spool.md. If it throws,
    /// nothing has been promised, and the sender is to be told to try again.
    ///
    /// What `alongside` writes is committed with the message, or neither is.
    @discardableResult
    package consuming func commit(
        _ acceptance: Acceptance,
        alongside: (@Sendable (any Transaction) throws -> Void)? = nil
    ) async throws -> QueueID {
        let body = try await finishBody()
        let recipients = acceptance.envelope.recipients.count
        let isHeld = acceptance.envelope.requests.holdUntil != nil
        let handover =
            !isHeld && intake.handover?.reserve(recipients) == true ? intake.handover : nil
        do {
            let due = try await write(
                acceptance, body, isHandedOver: handover != nil, alongside: alongside)
            if let handover {
                if case .octets(let octets) = body, let message = due.first?.message {
                    intake.spooler.fresh.keep(octets, of: message.content)
                }
                handover.accept(due)
            }
            return id
        } catch {
            handover?.cancel(recipients)
            await removeBody(after: error)
            throw error
        }
    }

    /// Ends the writing: the octets are ready for `Intake.file`.
    ///
    /// A large body is on the disk; if it is never filed, it is an orphan and is collected.
    package consuming func finish() async throws -> Finished {
        let octets = octets
        return Finished(id: id, octets: octets, body: try await finishBody())
    }

    /// A message that has all its octets and belongs to nobody yet.
    package struct Finished: Sendable {
        package let id: QueueID
        package let octets: Int
        /// If it was computed already; that of a small message is made when it is filed.
        package var summary: StoredSummary?
        /// The UID that it had in the mailbox before, where it comes back.
        package var uid: UInt32?
        /// When it came into the mailbox before (RFC 8514 SAVEDATE), where it comes back.
        package var saved: Timestamp?
        fileprivate let body: Content.Body
    }

    /// Forgets the message.
    package consuming func discard() async { await file?.discard() }

    private mutating func finishBody() async throws(StorageFailure) -> Content.Body {
        if file == nil {
            if !head.isEmpty { buffer.insert(contentsOf: head, at: 0) }
            head = []
            if buffer.count <= Content.rowLimitOctets { return .octets(buffer) }
        }
        precondition(head.count <= Content.rowLimitOctets, "fields of ours are few")
        do throws(StorageFailure) {
            if !buffer.isEmpty { try await writePiece() }
            try await file?.sync()
        } catch {
            await file?.discard()
            throw error
        }
        return .file(id.description, head: head)
    }

    private borrowing func write(
        _ acceptance: Acceptance, _ body: Content.Body, isHandedOver: Bool,
        alongside: (@Sendable (any Transaction) throws -> Void)?
    ) async throws -> [DueRecipient] {
        let (id, octets, spooler) = (id, octets, intake.spooler)
        let now = spooler.time.timestamp
        let claim = isHandedOver ? (claim: spooler.newClaim(at: now), node: spooler.node) : nil
        return try await spooler.store.write { transaction in
            try alongside?(transaction)
            return try acceptance.insert(
                as: id, body, octets: octets, at: now, spooler.lifetimes, claim: claim,
                in: transaction)
        }
    }

    /// Only a definite refusal says that no row names the file.
    private borrowing func removeBody(after error: any Error) async {
        switch error as? StorageFailure {
        case .full, .constraint: await file?.discard()
        default: break
        }
    }
}

extension Intake {
    /// Puts messages straight into a mailbox, all or none (RFC 9051 §6.3.12 APPEND); returns their
    /// UIDs.
    ///
    /// Nothing is delivered: no recipients, no trace. With `replacing` that message goes in the
    /// same transaction (RFC 8508). `account` is who does it; nil: the owner. `writer` is
    /// the session, if messages come one by one. Throws `MailboxRefusal` and `StorageFailure`; then
    /// nothing has been filed. What `alongside` writes is committed with the messages, or neither
    /// is.
    package func file(
        _ messages: [(message: Draft.Finished, flags: [String], internalDate: Timestamp)],
        in mailbox: Mailbox, at time: Timestamp, within allowance: Mailboxes.Allowance? = nil,
        replacing replaced: Mailboxes.Replaced? = nil, by account: Int64? = nil,
        writer: WriterIdentity? = nil,
        alongside: (@Sendable ([UInt32], any Transaction) throws -> Void)? = nil
    ) async throws -> [UInt32] {
        // Large ones when somebody asks for it.
        let summaries = messages.map { message, _, _ -> PendingSummary? in
            if let summary = message.summary { return PendingSummary(summary) }
            guard case .octets(let octets) = message.body else { return nil }
            return PendingSummary(of: octets)
        }
        do {
            let (filed, files, account) = try await spooler.store.write(
                by: messages.count == 1 ? writer : nil,
                meanwhile: { for summary in summaries { _ = summary?.value } }
            ) { transaction in
                let appended = try messages.map { message, flags, date in
                    let content = Content.ID(value: message.id.value)
                    try Content.insert(
                        content, octets: message.octets, message.body, in: transaction)
                    return Mailboxes.Appended(
                        content: content, octets: message.octets, flags: flags,
                        internalDate: date, uid: message.uid,
                        saved: message.saved)
                }
                // What goes makes room for what comes (RFC 8508 §3.4).
                let gone = try replaced.map {
                    try Mailboxes.replace($0, at: time, in: transaction)
                }
                // Who keeps too much may still make it less.
                let octets = appended.reduce(0) { $0 + $1.octets }
                let isShrinking = gone.map { $0.account == mailbox.account && octets <= $0.octets }
                let filed = try Mailboxes.append(
                    appended, to: mailbox.id, at: time,
                    within: isShrinking == true ? nil : allowance, by: account, in: transaction)
                for (message, summary) in zip(appended, summaries) {
                    try summary?.value.insert(of: message.content, in: transaction)
                }
                try alongside?(filed.uids, transaction)
                return (filed, gone?.files ?? [], gone?.account ?? mailbox.account)
            }
            // Should this fail, the files are orphans, and collected.
            for file in files { try? await spooler.bodies.remove(file) }
            spooler.mailboxChanges.signal(mailbox.account, filed)
            if account != mailbox.account { spooler.mailboxChanges.signal(account) }
            return filed.uids
        } catch {
            await discard(messages.map(\.message), after: error)
            throw error
        }
    }

    /// Forgets messages that were not filed.
    package func discard(_ messages: [Draft.Finished], after error: (any Error)? = nil) async {
        // Only a definite refusal says that no row names the file.
        switch error {
        case nil, is MailboxRefusal, StorageFailure.full?, StorageFailure.constraint?: break
        default: return
        }
        for message in messages {
            guard case .file(let name, _) = message.body else { continue }
            try? await spooler.bodies.remove(name)
        }
    }
}
