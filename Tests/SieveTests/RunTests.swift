// SPDX-License-Identifier: Apache-2.0

import Mail
import Sieve
import Testing
import World

/// An account with a few mailboxes and scripts.
struct Account: AccountKnowledge {
    var mailboxes: Set<String> = ["INBOX", "Lists", "Junk"]
    var specialUses = ["\\junk": "Junk"]
    var scripts: [String: String] = [:]
    var seen: Set<String> = []
    /// By mailbox and entry; those of the server by entry alone.
    var annotations = [
        "INBOX/private/vendor/x": "on", "INBOX/shared/comment": "",
        "/private/uri": "mailto:a@b.example",
        "/shared/admin": "mailto:admin@acme.example",
    ]
    var correspondents: Set<String> = ["coyote@desert.example"]

    func hasMailbox(named name: String) -> Bool { mailboxes.contains(name) }
    func hasMailbox(identifiedBy id: String) -> Bool { id == "m1" }
    func hasSpecialUse(_ attribute: String, mailbox: String?) -> Bool {
        guard let place = specialUses[attribute.lowercased()] else { return false }
        return mailbox.map { $0 == place } ?? true
    }
    func hasSeen(_ sighting: Sighting) -> Bool {
        seen.contains("\(sighting.handle)/\(sighting.identity)")
    }
    func annotation(_ entry: String, of mailbox: String?) -> [UInt8]? {
        annotations[(mailbox ?? "") + entry].map { Array($0.utf8) }
    }
    func isListed(_ address: Address, on list: ExternalList) -> Bool {
        correspondents.contains("\(address)")
    }
    func script(named name: String, isGlobal: Bool) -> [UInt8]? {
        scripts[name].map { Array($0.utf8) }
    }
}

@Suite("RFC 5228 §2.10: what a script does with a message")
struct RunTests {
    private static let message = """
        Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0100
        Received: from x by y; Sat, 21 Nov 2026 08:00:00 +0000
        From: "Coyote, Wile" <coyote@desert.example>
        To: roadrunner+beep@acme.example, Second <second@acme.example>
        Cc: third@other.example
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the [desert]
        Message-ID: <1@desert.example>
        Date: Sun, 22 Nov 2026 09:30:15 +0200
        X-Score: 12
        X-Multi: one
        X-Multi: two
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=b

        prologue here
        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        Gr=FC=DFe und mehr
        --b
        Content-Type: application/octet-stream
        Content-Transfer-Encoding: base64

        aGlkZGVu
        --b--
        epilogue

        """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")

    static let zero: Int64 = 1_795_335_000

    static func run(
        _ script: String, _ account: Account = Account(), message: String = message,
        change: (inout Incoming) -> Void = { _ in }
    ) throws -> Verdict {
        var incoming = Incoming(
            message: Array(message.utf8), sender: "coyote@desert.example",
            recipient: "roadrunner+beep@acme.example", now: Timestamp(seconds: zero))
        change(&incoming)
        return try Interpreter.run(try Script(Array(script.utf8)), over: incoming, in: account)
    }

    /// Where the message goes, in short words.
    static func places(_ verdict: Verdict) -> [String] {
        verdict.actions.map {
            switch $0 {
            case .file(let filing):
                ([filing.mailbox] + filing.flags).joined(separator: " ")
            case .redirect(let address, _): "to \(address)"
            case .discard: "discard"
            case .reject(let reason, _): "reject \(reason)"
            case .reply(let reply): "reply \(reply.recipient) \(reply.subject)"
            case .notify(let told):
                (["notify"] + told.recipients.map { "\($0)" }).joined(separator: " ")
                    + ": \(told.subject)"
            }
        }
    }

