// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Journal
import Mail
import MessageStore
import Reception
import SMTP
import ScriptStore
import SimulatedWorld
import Spool
import Storage
import Synchronization
import Tenancy
import Testing
import World

private let team = "team@here.example"

/// Makes the account of several, and gives anna rights to its INBOX.
private func share(
    _ rights: String, in registry: Registry, _ mailboxes: Mailboxes
) async throws -> Mailbox {
    let account: Account
    if let known = try await registry.account(login: Address(team)) {
        account = known
    } else {
        account = try await registry.addSharedAccount(Address(team), by: "test")
    }
    try await mailboxes.furnishShared(account.id.rawValue)
    let inbox = try #require(try mailboxes.find(Mailboxes.inbox, of: account.id.rawValue))
    try await mailboxes.change(
        rightsOf: "anna@here.example", to: inbox.id,
        by: ACLChange(manner: .replace, rights: AccessRights(letters: Array(rights.utf8))))
    return inbox
}

@Suite("RFC 5490 §3.1: scripts that file messages into mailboxes of others")
struct SharedDestinationTests {
    /// Runs with an active script of anna's.
    private func run(
        _ script: String, _ body: @escaping @Sendable (DeliveryWorld) async throws -> Void
    ) throws {
        let world = try DeliveryWorld(seed: 5, zone: "")
        try world.run { world in
            let anna = try #require(
                try await world.registry.account(login: Address("anna@here.example")))
            try await world.scripts.put("main", Array(script.utf8), of: anna.id.rawValue)
            try await world.scripts.activate("main", of: anna.id.rawValue)
            try await body(world)
        }
    }

    private func deliver(_ world: DeliveryWorld) async throws -> Fact {
        let id = try await world.accept(from: "", to: ["anna@here.example"])
        func told() async throws -> Fact? {
            try await world.trace.facts(of: id).last { $0.kind == .delivered }
        }
        // What tells of full mailboxes may wait longer.
        #expect(try await world.wait(.minutes(10)) { try await told() != nil })
        return try #require(try await told())
    }

    private static let refusal = """
        not into "Shared/TEAM@here.example" but INBOX: there is no such mailbox, or messages may \
        not be put there
        """

    @Test(
        "Who has i or p puts messages there; else they go into INBOX, and the trace says why",
        arguments: [
            ("i", true), ("lp", true), ("lrswip", true), ("lrswkxtea", false), ("", false),
        ])
    func rights(rights: String, isThere: Bool) throws {
        try run(
            """
            require ["fileinto", "mailbox", "copy", "variables"];
            set "place" "Shared/TEAM@here.example";
            if mailboxexists "${place}" { fileinto :copy :create "Known"; }
            fileinto "${place}";
            """
        ) { world in
            let inbox = try await share(rights, in: world.registry, world.mailboxes)
            let signals = Mutex(0)
            let watch = world.spooler.mailboxChanges.watch(inbox.account) {
                signals.withLock { $0 += 1 }
            }
            let told = try await deliver(world)
            world.spooler.mailboxChanges.end(watch)
            #expect(try await world.mailbox(team).count == (isThere ? 1 : 0))
            #expect(signals.withLock { $0 > 0 } == isThere)
            #expect(
                try await world.mailbox("anna@here.example", "Known").count == (isThere ? 1 : 0))
            #expect(try await world.mailbox("anna@here.example").count == (isThere ? 0 : 1))
            #expect(told.text?.contains(Self.refusal) == !isThere, "\(told)")
            let place = told.fields.first { $0.key == .mailbox }?.value
            #expect(place == (isThere ? "Known, Shared/team@here.example" : "INBOX"), "\(told)")
        }
    }

    @Test("A mailbox that there is not is none of others' that a script could make")
    func unknown() throws {
        try run(
            """
            require ["fileinto", "mailbox", "reject"];
            if mailboxexists "Shared/team@here.example/Plans" { reject "no"; }
            fileinto :create "Shared/team@here.example/Plans";
            """
        ) { world in
            _ = try await share("lrswipkxtea", in: world.registry, world.mailboxes)
            let told = try await deliver(world)
            #expect(told.text?.contains("but INBOX") == true)
            #expect(try await world.mailbox("anna@here.example").count == 1)
            let anna = try #require(
                try await world.registry.account(login: Address("anna@here.example")))
            #expect(
                try world.mailboxes.all(of: anna.id.rawValue).allSatisfy {
                    !$0.name.hasPrefix("Shared")
                })
        }
    }

    @Test("Where the store does not say whose a mailbox is, all of it waits and is done once")
    func unanswered() throws {
        try run(
            """
            require ["fileinto", "mailbox"];
            fileinto :create "Known"; fileinto "Shared/team@here.example"; keep;
            """
        ) { world in
            _ = try await share("i", in: world.registry, world.mailboxes)
            world.answers.fail(at: "FROM mailbox_access")
            let id = try await world.accept(from: "", to: ["anna@here.example"])
            let deferrals = { try await world.kinds(id).count { $0 == .deferred } }
            #expect(try await world.wait(.minutes(30)) { try await deferrals() == 2 })
            func counts() async throws -> [Int] {
                [
                    try await world.mailbox("anna@here.example").count,
                    try await world.mailbox("anna@here.example", "Known").count,
                    try await world.mailbox(team).count,
                ]
            }
            #expect(try await counts() == [0, 0, 0])
            let status = try await world.trace.facts(of: id).last { $0.kind == .deferred }?.status
            #expect(status?.description == "4.3.0")
            let errors = world.told.errors
            #expect(errors.count == 2)
            #expect(errors.allSatisfy { $0.contains("cannot be looked up, it waits: ") })
            world.answers.fail(at: nil)
            #expect(try await world.wait(.minutes(59)) { try await world.isSpoolEmpty() })
            #expect(try await counts() == [1, 1, 1])
        }
    }

    @Test("Flags are set there as far as rights go, and what is seen is so for the script's owner")
    func flags() throws {
        try run(
            """
            require ["fileinto", "imap4flags"];
            fileinto :flags ["\\\\Seen", "\\\\Flagged", "own"] "Shared/team@here.example";
            """
        ) { world in
            for (rights, flags, unseen) in [
                ("lri", MessageFlags(), 1), ("lris", [], 1), ("lrisw", [.flagged], 1),
            ] {
                let inbox = try await share(rights, in: world.registry, world.mailboxes)
                _ = try await deliver(world)
                let rows = try await world.mailboxes.rows(1...9, of: inbox.id, limit: 9)
                let last = try #require(rows.last)
                #expect(last.flags.intersection([.seen, .flagged]) == flags)
                #expect(last.flags.isSuperset(of: flags))
                let now = try #require(try world.mailboxes.find(inbox.id))
                #expect(now.unseen == now.messages)
                let anna = try #require(
                    try await world.registry.account(login: Address("anna@here.example")))
                #expect(
                    try world.mailboxes.unseen(in: now, by: anna.id.rawValue) == unseen)
            }
        }
    }

    @Test("The owner's quota bounds it, not that of who has the script")
    func quota() throws {
        try run("require \"fileinto\"; fileinto \"Shared/team@here.example\";") { world in
            let inbox = try await share("i", in: world.registry, world.mailboxes)
            var rules = MailboxRules()
            rules.messages = .at(1)
            let anna = try #require(
                try await world.registry.account(login: Address("anna@here.example")))
            for id in [anna.id, AccountID(rawValue: inbox.account)] {
                try await world.registry.set(rules: rules, of: .account(id), by: "test", "quota")
            }
            for (count, here) in [(1, 0), (1, 1)] {
                let told = try await deliver(world)
                #expect(try await world.mailbox(team).count == count)
                #expect(try await world.mailbox("anna@here.example").count == here)
                #expect(
                    told.text?.contains("but INBOX: its owner's mailboxes are full") == (here == 1))
            }
            let usage = try world.mailboxes.usage(counted: inbox.account)
            #expect(usage?.account.messages == 1)
        }
    }
}

