// SPDX-License-Identifier: Apache-2.0

import Mail
import Storage
import Synchronization
import World

/// What bounds and sorts mailboxes: looked up, set, inherited.
extension Registry {
    /// What somebody has set for just this; empty where nobody has.
    package func rules(
        _ scope: MailboxRules.Scope
    ) async throws(DirectoryFailure) -> MailboxRules {
        try await read { try $0.rules(scope)?.rules ?? MailboxRules() }
    }

    /// Sets what holds for an account, each account of a domain, or a domain as a whole.
    ///
    /// Empty rules take away what was set.
    package func set(
        rules: MailboxRules, of scope: MailboxRules.Scope, by author: String, _ summary: String
    ) async throws(DirectoryFailure) {
        for bound in [rules.octets?.value, rules.messages?.value].compactMap(\.self) {
            guard bound >= 0 else { throw .unfit("the quota \(bound)", reason: "it is negative") }
        }
        guard rules.retention?.count ?? 0 <= Retention.maximumCount else {
            throw .tooMany("retention rules", limit: Retention.maximumCount)
        }
        try await change(by: author, summary) { lookup, revision in
            switch scope {
            case .account(let id):
                guard try lookup.record(id) != nil else {
                    throw DirectoryFailure.unfit("account \(id.rawValue)", reason: "it is gone")
                }
            case .accounts(let domain), .domain(let domain):
                guard try lookup.localDomain(domain) != nil else {
                    throw DirectoryFailure.unknownDomain(domain)
                }
            }
            let before = try lookup.rules(scope)
            let after = rules.isEmpty ? nil : RulesRecord(scope, rules)
            try revision.replace(before.map { .rules($0) }, with: after.map { .rules($0) })
        }
    }

    /// What holds for accounts for which nothing else is set: from now on.
    package func changeDefaults(to rules: MailboxRules) {
        cache.withLock { cache in
            cache.defaults = rules
            cache.rules = nil
            cache.effective.removeAll()
            cache.generation += 1
        }
    }

    /// What holds for an account; nil where nothing is set for anybody, or the account is gone.
    ///
    /// Without a look into the store where nothing is set, or the account was asked for lately.
    package func effectiveRules(
        of id: AccountID
    ) throws(DirectoryFailure) -> EffectiveRules? {
        let (known, table, defaults, generation) = cache.withLock {
            ($0.effective.value(for: id), $0.rules, $0.defaults, $0.generation)
        }
        if let known { return known }
        let rules = if let table { table } else { try rulesTable() }
        if rules.isEmpty, defaults.isEmpty { return nil }
        let login = try lookUp { lookup throws(StorageFailure) in
            try lookup.record(id)?.account.login
        }
        guard let login, let domain = login.domain else { return nil }
        var effective = EffectiveRules(login: login)
        let scopes = [MailboxRules.Scope.account(id), .accounts(of: domain)]
        effective.inherit(scopes.compactMap { rules[$0.description] } + [defaults])
        if let whole = rules[MailboxRules.Scope.domain(domain).description] {
            let quota = Quota(octets: whole.octets?.value, messages: whole.messages?.value)
            if !quota.isUnlimited {
                effective.domainQuota = .init(domain: domain, quota: quota)
            }
        }
        let found = effective
        cache.withLock {
            if $0.generation == generation { $0.effective.insert(found, for: id) }
        }
        return found
    }

    /// Whether anything is set for anybody.
    package func hasRules() throws(DirectoryFailure) -> Bool {
        let (table, defaults) = cache.withLock { ($0.rules, $0.defaults) }
        guard defaults.isEmpty else { return true }
        let rules = if let table { table } else { try rulesTable() }
        return !rules.isEmpty
    }

    /// All rules by scope, read once after each change.
    private func rulesTable() throws(DirectoryFailure) -> [String: MailboxRules] {
        let generation = cache.withLock { $0.generation }
        let found = try lookUp { lookup throws(StorageFailure) in try lookup.allRules() }
        let table = Dictionary(uniqueKeysWithValues: found.map { ($0.scope.description, $0.rules) })
        cache.withLock { if $0.generation == generation { $0.rules = table } }
        return table
    }
}