    @Test(
        "Tests are as the RFCs say",
        arguments: [
            ("header \"subject\" \"GrÜße from the [desert]\"", false),
            ("header \"subject\" \"Grüße FROM the [desert]\"", true),
            ("header :contains \"subject\" \"FROM\"", true),
            ("header :contains :comparator \"i;octet\" \"subject\" \"FROM\"", false),
            ("header :matches \"subject\" \"gr?e*[*]\"", false),
            ("header :matches \"subject\" \"Gr??e*[*]\"", true),
            ("header :matches \"subject\" \"*\\\\[desert\\\\]\"", true),
            ("header :matches \"subject\" \"Gr??\"", false),
            ("header [\"x-none\", \"x-multi\"] [\"nine\", \"two\"]", true),
            ("header :index 1 \"x-multi\" \"two\"", false),
            ("header :index 1 :last \"x-multi\" \"two\"", true),
            ("header :index 3 [\"x-score\", \"x-multi\"] \"two\"", true),
            ("header :index 1 [\"x-multi\", \"x-score\"] \"12\"", false),
            ("header :index 1 :last [\"x-multi\", \"x-score\"] \"12\"", true),
            ("address :index 2 :domain [\"from\", \"cc\"] \"other.example\"", true),
            ("header :contains \"x-none\" \"\"", false), ("header :contains \"to\" \"\"", true),
            ("header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-score\" \"9\"", true),
            ("header :value \"gt\" \"x-score\" \"9\"", false),
            ("header :count \"eq\" \"x-multi\" \"2\"", true),
            ("exists [\"from\", \"x-multi\"]", true), ("exists [\"from\", \"x-none\"]", false),
            ("address \"from\" \"COYOTE@desert.example\"", true),
            ("address :localpart \"from\" \"coyote\"", true),
            ("address :domain [\"from\", \"to\"] \"acme.example\"", true),
            ("address :user \"to\" \"roadrunner\"", true),
            ("address :detail \"to\" \"beep\"", true), ("address :detail \"from\" \"\"", false),
            ("address :count \"ge\" [\"to\", \"cc\"] \"3\"", true),
            ("address :count \"eq\" :detail \"to\" \"2\"", true),
            ("envelope :count \"eq\" :detail [\"from\", \"to\"] \"2\"", true),
            ("envelope \"from\" \"coyote@desert.example\"", true),
            ("envelope :detail \"to\" \"beep\"", true), ("envelope \"from\" \"\"", false),
            ("size :over 10", true), ("size :under 10", false), ("not size :over 1M", true),
            ("string :is \"a\" [\"b\", \"A\"]", true), ("string :is \" a\" \"a\"", false),
            ("string :count \"eq\" [\"\", \"a\", \"\"] \"1\"", true),
            ("body :contains \"GRÜßE UND\"", false), ("body :contains \"Grüße und\"", true),
            ("body :raw :contains \"=FC\"", true), ("body :contains \"hidden\"", false),
            ("body :content \"application\" :contains \"hidden\"", true),
            ("body :content \"multipart\" :contains \"epilogue\"", true),
            ("body :content \"multipart\" :contains \"Gr\"", false),
            ("body :content \"/plain\" :contains \"\"", false),
            ("mailboxexists [\"INBOX\", \"Lists\"]", true), ("mailboxexists \"None\"", false),
            ("mailboxidexists \"m1\"", true), ("specialuse_exists \"\\\\Junk\"", true),
            ("specialuse_exists \"Lists\" \"\\\\Junk\"", false),
            ("date :zone \"+0000\" \"date\" \"hour\" \"07\"", true),
            ("date :originalzone \"date\" \"hour\" \"09\"", true),
            ("date :originalzone \"date\" \"zone\" \"+0200\"", true),
            ("date :zone \"-0100\" \"date\" \"iso8601\" \"2026-11-22T06:30:15-01:00\"", true),
            ("date :zone \"+0000\" \"date\" \"weekday\" \"0\"", true),
            ("date :zone \"+0000\" \"date\" \"julian\" \"61366\"", true),
            ("date :zone \"+0000\" \"date\" \"std11\" \"Sun, 22 Nov 2026 07:30:15 +0000\"", true),
            ("date :zone \"+0000\" \"received\" \"date\" \"2026-11-22\"", true),
            ("date :index 1 :last \"received\" \"date\" \"2026-11-21\"", true),
            ("date \"subject\" \"year\" \"2026\"", false),
            ("currentdate :value \"ge\" \"year\" \"2026\"", true),
            ("duplicate", true), ("duplicate :handle \"h\"", false),
            ("duplicate :header \"X-None\"", false), ("duplicate :uniqueid \"u\"", false),
            ("environment \"name\" \"Postreiter\"", true), ("environment \"none\" \"\"", false),
            ("spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"8\"", true),
            ("spamtest :percent \"85\"", true), ("virustest :count \"eq\" \"0\"", true),
            ("ihave [\"fileinto\", \"copy\"]", true), ("ihave \"no-such\"", false),
            ("ihave \"encoded-character\"", false),
            ("metadata \"INBOX\" \"/private/vendor/x\" \"ON\"", true),
            ("metadata \"INBOX\" \"/PRIVATE/Vendor/x\" [\"off\", \"on\"]", true),
            ("metadata :comparator \"i;octet\" \"INBOX\" \"/private/vendor/x\" \"ON\"", false),
            ("metadata :contains \"INBOX\" \"/private/none\" \"\"", false),
            ("metadata :contains \"None\" \"/private/vendor/x\" \"\"", false),
            ("metadata \"INBOX\" \"/shared/comment\" \"\"", true),
            ("metadata :count \"eq\" \"INBOX\" \"/private/none\" \"0\"", true),
            ("metadataexists \"INBOX\" [\"/private/vendor/x\", \"/shared/comment\"]", true),
            ("metadataexists \"INBOX\" [\"/private/vendor/x\", \"/shared/none\"]", false),
            ("servermetadata :matches \"/private/uri\" \"mailto:*\"", true),
            ("servermetadata \"/private/vendor/x\" \"on\"", false),
            ("servermetadataexists \"/shared/admin\"", true),
            ("servermetadataexists [\"/shared/admin\", \"/x\"]", false),
            ("valid_notify_method \"mailto:a@b.example\"", true),
            ("valid_notify_method \"MAILTO:a%40b.example?subject=x%20y&cc=c@d.example\"", true),
            ("valid_notify_method [\"mailto:a@b.example\", \"tel:+14085551212\"]", false),
            ("valid_notify_method \"mailto:\"", false), ("valid_notify_method \"\"", false),
            ("valid_notify_method \"mailto:a b@c.example\"", false),
            ("valid_notify_method \"mailto:a@b.example?subject=%zz\"", false),
            ("valid_notify_method \"mailto:a@b.example?subject=%FF\"", false),
            ("valid_notify_method \"mailto:a@b.example?subject\"", false),
            (
                "valid_notify_method \"mailto:a@b.example,b@b.example,c@b.example,d@b.example\"",
                true
            ),
            (
                "valid_notify_method \"mailto:a@b.example,b@b.example,c@b.example?cc=d@b.example,e@b.example\"",
                false
            ),
            ("notify_method_capability \"mailto:a@b.example\" \"Online\" \"maybe\"", true),
            ("notify_method_capability \"mailto:a@b.example\" \"online\" [\"yes\", \"no\"]", false),
            ("notify_method_capability \"mailto:a@b.example\" \"else\" \"maybe\"", false),
            ("notify_method_capability \"xmpp:a@b.example\" \"online\" \"maybe\"", false),
            (
                "notify_method_capability :count \"eq\" \"mailto:a@b.example\" \"online\" \"1\"",
                true
            ),
            ("valid_ext_list \":addrbook:default\"", true),
            (
                "valid_ext_list [\":AddrBook:%44%65%66ault\", \"urn:ietf:params:sieve:addrbook:default\"]",
                true
            ),
            ("valid_ext_list \":addrbook:family\"", false), ("valid_ext_list \":addrbook\"", false),
            ("valid_ext_list \":addrbook:default?x\"", false),
            ("valid_ext_list \":addrbook:%4\"", false),
            ("valid_ext_list \"tag:example.com,2010-05-28:mylist\"", false),
            ("address :list \"from\" \":addrbook:default\"", true),
            ("address :list \"to\" \":addrbook:default\"", false),
            ("address :domain :list \"from\" \":addrbook:default\"", false),
            ("header :list [\"cc\", \"from\"] \":addrbook:default\"", true),
            ("header :list \"subject\" \":addrbook:default\"", false),
            ("envelope :list \"from\" \":addrbook:default\"", true),
            ("string :list [\"x\", \" coyote@desert.example \"] \":addrbook:default\"", true),
        ])
    func tests(_ test: String, _ outcome: Bool) throws {
        let required = [
            "relational", "comparator-i;ascii-numeric", "envelope", "subaddress", "variables",
            "body", "mailbox", "mailboxid", "special-use", "date", "index", "duplicate",
            "environment", "spamtestplus", "virustest", "ihave", "mboxmetadata",
            "servermetadata", "enotify", "extlists",
        ].map { "\"\($0)\"" }.joined(separator: ",")
        let verdict = try Self.run(
            "require [\(required)]; if \(test) { stop; } discard;",
            Account(seen: ["/<1@desert.example>"])
        ) {
            $0.environment = ["name": "Postreiter"]
            $0.spamPercent = 85
        }
        #expect(verdict.failure == nil)
        #expect(Self.places(verdict) == (outcome ? ["INBOX"] : ["discard"]), "\(verdict.steps)")
    }

