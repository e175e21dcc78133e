// SPDX-License-Identifier: Apache-2.0

import Mail
import Storage
import Testing
import World

@testable import Directory

@Suite("Who gets mail to an address")
struct VerdictTests {
    @Test(
        "An address leads to its account, with or without case and subaddress",
        arguments: [
            ("anna@example.org", "anna@example.org 1 address"),
            ("ANNA@EXAMPLE.ORG", "ANNA@example.org 1 address"),
            ("anna@example.net", "anna@example.net 1 address"),
            ("anna+shop@example.org", "anna+shop@example.org 1 address"),
            ("info@example.org", "anna@example.org 1 alias"),
            ("info+x@example.org", "anna@example.org 1 alias"),
            ("postmaster@example.net", "anna@example.org 1 postmaster"),
            ("PostMaster@example.org", "anna@example.org 1 postmaster"),
        ])
    func local(address: String, target: String) throws {
        let found = try withRegistry { registry, _, _ in try await registry.targets(of: address) }
        #expect(found == [target])
    }

    @Test("An alias leads to each of its places once, and remembers what the sender wrote")
    func alias() throws {
        try withRegistry { registry, _, _ in
            let targets = try await registry.targets(of: "team@example.org")
            #expect(
                targets == [
                    "anna@example.org 1 alias", "bert@example.org 2 alias",
                    "Carol@elsewhere.example 0 alias",
                ])
            guard case .local(let found) = try await registry.judge("team@example.org") else {
                Issue.record("not local")
                return
            }
            #expect(found.allSatisfy { $0.original?.description == "team@example.org" })
            guard case .local(let direct) = try await registry.judge("bert+x@example.org") else {
                Issue.record("not local")
                return
            }
            #expect(direct.first?.original == nil)
        }
    }

    @Test(
        "Nobody's address is refused, another's domain is not ours",
        arguments: [
            ("nobody@example.org", RecipientVerdict.unknownUser), ("+x@example.org", .unknownUser),
            ("unknown@held.example", .unknownUser), ("x@elsewhere.example", .notOurs),
            ("x@[192.0.2.1]", .notOurs), ("anna@sub.example.org", .notOurs),
            ("\"anna@example.org\"@elsewhere.example", .notOurs),
        ])
    func refused(address: String, verdict: RecipientVerdict) throws {
        let found = try withRegistry { registry, _, _ in try await registry.judge(address) }
        #expect(found == verdict)
    }

    @Test(
        "A relay domain takes its known recipients, their subaddresses and its postmaster",
        arguments: [
            "known@held.example", "KNOWN+tag@held.example", "postmaster@held.example",
            "anyone@open.example",
        ])
    func relay(address: String) throws {
        try withRegistry { registry, _, _ in
            guard case .relay(let relay) = try await registry.judge(address) else {
                Issue.record("not relayed")
                return
            }
            #expect(address.hasSuffix(relay.name.name))
            #expect(relay.lifetimeSeconds == (relay.acceptsAllRecipients ? nil : 172_800))
        }
    }

    @Test("A catch-all gets what is addressed to nobody, but nobody writes in its name")
    func catchAll() throws {
        try withRegistry { registry, _, _ in
            #expect(try await registry.judge("any@example.net") == .unknownUser)
            try await registry.update(
                domain: LocalDomain(Domain("example.net"), catchAll: Address("bert@example.org")),
                by: "test")
            #expect(
                try await registry.targets(of: "any@example.net") == ["bert@example.org 2 catchAll"]
            )
            let bert = AccountID(rawValue: 2)
            let sender = try Address("any@example.net")
            #expect(await !registry.mayUse(bert, as: sender))
        }
    }

    @Test("Mail to a disabled account is refused as such, and an alias passes it by")
    func disabled() throws {
        try withRegistry { registry, _, _ in
            try await registry.setEnabled(false, Address("anna@example.org"), by: "test")
            #expect(try await registry.judge("anna@example.org") == .mailboxDisabled)
            #expect(try await registry.judge("info@example.org") == .mailboxDisabled)
            #expect(
                try await registry.targets(of: "team@example.org")
                    == ["bert@example.org 2 alias", "Carol@elsewhere.example 0 alias"])
        }
    }

    @Test("Before there is a postmaster, mail to it waits")
    func noPostmaster() throws {
        try withRegistry(empty: true) { registry, _, _ in
            try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
            #expect(try await registry.judge("postmaster@example.org") == .temporarilyUnknown)
            #expect(await registry.judge(.postmaster) == .temporarilyUnknown)
            try await registry.addAccount(
                Address("anna@example.org"), password: "correct horse", by: "test")
            let anna = try await registry.judge("anna@example.org")
            #expect(await registry.judge(.postmaster) == anna)
        }
    }

    @Test("Each change is seen at once, also by what was asked before")
    func invalidation() throws {
        try withRegistry { registry, _, _ in
            let address = try Address("new@example.org")
            #expect(await registry.judge(address) == .unknownUser)
            try await registry.addAccount(address, password: "correct horse", by: "test")
            #expect(try await registry.targets(of: "new@example.org").count == 1)
            try await registry.remove(account: address, by: "test")
            #expect(await registry.judge(address) == .unknownUser)
            let domain = try Domain("later.example")
            #expect(try registry.responsibility(for: domain) == .elsewhere)
            try await registry.add(domain: LocalDomain(domain), by: "test")
            #expect(try registry.responsibility(for: domain) == .local(LocalDomain(domain)))
        }
    }

    @Test("When the store is closed the answer is that we do not know")
    func closedStore() throws {
        try withRegistry { registry, _, store in
            _ = try await registry.judge("anna@example.org")
            store.close()
            #expect(try await registry.judge("bert@example.org") == .temporarilyUnknown)
            // What was known stays known.
            #expect(try await registry.targets(of: "anna@example.org").count == 1)
        }
    }

    @Test(
        "An account writes only as itself",
        arguments: [
            ("anna@example.org", true), ("anna+list@example.org", true),
            ("Anna@example.net", true), ("info@example.org", true),
            ("postmaster@example.org", true), ("team@example.org", false),
            ("bert@example.org", false), ("nobody@example.org", false),
            ("anna@elsewhere.example", false), ("known@held.example", false),
        ])
    func mayUse(sender: String, allowed: Bool) throws {
        let anna = AccountID(rawValue: 1)
        let found = try withRegistry { registry, _, _ in
            await registry.mayUse(anna, as: try Address(sender))
        }
        #expect(found == allowed)
    }
}

@Suite("A cache that forgets what is not asked for")
struct RecencyCacheTests {
    @Test("It never holds more than its limit and keeps what is asked for")
    func bounded() {
        var cache = RecencyCache<Int, Int>(limit: 100)
        for number in 0..<10_000 {
            cache.insert(number, for: number)
            if number > 0 { #expect(cache.value(for: 0) == 0) }
            #expect(cache.count <= 100)
        }
        #expect(cache.value(for: 9999) == 9999)
        #expect(cache.value(for: 5000) == nil)
    }
}
