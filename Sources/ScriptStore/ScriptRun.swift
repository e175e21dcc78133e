// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import DefenceStore
import Mail
import MessageStore
package import Sieve
package import Storage
package import World

/// What a script made of a message, and what is to be remembered of it.
package struct ScriptRun: Sendable {
    package var verdict: Verdict
    package var memories: [Memory] = []
    /// How many notifications were left out, because the account has sent too many.
    package var suppressed = 0

    /// That something was seen or done: an answer, a redirection, a message.
    package struct Memory: Sendable {
        let kind: Kind
        let identity: [UInt8]
        let expires: Timestamp
    }

    enum Kind: String, Sendable {
        /// `duplicate` has met it (RFC 7352).
        case seen
        /// `vacation` has answered (RFC 5230 §4.2).
        case answered
        /// `redirect` has sent it on.
        case redirected
        /// `notify` has told of it (RFC 5436 §2.7).
        case notified
    }
}

extension Scripts {
    /// What an account's scripts remember, as a backup keeps it.
    package struct KeptMemory: Hashable, Sendable {
        /// `seen`, `answered` or `redirected`.
        package let kind: String
        package let identity: [UInt8]
        package let expires: Timestamp

        package init(kind: String, identity: [UInt8], expires: Timestamp) {
            self.kind = kind
            self.identity = identity
            self.expires = expires
        }
    }

    /// More than a busy year of answers.
    package static let maximumKeptMemories = 100_000

    /// What is not forgotten yet, so that nobody is answered twice after a return.
    package func memories(of account: Int64) async throws -> [KeptMemory] {
        let now = time.timestamp
        return try await store.read { transaction in
            try transaction.all(
                """
                SELECT kind, identity, expires FROM sieve_memory
                WHERE account_id = ? AND expires > ? ORDER BY expires DESC LIMIT ?
                """,
                [
                    .integer(account), .integer(now.milliseconds),
                    .integer(Int64(Self.maximumKeptMemories)),
                ]
            ) {
                KeptMemory(
                    kind: $0.text(0), identity: $0.blob(1),
                    expires: Timestamp(milliseconds: $0.integer(2)))
            }
        }
    }

    /// Gives an account that has no scripts those that it had elsewhere, and what they remember,
    /// in one transaction; returns why some are left out.
    package func adopt(
        _ scripts: [(name: String, octets: [UInt8], isActive: Bool)], _ memories: [KeptMemory],
        of account: Int64
    ) async throws -> [(name: String, refusal: Refusal)] {
        let now = time.timestamp
        var leftOut: [(name: String, refusal: Refusal)] = []
        var valid: [(name: String, octets: [UInt8], isActive: Bool)] = []
        for script in scripts {
            do throws(Refusal) {
                guard ScriptName.isValid(script.name) else { throw .badName(script.name) }
                guard valid.count < Self.maximumScripts else { throw .tooMany }
                _ = try Self.check(script.octets)
                valid.append(script)
            } catch {
                leftOut.append((script.name, error))
            }
        }
        let known = memories.prefix(Self.maximumKeptMemories).compactMap { memory in
            ScriptRun.Kind(rawValue: memory.kind).map {
                ScriptRun.Memory(kind: $0, identity: memory.identity, expires: memory.expires)
            }
        }
        try await store.write { [valid] transaction in
            guard try Self.entries(of: account, in: transaction).isEmpty else { return }
            for script in valid {
                try transaction.execute(
                    """
                    INSERT INTO sieve_script (account_id, name, script, is_active)
                    VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """,
                    [
                        .integer(account), .text(script.name), .blob(script.octets),
                        .integer(script.isActive ? 1 : 0),
                    ])
            }
            try Self.remember(known, of: account, at: now, in: transaction)
        }
        forget()
        return leftOut
    }

    /// A message that comes back after having been redirected does so within days.
    fileprivate static let redirectedSeconds: Int64 = 7 * 86400
    /// RFC 5436 §5 names 30 in an hour as what an account may send of notifications.
    package static let notificationsPerHour = 30
    fileprivate static let notifiedSeconds: Int64 = 3600

    /// Runs a script of an account over a message.
    ///
    /// What vacation has answered in its period, and what was redirected to the same address
    /// before (a loop), is taken out of the actions; without any other the message is kept. Throws
    /// when the store does not answer what the script asks.
    package func run(
        _ script: Script, over incoming: Incoming, of account: Int64
    ) async throws -> ScriptRun {
        let now = incoming.now
        let asks = script.traits.contains(.asksMailboxes) || !script.inclusions.isEmpty
        let isOthersMailbox = try asks ? othersMailboxes?(account) : nil
        return try await store.read { transaction in
            let known = StoredAccount(
                account: account, addresses: incoming.ownAddresses, now: now,
                isOthersMailbox: isOthersMailbox, transaction: transaction)
            var run = ScriptRun(
                verdict: try Interpreter.run(script, over: incoming, in: known))
            run.memories = run.verdict.sightings.map { known.memory(of: $0) }
            let actions = run.verdict.actions
            run.verdict.actions = []
            for action in actions {
                guard let memory = known.memory(of: action, in: incoming.message) else {
                    run.verdict.actions.append(action)
                    continue
                }
                guard try !known.remembers(memory) else {
                    run.verdict.omit(action)
                    continue
                }
                if case .notify = action {
                    let count = run.memories.count { $0.kind == .notified }
                    guard try known.notifications() + count < Self.notificationsPerHour else {
                        run.suppressed += 1
                        continue
                    }
                }
                run.memories.append(memory)
                run.verdict.actions.append(action)
            }
            // An answer or another's copy is no reason to lose the message.
            if !run.verdict.actions.contains(where: \.disposes) {
                run.verdict.keep()
            }
            return run
        }
    }

