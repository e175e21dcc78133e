// SPDX-License-Identifier: Apache-2.0

import Directory
import Logging
import Mail
import MessageStore
import Storage
import Tenancy
import Testing
import World

@Suite("What was removed comes back; what is old goes")
struct UndeletingTests {
    private func retainer(_ site: IMAPSite) -> Retainer {
        Retainer(
            registry: site.registry, mailboxes: site.mailboxes, time: site.simulation,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func set(_ retention: [String], _ site: IMAPSite) async throws {
        var rules = MailboxRules()
        rules.retention = retention.compactMap { Retention($0) }
        try await site.registry.set(
            rules: rules, of: .account(AccountID(rawValue: site.account)), by: "test", "rules")
    }

    @Test("Removed messages come back once, with new UIDs and their flags but \\Deleted")
    func undelete() throws {
        try IMAPSite.run { site in
            site.mailboxes.undeleteWindow = .days(7)
            for number in 1...3 { try await site.deliver("Subject: \(number)\r\n\r\nx\r\n") }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            _ = try await client.ask(#"STORE 1:2 FLAGS (\Deleted \Flagged)"#)
            _ = try await client.ask("EXPUNGE")
            let inbox = try #require(try site.mailboxes.find("INBOX", of: site.account))
            #expect(inbox.messages == 1)
            let start = Timestamp(milliseconds: 0)
            let removed = try await site.mailboxes.removed(of: site.account, since: start)
            #expect(removed.map(\.messages) == [2])
            #expect(removed.map(\.name) == ["INBOX"])
            #expect(try await site.mailboxes.undelete(in: inbox.id, since: start) == 2)
            #expect(try await site.mailboxes.undelete(in: inbox.id, since: start) == 0)
            _ = try await client.ask("NOOP")
            let heard = try await client.ask(
                "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            #expect(
                heard.contains {
                    $0.contains("UID 4") && $0.contains(#"FLAGS (\Recent \Flagged)"#)
                })
            #expect(heard.contains { $0.contains("UID 5") })
            #expect(heard.contains("Subject: 1") && heard.contains("Subject: 2"))
            #expect(try await site.countersAreRight())
            #expect(try await site.mailboxes.removed(of: site.account, since: start).isEmpty)
        }
    }

    @Test("A window that is over, and a message that was moved, leave nothing to bring back")
    func gone() throws {
        try IMAPSite.run { site in
            site.mailboxes.undeleteWindow = .days(7)
            try await site.deliver("Subject: 1\r\n\r\nx\r\n")
            try await site.deliver("Subject: 2\r\n\r\nx\r\n")
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            _ = try await client.ask("MOVE 1 Archive")
            let start = Timestamp(milliseconds: 0)
            #expect(try await site.mailboxes.removed(of: site.account, since: start).isEmpty)
            _ = try await client.ask(#"STORE 1 +FLAGS (\Deleted)"#)
            _ = try await client.ask("EXPUNGE")
            await client.close()
            try await site.simulation.sleep(for: .days(6))
            #expect(try await site.mailboxes.purge() == 0)
            try await site.simulation.sleep(for: .days(2))
            #expect(try await site.mailboxes.purge() == 1)
            let inbox = try #require(try site.mailboxes.find("INBOX", of: site.account))
            #expect(try await site.mailboxes.undelete(in: inbox.id, since: start) == 0)
            // With its last reference the content is gone.
            let contents = try await site.store.read { transaction in
                try transaction.first("SELECT count(*) FROM content") { $0.integer(0) }
            }
            #expect(contents == 1)
        }
    }

    @Test("A deleted mailbox comes back with all its messages, under a free name")
    func mailbox() throws {
        try IMAPSite.run { site in
            site.mailboxes.undeleteWindow = .days(7)
            let client = try await site.logIn()
            _ = try await client.ask("CREATE Work")
            for _ in 0..<3 { try await site.deliver("x", mailbox: "Work") }
            _ = try await client.ask("DELETE Work")
            _ = try await client.ask("CREATE Work")
            let start = Timestamp(milliseconds: 0)
            let removed = try await site.mailboxes.removed(of: site.account, since: start)
            let one = try #require(removed.first)
            #expect(one.isMailbox && one.name == "Work" && one.messages == 3)
            #expect(try await site.mailboxes.restore(one.mailbox) == "Work 2")
            await #expect(throws: MailboxRefusal.nonexistent) {
                try await site.mailboxes.restore(one.mailbox)
            }
            let heard = try await client.ask("STATUS \"Work 2\" (MESSAGES)")
            #expect(heard.contains("* STATUS \"Work 2\" (MESSAGES 3)"))
            #expect(try await site.countersAreRight())
        }
    }

    @Test("More messages than one transaction takes come back, and go by age")
    func many() throws {
        try IMAPSite.run { site in
            site.mailboxes.undeleteWindow = .days(7)
            for _ in 0..<2300 { try await site.deliver("x", mailbox: "Trash") }
            try await site.simulation.sleep(for: .days(31))
            try await site.deliver("new", mailbox: "Trash")
            try await set(["30 Trash", "0 INBOX", "5 nowhere"], site)
            #expect(try await retainer(site).run() == 2300)
            let trash = try #require(try site.mailboxes.find("Trash", of: site.account))
            #expect(trash.messages == 1)
            let start = Timestamp(milliseconds: 0)
            #expect(try await site.mailboxes.undelete(in: trash.id, since: start) == 2300)
            // They came back today.
            #expect(try await retainer(site).run() == 0)
            #expect(try await site.countersAreRight())
        }
    }

    @Test("A rule may name a use, and a preview says what would go")
    func use() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            _ = try await client.ask("RENAME Junk Spam")
            try await site.deliver("x", mailbox: "Spam")
            try await site.simulation.sleep(for: .days(15))
            try await set([#"14 \Junk"#], site)
            let account = try #require(
                try await site.registry.account(AccountID(rawValue: site.account)))
            let cases = try retainer(site).cases(of: account)
            #expect(cases.map(\.mailbox.name) == ["Spam"])
            let due = try await site.mailboxes.older(than: cases[0].limit, in: cases[0].mailbox.id)
            #expect(due.messages == 1)
            #expect(try await retainer(site).run() == 1)
            #expect(try await retainer(site).run() == 0)
        }
    }
}

@Suite("What accounts keep is counted from the first question on")
struct CountingTests {
    @Test("Messages before and after, new mailboxes, deleted and restored ones all count")
    func counting() throws {
        try IMAPSite.run { site in
            site.mailboxes.undeleteWindow = .days(7)
            try await site.deliver("before")
            let unasked = try site.mailboxes.usage(counted: site.account)
            #expect(unasked == nil)
            let client = try await site.logIn()
            _ = try await client.ask("CREATE old")
            try await site.deliver("in an old one", mailbox: "old")
            _ = try await client.ask("DELETE old")
            try await site.mailboxes.count([site.account], pool: "example.org")
            try await site.deliver("after")
            try await site.deliver("in a new one", mailbox: "new")
            _ = try await client.ask("SELECT INBOX")
            _ = try await client.ask("COPY 1 new")
            _ = try await client.ask("MOVE 2 Trash")
            _ = try await client.ask(#"STORE 1 +FLAGS (\Deleted)"#)
            _ = try await client.ask("EXPUNGE")
            var counted = try site.mailboxes.usage(counted: site.account)
            var usage = try #require(counted)
            #expect(usage.account.messages == 3)
            #expect(usage.pool?.usage == usage.account)
            #expect(try await site.countersAreRight())
            let removed = try await site.mailboxes.removed(
                of: site.account, since: Timestamp(milliseconds: 0))
            let deleted = removed.first { $0.isMailbox }
            let old = try #require(deleted)
            _ = try await site.mailboxes.restore(old.mailbox)
            try await site.deliver("once more", mailbox: "old")
            counted = try site.mailboxes.usage(counted: site.account)
            usage = try #require(counted)
            #expect(usage.account.messages == 5)
            #expect(usage.pool?.usage == usage.account)
            #expect(try await site.countersAreRight())
            let account = site.account
            try await site.store.write { try Mailboxes.abandon(account, in: $0) }
            counted = try site.mailboxes.usage(counted: site.account)
            #expect(counted == nil)
            let pool = try await site.store.read { transaction in
                try transaction.first("SELECT messages + octets FROM mailbox_pool") {
                    $0.integer(0)
                }
            }
            #expect(pool == 0)
        }
    }
}
