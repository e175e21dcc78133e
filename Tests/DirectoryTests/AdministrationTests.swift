// SPDX-License-Identifier: Apache-2.0

import Mail
import SASL
import SimulatedWorld
import Storage
import Testing
import World

@testable import Directory

@Suite("Changes to the directory")
struct AdministrationTests {
    /// What must not be done, and the reason given.
    static let refusals: [(String, DirectoryFailure, @Sendable (Registry) async throws -> Void)] = {
        do {
            let example = try Domain("example.org")
            let held = try Domain("held.example")
            let anna = try Address("anna@example.org")
            let info = try Address("info@example.org")
            return [
                (
                    "a domain twice", .domainExists(example),
                    { try await $0.add(domain: LocalDomain(example), by: "t") }
                ),
                (
                    "a relay domain as local", .isRelayDomain(held),
                    { try await $0.add(domain: LocalDomain(held), by: "t") }
                ),
                (
                    "a local domain as relay", .isLocalDomain(example),
                    { try await $0.add(relay: RelayDomain(example), by: "t") }
                ),
                (
                    "a relay domain twice", .relayExists(held),
                    { try await $0.add(relay: RelayDomain(held), by: "t") }
                ),
                (
                    "a domain in use",
                    .domainInUse(
                        example, count: 4,
                        first: [
                            "account anna@example.org", "account bert@example.org",
                            "alias info@example.org", "alias team@example.org",
                        ]),
                    { try await $0.remove(domain: example, by: "t") }
                ),
                (
                    "a domain where an account has a further address",
                    .domainInUse(
                        try Domain("example.net"), count: 1,
                        first: ["address anna@example.net of anna@example.org"]),
                    { try await $0.remove(domain: Domain("example.net"), by: "t") }
                ),
                (
                    "an account elsewhere", .unknownDomain(try Domain("elsewhere.example")),
                    {
                        try await $0.addAccount(
                            Address("x@elsewhere.example"), password: "long enough", by: "t")
                    }
                ),
                (
                    "an account twice", .addressTaken(try Address("ANNA@example.org"), by: anna),
                    {
                        try await $0.addAccount(
                            Address("ANNA@example.org"), password: "long enough", by: "t")
                    }
                ),
                (
                    "an account where an alias is", .addressTaken(info, by: info),
                    { try await $0.addAccount(info, password: "long enough", by: "t") }
                ),
                (
                    "a short password",
                    .unfit("the password", reason: "it has fewer than 8 characters"),
                    { try await $0.setPassword("short", of: anna, by: "t") }
                ),
                (
                    "an account that others lead to",
                    .stillNeeded(
                        anna,
                        by: ["alias info@example.org"]),
                    {
                        try await $0.set(postmaster: Address("bert@example.org"), by: "t")
                        try await $0.remove(
                            alias: Address("team@example.org"), by: "t")
                        try await $0.remove(account: anna, by: "t")
                    }
                ),
                (
                    "the login of an account", .isLogin(anna),
                    { try await $0.remove(address: anna, by: "t") }
                ),
                (
                    "an alias to itself", .loop(try Address("me@example.org")),
                    {
                        try await $0.addAlias(
                            Address("me@example.org"), to: [Address("me+x@example.org")], by: "t")
                    }
                ),
                (
                    "an alias in a circle", .loop(info),
                    {
                        try await $0.setTargets(
                            of: info, to: [anna, Address("team@example.org")], by: "t")
                    }
                ),
                (
                    "an alias to nobody", .unknownTarget(try Address("nobody@example.org")),
                    {
                        try await $0.addAlias(
                            Address("all@example.org"), to: [Address("nobody@example.org")],
                            by: "t")
                    }
                ),
                (
                    "an alias without targets", .noTargets(try Address("all@example.org")),
                    { try await $0.addAlias(Address("all@example.org"), to: [], by: "t") }
                ),
                (
                    "a relay recipient in another domain",
                    .unfit("anna@example.org", reason: "it is not in held.example"),
                    { try await $0.setRecipients(of: held, to: [anna], by: "t") }
                ),
                (
                    "a relay domain that is none", .unknownRelay(example),
                    { try await $0.remove(relay: example, by: "t") }
                ),
                (
                    "an unknown account", .unknownAccount(try Address("x@example.org")),
                    { try await $0.setEnabled(false, Address("x@example.org"), by: "t") }
                ),
            ]
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    @Test("What cannot be done is refused with its reason", arguments: refusals.indices)
    func refusal(index: Int) throws {
        let (name, failure, attempt) = Self.refusals[index]
        try withRegistry { registry, _, _ in
            await #expect(throws: failure, "\(name)") { try await attempt(registry) }
        }
    }

    @Test("What is listed is what was added")
    func lists() throws {
        try withRegistry { registry, _, _ in
            #expect(
                try await registry.domains().map(\.name.name) == ["example.net", "example.org"])
            let accounts = try await registry.accounts()
            #expect(accounts.map(\.login.description) == ["anna@example.org", "bert@example.org"])
            #expect(accounts.map(\.displayName) == ["Anna", "Bert"])
            #expect(try await registry.accounts(in: Domain("example.net")).isEmpty)
            #expect(
                try await registry.addresses(of: accounts[0].id).map(\.description)
                    == ["anna@example.net", "anna@example.org"])
            let aliases = try await registry.aliases(in: Domain("example.org"))
            #expect(aliases.map(\.targets.count) == [1, 4])
            #expect(
                try await registry.relays().map(\.name.name) == ["held.example", "open.example"])
            #expect(
                try await registry.recipients(of: Domain("held.example")).map(\.description)
                    == ["known@held.example"])
        }
    }

    @Test("The recipients of a relay domain can be replaced as a whole, added and removed")
    func relayRecipients() throws {
        try withRegistry { registry, _, _ in
            let held = try Domain("held.example")
            try await registry.setRecipients(
                of: held, to: ["b", "a", "A"].map { try Address("\($0)@held.example") }, by: "t")
            try await registry.add(relayRecipient: Address("c@held.example"), by: "t")
            try await registry.remove(relayRecipient: Address("a@held.example"), by: "t")
            #expect(
                try await registry.recipients(of: held).map(\.description)
                    == ["b@held.example", "c@held.example"])
            #expect(try await registry.judge("known@held.example") == .unknownUser)
        }
    }

    @Test("The number of a removed account is never given again")
    func numbers() throws {
        try withRegistry { registry, _, _ in
            let address = try Address("carl@example.org")
            let first = try await registry.addAccount(address, password: "long enough", by: "t")
            try await registry.remove(account: address, by: "t")
            let second = try await registry.addAccount(address, password: "long enough", by: "t")
            #expect(first.id < second.id)
        }
    }

    @Test("Every change is recorded with author and time, and a refused one is not")
    func history() throws {
        try withRegistry { registry, simulation, _ in
            let before = try await registry.changes(limit: 100)
            try await simulation.sleep(for: .seconds(60))
            try await registry.setDisplayName("Bertha", of: Address("bert@example.org"), by: "eva")
            await #expect(throws: DirectoryFailure.self) {
                try await registry.remove(domain: Domain("example.org"), by: "eva")
            }
            let after = try await registry.changes(limit: 100)
            #expect(after.count == before.count + 1)
            #expect(after.first?.author == "eva")
            #expect(after.first?.summary == "renamed bert@example.org")
            #expect(after.first?.time == simulation.timestamp)
        }
    }

    @Test("A change is undone as a whole, unless something came after it")
    func undo() throws {
        try withRegistry { registry, _, _ in
            let bert = try Address("bert@example.org")
            let id = try #require(await registry.account(login: bert)).id
            try await registry.remove(alias: Address("team@example.org"), by: "t")
            let removal = try #require(await registry.changes(limit: 1).first)
            try await registry.remove(account: bert, by: "t")
            // The alias leads to an account that is gone.
            await #expect(throws: DirectoryFailure.unknownTarget(bert)) {
                try await registry.undo(change: removal.id, by: "t")
            }
            let change = try #require(await registry.changes(limit: 1).first)
            let locked = try await registry.undo(change: change.id, by: "t")
            #expect(try await registry.account(login: bert)?.id == id)
            #expect(locked == [bert])
            try await registry.undo(change: removal.id, by: "t")
            #expect(try await registry.targets(of: "team@example.org").count == 3)

            try await registry.setDisplayName("B", of: bert, by: "t")
            let first = try #require(await registry.changes(limit: 1).first)
            try await registry.setDisplayName("C", of: bert, by: "t")
            await #expect(throws: DirectoryFailure.changedSince(first.id)) {
                try await registry.undo(change: first.id, by: "t")
            }
            await #expect(throws: DirectoryFailure.unknownChange(9999)) {
                try await registry.undo(change: 9999, by: "t")
            }
        }
    }

    @Test("The history holds no keys: an account that comes back keeps its password, or has none")
    func undoAndPasswords() throws {
        try withRegistry { registry, _, store in
            let bert = try Address("bert@example.org")
            let password = { (text: String) async throws in
                try await registry.verify(login: "bert@example.org", password: .init(text)) != nil
            }
            try await registry.setEnabled(false, bert, by: "t")
            let disabling = try #require(await registry.changes(limit: 1).first)
            try await registry.setEnabled(true, bert, by: "t")
            let enabling = try #require(await registry.changes(limit: 1).first)
            #expect(try await registry.undo(change: enabling.id, by: "t") == [])
            #expect(try await registry.account(login: bert)?.isEnabled == false)
            let undoing = try #require(await registry.changes(limit: 1).first)
            #expect(try await registry.undo(change: undoing.id, by: "t") == [])
            #expect(try await password("battery staple"))
            #expect(disabling.id < enabling.id)

            try await registry.setPassword("a new password", of: bert, by: "t")
            let setting = try #require(await registry.changes(limit: 1).first)
            await #expect(throws: DirectoryFailure.passwordNotKept(setting.id)) {
                try await registry.undo(change: setting.id, by: "t")
            }
            #expect(try await password("a new password"))

            try await registry.remove(alias: Address("team@example.org"), by: "t")
            try await registry.remove(account: bert, by: "t")
            let removal = try #require(await registry.changes(limit: 1).first)
            try await registry.undo(change: removal.id, by: "t")
            #expect(try await !password("a new password"))
            try await registry.setPassword("the third one", of: bert, by: "t")
            #expect(try await password("the third one"))
            let recorded = try await store.read { transaction in
                try transaction.all(
                    """
                    SELECT COALESCE(before, '') || ' ' || COALESCE(after, '')
                    FROM directory_change_entry WHERE kind = 'account'
                    """
                ) { $0.text(0) }
            }
            #expect(recorded.count > 5)
            for text in recorded { #expect(text.utf8.count < 120, "\(text)") }
        }
    }

    @Test("The language of an account is kept, changed, and comes back by undoing")
    func language() throws {
        try withRegistry { registry, _, store in
            let carla = try Address("carla@example.org")
            try await registry.addAccount(
                carla, language: .german, password: "a long password", by: "t")
            #expect(try await registry.account(login: carla)?.language == .german)
            #expect(try await registry.accounts().map(\.language) == [nil, nil, .german])
            try await registry.setLanguage(nil, of: carla, by: "t")
            #expect(try await registry.account(login: carla)?.language == nil)
            let change = try #require(await registry.changes(limit: 1).first)
            try await registry.undo(change: change.id, by: "t")
            #expect(try await registry.account(login: carla)?.language == .german)
            // As a release without languages has recorded it.
            try await store.write { transaction in
                try transaction.execute(
                    """
                    UPDATE directory_change_entry SET before = rtrim(before, 'den' || char(31)),
                        after = rtrim(after, 'den' || char(31)) WHERE kind = 'account'
                    """, [])
            }
            try await registry.setEnabled(false, carla, by: "t")
            let disabling = try #require(await registry.changes(limit: 1).first)
            try await store.write { transaction in
                try transaction.execute(
                    """
                    UPDATE directory_change_entry SET before = rtrim(before, 'de' || char(31)),
                        after = rtrim(after, 'de' || char(31)) WHERE kind = 'account'
                    """, [])
            }
            try await registry.undo(change: disabling.id, by: "t")
            #expect(try await registry.account(login: carla)?.isEnabled == true)
        }
    }

    @Test("The second format of the tables takes the keys out of a history that has them")
    func scrub() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let disk = MemoryDisk()
            let first = Migrations(
                module: "Directory", Array(Migrations.directory.scripts.prefix(1)))
            let old = try SQLiteStore(on: disk, schema: [first])
            let keys = "00ff\u{1F}15000\u{1F}0123456789abcdef\u{1F}fedcba9876543210"
            let account = "7\u{1F}bert@example.org\u{1F}Bert Abc0\u{1F}1"
            let values = [Value.text(account + "\u{1F}" + keys)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await old.run() }
                try await old.write { transaction in
                    try transaction.execute(
                        """
                        INSERT INTO directory_change_entry
                            (change, position, kind, key, before, after)
                        VALUES (1, 0, 'account', '7', ?, NULL)
                        """, values)
                    try transaction.execute(
                        """
                        INSERT INTO directory_change_entry
                            (change, position, kind, key, before, after)
                        VALUES (1, 1, 'domain', 'example.org', NULL, 'example.org')
                        """, [])
                }
                group.cancelAll()
            }
            let new = try SQLiteStore(on: disk, schema: [.directory])
            let recorded = try await new.read { transaction in
                try transaction.all(
                    """
                    SELECT COALESCE(before, after) FROM directory_change_entry ORDER BY position
                    """
                ) { $0.text(0) }
            }
            #expect(recorded == [account, "example.org"])
        }
    }

    @Test("Undoing the making of a domain that is in use is refused")
    func undoDomain() throws {
        try withRegistry { registry, _, _ in
            let added = try #require(await registry.changes(limit: 100).last)
            #expect(added.summary == "added domain example.org")
            await #expect(throws: DirectoryFailure.self) {
                try await registry.undo(change: added.id, by: "t")
            }
            #expect(try await registry.domains().count == 2)
        }
    }
}
