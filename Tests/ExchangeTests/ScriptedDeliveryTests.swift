// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import DefenceStore
import Directory
import Journal
import Mail
import MessageStore
import ScriptStore
import SimulatedWorld
import Spool
import Storage
import Testing
import World

@Suite("RFC 5228: mail that an account's script sorts")
struct ScriptedDeliveryTests {
    private static let zone = """
        there.example MX 10 mx.there.example
        mx.there.example A 192.0.2.1
        """

    private struct Scene {
        let world: DeliveryWorld
        let there: Sink

        func activate(_ script: String, of login: String = "anna@here.example") async throws {
            let address = try Address(login)
            let account = try #require(try await world.registry.account(login: address))
            try await world.scripts.put("main", Array(script.utf8), of: account.id.rawValue)
            try await world.scripts.activate("main", of: account.id.rawValue)
        }

        /// Delivers one message to anna, and waits until all that comes of it is settled.
        @discardableResult
        func deliver(
            _ subject: String, from sender: String = "bob@there.example", id: String = "1",
            fields: String = ""
        ) async throws -> QueueID {
            let envelope = Envelope(
                from: sender.isEmpty ? .null : .address(try Address(sender)),
                to: [Envelope.Recipient(try Address("anna@here.example"))])
            let message = try await world.accept(
                envelope,
                content: "From: <bob@there.example>\r\nTo: anna@here.example\r\n\(fields)"
                    + "Subject: \(subject)\r\nMessage-ID: <\(id)@there.example>\r\n\r\nHello\r\n")
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            return message
        }

        func count(_ mailbox: String = "INBOX") async throws -> Int {
            try await world.mailbox("anna@here.example", mailbox).count
        }
    }

    private static func run(_ body: @escaping @Sendable (Scene) async throws -> Void) throws {
        let world = try DeliveryWorld(seed: 7, zone: zone)
        let there = world.sink(1)
        try world.run { world in try await body(Scene(world: world, there: there)) }
    }

    @Test("A message is filed where the script says, with its flags, and the trace says why")
    func filing() throws {
        try Self.run { scene in
            try await scene.activate(
                """
                require ["fileinto", "mailbox", "imap4flags", "copy"];
                if header :contains "subject" "bill" {
                    fileinto :create :copy :flags "\\\\Flagged paid" "Bills/2026";
                }
                if header :contains "subject" "lost" { fileinto "Nowhere"; }
                if header :contains "subject" "spam" { discard; }
                """)
            let id = try await scene.deliver("the bill")
            #expect(try await scene.count("Bills/2026") == 1)
            #expect(try await scene.count() == 1)
            let facts = try await scene.world.trace.facts(of: id)
            let told = try #require(facts.last { $0.kind == .delivered })
            #expect(told.text?.contains("line 3: fileinto: into \"Bills/2026\"") == true)
            // Only :create makes a mailbox.
            try await scene.deliver("lost", id: "2")
            #expect(try await scene.count("Nowhere") == 0)
            #expect(try await scene.count() == 2)
            let gone = try await scene.deliver("spam", id: "3")
            #expect(try await scene.count() == 2)
            #expect(try await scene.world.kinds(gone).last == .deleted)
        }
    }

