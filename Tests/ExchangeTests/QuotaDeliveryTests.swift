// SPDX-License-Identifier: Apache-2.0

import Directory
import Journal
import Mail
import MessageStore
import ScriptStore
import Spool
import Testing
import World

private func bound(
    _ login: String, octets: Int64? = nil, messages: Int64? = nil, in registry: Registry
) async throws {
    let account = try #require(try await registry.account(login: try Address(login)))
    var rules = MailboxRules()
    rules.octets = octets.map { .at($0) }
    rules.messages = messages.map { .at($0) }
    try await registry.set(rules: rules, of: .account(account.id), by: "test", "quota")
}

@Suite("Quota at RCPT: 452 4.2.2, 552 5.2.2")
struct QuotaReceptionTests {
    @Test("What can never fit is refused for good, what does not fit now for now")
    func refusals() throws {
        try ReceptionWorld().run { world in
            let registry = try #require(world.registry)
            try await bound("anna@here.example", octets: 1000, in: registry)
            let said = try await world.talk(
                "EHLO there", "MAIL FROM:<> SIZE=1001", "RCPT TO:<anna@here.example>",
                "RCPT TO:<ben@here.example>", "RCPT TO:<all@here.example>", "RSET",
                "MAIL FROM:<> SIZE=1000", "RCPT TO:<anna+x@here.example>", "RSET",
                "MAIL FROM:<>", "RCPT TO:<anna@here.example>")
            let answers = said.filter {
                $0.hasPrefix("5") || $0.hasPrefix("4") || $0.contains("2.1.5")
            }
            #expect(
                answers.map { String($0.prefix(9)) }
                    == ["552 5.2.2", "250 2.1.5", "250 2.1.5", "250 2.1.5", "250 2.1.5"])
            try await bound("anna@here.example", messages: 0, in: registry)
            let full = try await world.talk(
                "EHLO there", "MAIL FROM:<>", "RCPT TO:<anna@here.example>")
            #expect(full.contains { $0.hasPrefix("552 5.2.2") })
        }
    }
}

@Suite("Quota at delivery")
struct QuotaDeliveryTests {
    @Test("A message waits while the mailbox is full, and comes when there is room")
    func waits() throws {
        let world = try DeliveryWorld(seed: 3, zone: "")
        try world.run { world in
            try await bound("anna@here.example", messages: 1, in: world.registry)
            let first = try await world.accept(from: "", to: ["anna@here.example"])
            #expect(
                try await world.wait(.minutes(1)) {
                    try await world.mailbox("anna@here.example").count == 1
                })
            let second = try await world.accept(from: "", to: ["anna@here.example"])
            #expect(
                try await world.wait(.minutes(1)) {
                    try await world.kinds(second).contains(.deferred)
                })
            let fact = try #require(
                try await world.trace.facts(of: second).first { $0.kind == .deferred })
            #expect(fact.status?.description == "4.2.2")
            try await bound("anna@here.example", messages: 9, in: world.registry)
            #expect(
                try await world.wait(.hours(6)) {
                    try await world.kinds(second).contains(.delivered)
                })
            #expect(try await world.kinds(first).contains(.delivered))
        }
    }

    @Test("A message larger than all that may be kept fails at once")
    func never() throws {
        let world = try DeliveryWorld(seed: 4, zone: "")
        try world.run { world in
            try await bound("anna@here.example", octets: 500, in: world.registry)
            let id = try await world.accept(
                from: "ben@here.example", to: ["anna@here.example"],
                text: String(repeating: "x", count: 600) + "\r\n")
            #expect(
                try await world.wait(.minutes(2)) {
                    try await world.mailbox("ben@here.example").count == 1
                })
            let fact = try #require(
                try await world.trace.facts(of: id).first { $0.kind == .bounced })
            #expect(fact.status?.description == "5.2.2")
            #expect(try await world.mailbox("anna@here.example").isEmpty)
        }
    }

    @Test("Of many that come at once only so many are kept as fit, for one account and a domain")
    func flood() throws {
        for isDomain in [false, true] {
            let world = try DeliveryWorld(seed: 5, zone: "")
            try world.run { world in
                if isDomain {
                    var rules = MailboxRules()
                    rules.messages = .at(10)
                    try await world.registry.set(
                        rules: rules, of: .domain(Domain("here.example")), by: "test", "quota")
                } else {
                    try await bound("anna@here.example", messages: 10, in: world.registry)
                }
                for _ in 0..<30 {
                    try await world.accept(from: "", to: ["anna@here.example"])
                }
                #expect(
                    try await world.wait(.minutes(5)) {
                        try await world.mailbox("anna@here.example").count == 10
                    })
                try await world.sleep(.minutes(10))
                let texts = try await world.mailbox("anna@here.example")
                #expect(texts.count == 10)
            }
        }
    }

    @Test("What a script does is done as a whole, once there is room for all of its copies")
    func script() throws {
        let world = try DeliveryWorld(seed: 8, zone: "")
        try world.run { world in
            let login = try Address("anna@here.example")
            let anna = try #require(try await world.registry.account(login: login))
            let script = """
                require ["fileinto", "copy", "mailbox"];
                fileinto :copy :create "one";
                redirect :copy "ben@here.example";
                """
            try await world.scripts.put("main", Array(script.utf8), of: anna.id.rawValue)
            try await world.scripts.activate("main", of: anna.id.rawValue)
            try await bound("anna@here.example", messages: 1, in: world.registry)
            let id = try await world.accept(from: "", to: ["anna@here.example"])
            #expect(
                try await world.wait(.minutes(1)) {
                    try await world.kinds(id).contains(.deferred)
                })
            #expect(try await world.mailbox("anna@here.example", "one").isEmpty)
            #expect(try await world.mailbox("anna@here.example").isEmpty)
            #expect(try await world.mailbox("ben@here.example").isEmpty)
            try await bound("anna@here.example", messages: 20, in: world.registry)
            #expect(
                try await world.wait(.hours(6)) {
                    try await world.mailbox("ben@here.example").count == 1
                })
            #expect(try await world.mailbox("anna@here.example", "one").count == 1)
            #expect(try await world.mailbox("anna@here.example").count == 1)
        }
    }

    @Test("At 80 and at 95 percent the person is told once, in the person's language")
    func warnings() throws {
        let world = try DeliveryWorld(seed: 6, zone: "")
        try world.run { world in
            try await world.registry.setLanguage(
                .german, of: Address("anna@here.example"), by: "test")
            try await bound("anna@here.example", messages: 20, in: world.registry)
            for _ in 0..<17 { try await world.accept(from: "", to: ["anna@here.example"]) }
            // Seventeen, and a warning.
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.mailbox("anna@here.example").count == 18
                })
            var warnings = try await world.mailbox("anna@here.example").filter {
                $0.contains("Ihr Postfach ist zu 80 % voll")
            }
            #expect(warnings.count == 1)
            // Nineteen of twenty, and there is room for the second one.
            try await world.accept(from: "", to: ["anna@here.example"])
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.mailbox("anna@here.example").count == 20
                })
            warnings = try await world.mailbox("anna@here.example").filter {
                $0.contains("Ihr Postfach ist zu ")
            }
            #expect(warnings.count == 2)
        }
    }
}
