// SPDX-License-Identifier: Apache-2.0

package import IMAP
package import Storage
import World

/// Who may do what with whose mailboxes (RFC 4314): the lists that stand with each mailbox.
///
/// The owner may do everything and stands in no list. An identifier is an account's login,
/// `@DOMAIN` for every account of a domain, or `anyone`; behind a `-` its rights are taken away.
/// Whoever writes one has seen to it that it is one of these, as they are compared.
extension Mailboxes {
    /// One line of a mailbox's access control list.
    package struct Grant: Hashable, Sendable {
        package let identifier: String
        package let rights: AccessRights

        package init(_ identifier: String, _ rights: AccessRights) {
            self.identifier = identifier
            self.rights = rights
        }
    }

    /// Who is meant by three identifiers: login, `@DOMAIN`, `anyone`.
    package struct Grantee: Sendable {
        let identifiers: [String]

        package init(login: String, domain: String) {
            identifiers = [login, "@\(domain)", anyone]
        }

        /// For six places: the identifiers, and those that take their rights away.
        var values: [Value] {
            identifiers.map { .text($0) } + identifiers.map { .text("\(negative)\($0)") }
        }
    }

    /// Every account that there is.
    package static let anyone = "anyone"
    /// Lines of one list: it is told as a whole, and for more there is `@DOMAIN`.
    package static let grantLimit = 200
    /// What is in front of an identifier whose rights are taken away.
    package static let negative: Character = "-"

    /// The list of a mailbox by identifier.
    package func grants(of mailbox: Mailbox.ID) throws -> [Grant] {
        try store.lookUp { transaction in
            try transaction.all(
                """
                SELECT identifier, rights FROM mailbox_access WHERE mailbox_id = ?
                ORDER BY identifier
                """,
                [.integer(mailbox.value)], Self.grant)
        }
    }

    /// What somebody may do with a mailbox of another's.
    ///
    /// All that is granted to any of their identifiers, without what is taken away from any.
    package func rights(
        to mailbox: Mailbox.ID, of grantee: Grantee
    ) throws -> AccessRights {
        try store.lookUp { transaction in
            let grants = try transaction.all(
                """
                SELECT identifier, rights FROM mailbox_access
                WHERE mailbox_id = ? AND identifier IN (?, ?, ?, ?, ?, ?)
                """,
                [.integer(mailbox.value)] + grantee.values, Self.grant)
            return Self.rights(grants)
        }
    }

    /// Mailboxes of others in whose lists somebody stands, by account and name, with what they
    /// may do there; unseen is there what they have not seen.
    ///
    /// At most `mailboxLimit`: the rest is found by its name.
    package func shared(
        with grantee: Grantee, besides account: Int64
    ) throws -> [(mailbox: Mailbox, rights: AccessRights)] {
        try store.lookUp { transaction in
            var found: [(mailbox: Mailbox, grants: [Grant])] = []
            try transaction.query(
                """
                SELECT mailbox.id, mailbox.account_id, mailbox.name, mailbox.uid_validity,
                    mailbox.uid_next, mailbox.highest_modseq, mailbox.messages,
                    max(0, mailbox.messages - COALESCE((SELECT seen FROM mailbox_reader reader
                        WHERE reader.mailbox_id = mailbox.id AND reader.account_id = ?), 0)),
                    mailbox.deleted, mailbox.octets, mailbox.special_use, mailbox.is_subscribed,
                    access.identifier, access.rights
                FROM mailbox_access access JOIN mailbox ON mailbox.id = access.mailbox_id
                WHERE access.identifier IN (?, ?, ?, ?, ?, ?) AND mailbox.account_id > 0
                    AND mailbox.account_id <> ?
                ORDER BY mailbox.account_id, mailbox.name LIMIT ?
                """,
                [.integer(account)] + grantee.values + [
                    .integer(account), .integer(Int64(Self.mailboxLimit)),
                ]
            ) { row in
                let grant = Grant(row.text(12), AccessRights(rawValue: row.integer(13)))
                if let last = found.last, last.mailbox.id.value == row.integer(0) {
                    found[found.count - 1].grants.append(grant)
                } else {
                    found.append((Mailbox(row), [grant]))
                }
            }
            return found.map { ($0.mailbox, Self.rights($0.grants)) }
        }
    }