    /// Keeps what a run is to be remembered by, in the transaction that delivers its message.
    package static func remember(
        _ memories: [ScriptRun.Memory], of account: Int64, at now: Timestamp,
        in transaction: any Transaction
    ) throws(StorageFailure) {
        guard !memories.isEmpty else { return }
        try transaction.execute(
            "DELETE FROM sieve_memory WHERE account_id = ? AND expires <= ?",
            [.integer(account), .integer(now.milliseconds)])
        for memory in memories {
            try transaction.execute(
                """
                INSERT INTO sieve_memory (account_id, kind, identity, expires)
                VALUES (?, ?, ?, ?)
                ON CONFLICT (account_id, kind, identity) DO UPDATE SET expires = excluded.expires
                """,
                [
                    .integer(account), .text(memory.kind.rawValue), .blob(memory.identity),
                    .integer(memory.expires.milliseconds),
                ])
        }
    }
}

extension Action {
    /// Whether the message has gone somewhere by it, as its owner wants.
    fileprivate var disposes: Bool {
        switch self {
        case .file, .redirect, .discard, .reject: true
        case .reply, .notify: false
        }
    }
}

/// An account as its scripts see it, within a transaction.
private struct StoredAccount: AccountKnowledge {
    let account: Int64
    let addresses: [String]
    let now: Timestamp
    let isOthersMailbox: (@Sendable (String) -> Bool)?
    let transaction: any Transaction

    func hasMailbox(named name: String) throws -> Bool {
        try Mailboxes.knows(name, of: account, in: transaction) || isOthersMailbox?(name) == true
    }

    func hasMailbox(identifiedBy id: String) throws -> Bool {
        try Mailboxes.knows(identifiedBy: id, of: account, in: transaction)
    }

    func hasSpecialUse(_ attribute: String, mailbox: String?) throws -> Bool {
        try Mailboxes.knows(use: attribute, mailbox: mailbox, of: account, in: transaction)
    }

    func hasSeen(_ sighting: Sighting) throws -> Bool { try remembers(memory(of: sighting)) }

    func annotation(_ entry: String, of mailbox: String?) throws -> [UInt8]? {
        try Mailboxes.annotation(entry, of: mailbox, for: account, in: transaction)
    }

    func isListed(_ address: Address, on list: ExternalList) throws -> Bool {
        switch list {
        case .addressBook:
            try Correspondents.isKnown("\(address)", to: addresses, in: transaction)
        }
    }

    /// How many have gone lately.
    func notifications() throws(StorageFailure) -> Int {
        try transaction.first(
            "SELECT count(*) FROM sieve_memory WHERE account_id = ? AND kind = ? AND expires > ?",
            [
                .integer(account), .text(ScriptRun.Kind.notified.rawValue),
                .integer(now.milliseconds),
            ]
        ) { Int($0.integer(0)) } ?? 0
    }

    func script(named name: String, isGlobal: Bool) throws -> [UInt8]? {
        let owner = isGlobal ? Scripts.everyone : account
        return try Scripts.text(of: name, of: owner, in: transaction)
    }

    func remembers(_ memory: ScriptRun.Memory) throws(StorageFailure) -> Bool {
        try transaction.first(
            """
            SELECT 1 FROM sieve_memory
            WHERE account_id = ? AND kind = ? AND identity = ? AND expires > ?
            """,
            [
                .integer(account), .text(memory.kind.rawValue), .blob(memory.identity),
                .integer(now.milliseconds),
            ]
        ) { _ in true } ?? false
    }

    func memory(of sighting: Sighting) -> ScriptRun.Memory {
        ScriptRun.Memory(
            kind: .seen, identity: Self.hash([sighting.handle, sighting.identity]),
            expires: now + .seconds(sighting.seconds))
    }

    /// Nil for what may be done again and again.
    func memory(of action: Action, in message: [UInt8]) -> ScriptRun.Memory? {
        switch action {
        case .reply(let reply):
            ScriptRun.Memory(
                kind: .answered,
                identity: Self.hash([
                    reply.recipient.description.asciiLowercased, reply.identity,
                ]),
                expires: now + .seconds(reply.seconds))
        case .redirect(let address, _):
            ScriptRun.Memory(
                kind: .redirected,
                identity: Self.hash([
                    address.description.asciiLowercased, MessageIdentity.of(message),
                ]),
                expires: now + .seconds(Scripts.redirectedSeconds))
        case .notify(let notification):
            ScriptRun.Memory(
                kind: .notified,
                identity: Self.hash(
                    notification.recipients.map(\.description.asciiLowercased)
                        + [MessageIdentity.of(message)]),
                expires: now + .seconds(Scripts.notifiedSeconds))
        case .file, .discard, .reject: nil
        }
    }

    /// Of words, each with its length, so that none can pass for two.
    private static func hash(_ words: [String]) -> [UInt8] {
        Array(SHA256.hash(data: words.flatMap { Array("\($0.utf8.count):\($0)".utf8) }))
    }
}