    @Test("The null path counts as no address (RFC 5231 §4.2), and is the empty string")
    func nullPath() throws {
        let verdict = try Self.run(
            "require [\"relational\", \"envelope\"]; if allof(envelope \"from\" \"\","
                + "envelope :count \"eq\" [\"from\", \"to\"] \"1\") { discard; }"
        ) { $0.sender = "" }
        #expect(Self.places(verdict) == ["discard"])
    }

    @Test(
        "Without an empty line behind the header no body is there (RFC 5173 §4)",
        arguments: [
            ("Subject: a\r\n", false), ("Subject: a", false), ("", false),
            ("Subject: a\r\n\r\n", true), ("Subject: a\n\n", true), ("\r\n", true),
            ("Subject: a\r\n\r\nb", true),
        ])
    func absentBody(_ message: String, _ isThere: Bool) throws {
        let verdict = try Self.run(
            "require \"body\"; if body :raw :contains \"\" { discard; }", message: message)
        #expect(Self.places(verdict) == (isThere ? ["discard"] : ["INBOX"]))
    }

    @Test(
        "Actions add up, and nothing lost means kept",
        arguments: [
            ("", ["INBOX"]), ("stop; discard;", ["INBOX"]), ("discard;", ["discard"]),
            ("keep; keep; discard;", ["INBOX", "discard"]),
            ("fileinto \"Lists\";", ["Lists"]),
            ("fileinto :copy \"Lists\";", ["Lists", "INBOX"]),
            ("fileinto \"Lists\"; fileinto :flags \"b\" \"Lists\";", ["Lists b"]),
            ("redirect \"a@b.example\";", ["to a@b.example"]),
            ("redirect :copy \"a@b.example\";", ["to a@b.example", "INBOX"]),
            (
                "addflag \"\\\\Seen x\"; addflag [\"X\", \"y\"]; removeflag \"x\";",
                ["INBOX \\Seen y"]
            ),
            ("setflag \"v\" \"a b\"; keep :flags \"${v}\";", ["INBOX a b"]),
            ("setflag \"\\\\Recent (bad)\"; keep;", ["INBOX"]),
            ("reject \"no\";", ["reject no"]), ("reject \"no\"; stop;", ["reject no"]),
            (
                "if header :matches \"subject\" \"*from*[*]\" { fileinto \"${3}|${1}|${9}\"; }",
                ["desert|Grüße |"]
            ),
            (
                "if address :matches \"to\" \"road**.example\" { fileinto \"${1}|${2}\"; }",
                ["|runner+beep@acme"]
            ),
            ("set :upperfirst :lower \"a\" \"juMBlE\"; fileinto \"${A}\";", ["Jumble"]),
            ("set :length \"a\" \"Grüße\"; fileinto \"${a}\";", ["5"]),
            ("set :quotewildcard \"a\" \"R*k\"; fileinto \"${a}\";", ["R\\*k"]),
            ("set \"a\" \"$\"; fileinto \"${a}{b}\";", ["${b}"]),
            ("set \"company\" \"ACME\"; fileinto \"${BAD${Company}\";", ["${BADACME"]),
            ("fileinto \"&%${}!\";", ["&%${}!"]),
            ("addheader \"X-New\" \"v\"; if header \"x-new\" \"v\" { fileinto \"L\"; }", ["L"]),
            (
                "deleteheader :contains \"x-multi\" \"tw\";"
                    + "if header :count \"eq\" \"x-multi\" \"1\" { fileinto \"L\"; }", ["L"]
            ),
            ("deleteheader \"received\"; if exists \"received\" { fileinto \"L\"; }", ["L"]),
            ("fileinto \"INBOX\"; keep;", ["INBOX"]),
        ])
    func actions(_ script: String, _ places: [String]) throws {
        let required = [
            "fileinto", "copy", "imap4flags", "variables", "reject", "editheader", "relational",
        ].map { "\"\($0)\"" }.joined(separator: ",")
        let verdict = try Self.run("require [\(required)]; \(script)")
        #expect(verdict.failure == nil)
        #expect(Self.places(verdict) == places)
    }