    private static func grant(_ row: any Row) -> Grant {
        Grant(row.text(0), AccessRights(rawValue: row.integer(1)))
    }

    private static func rights(_ grants: [Grant]) -> AccessRights {
        var (given, taken) = (AccessRights(), AccessRights())
        for grant in grants {
            if grant.identifier.first == negative {
                taken.formUnion(grant.rights)
            } else {
                given.formUnion(grant.rights)
            }
        }
        return given.subtracting(taken)
    }

    /// Changes one line of a mailbox's list; one without rights goes.
    ///
    /// Throws `MailboxRefusal`: `.nonexistent`, `.tooManyGrants`.
    package func change(
        rightsOf identifier: String, to mailbox: Mailbox.ID, by change: ACLChange
    ) async throws {
        let account = try await store.write { transaction in
            guard let box = try Self.find(mailbox, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            let old = try transaction.first(
                "SELECT rights FROM mailbox_access WHERE mailbox_id = ? AND identifier = ?",
                [.integer(mailbox.value), .text(identifier)]
            ) { AccessRights(rawValue: $0.integer(0)) }
            let new = change.applied(to: old ?? [])
            guard !new.isEmpty else {
                try transaction.execute(
                    "DELETE FROM mailbox_access WHERE mailbox_id = ? AND identifier = ?",
                    [.integer(mailbox.value), .text(identifier)])
                return box.account
            }
            if old == nil {
                let count = try transaction.first(
                    "SELECT count(*) FROM mailbox_access WHERE mailbox_id = ?",
                    [.integer(mailbox.value)]
                ) { Int($0.integer(0)) }
                guard count ?? 0 < Self.grantLimit else { throw MailboxRefusal.tooManyGrants }
            }
            try transaction.execute(
                """
                INSERT INTO mailbox_access (mailbox_id, identifier, rights) VALUES (?, ?, ?)
                ON CONFLICT (mailbox_id, identifier) DO UPDATE SET rights = excluded.rights
                """,
                [.integer(mailbox.value), .text(identifier), .integer(new.rawValue)])
            return box.account
        }
        changes.signal(account)
    }

    /// Who had this identifier is not there any more.
    package func revoke(_ identifier: String) async throws {
        try await store.write { try Self.revoke(identifier, in: $0) }
    }

    /// Who had this identifier, a login say, is not there any more: whoever gets the name later inherits nothing.
    package static func revoke(
        _ identifier: String, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM mailbox_access WHERE identifier IN (?, ?)",
            [.text(identifier), .text("\(negative)\(identifier)")])
    }

    /// Makes INBOX for an account of several, whose other mailboxes then begin with its list.
    package func furnishShared(_ account: Int64) async throws {
        let time = time.timestamp
        try await store.write { transaction in
            try transaction.execute(
                "INSERT INTO mailbox_shared (account_id) VALUES (?) ON CONFLICT DO NOTHING",
                [.integer(account)])
            guard try Self.find(Self.inbox, of: account, in: transaction) == nil else { return }
            try Self.insert(Self.inbox, nil, account, time, transaction)
        }
        changes.signal(account)
    }

    /// RFC 4314 §4 CREATE: the list of the nearest mailbox above holds for a new one, too.
    ///
    /// At the root there is none above; but INBOX for others, `orInbox`, and for an account of
    /// several.
    static func inheritGrants(
        _ mailbox: Mailbox.ID, named name: String, of account: Int64, orInbox: Bool = false,
        in transaction: any Transaction
    ) throws(StorageFailure) {
        var source: Mailbox?
        var above = name[...]
        while source == nil, let end = above.lastIndex(of: delimiter) {
            above = above[..<end]
            source = try find(String(above), of: account, in: transaction)
        }
        if source == nil {
            let isRoot = orInbox ? true : try isShared(account, in: transaction)
            if isRoot { source = try find(inbox, of: account, in: transaction) }
        }
        guard let source, source.id != mailbox else { return }
        try transaction.execute(
            """
            INSERT INTO mailbox_access (mailbox_id, identifier, rights)
            SELECT ?, identifier, rights FROM mailbox_access WHERE mailbox_id = ?
            """,
            [.integer(mailbox.value), .integer(source.id.value)])
    }

    private static func isShared(
        _ account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.first(
            "SELECT 1 FROM mailbox_shared WHERE account_id = ?", [.integer(account)]
        ) { _ in true } ?? false
    }
}