@Suite("Writing as an account of several")
struct SharedSenderTests {
    @Test(
        "takes p on its INBOX, in the envelope and in From",
        arguments: [
            ("p", "team@here.example", "team@here.example", "250 2.0.0"),
            ("p", "team+x@here.example", "Team <team@here.example>", "250 2.0.0"),
            ("p", "anna@here.example", "team@here.example", "250 2.0.0"),
            ("p", "team@here.example", "anna@here.example, team@here.example", "250 2.0.0"),
            ("p", "team@here.example", "ben@here.example", "550 5.7.1"),
            ("p", "ben@here.example", "team@here.example", "553 5.7.1"),
            ("p", "all@here.example", "team@here.example", "553 5.7.1"),
            ("lrswikxtea", "team@here.example", "team@here.example", "553 5.7.1"),
            ("lrswikxtea", "anna@here.example", "team@here.example", "550 5.7.1"),
            ("", "team@here.example", "team@here.example", "553 5.7.1"),
        ])
    func submission(rights: String, path: String, from: String, reply: String) throws {
        let world = try ReceptionWorld()
        world.configuration.session.saslMechanisms = ["PLAIN"]
        world.configuration.session.requiresTLSForAuthentication = false
        try world.run { world in
            let registry = try #require(world.registry)
            let mailboxes = Mailboxes(
                store: try #require(world.store), bodies: world.disk.bodies,
                time: world.simulation)
            _ = try await share(rights, in: registry, mailboxes)
            // That of a person lets nobody write as that person.
            let ben = try #require(try await registry.account(login: Address("ben@here.example")))
            try await mailboxes.furnish(ben.id.rawValue)
            let inbox = try #require(try mailboxes.find(Mailboxes.inbox, of: ben.id.rawValue))
            try await mailboxes.change(
                rightsOf: "anna@here.example", to: inbox.id,
                by: ACLChange(manner: .replace, rights: .all))
            let login = Base64.encode(Array("\0anna@here.example\0a long password".utf8))
            let said = try await world.talk(
                "EHLO a", "AUTH PLAIN \(login)", "MAIL FROM:<\(path)>",
                "RCPT TO:<ben@here.example>", "DATA", "From: \(from)", "Subject: x", "", "x", ".")
            #expect(said.contains { $0.hasPrefix(reply) }, "\(said)")
            guard reply.hasPrefix("250") else { return }
            let accepted = try #require(try await world.accepted().first)
            #expect("\(accepted.recipient.message.reversePath)" == path)
            #expect(accepted.text.contains("From: \(from)\r\n"))
        }
    }
}
