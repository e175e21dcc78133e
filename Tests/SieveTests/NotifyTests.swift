// SPDX-License-Identifier: Apache-2.0

import Mail
import Sieve
import Testing

@Suite("RFC 5435, RFC 5436: who is notified of a message, and how")
struct NotifyTests {
    private static let head = "require [\"enotify\", \"variables\", \"reject\", \"fcc\"];"

    private static func run(
        _ script: String, message: String? = nil, sender: String = "coyote@desert.example"
    ) throws -> Verdict {
        let message =
            message
            ?? "From: Wile <coyote@desert.example>\r\nTo: owner@acme.example\r\n"
            + "Subject: ACME?to=eve@evil.example\r\nMessage-ID: <1@desert.example>\r\n\r\nHi\r\n"
        return try RunTests.run(head + script, message: message) {
            $0.sender = sender
            $0.ownAddresses = ["owner@acme.example"]
        }
    }

    private static func notifications(_ verdict: Verdict) -> [MailNotification] {
        verdict.actions.compactMap { if case .notify(let told) = $0 { told } else { nil } }
    }

    @Test("A notification says what the URI and the tags say, and the message is kept besides")
    func parts() throws {
        let verdict = try Self.run(
            """
            notify :importance "1" :from "owner@acme.example" :message "It came" :options "a=b"
                "mailto:a@b.example,c@b.example?to=d@b.example&cc=e@b.example&subject=no&BODY=x%0Ay&from=f@x&received=z";
            """)
        #expect(verdict.failure == nil)
        let told = try #require(Self.notifications(verdict).first)
        #expect(
            told.recipients.map(\.description) == [
                "a@b.example", "c@b.example", "d@b.example", "e@b.example",
            ])
        #expect(told.copies.map(\.description) == ["e@b.example"])
        #expect(told.subject == "It came" && told.body == "x\ny" && told.importance == 1)
        #expect(told.from == "owner@acme.example")
        #expect(told.messageID == "<1@desert.example>")
        #expect(RunTests.places(verdict).last == "INBOX")
    }

    @Test("Without words of its own it has the message's subject, and who may say he wrote it")
    func defaults() throws {
        let verdict = try Self.run("notify :from \"ceo@bank.example\" \"mailto:a@b.example\";")
        let told = try #require(Self.notifications(verdict).first)
        #expect(told.from == nil)
        #expect(told.subject == "ACME?to=eve@evil.example")
        #expect(told.body.hasPrefix("From: Wile <coyote@desert.example>\nSubject: ACME"))
        let titled = try Self.run("notify \"mailto:a@b.example?subject=S%c3%BC\";")
        #expect(Self.notifications(titled).first?.subject == "Sü")
    }

    @Test("Of junk nobody is told, and of what is forged not who did not send it")
    func doubts() throws {
        let both = "notify \"mailto:Coyote@desert.example,a@b.example\";"
        let sender = "notify \"mailto:coyote@desert.example\";"
        let forged = Incoming.Doubt.forged("SPF fails")
        // script, doubt, who is told, what is said
        let rows: [(String, Incoming.Doubt?, [String], String)] = [
            (both, nil, ["Coyote@desert.example", "a@b.example"], "notify: Coyote@"),
            (both, forged, ["a@b.example"], "notify: a@b.example of"),
            (sender, forged, [], "its sender is not told, because"),
            (both, .junk, [], "nobody is told of it, because it was taken for junk"),
        ]
        for (script, doubt, expected, words) in rows {
            let verdict = try RunTests.run("require \"enotify\"; \(script)") { $0.doubt = doubt }
            let told = Self.notifications(verdict).flatMap(\.recipients).map(\.description)
            #expect(told == expected, "\(script)")
            #expect(verdict.summary.contains(words), "\(verdict.summary)")
        }
    }

    @Test("Each address is told once of a message, and four at most")
    func bounds() throws {
        let twice = try Self.run(
            "notify \"mailto:a@b.example\"; notify :message \"x\" \"mailto:a@b.example\";")
        #expect(Self.notifications(twice).count == 1)
        let partly = try Self.run(
            "notify \"mailto:a@b.example\"; notify \"mailto:a@b.example,c@b.example\";")
        #expect(Self.notifications(partly).map(\.recipients.count) == [1, 1])
        let many = try Self.run(
            (1...5).map { "notify \"mailto:a\($0)@b.example\";" }.joined())
        #expect(many.failure?.message.contains("more than 4") == true)
        #expect(RunTests.places(many) == ["INBOX"])
    }

    @Test("It stands beside all other actions, and with null paths, but answers no program")
    func company() throws {
        let notify = "notify \"mailto:a@b.example\";"
        #expect(
            try RunTests.places(Self.run("\(notify) discard;"))
                == ["notify a@b.example: ACME?to=eve@evil.example", "discard"])
        #expect(try Self.run("\(notify) reject \"no\";").failure == nil)
        #expect(try Self.run("reject \"no\"; \(notify)").failure == nil)
        #expect(try Self.notifications(Self.run(notify, sender: "")).count == 1)
        for value in ["auto-notified; owner-email=\"x@y\"", "Auto-Generated", "auto-replied (x)"] {
            let verdict = try Self.run(notify, message: "Auto-Submitted: \(value)\r\n\r\n")
            #expect(Self.notifications(verdict).isEmpty)
            #expect(verdict.steps.contains { $0.text.contains("a program wrote it") })
        }
        #expect(
            try Self.notifications(Self.run(notify, message: "Auto-Submitted: no\r\n\r\n")).count
                == 1)
    }

    @Test(
        "What the sender has written may be text, percent-encoded, and never an address",
        arguments: [
            ("notify \"mailto:${1}@b.example\";", false),
            ("notify \"mailto:a@b.example?to=${1}\";", false),
            ("notify \"mailto:a@b.example?${1}\";", false),
            ("notify \"mailto:a@b.example?subject=${1}\";", false),
            ("notify \"${1}\";", false),
            ("set \"m\" \"mailto:${1}\"; notify \"${m}\";", false),
            ("set \"x\" \"${1}\"; set \"y\" \"a${x}\"; notify \"mailto:${y}@b.example\";", false),
            ("set :encodeurl \"x\" \"${1}\"; notify \"mailto:a@b.example?to=${x}\";", false),
            ("set :encodeurl \"x\" \"${1}\"; notify \"mailto:${x}@b.example\";", false),
            ("set :encodeurl \"x\" \"${1}\"; notify \"mailto:a@b.example?body=${x}\";", true),
            (
                "set :encodeurl \"x\" \"${1}\";"
                    + "notify \"mailto:a@b.example?cc=c@b.example&Subject=New:%20${x}&body=x\";",
                true
            ),
            ("set \"x\" \"${1}\"; set \"x\" \"mailto:a@b.example\"; notify \"${x}\";", true),
            ("set :length \"x\" \"${1}\"; notify \"mailto:a${x}@b.example\";", true),
            ("set \"m\" \"mailto:a@b.example\"; notify :message \"${1}\" \"${m}\";", true),
            (
                "if string :matches \"a-c\" \"*-*\" { notify \"mailto:${1}@b.example\"; }", true
            ),
            (
                "if string :matches \"${1}\" \"*\" { notify \"mailto:${1}@b.example\"; }", false
            ),
        ])
    func injection(_ command: String, _ isSent: Bool) throws {
        let verdict = try Self.run(
            "if header :matches \"subject\" \"*\" {}" + command)
        #expect((verdict.failure == nil) == isSent, "\(verdict.failure?.message ?? "")")
        #expect(
            Self.notifications(verdict).flatMap(\.recipients)
                .allSatisfy { $0.domain?.name == "b.example" })
        #expect(
            !Self.notifications(verdict).contains {
                $0.recipients.contains { "\($0)".contains("eve") }
            })
    }

    @Test("An annotation of the owner's may say who is notified")
    func annotation() throws {
        let verdict = try RunTests.run(
            """
            require ["enotify", "servermetadata", "variables"];
            if servermetadata :matches "/private/uri" "*" { notify "${0}"; }
            """)
        #expect(Self.notifications(verdict).first?.recipients.first?.description == "a@b.example")
    }

    @Test(
        ":encodeurl keeps what is unreserved, before :length counts",
        arguments: [
            ("Safe body&evil=evilbody", "Safe%20body%26evil%3Devilbody"), ("a-._~Z9", "a-._~Z9"),
            ("ü%", "%C3%BC%25"), ("", ""),
        ])
    func encoding(_ text: String, _ encoded: String) throws {
        let verdict = try Self.run(
            """
            set :encodeurl "x" "\(text)"; set :length :encodeurl "n" "\(text)";
            if allof (string "${x}" "\(encoded)", string "${n}" "\(encoded.count)") { discard; }
            """)
        #expect(RunTests.places(verdict) == ["discard"])
    }

    @Test("A list that is not there, and redirecting to one, fail; the message is kept")
    func lists() throws {
        for script in [
            "if header :list \"from\" \"tag:x,2010:y\" { discard; }",
            "redirect :list \":addrbook:default\";",
        ] {
            let verdict = try RunTests.run("require \"extlists\";" + script)
            #expect(verdict.failure != nil)
            #expect(RunTests.places(verdict) == ["INBOX"])
        }
        let found = try RunTests.run(
            """
            require ["extlists", "variables"];
            if header :list "from" ":addrbook:default" { redirect "${0}"; }
            """)
        #expect(RunTests.places(found) == ["to coyote@desert.example"])
        let many = "To: " + (1...5000).map { "a\($0)@b.example" }.joined(separator: ",\r\n ")
        let long = try RunTests.run(
            "require \"extlists\"; if address :list \"to\" \":addrbook:default\" { discard; }",
            message: many + "\r\n\r\n")
        #expect(RunTests.places(long) == ["INBOX"])
    }
}