    @Test(
        "What goes wrong keeps the message, and nothing else",
        arguments: [
            "fileinto \"a\"; error \"x\";", "fileinto \"a\"; redirect \"${none}\";",
            "keep; reject \"no\";", "reject \"no\"; fileinto \"a\";",
            "vacation \"a\"; vacation \"b\";", "reject \"a\"; vacation \"b\";",
            "include \"none\";", "include \"loop\";", "include \"bad\";",
            "redirect \"a1@b.example\"; redirect \"a2@b.example\"; redirect \"a3@b.example\";"
                + "redirect \"a4@b.example\"; redirect \"a5@b.example\";",
            "fileinto \"a\"; nosuch;", "if nosuch { stop; } discard;",
            "addheader \"${none}\" \"x\";",
            "if body :contains \"a\" { discard; }",
        ])
    func failures(_ script: String) throws {
        var account = Account()
        account.scripts = [
            "loop": "require \"include\"; include \"loop\";", "bad": "keep",
        ]
        let required = [
            "fileinto", "variables", "reject", "vacation", "include", "ihave", "editheader",
        ].map { "\"\($0)\"" }.joined(separator: ",")
        let verdict = try Self.run("require [\(required)]; \(script)", account)
        #expect(verdict.failure != nil)
        #expect(Self.places(verdict) == ["INBOX"])
    }

