// SPDX-License-Identifier: Apache-2.0

package import Mail
import Storage

/// Local domains: listed, added, changed, removed.
extension Registry {
    /// All local domains by name.
    package func domains() async throws(DirectoryFailure) -> [LocalDomain] {
        try await read { try $0.localDomains() }
    }

    /// Takes a domain in; fails if it is here already, or a relay domain.
    package func add(domain: LocalDomain, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "added domain \(domain.name)") { lookup, revision in
            switch try lookup.responsibility(for: domain.name) {
            case .local: throw DirectoryFailure.domainExists(domain.name)
            case .relay: throw DirectoryFailure.isRelayDomain(domain.name)
            case .elsewhere: break
            }
            try revision.add(.domain(domain))
            try lookup.checkResponsible(domain)
        }
    }

    /// Changes postmaster and catch-all.
    package func update(domain: LocalDomain, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "changed domain \(domain.name)") { lookup, revision in
            guard let before = try lookup.localDomain(domain.name) else {
                throw DirectoryFailure.unknownDomain(domain.name)
            }
            try lookup.checkResponsible(domain)
            try revision.replace(.domain(before), with: .domain(domain))
        }
    }

    /// Gives a domain up; fails while accounts or aliases are in it.
    package func remove(domain name: Domain, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "removed domain \(name)") { lookup, revision in
            guard let domain = try lookup.localDomain(name) else {
                throw DirectoryFailure.unknownDomain(name)
            }
            try lookup.checkIsUnused(name)
            for scope in [MailboxRules.Scope.accounts(of: name), .domain(name)] {
                if let rules = try lookup.rules(scope) { try revision.remove(.rules(rules)) }
            }
            try revision.remove(.domain(domain))
        }
    }

    /// Who reads what is sent to the postmaster of this server and of domains without their own.
    package func postmaster() async throws(DirectoryFailure) -> Address? {
        try await read { try $0.postmaster() }
    }

    /// Names the reader of the postmaster's mail: an account here.
    package func set(postmaster: Address, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "made \(postmaster) postmaster") { lookup, revision in
            try lookup.checkIsHere(postmaster)
            let before = try lookup.postmaster()
            try revision.replace(before.map { .postmaster($0) }, with: .postmaster(postmaster))
        }
    }
}

extension Lookup {
    /// A domain's postmaster is somebody here; its catch-all is somebody, here or elsewhere.
    func checkResponsible(_ domain: LocalDomain) throws {
        if let postmaster = domain.postmaster { try checkIsHere(postmaster) }
        if let catchAll = domain.catchAll { try checkLeadsSomewhere(catchAll) }
    }

    func checkIsHere(_ address: Address) throws {
        guard let key = AddressKey(address), try account(at: key) != nil else {
            throw DirectoryFailure.unknownAddress(address)
        }
    }

    /// Refuses a target in a domain of ours that nobody has.
    func checkLeadsSomewhere(_ address: Address) throws {
        switch try Expansion.judge(address, in: self) {
        case .unknownUser: throw DirectoryFailure.unknownTarget(address)
        case .local, .relay, .notOurs, .mailboxDisabled, .temporarilyUnknown: break
        }
    }

    /// Refuses to leave accounts, addresses or aliases behind in a domain that goes.
    func checkIsUnused(_ name: Domain) throws {
        let domain = Value.text(name.name)
        let first = Value.integer(Int64(Self.namedUses))
        let named = try transaction.all(
            """
            SELECT 'account ' || login FROM directory_account WHERE domain = ?
            UNION ALL
            SELECT 'address ' || d.address || ' of ' || a.login
            FROM directory_address d JOIN directory_account a ON a.id = d.account
            WHERE a.domain <> ? AND d.address LIKE '%@' || ?
            UNION ALL
            SELECT DISTINCT 'alias ' || address FROM directory_alias WHERE domain = ?
            ORDER BY 1 LIMIT ?
            """,
            [domain, domain, domain, domain, first]
        ) { $0.text(0) }
        guard !named.isEmpty else { return }
        let count = try transaction.first(
            """
            SELECT (SELECT COUNT(*) FROM directory_account WHERE domain = ?)
                + (SELECT COUNT(*) FROM directory_address d
                    JOIN directory_account a ON a.id = d.account
                    WHERE a.domain <> ? AND d.address LIKE '%@' || ?)
                + (SELECT COUNT(DISTINCT address) FROM directory_alias WHERE domain = ?)
            """,
            [domain, domain, domain, domain]
        ) { Int($0.integer(0)) }
        throw DirectoryFailure.domainInUse(name, count: count ?? named.count, first: named)
    }

    /// How many of what still uses a domain an error names.
    private static let namedUses = 10
}
