// SPDX-License-Identifier: Apache-2.0

import Mail
import Testing

@testable import Directory

@Suite("Rules for mailboxes")
struct RulesTests {
    private static func rules(
        octets: Bound? = nil, messages: Bound? = nil, retention: [Retention]? = nil,
        folders: SubaddressFolders? = nil
    ) -> MailboxRules {
        var rules = MailboxRules()
        rules.octets = octets
        rules.messages = messages
        rules.retention = retention
        rules.subaddressFolders = folders
        return rules
    }

    @Test("Where nothing is set, nothing holds")
    func nothing() throws {
        try withRegistry { registry, _, _ in
            let rules = try registry.effectiveRules(of: AccountID(rawValue: 1))
            #expect(rules == nil)
            let hasRules = try registry.hasRules()
            #expect(!hasRules)
        }
    }

    @Test("An account's own rule goes before its domain's, and that before the server's")
    func inheritance() throws {
        try withRegistry { registry, _, _ in
            let login = try Address("anna@example.org")
            let anna = try #require(try await registry.accounts(in: Domain("example.org")).first)
            let domain = try #require(anna.login.domain)
            registry.changeDefaults(to: Self.rules(octets: .at(1), messages: .at(1)))
            let usual = try registry.effectiveRules(of: anna.id)
            #expect(usual?.quota == Quota(octets: 1, messages: 1))
            let trash = try #require(Retention("30 Trash"))
            try await registry.set(
                rules: Self.rules(octets: .at(2), retention: [trash], folders: .create),
                of: .accounts(of: domain), by: "test", "each")
            try await registry.set(
                rules: Self.rules(octets: .at(9)), of: .domain(domain), by: "test", "whole")
            var found = try #require(try registry.effectiveRules(of: anna.id))
            #expect(found.quota == Quota(octets: 2, messages: 1))
            #expect(found.retention == [trash])
            #expect(found.subaddressFolders == .create)
            #expect(found.domainQuota?.quota == Quota(octets: 9))
            try await registry.set(
                rules: Self.rules(octets: Bound.none, retention: []), of: .account(anna.id),
                by: "test", "own of \(login)")
            found = try #require(try registry.effectiveRules(of: anna.id))
            #expect(found.quota == Quota(messages: 1))
            #expect(found.retention.isEmpty)
            #expect(found.subaddressFolders == .create)
        }
    }

    @Test("A rule is undone like any other change")
    func undo() throws {
        try withRegistry { registry, _, _ in
            let anna = try #require(try await registry.accounts(in: Domain("example.org")).first)
            let trash = try #require(Retention("30 Trash"))
            let first = Self.rules(
                octets: .at(5), messages: Bound.none, retention: [trash], folders: .existing)
            try await registry.set(rules: first, of: .account(anna.id), by: "test", "first")
            try await registry.set(
                rules: Self.rules(), of: .account(anna.id), by: "test", "none")
            #expect(try await registry.rules(.account(anna.id)).isEmpty)
            let last = try #require(try await registry.changes(limit: 1).first)
            try await registry.undo(change: last.id, by: "test")
            #expect(try await registry.rules(.account(anna.id)) == first)
        }
    }
}
