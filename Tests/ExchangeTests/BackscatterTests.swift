// SPDX-License-Identifier: Apache-2.0

import Directory
import Journal
import Mail
import MessageAuthentication
import MessageStore
import ScriptStore
import Storage
import Testing
import World

@Suite("Nothing of ours answers who has not sent it")
struct BackscatterTests {
    /// The client is 192.0.2.1; all answers would come there, too.
    private static let zone = """
        mx.good.example A 192.0.2.1
        good.example MX 10 mx.good.example
        good.example TXT v=spf1 ip4:192.0.2.1 -all
        watched.example MX 10 mx.good.example
        watched.example TXT v=spf1 -all
        _dmarc.watched.example TXT v=DMARC1; p=none
        plain.example MX 10 mx.good.example
        plain.example TXT v=spf1 -all
        """

    /// What became of one message, in a server that was started anew between accepting and
    /// delivering it; anna has the script, and ben one that redirects to her.
    ///
    /// One thread runs all of it.
    private final class Result: @unchecked Sendable {
        var reply = ""
        /// Whom the answers went to.
        var answered: [String] = []
        var kept = 0
        var traces: [String] = []
    }

    private static func send(
        from sender: String, to recipients: [String], script: String
    ) throws -> Result {
        let result = Result()
        let before = try ReceptionWorld(zone: zone)
        before.inboundPolicy = InboundPolicy()
        try before.run { world in
            let scripts = try #require(world.scripts)
            for (name, text) in [
                ("anna", script), ("ben", "redirect \"anna@here.example\";"),
            ] {
                let login = try Address("\(name)@here.example")
                let account = try #require(try await world.registry?.account(login: login))
                try await scripts.put("main", Array(text.utf8), of: account.id.rawValue)
                try await scripts.activate("main", of: account.id.rawValue)
            }
            let said = try await world.talk(
                ["EHLO mx.good.example", "MAIL FROM:<\(sender)>"]
                    + recipients.map { "RCPT TO:<\($0)@here.example>" } + ["DATA"]
                    + [
                        "From: <\(sender)>", "To: anna@here.example", "Subject: Hi",
                        "Message-ID: <1@good.example>", "", "Hi.", ".",
                    ])
            result.reply = said.dropLast().last ?? ""
        }
        let after = try DeliveryWorld(seed: 1, zone: zone, disk: before.disk)
        let there = after.sink(1)
        try after.run { world in
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            result.answered = there.messages.flatMap(\.recipients)
            result.kept = try await world.mailbox("anna@here.example").count
            let ids = try await world.store.read { transaction in
                try transaction.all("SELECT DISTINCT queue_id FROM fact ORDER BY queue_id") {
                    QueueID(value: $0.integer(0))
                }
            }
            for id in ids {
                result.traces += try await world.trace.facts(of: id).compactMap(\.text)
            }
        }
        return result
    }

    private static let vacation = "require \"vacation\"; vacation \"away\";"
    private static let reject = "require \"reject\"; reject \"no\";"
    private static let ereject = "require \"ereject\"; ereject \"no\";"
    private static let notify =
        "require \"enotify\"; notify \"mailto:x@watched.example,y@good.example\";"

    /// Who sends, to whom, with what script of anna's; whom an answer reaches, how many copies anna
    /// keeps, and what the trace says.
    static let rows: [(String, [String], String, [String], Int, String)] = [
        ("x@good.example", ["anna"], vacation, ["x@good.example"], 1, "vacation: an answer to"),
        ("x@watched.example", ["anna"], vacation, [], 1, "no answer, because its sender is most"),
        ("x@watched.example", ["anna"], vacation, [], 1, "another: DMARC fails"),
        ("x@plain.example", ["anna"], vacation, [], 1, "SPF fails, and nothing vouches"),
        // By way of another account here, whose own script sends it on.
        ("x@good.example", ["ben"], vacation, ["x@good.example"], 1, "vacation: an answer to"),
        ("x@watched.example", ["ben"], vacation, [], 1, "another: DMARC fails"),
        // With two recipients nobody is refused within the dialogue.
        ("x@good.example", ["anna", "all"], reject, ["x@good.example"], 0, "no"),
        ("x@watched.example", ["anna", "all"], reject, [], 2, "reject: kept, and nobody is told"),
        ("x@good.example", ["anna", "all"], ereject, ["x@good.example"], 0, "no"),
        ("x@plain.example", ["anna", "all"], ereject, [], 2, "ereject: kept, and nobody is told"),
        ("x@watched.example", ["anna"], notify, ["y@good.example"], 1, "notify: y@good.example"),
    ]

    @Test("An answer goes to whom the checks believe, also after a start anew", arguments: rows)
    func answers(
        _ sender: String, _ recipients: [String], _ script: String, _ answered: [String],
        _ kept: Int, _ words: String
    ) throws {
        let result = try Self.send(from: sender, to: recipients, script: script)
        #expect(result.reply.hasPrefix("250 2.0.0"), "\(result.reply)")
        #expect(Set(result.answered) == Set(answered))
        #expect(result.kept == kept)
        #expect(result.traces.contains { $0.contains(words) }, "\(result.traces)")
    }

    @Test("What is refused within the dialogue answers nobody, so that forgeries are refused there")
    func dialogue() throws {
        let result = try Self.send(from: "x@watched.example", to: ["anna"], script: Self.reject)
        #expect(result.reply == "550 5.7.1 no")
        #expect(result.answered == [] && result.kept == 0)
    }

    @Test("Whom a forgery names is answered when he writes himself")
    func memory() throws {
        let script = "require \"vacation\"; vacation \"away\";"
        let world = try DeliveryWorld(seed: 1, zone: Self.zone)
        let there = world.sink(1)
        try world.run { world in
            let login = try Address("anna@here.example")
            let account = try #require(try await world.registry.account(login: login)).id.rawValue
            try await world.scripts.put("main", Array(script.utf8), of: account)
            try await world.scripts.activate("main", of: account)
            let doubts: [(inout Envelope.Requests) -> Void] = [
                { $0.isJunk = true }, { $0.forgery = .dmarc }, { $0.forgery = .spf }, { _ in },
            ]
            for change in doubts {
                #expect(there.messages == [])
                var envelope = Envelope(
                    from: .address(try Address("x@good.example")),
                    to: [Envelope.Recipient(login)])
                change(&envelope.requests)
                try await world.accept(envelope, content: "To: anna@here.example\r\n\r\nHi\r\n")
                #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            }
            #expect(there.messages.flatMap(\.recipients) == ["x@good.example"])
        }
    }
}