    @Test("Scripts include others with their own variables and those declared global")
    func includes() throws {
        var account = Account()
        account.scripts["sub"] = """
            require ["include", "variables", "fileinto"];
            global "shared";
            fileinto "${own}-${shared}";
            set "shared" "changed";
            return;
            discard;
            """
        let verdict = try Self.run(
            """
            require ["include", "variables", "fileinto"];
            global "shared";
            set "own" "mine"; set "shared" "ours";
            include "sub";
            include :once "sub";
            include :optional "none";
            fileinto "${own}-${shared}-${global.shared}";
            """, account)
        #expect(verdict.failure == nil)
        #expect(Self.places(verdict) == ["-ours", "mine-changed-changed"])
    }

    @Test("An edited header goes with what is done later")
    func editedHeader() throws {
        let verdict = try Self.run(
            """
            require ["editheader", "fileinto"];
            fileinto "before"; addheader "X-First" "1"; addheader :last "X-Last" "ü";
            deleteheader "X-Score"; keep;
            """)
        guard case .file(let before) = verdict.actions[0], case .file(let keep) = verdict.actions[1]
        else {
            Issue.record("two filings are expected")
            return
        }
        #expect(before.header == nil)
        let header = String(decoding: keep.header ?? [], as: UTF8.self)
        #expect(header.hasPrefix("X-First: 1\r\nReceived: from a by b;"))
        #expect(header.contains("boundary=b\r\nX-Last: =?"))
        #expect(header.hasSuffix("?=\r\n\r\n"))
        #expect(!header.contains("X-Score"))
    }

