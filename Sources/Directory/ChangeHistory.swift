// SPDX-License-Identifier: Apache-2.0

package import Mail
import Storage
import World

/// What was changed, by whom, and how to take it back.
extension Registry {
    /// The latest changes, newest first.
    package func changes(limit: Int) async throws(DirectoryFailure) -> [Change] {
        try await read { lookup in
            try lookup.transaction.all(
                """
                SELECT id, at_milliseconds, author, summary FROM directory_change
                ORDER BY id DESC LIMIT ?
                """,
                [.integer(Int64(limit))]
            ) {
                Change(
                    id: $0.integer(0), time: Timestamp(milliseconds: $0.integer(1)),
                    author: $0.text(2), summary: $0.text(3))
            }
        }
    }

    /// Restores what a change replaced, as a change of its own.
    ///
    /// Refused when any entry it touched has been changed again since. Passwords are not in the
    /// record: an account that comes back keeps the one it has, and one that was gone has none
    /// that opens it; a transport whose password is gone is to be set anew. Returns the logins that
    /// need a new password.
    @discardableResult
    package func undo(
        change id: Int64, by author: String
    ) async throws(DirectoryFailure) -> [Address] {
        let closed = closedKeys()
        return try await change(by: author, "undid change \(id)") { lookup, revision in
            let replacements = try lookup.replacements(in: id)
            guard !replacements.isEmpty else { throw DirectoryFailure.unknownChange(id) }
            guard replacements.contains(where: { $0.before != $0.after }) else {
                throw DirectoryFailure.passwordNotKept(id)
            }
            var locked: [Address] = []
            for replacement in replacements.reversed() {
                try lookup.checkIsLast(replacement, of: id, before: revision.id)
                var before = replacement.before
                if case .account(var record)? = before {
                    let current = try lookup.record(record.account.id)
                    record.keys = current?.keys ?? closed
                    before = .account(record)
                    if current == nil, !record.account.isShared {
                        locked.append(record.account.login)
                    }
                }
                if case .transport(var record)? = before, record.transport.account != nil {
                    let scope = record.transport.scope
                    let current = try lookup.transport(scope)
                    guard current?.transport.host == record.transport.host,
                        current?.transport.account == record.transport.account,
                        let sealed = current?.sealedPassword
                    else { throw DirectoryFailure.transportPasswordNotKept(id, scope) }
                    record.sealedPassword = sealed
                    before = .transport(record)
                }
                try revision.replace(replacement.after, with: before)
            }
            for replacement in replacements { try lookup.checkIsSound(replacement) }
            return locked
        }
    }
}

/// One recorded replacement.
private struct Replacement {
    let kind: String
    let key: String
    let before: Entry?
    let after: Entry?
}

extension Lookup {
    fileprivate func replacements(in change: Int64) throws -> [Replacement] {
        let rows = try transaction.all(
            """
            SELECT kind, key, before, after FROM directory_change_entry
            WHERE change = ? ORDER BY position
            """,
            [.integer(change)]
        ) { ($0.text(0), $0.text(1), $0.optionalText(2), $0.optionalText(3)) }
        return try rows.map { kind, key, before, after in
            guard let known = Entry.Kind(rawValue: kind) else {
                throw StorageFailure.corrupt("change \(change) has an entry of kind \(kind)")
            }
            return Replacement(
                kind: kind, key: key, before: try before.map { try Entry(known, encoded: $0) },
                after: try after.map { try Entry(known, encoded: $0) })
        }
    }

    /// `current` is the undoing itself, which may touch an entry twice.
    fileprivate func checkIsLast(
        _ replacement: Replacement, of change: Int64, before current: Int64
    ) throws {
        let latest = try transaction.first(
            """
            SELECT MAX(change) FROM directory_change_entry
            WHERE kind = ? AND key = ? AND change < ?
            """,
            [.text(replacement.kind), .text(replacement.key), .integer(current)]
        ) { $0.integer(0) }
        guard latest == change else { throw DirectoryFailure.changedSince(change) }
    }

    /// What came back has its domain and its targets; what went is needed by nobody.
    fileprivate func checkIsSound(_ replacement: Replacement) throws {
        switch replacement.before {
        case .domain(let domain):
            guard try relayDomain(domain.name) == nil else {
                throw DirectoryFailure.isRelayDomain(domain.name)
            }
            try checkResponsible(domain)
        case .relay(let relay):
            guard try localDomain(relay.name) == nil else {
                throw DirectoryFailure.isLocalDomain(relay.name)
            }
        case .address(let key, _): try checkIsLocal(key.domain)
        case .alias(let key, let targets):
            try checkIsLocal(key.domain)
            for target in targets { try checkLeadsSomewhere(target) }
        case .postmaster(let address): try checkIsHere(address)
        case .account, .relayRecipient, .transport, .rules: break
        case nil: try checkIsNotMissed(replacement.after)
        }
    }

    private func checkIsNotMissed(_ gone: Entry?) throws {
        switch gone {
        case .domain(let domain):
            try checkIsUnused(domain.name)
        case .address(let key, _), .alias(let key, _):
            if let address = key.address { try checkIsNotNeeded(key, address) }
        case .relay(let relay):
            for key in try relayRecipients(of: relay.name) {
                try transaction.execute(
                    "DELETE FROM directory_relay_recipient WHERE address = ?", [.text(key.text)])
            }
        case .account, .relayRecipient, .postmaster, .transport, .rules, nil: break
        }
    }

    private func checkIsLocal(_ name: Domain) throws {
        guard try localDomain(name) != nil else { throw DirectoryFailure.unknownDomain(name) }
    }
}