    @Test("A script that fails, and none, leave the message in the inbox")
    func failing() throws {
        try Self.run { scene in
            try await scene.deliver("before")
            try await scene.activate("require [\"ihave\", \"fileinto\"]; discard; error \"no\";")
            let id = try await scene.deliver("then", id: "2")
            #expect(try await scene.count() == 2)
            let facts = try await scene.world.trace.facts(of: id)
            #expect(
                facts.contains { $0.text?.hasPrefix("script failed: line 1: no") == true })
        }
    }

    /// What a script asks, and the statement by which the store would answer.
    private static let questions = [
        ("mailboxexists \"Bills\"", "FROM mailbox"),
        ("mailboxidexists \"m1\"", "FROM mailbox"),
        ("specialuse_exists \"\\\\Junk\"", "FROM mailbox"),
        ("metadata :is \"INBOX\" \"/private/comment\" \"x\"", "FROM mailbox"),
        ("metadataexists \"INBOX\" \"/private/comment\"", "FROM mailbox"),
        ("servermetadata :is \"/private/comment\" \"x\"", "FROM mailbox_metadata"),
        ("servermetadataexists \"/private/comment\"", "FROM mailbox_metadata"),
        ("header :list \"from\" \":addrbook:default\"", "FROM defence_correspondent"),
        ("duplicate", "FROM sieve_memory"),
    ]

    @Test(
        "What the store does not answer is not taken for a no: the message is kept",
        arguments: questions)
    func unanswered(_ question: String, _ statement: String) throws {
        try Self.checkUnanswered(
            "if \(question) { discard; } else { discard; }", at: statement)
    }

    @Test("A script that cannot be read is not taken for one that is not there")
    func unansweredInclude() throws {
        try Self.checkUnanswered(
            "include :optional \"more\"; discard;", at: "SELECT script FROM sieve_script")
    }

    private static func checkUnanswered(_ commands: String, at statement: String) throws {
        try run { scene in
            try await scene.activate(
                """
                require ["mailbox", "mailboxid", "special-use", "mboxmetadata", "servermetadata",
                    "extlists", "duplicate", "include"];
                \(commands)
                """)
            try await scene.deliver("1")
            #expect(try await scene.count() == 0)
            scene.world.answers.fail(at: statement)
            try await scene.deliver("2", id: "2")
            #expect(try await scene.count() == 1)
            scene.world.answers.fail(at: nil)
            try await scene.deliver("3", id: "3")
            #expect(try await scene.count() == 1)
        }
    }

    @Test("A redirected message goes on as from an alias, and what comes back is kept")
    func redirecting() throws {
        try Self.run { scene in
            try await scene.activate("redirect \"carl@there.example\";")
            try await scene.deliver("hello")
            #expect(scene.there.messages.map(\.recipients) == [["carl@there.example"]])
            #expect(try await scene.count() == 0)
            // The very message again: a loop.
            let again = try await scene.deliver("hello")
            #expect(scene.there.messages.count == 1)
            let facts = try await scene.world.trace.facts(of: again)
            #expect(
                facts.contains {
                    $0.text?.hasSuffix(
                        "it went to carl@there.example before, and does not again; it is kept")
                        == true
                })
            #expect(try await scene.count() == 1)
            try await scene.deliver("another", id: "2")
            #expect(scene.there.messages.count == 2)
            // To oneself.
            try await scene.activate("redirect \"anna@here.example\";")
            try await scene.deliver("round", id: "3")
            #expect(try await scene.count() == 2)
        }
    }

    @Test("A message that comes back is kept though the script answers it, too")
    func redirectingAndAnswering() throws {
        try Self.run { scene in
            try await scene.activate(
                "require \"vacation\"; redirect \"carl@there.example\"; vacation \"away\";")
            try await scene.deliver("hello")
            #expect(try await scene.count() == 0)
            // Redirected before: the answer alone is left of it, for somebody else.
            try await scene.deliver("hello", from: "dora@there.example")
            #expect(try await scene.count() == 1)
        }
    }

    @Test("The script of the domain, or of the server, sorts the mail of who has none active")
    func standards() throws {
        try Self.run { scene in
            let scripts = scene.world.scripts
            let login = try Address("anna@here.example")
            let account = try #require(try await scene.world.registry.account(login: login))
            func file(into mailbox: String) -> [UInt8] {
                Array(
                    """
                    require ["fileinto", "mailbox", "include"];
                    include :personal :optional "mine";
                    fileinto :create "\(mailbox)";
                    """.utf8)
            }
            try await scripts.setStandard(file(into: "Server"), for: nil)
            try await scene.deliver("1")
            #expect(try await scene.count("Server") == 1)
            try await scripts.setStandard(file(into: "Domain"), for: "here.example")
            try await scripts.setStandard(file(into: "Other"), for: "there.example")
            try await scene.deliver("2", id: "2")
            #expect(try await scene.count("Domain") == 1)
            #expect(
                try await scripts.standards().map(\.domain) == [
                    nil, "here.example", "there.example",
                ])
            // It includes what is the account's own.
            try await scripts.put(
                "mine", Array("require \"fileinto\"; keep; stop;".utf8), of: account.id.rawValue)
            try await scene.deliver("3", id: "3")
            #expect(try await scene.count() == 1)
            try await scene.activate("")
            try await scene.deliver("4", id: "4")
            #expect(try await scene.count() == 2)
            try await scripts.activate(nil, of: account.id.rawValue)
            try await scripts.remove("mine", of: account.id.rawValue)
            #expect(try await scripts.removeStandard(for: "here.example"))
            #expect(try await !scripts.removeStandard(for: "here.example"))
            try await scene.deliver("5", id: "5")
            #expect(try await scene.count("Server") == 2)
            await #expect(throws: Scripts.Refusal.self) {
                try await scripts.setStandard(Array("keep".utf8), for: nil)
            }
        }
    }

    @Test("A notification goes with the null path, names its owner, and is no reason to lose mail")
    func notifying() throws {
        try Self.run { scene in
            try await scene.activate(
                """
                require ["enotify", "fcc", "mailbox"];
                notify :importance "1" :message "Grüße" :fcc "Told" :create
                    "mailto:carl@there.example,dora@there.example?cc=eve@there.example&body=Look";
                """)
            let id = try await scene.deliver("hello")
            #expect(try await scene.count() == 1)
            #expect(try await scene.count("Told") == 1)
            let told = try #require(scene.there.messages.first)
            #expect(told.reversePath == "")
            #expect(
                Set(scene.there.messages.flatMap(\.recipients)) == [
                    "carl@there.example", "dora@there.example", "eve@there.example",
                ])
            for line in [
                "Auto-Submitted: auto-notified; owner-email=\"anna@here.example\"\r\n",
                "From: anna@here.example\r\n", "To: carl@there.example, dora@there.example\r\n",
                "Cc: eve@there.example\r\n", "Subject: =?utf-8?", "Importance: high\r\n",
                "References: <1@there.example>\r\n", "\r\n\r\nLook",
            ] {
                #expect(told.content.contains(line), "\(line) in \(told.content)")
            }
            let facts = try await scene.world.trace.facts(of: id)
            #expect(facts.contains { $0.text?.contains("notify: carl@there.example") == true })
            // The same message again, and what a program wrote: nobody is told.
            let count = scene.there.messages.count
            try await scene.deliver("hello")
            try await scene.deliver("x", id: "2", fields: "Auto-Submitted: auto-notified\r\n")
            #expect(scene.there.messages.count == count)
            #expect(try await scene.count() == 3)
        }
    }

    @Test("An account notifies thirty times in an hour, and keeps what comes besides")
    func notificationLimit() throws {
        try Self.run { scene in
            try await scene.activate("require \"enotify\"; notify \"mailto:carl@there.example\";")
            for number in 1...33 { try await scene.deliver("x", id: "\(number)") }
            let early = scene.there.messages.count
            #expect((30...33).contains(early))
            #expect(try await scene.count() == 33)
            try await scene.world.sleep(.hours(1))
            try await scene.deliver("x", id: "later")
            #expect(scene.there.messages.count == early + 1)
        }
    }

    @Test("A notification to oneself is not told of, and so goes round only once")
    func notifyingOneself() throws {
        try Self.run { scene in
            try await scene.activate("require \"enotify\"; notify \"mailto:anna@here.example\";")
            try await scene.deliver("hello")
            try await scene.world.sleep(.hours(1))
            #expect(try await scene.count() == 2)
        }
    }

    @Test("Scripts know what filters found, annotations, and whom the account writes to")
    func knowledge() throws {
        try Self.run { scene in
            let world = scene.world
            let login = try Address("anna@here.example")
            let account = try #require(try await world.registry.account(login: login)).id.rawValue
            // The first message makes the inbox.
            try await scene.deliver("first", from: "eve@there.example", id: "0")
            let inbox = try #require(try world.mailboxes.find("INBOX", of: account))
            try await world.mailboxes.annotate(
                inbox.id,
                [("/private/vendor/x", Array("on".utf8)), ("/shared/comment", Array("c".utf8))],
                for: account)
            try await world.mailboxes.annotate(
                nil, [("/private/vendor/y", Array("me".utf8))], for: account)
            // Somebody else's is not to be seen.
            try await world.mailboxes.annotate(
                inbox.id, [("/private/vendor/z", Array("on".utf8))], for: account + 1)
            let recording = Correspondents(world.store, time: world.simulation).recording(
                from: "anna@here.example", to: ["Bob@there.example"])
            try await world.store.write { try recording?($0) }
            try await scene.activate(
                """
                require ["imap4flags", "spamtestplus", "virustest", "mboxmetadata", "servermetadata",
                    "extlists", "envelope", "relational", "comparator-i;ascii-numeric"];
                if metadata "inbox" "/private/Vendor/x" "on" { addflag "own"; }
                if metadataexists "INBOX" "/shared/comment" { addflag "shared"; }
                if metadataexists "INBOX" "/private/vendor/z" { addflag "foreign"; }
                if servermetadata "/private/vendor/y" "me" { addflag "server"; }
                if envelope :list "from" ":addrbook:default" { addflag "known"; }
                if spamtest "0" { addflag "untested"; }
                if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50"
                    { addflag "spam"; }
                if virustest "5" { addflag "virus"; }
                """)
            func flags(from sender: String, verdict: Verdict? = nil) async throws -> String {
                let envelope = Envelope(
                    from: .address(try Address(sender)), to: [Envelope.Recipient(login)])
                var draft = world.intake.open()
                let id = draft.id
                try await draft.append(Array("Subject: x\r\n\r\nx\r\n".utf8)[...])
                let now = world.simulation.timestamp
                try await draft.commit(
                    Acceptance(envelope),
                    alongside: { transaction in
                        guard let verdict else { return }
                        try Verdicts.record(verdict, of: id, at: now, in: transaction)
                    })
                #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
                let facts = try await world.trace.facts(of: id)
                let text = facts.compactMap(\.text).last ?? ""
                return text
            }
            let plain = try await flags(from: "bob@there.example")
            #expect(plain.contains("own shared server known untested"), "\(plain)")
            let stranger = try await flags(
                from: "eve@there.example",
                verdict: Verdict(
                    Score([.init("a", 9, ""), .init("rspamd=CLAM_VIRUS", 0, "")]), .init()))
            #expect(stranger.contains("own shared server spam virus"), "\(stranger)")
        }
    }

    @Test("An edited header is stored, and sent on")
    func editing() throws {
        try Self.run { scene in
            try await scene.activate(
                """
                require ["editheader", "copy"];
                deleteheader "Subject"; addheader "X-Seen" "yes";
                redirect :copy "carl@there.example";
                """)
            try await scene.deliver("secret")
            let kept = try await scene.world.mailbox("anna@here.example")
            for content in kept + scene.there.messages.map(\.content) {
                #expect(content.contains("X-Seen: yes\r\nFrom:"))
                #expect(!content.contains("secret"))
                #expect(content.hasSuffix("\r\n\r\nHello\r\n"))
            }
            #expect(kept.count + scene.there.messages.count == 2)
        }
    }

    @Test("Vacation answers each sender once in its period, and no list and no notification")
    func vacation() throws {
        try Self.run { scene in
            try await scene.activate(
                "require \"vacation\"; vacation :days 2 :subject \"Away\" \"At the sea.\";")
            try await scene.deliver("one")
            let answer = try #require(scene.there.messages.first)
            #expect(answer.reversePath == "")
            #expect(answer.recipients == ["bob@there.example"])
            #expect(answer.content.contains("Auto-Submitted: auto-replied\r\n"))
            #expect(answer.content.contains("In-Reply-To: <1@there.example>\r\n"))
            #expect(answer.content.contains("From: anna@here.example\r\n"))
            #expect(answer.content.contains("At the sea."))
            try await scene.deliver("two", id: "2")
            try await scene.deliver(
                "list", from: "eve@there.example", id: "3", fields: "List-Id: x\r\n")
            try await scene.deliver("notice", from: "", id: "4")
            #expect(scene.there.messages.count == 1)
            try await scene.deliver("other", from: "eve@there.example", id: "5")
            #expect(scene.there.messages.count == 2)
            try await scene.world.sleep(.days(2))
            try await scene.deliver("later", id: "6")
            #expect(scene.there.messages.count == 3)
            #expect(try await scene.count() == 6)
        }
    }

    @Test(
        "What is rejected comes back to its sender with the reason, in a report of the action's kind",
        arguments: [("reject", "disposition-notification"), ("ereject", "delivery-status")])
    func rejecting(_ action: String, _ report: String) throws {
        try Self.run { scene in
            try await scene.activate(
                "require \"\(action)\"; \(action) \"I do not want this.\";")
            let id = try await scene.deliver("hello")
            #expect(try await scene.count() == 0)
            let notice = try #require(scene.there.messages.first)
            #expect(notice.reversePath == "")
            #expect(notice.recipients == ["bob@there.example"])
            #expect(notice.content.contains("I do not want this."))
            #expect(notice.content.contains("report-type=\(report)"), "\(notice.content)")
            #expect(try await scene.world.kinds(id).suffix(2) == [.bounced, .notified])
            // Nothing answers a notification.
            try await scene.deliver("hello", from: "", id: "2")
            #expect(scene.there.messages.count == 1)
        }
    }

    @Test("A rejected message goes back whole, and a disposition notification is answered by none")
    func rejectingWhole() throws {
        try Self.run { scene in
            try await scene.activate("require \"reject\"; reject text:\nGrüße:\nno\n.\n;")
            try await scene.deliver("hello", fields: "Content-Language: de\r\n")
            let notice = try #require(scene.there.messages.first)
            for line in [
                "From: anna@here.example\r\n", "Content-Language: de\r\n",
                "Content-Type: message/rfc822\r\n", "\r\n\r\nHello\r\n",
                "Original-Message-ID: <1@there.example>\r\n",
                "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n",
            ] { #expect(notice.content.contains(line), "\(line) in \(notice.content)") }
            let id = try await scene.deliver(
                "report", id: "2",
                fields: "Content-Type: multipart/report; boundary=b;\r\n"
                    + "\treport-type=disposition-notification\r\n")
            #expect(try await scene.world.kinds(id).last == .bounced)
            #expect(scene.there.messages.count == 1)
        }
    }

    @Test("Junk is neither rejected nor answered")
    func junk() throws {
        try Self.run { scene in
            for script in [
                "require \"reject\"; reject \"no\";", "require \"vacation\"; vacation \"away\";",
            ] {
                try await scene.activate(script)
                var envelope = Envelope(
                    from: .address(try Address("bob@there.example")),
                    to: [Envelope.Recipient(try Address("anna@here.example"))])
                envelope.requests.isJunk = true
                try await scene.world.accept(
                    envelope, content: "To: anna@here.example\r\nSubject: x\r\n\r\nspam\r\n")
                #expect(
                    try await scene.world.wait(.minutes(10)) {
                        try await scene.world.isSpoolEmpty()
                    })
            }
            #expect(scene.there.messages == [])
            #expect(try await scene.count(Mailboxes.junk) == 2)
        }
    }

    @Test("A script that is not valid is not stored, and an active one not removed")
    func keeping() throws {
        try Self.run { scene in
            let login = try Address("anna@here.example")
            let account = try #require(try await scene.world.registry.account(login: login))
            let (scripts, number) = (scene.world.scripts, account.id.rawValue)
            await #expect(throws: Scripts.Refusal.self) {
                try await scripts.put("bad", Array("keep".utf8), of: number)
            }
            await #expect(throws: Scripts.Refusal.badName("a\u{85}b")) {
                try await scripts.put("a\u{85}b", [], of: number)
            }
            // RFC 5804 §1.6 takes a slash; nothing here is a file.
            try await scripts.put("../a/b", Array("keep;".utf8), of: number)
            try await scripts.remove("../a/b", of: number)
            try await scene.activate("discard;")
            await #expect(throws: Scripts.Refusal.active("main")) {
                try await scripts.remove("main", of: number)
            }
            try await scripts.activate(nil, of: number)
            try await scripts.remove("main", of: number)
            #expect(try await scripts.list(of: number) == [])
            try await scene.deliver("hello")
            #expect(try await scene.count() == 1)
        }
    }
}