    @Test(
        "Vacation answers persons who wrote to this address, once",
        arguments: [
            ("", "coyote@desert.example", true),
            ("", "", false), ("", "owner-list@x.example", false),
            ("", "mailer-daemon@x.example", false), ("", "x-request@x.example", false),
            ("List-Id: <a>\r\n", "coyote@desert.example", false),
            ("Auto-Submitted: auto-replied\r\n", "coyote@desert.example", false),
            ("Auto-Submitted: no\r\n", "coyote@desert.example", true),
            ("Precedence: bulk\r\n", "coyote@desert.example", false),
            ("", "roadrunner+beep@acme.example", false),
        ])
    func vacation(_ field: String, _ sender: String, _ answers: Bool) throws {
        let verdict = try Self.run(
            "require \"vacation\"; vacation :days 3 :subject \"Away\" \"text\";",
            message: field + Self.message
        ) { $0.sender = sender }
        let replies = verdict.actions.compactMap { action -> AutoReply? in
            if case .reply(let reply) = action { reply } else { nil }
        }
        #expect(replies.count == (answers ? 1 : 0))
        if let reply = replies.first {
            #expect(reply.seconds == 3 * 86400)
            #expect(reply.messageID == "<1@desert.example>")
        }
        // Vacation leaves the implicit keep alone.
        #expect(Self.places(verdict).contains("INBOX"))
    }

    @Test(
        "What is probably not its sender's own is neither answered nor refused, and the steps say why",
        arguments: [
            (Incoming.Doubt.junk, "taken for junk"), (.forged("DMARC fails"), "DMARC fails"),
        ])
    func doubts(_ doubt: Incoming.Doubt, _ reason: String) throws {
        // script, what is done
        let rows = [
            ("vacation \"text\";", ["INBOX"]),
            ("reject \"no\";", ["INBOX"]), ("ereject \"no\";", ["INBOX"]),
            ("reject \"no\"; stop; keep;", ["INBOX"]),
            ("fileinto \"Lists\"; vacation \"text\";", ["Lists"]),
        ]
        for (script, expected) in rows {
            let verdict = try Self.run(
                "require [\"vacation\", \"reject\", \"ereject\", \"fileinto\"]; \(script)"
            ) { $0.doubt = doubt }
            #expect(verdict.failure == nil)
            #expect(Self.places(verdict) == expected, "\(script)")
            #expect(verdict.summary.contains("because"), "\(verdict.summary)")
            #expect(verdict.summary.contains(reason), "\(verdict.summary)")
        }
    }

    @Test("Vacation is silent if none of one's addresses is named")
    func vacationByBlindCopy() throws {
        let script = "require \"vacation\"; vacation \"text\";"
        let elsewhere = try Self.run(script) { $0.recipient = "someone@acme.example" }
        #expect(Self.places(elsewhere) == ["INBOX"])
        let alias = try Self.run(script) {
            $0.recipient = "someone@acme.example"
            $0.ownAddresses = ["Second@ACME.example"]
        }
        #expect(alias.actions.count == 2)
    }

