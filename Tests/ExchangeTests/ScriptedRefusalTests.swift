// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Journal
import Mail
import SMTP
import ScriptStore
import Spool
import Storage
import Testing

@testable import Reception

@Suite("RFC 5429 §2.1.1: what the only recipient's script rejects is refused within the dialogue")
struct ScriptedRefusalTests {
    /// One thread runs all of it.
    private final class Result: @unchecked Sendable {
        var reply: [String] = []
        var accepted = 0
        var facts: [Fact] = []
        var remembered = 0
    }

    /// What is answered to the content of a message, and what became of it.
    private func send(
        _ script: String, to recipients: [String] = ["anna"], subject: String = "buy now",
        body: String = "text", isActive: Bool = true, others: [String: String] = [:],
        standards: [String?: String] = [:]
    ) throws -> Result {
        let result = Result()
        let world = try ReceptionWorld()
        world.configuration.session.maximumMessageOctets = 8 << 20
        try world.run { world in
            let anna = try Address("anna@here.example")
            let account = try #require(try await world.registry?.account(login: anna)).id.rawValue
            let scripts = try #require(world.scripts)
            for (name, text) in others.sorted(by: { $0.key < $1.key }) {
                let owner = name.hasPrefix("global-") ? Scripts.everyone : account
                try await scripts.put(name, Array(text.utf8), of: owner)
            }
            for (domain, text) in standards {
                try await scripts.setStandard(Array(text.utf8), for: domain)
            }
            try await scripts.put("main", Array(script.utf8), of: account)
            if isActive { try await scripts.activate("main", of: account) }
            let said = try await world.talk(
                ["EHLO a", "MAIL FROM:<x@far.example>"]
                    + recipients.map { "RCPT TO:<\($0)@here.example>" }
                    + ["DATA", "Subject: \(subject)", "Message-ID: <1@far.example>", "", body, "."])
            let start = said.firstIndex { $0.hasPrefix("354") } ?? said.startIndex
            result.reply = Array(said[start...].dropFirst().dropLast())
            result.accepted = try await world.accepted().count
            let store = try #require(world.store)
            result.remembered =
                try await store.read { transaction in
                    try transaction.first("SELECT count(*) FROM sieve_memory") {
                        Int($0.integer(0))
                    }
                } ?? 0
            let ids = try await store.read { transaction in
                try transaction.all("SELECT DISTINCT queue_id FROM fact") { $0.integer(0) }
            }
            for id in ids {
                result.facts += try await Trace(store: store).facts(of: QueueID(value: id))
            }
        }
        return result
    }

    private static let script = """
        require ["reject", "fileinto"];
        if header :contains "subject" "buy" { reject text:
        No, thank you.
        Not today either.
        .
        ; } else { fileinto "INBOX"; }
        """

    @Test("The reason is the reply, nothing is accepted, and the trace says that a script did it")
    func refused() throws {
        let result = try send(Self.script)
        #expect(result.reply == ["550-5.7.1 No, thank you.", "550 5.7.1 Not today either."])
        #expect(result.accepted == 0)
        let fact = try #require(result.facts.first { $0.kind == .refused })
        #expect(fact.text?.hasPrefix("script: line 2: reject: \"No, thank you.") == true)
        #expect(fact.recipient?.description == "anna@here.example")
        #expect(fact.status?.description == "5.7.1")
        let other = try send(Self.script, subject: "hello")
        #expect(other.reply.first?.hasPrefix("250 ") == true && other.accepted == 1)
        #expect(
            try send("require \"ereject\"; ereject \"no\";").reply == ["550 5.7.1 no"])
        #expect(
            try send("require \"ereject\"; ereject \"\";").reply
                == ["550 5.7.1 The recipient does not want this message"])
    }

    @Test("Included scripts refuse, global ones and behind ihave, and so does the default script")
    func places() throws {
        let inner = "require \"reject\"; reject \"inner\";"
        let expected = ["550 5.7.1 inner"]
        #expect(
            try send("require \"include\"; include \"inner\";", others: ["inner": inner]).reply
                == expected)
        #expect(
            try send(
                "require \"include\"; include :optional \"none\"; include \"one\";",
                others: [
                    "one": "require \"include\"; include :global \"global-two\";",
                    "global-two": inner,
                ]
            ).reply == expected)
        #expect(
            try send(
                "require \"ihave\"; if ihave \"reject\" { if true { reject \"inner\"; } }"
            ).reply == expected)
        #expect(
            try send("keep;", isActive: false, standards: ["here.example": inner]).reply
                == expected)
        #expect(try send("keep;", isActive: false, standards: [nil: inner]).reply == expected)
        #expect(try send("keep;", standards: [nil: inner]).accepted == 1)
        #expect(
            try send(
                "keep;", isActive: false, standards: [nil: inner, "here.example": "keep;"]
            ).accepted == 1)
        #expect(
            try send("keep;", isActive: false, standards: ["far.example": inner]).accepted == 1)
    }

    @Test("With other recipients, not active or failing it is accepted")
    func accepted() throws {
        #expect(try send(Self.script, to: ["anna", "ben"]).accepted == 2)
        #expect(try send(Self.script, to: ["all"]).accepted == 2)
        #expect(try send(Self.script, to: ["ben"]).accepted == 1)
        #expect(try send(Self.script, isActive: false).accepted == 1)
        #expect(
            try send("require [\"reject\", \"ihave\"]; if true { reject \"a\"; error \"b\"; }")
                .accepted == 1)
        #expect(
            try send("require [\"reject\", \"include\"]; include \"none\"; reject \"a\";")
                .accepted == 1)
    }

    @Test("A message larger than memory is asked about too")
    func large() throws {
        let line = String(repeating: "x", count: 900) + "\r\n"
        let script = "require \"reject\"; if size :over 2M { reject \"too large\"; }"
        let body = String(repeating: line, count: 3000)
        #expect(try send(script, body: body).reply == ["550 5.7.1 too large"])
        let found = """
            require ["body", "reject"];
            if body :raw :contains "needle" { reject "found"; }
            """
        #expect(
            try send(found, body: String(repeating: line, count: 1500) + "needle").reply
                == ["550 5.7.1 found"])
    }

    @Test("Nothing else that the script does happens, and nothing is remembered")
    func noEffects() throws {
        let script = """
            require ["duplicate", "reject", "vacation"];
            if duplicate { reject "again"; }
            vacation :addresses "anna@here.example" "away";
            """
        let result = try send(script)
        #expect(result.accepted == 1)
        #expect(result.remembered == 0)
    }

    @Test("What is not ASCII or too long: reject leaves it to a notification, ereject says less")
    func texts() throws {
        #expect(try send("require \"reject\"; reject \"Schluß\";").accepted == 1)
        #expect(
            try send("require \"ereject\"; ereject \"Schluß\";").reply
                == ["550 5.7.1 The recipient does not want this message"])
        let long = String(repeating: "long words ", count: 100)
        let reply = try #require(ScriptedRefusal.reply(long, isExtended: false))
        #expect(reply.lines.count == 3)
        #expect(reply.lines.joined(separator: " ") == long.dropLast().description + " ")
        #expect(
            ScriptedRefusal.reply(String(repeating: "x", count: 1000), isExtended: true)?.lines
                .map(\.count) == [480, 480, 40])
        #expect(
            ScriptedRefusal.reply(String(repeating: "x", count: 5000), isExtended: false) == nil)
        #expect(
            ScriptedRefusal.reply("a\r\n\r\nb\u{7}", isExtended: false)?.lines == ["a", "b?"])
    }
}