    @Test("The tracking of an answer does not depend on variables")
    func vacationIdentity() throws {
        let script = """
            require ["vacation", "variables"];
            if header :matches "subject" "*" { vacation :subject "Re: ${1}" "away"; }
            """
        func identity(_ subject: String) throws -> String? {
            let message = "To: roadrunner+beep@acme.example\r\nSubject: \(subject)\r\n\r\n"
            for case .reply(let reply) in try Self.run(script, message: message).actions {
                #expect(reply.subject == "Re: \(subject)")
                return reply.identity
            }
            return nil
        }
        #expect(try identity("a") != nil)
        #expect(try identity("a") == identity("b"))
    }

    @Test("What is seen is remembered only if the script ends well")
    func sightings() throws {
        let good = try Self.run("require \"duplicate\"; if duplicate { discard; }")
        #expect(good.sightings.map(\.identity) == ["<1@desert.example>"])
        let bad = try Self.run(
            "require [\"duplicate\", \"ihave\"]; if duplicate { discard; } error \"x\";")
        #expect(bad.sightings == [])
    }

    @Test(
        "What was seen before is remembered anew only with :last, and for no time not at all",
        arguments: [
            ("duplicate", true, []), ("duplicate :last", true, ["<1@desert.example>"]),
            ("duplicate :handle \"h\"", false, ["<1@desert.example>"]),
            ("duplicate :seconds 0", false, []), ("duplicate :seconds 0 :last", false, []),
            ("duplicate :header \"x-blank\"", false, ["a b"]),
        ])
    func remembering(_ test: String, _ isSeen: Bool, _ remembered: [String]) throws {
        let verdict = try Self.run(
            "require \"duplicate\"; if \(test) { discard; }",
            Account(seen: ["/<1@desert.example>"]), message: "X-Blank:  a b \r\n" + Self.message)
        #expect(Self.places(verdict) == (isSeen ? ["discard"] : ["INBOX"]))
        #expect(verdict.sightings.map(\.identity) == remembered)
    }

    @Test("What compares too much ends with the message kept")
    func hostilePattern() throws {
        let body = String(repeating: "a", count: 20_000)
        let pattern = "*" + String(repeating: "a", count: 200) + "b"
        let script = try Script(
            Array("require \"body\"; if body :raw :matches \"\(pattern)\" { discard; }".utf8))
        let incoming = Incoming(
            message: Array("From: a@b\r\n\r\n\(body)".utf8), sender: "", recipient: "a@b.example",
            now: Timestamp(seconds: 0))
        let ended = try Interpreter.run(script, over: incoming, in: Account(), comparing: 100_000)
        #expect(Self.places(ended) == ["INBOX"])
        #expect(ended.failure?.message == "the script's tests compare too much text")
        #expect(try Interpreter.run(script, over: incoming, in: Account()).failure == nil)
    }

    @Test(
        "Whatever a command looks at is paid for: a run ends in bounded time",
        arguments: [
            ("if exists \"x-none\" { stop; }", 500),
            ("if header [\(list("a", 500))] \"b\" { stop; }", 1),
            ("if header :mime :anychild [\(list("a", 500))] \"b\" { stop; }", 1),
            ("if date \"x-none\" \"year\" \"2026\" { stop; }", 500),
            ("if string [\(list("", 500))] [\(list("x", 500))] { stop; }", 1),
            ("if string \"\(repeated("${none}", 5000))\" \"x\" { stop; }", 20),
            ("if string :regex \"x\" \"(a)(b)(c)(d){200}\" { stop; }", 1000),
            ("if hasflag [\(list("v", 500))] \"x\" { stop; }", 10),
            ("if envelope [\(list("from", 500))] \"x\" { stop; }", 10),
            ("if mailboxexists [\(list("INBOX", 500))] { discard; }", 1),
            ("if duplicate :uniqueid \"u\" { stop; }", 500), ("vacation \"away\";", 10),
            ("addheader \"x\" \"y\"; fileinto \"Lists\";", 20),
            ("set :lower \"v\" \"\(repeated("x", 1000))\";", 200),
            ("include \"long\";", 20),
        ])
    func work(_ commands: String, _ count: Int) throws {
        let required = [
            "relational", "envelope", "variables", "body", "mailbox", "date", "duplicate",
            "imap4flags", "mime", "regex", "vacation", "editheader", "fileinto", "include",
        ].map { "\"\($0)\"" }.joined(separator: ",")
        let header = Self.repeated("A: b\r\n", 2000)
        var account = Account()
        account.scripts = ["long": "# " + Self.repeated("x", 10_000)]
        let incoming = Incoming(
            message: Array("\(header)\r\nbody".utf8), sender: "a@b.example",
            recipient: "c@d.example", now: Timestamp(seconds: 0))
        let script = try Script(
            Array(
                ("require [\(required)]; setflag \"v\" \"a b c d e f\";"
                    + Self.repeated(commands, count)).utf8))
        let ended = try Interpreter.run(script, over: incoming, in: account, comparing: 1_000_000)
        #expect(ended.failure?.message == "the script's tests compare too much text")
        #expect(Self.places(ended) == ["INBOX"])
    }

    private static func list(_ text: String, _ count: Int) -> String {
        [String](repeating: "\"\(text)\"", count: count).joined(separator: ",")
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    @Test("A script that is included again and again counts each time (RFC 6609 §3.2)")
    func repeatedInclusion() throws {
        let verdict = try Self.run(
            "require \"include\"; " + Self.repeated("include \"a\";", 65),
            Account(scripts: ["a": "keep;"]))
        #expect(verdict.failure?.message == "too many scripts are included")
        #expect(
            try Self.run(
                "require \"include\"; " + Self.repeated("include \"a\";", 64),
                Account(scripts: ["a": "keep;"])
            ).failure == nil)
    }

    @Test("A thousand rules on a message to a hundred people run to their end")
    func manyRules() throws {
        let to = (0..<100).map { "person\($0)@acme.example" }.joined(separator: ",\r\n ")
        let rule =
            "if anyof(address \"to\" [\(Self.list("x@y.example", 10))],"
            + "header :contains [\"subject\", \"list-id\"] \"x\") { stop; }"
        let verdict = try Self.run(
            Self.repeated(rule, 1000), message: "To: \(to)\r\nSubject: hello\r\n\r\nbody")
        #expect(verdict.failure == nil)
    }

    @Test("Variables cannot grow without end")
    func hostileVariables() throws {
        let doubling = String(repeating: "set \"a\" \"${a}${a}${a}${a}\";", count: 60)
        let verdict = try Self.run(
            "require [\"variables\", \"fileinto\"]; set \"a\" \"xxxxxxxx\"; \(doubling)"
                + "set :length \"n\" \"${a}\"; fileinto \"${n}\";")
        #expect(Self.places(verdict) == ["65536"])
    }

    @Test("The way of a message is told, line by line")
    func explanation() throws {
        let verdict = try Self.run(
            """
            require "fileinto";
            if header :contains "subject" "invoice" {
                fileinto "Bills";
            } elsif address :domain "from" "desert.example" {
                fileinto "Lists";
            }
            """)
        #expect(verdict.steps.map(\.line) == [2, 4, 5])
        #expect(verdict.steps.map(\.outcome) == [false, true, nil])
        #expect(verdict.steps[1].text == "address: from \"desert.example\" is \"desert.example\"")
        #expect(verdict.steps[2].text == "fileinto: into \"Lists\"")
    }
}
