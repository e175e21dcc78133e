// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Mail
import MessageStore
import Tenancy
import Testing
import World

private func letter(_ subject: String) -> String { "Subject: \(subject)\r\n\r\nbody\r\n" }

/// Anna, whose mailboxes they are, is client 1; Ben is client 2, Cleo of another domain 3.
private let logins: [Character: String] = [
    "1": "anna@example.org", "2": "ben@example.org", "3": "cleo@example.net",
]

@Sendable private func people(_ site: IMAPSite) async throws {
    try await site.registry.add(domain: LocalDomain(Domain("example.net")), by: "test")
    for login in ["ben@example.org", "cleo@example.net"] {
        try await site.registry.addAccount(
            Address(login), password: "correct horse", by: "test")
    }
    try await site.registry.add(
        address: Address("benjamin@example.org"), to: Address("ben@example.org"), by: "test")
    let team = try await site.registry.addSharedAccount(Address("team@example.org"), by: "test")
    try await site.mailboxes.furnishShared(team.id.rawValue)
    try await site.mailboxes.furnish(site.account)
}

/// Gives rights as `mailbox rights` does.
@Sendable private func grant(
    _ letters: String, to identifier: String, of login: String = "anna@example.org",
    in site: IMAPSite
) async throws {
    let owner = try #require(try await site.registry.account(login: Address(login)))
    let box = try #require(try site.mailboxes.find("INBOX", of: owner.id.rawValue))
    try await site.mailboxes.change(
        rightsOf: identifier, to: box.id,
        by: ACLChange(manner: .replace, rights: AccessRights(letters: Array(letters.utf8))))
}

/// What Ben is answered to a command when he has these rights to Anna's INBOX.
struct SharingRow: CustomTestStringConvertible, Sendable {
    let rights: String
    let command: String
    let answer: String
    var selects = false

    init(_ rights: String, _ command: String, _ answer: String, selects: Bool = false) {
        self.rights = rights
        self.command = command
        self.answer = answer
        self.selects = selects
    }

    var testDescription: String { "\(rights): \(command)" }
}

private let inbox = "\"Other Users/anna@example.org\""
private let below = "\"Other Users/anna@example.org/New\""

@Suite("RFC 4314 ACL")
struct IMAPSharingTests {
    @Test(
        "§4: what each command takes, row by row",
        arguments: [
            SharingRow("", "SELECT \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("l", "SELECT \(inbox)", "NO [NOPERM]"),
            SharingRow("r", "SELECT \(inbox)", "OK [READ-ONLY]"),
            SharingRow("lri", "SELECT \(inbox)", "OK [READ-WRITE]"),
            SharingRow("lr", "EXAMINE \(inbox)", "OK [READ-ONLY]"),
            SharingRow("lrswite", "EXAMINE \(inbox)", "OK [READ-ONLY]"),
            SharingRow("l", "EXAMINE \(inbox)", "NO [NOPERM]"),
            SharingRow("lswipkxtea", "STATUS \(inbox) (MESSAGES)", "NO [NOPERM]"),
            SharingRow("r", "STATUS \(inbox) (MESSAGES)", "OK"),
            SharingRow("rswipkxtea", "SUBSCRIBE \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("l", "SUBSCRIBE \(inbox)", "OK"),
            SharingRow("", "UNSUBSCRIBE \(inbox)", "OK"),
            SharingRow("lrswipxtea", "CREATE \(below)", "NO [NOPERM]"),
            SharingRow("k", "CREATE \(below)", "OK [MAILBOXID"),
            SharingRow("", "CREATE \(below)", "NO [NOPERM]"),
            SharingRow("lrswipkxtea", "CREATE \(below) (USE (\\Flagged))", "NO [USEATTR]"),
            SharingRow("lrswipktea", "DELETE \(inbox)", "NO [NOPERM]"),
            SharingRow("rswipktea", "DELETE \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("lx", "DELETE \(inbox)", "NO [CANNOT]"),
            SharingRow("lrswipktea", "RENAME \(inbox) Else", "NO [NOPERM]"),
            SharingRow("lkx", "RENAME \(inbox) Else", "NO [CANNOT]"),
            SharingRow("lrswipkxte", "GETACL \(inbox)", "NO [NOPERM]"),
            SharingRow("rswipkxte", "GETACL \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("a", "GETACL \(inbox)", "OK"),
            SharingRow("lrswipkxte", "SETACL \(inbox) ben@example.org a", "NO [NOPERM]"),
            SharingRow("a", "SETACL \(inbox) ben@example.org lra", "OK"),
            SharingRow("lrswipkxte", "DELETEACL \(inbox) ben@example.org", "NO [NOPERM]"),
            SharingRow("a", "DELETEACL \(inbox) ben@example.org", "OK"),
            SharingRow("lrswipkxte", "LISTRIGHTS \(inbox) ben@example.org", "NO [NOPERM]"),
            SharingRow("a", "LISTRIGHTS \(inbox) ben@example.org", "OK"),
            SharingRow("", "MYRIGHTS \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("swpte", "MYRIGHTS \(inbox)", "NO [NONEXISTENT]"),
            SharingRow("l", "MYRIGHTS \(inbox)", "OK"), SharingRow("r", "MYRIGHTS \(inbox)", "OK"),
            SharingRow("i", "MYRIGHTS \(inbox)", "OK"), SharingRow("k", "MYRIGHTS \(inbox)", "OK"),
            SharingRow("x", "MYRIGHTS \(inbox)", "OK"), SharingRow("a", "MYRIGHTS \(inbox)", "OK"),
            SharingRow("lrswpkxtea", "APPEND \(inbox) {1+}\r\nx", "NO [NOPERM]"),
            SharingRow("ri", "APPEND \(inbox) {1+}\r\nx", "OK [APPENDUID"),
            SharingRow("li", "APPEND \(inbox) {1+}\r\nx", "OK done"),
            SharingRow("i", "APPEND \(inbox) {1+}\r\nx", "OK done"),
            SharingRow("rk", "APPEND \(below) {1+}\r\nx", "NO [TRYCREATE]"),
            SharingRow("lr", "APPEND \(below) {1+}\r\nx", "NO [NONEXISTENT]"),
            SharingRow("lr", "EXPUNGE", "NO [NOPERM]", selects: true),
            SharingRow("lrt", "UID EXPUNGE 1", "NO [NOPERM]", selects: true),
            SharingRow("lre", "EXPUNGE", "OK", selects: true),
            SharingRow("lr", "CLOSE", "OK", selects: true),
            SharingRow("lr", "STORE 1 +FLAGS (\\Seen)", "NO [NOPERM]", selects: true),
            SharingRow("lrwt", "STORE 1 +FLAGS (\\Seen)", "NO [NOPERM]", selects: true),
            SharingRow("lrs", "STORE 1 +FLAGS (\\Seen)", "OK", selects: true),
            SharingRow("lrws", "STORE 1 +FLAGS (\\Deleted)", "NO [NOPERM]", selects: true),
            SharingRow("lrt", "STORE 1 +FLAGS (\\Deleted)", "OK", selects: true),
            SharingRow("lrst", "STORE 1 +FLAGS (\\Flagged work)", "NO [NOPERM]", selects: true),
            SharingRow("lrw", "STORE 1 +FLAGS (\\Flagged work)", "OK", selects: true),
            SharingRow("lrs", "STORE 1 +FLAGS (\\Flagged \\Seen)", "OK", selects: true),
            SharingRow("lr", "STORE 1 FLAGS ()", "NO [NOPERM]", selects: true),
            SharingRow("lrs", "STORE 1 FLAGS ()", "OK", selects: true),
            SharingRow("lr", "COPY 1 INBOX", "OK [COPYUID", selects: true),
            SharingRow("lr", "COPY 1 \(inbox)", "NO [NOPERM]", selects: true),
            SharingRow("lri", "COPY 1 \(inbox)", "OK [COPYUID", selects: true),
            SharingRow("lr", "MOVE 1 INBOX", "NO [NOPERM]", selects: true),
            SharingRow("lrt", "MOVE 1 INBOX", "NO [NOPERM]", selects: true),
            SharingRow("lre", "MOVE 1 INBOX", "NO [NOPERM]", selects: true),
            SharingRow("lrte", "MOVE 1 INBOX", "OK", selects: true),
            SharingRow("lrte", "MOVE 1 \(inbox)", "NO [NOPERM]", selects: true),
            SharingRow("lrtei", "MOVE 1 \(inbox)", "OK", selects: true),
            SharingRow("lri", "REPLACE 1 INBOX {1+}\r\nx", "NO [NOPERM]", selects: true),
            SharingRow("lrte", "REPLACE 1 INBOX {1+}\r\nx", "OK", selects: true),
            SharingRow("lr", "SEARCH ALL", "OK", selects: true),
            SharingRow("l", "GETQUOTAROOT \(inbox)", "NO [NOPERM]"),
            SharingRow("r", "GETQUOTAROOT \(inbox)", "OK"),
            SharingRow("l", "GETMETADATA \(inbox) /shared/comment", "NO [NOPERM]"),
            SharingRow("rswip", "GETMETADATA \(inbox) /shared/comment", "NO [NONEXISTENT]"),
            SharingRow("lp", "GETMETADATA \(inbox) /shared/comment", "OK"),
            SharingRow("lr", "SETMETADATA \(inbox) (/private/comment \"x\")", "OK"),
            SharingRow("lr", "SETMETADATA \(inbox) (/shared/comment \"x\")", "NO [NOPERM]"),
            SharingRow("lw", "SETMETADATA \(inbox) (/shared/comment \"x\")", "OK"),
        ])
    func table(row: SharingRow) throws {
        try IMAPSite.run { site in
            try await people(site)
            try await site.deliver(letter("one"))
            if !row.rights.isEmpty { try await grant(row.rights, to: "ben@example.org", in: site) }
            _ = try await site.logIn()
            let ben = try await site.logIn("ben@example.org")
            if row.selects {
                let answer = try await ben.ask("SELECT \(inbox)")
                #expect(answer.last?.contains(" OK ") == true)
            }
            let answer = try await ben.ask(row.command)
            let last = try #require(answer.last)
            #expect(last.dropFirst(3).hasPrefix(row.answer), "\(answer)")
            #expect(try await site.countersAreRight())
        }
    }

    @Test("Who may put messages into a mailbox, and not read it, learns no UIDs of it")
    func unseenTarget() throws {
        try IMAPSite.run { site in
            try await people(site)
            let login = try Address("ben@example.org")
            let own = try #require(try await site.registry.account(login: login)).id.rawValue
            try await site.mailboxes.furnish(own)
            for text in ["one", "two", "three"] {
                try await site.deliver(letter(text), to: own)
            }
            try await grant("li", to: "ben@example.org", in: site)
            _ = try await site.logIn()
            let ben = try await site.logIn("ben@example.org")
            _ = try await ben.ask("SELECT INBOX")
            for command in ["COPY 1", "MOVE 1", "UID MOVE 2"] {
                let answer = try await ben.ask("\(command) \(inbox)")
                #expect(answer.last?.contains(" OK done") == true, "\(answer)")
                #expect(!answer.contains { $0.contains("COPYUID") }, "\(answer)")
            }
            let answer = try await ben.ask("REPLACE 1 \(inbox) {1+}\r\nx")
            #expect(answer.last?.contains(" OK done") == true, "\(answer)")
            #expect(!answer.contains { $0.contains("APPENDUID") }, "\(answer)")
        }
    }

    @Test("Lists are told, changed and emptied; the owner stands first and keeps all")
    func lists() throws {
        try play(
            """
            C: a GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd
            S: a OK done
            C: b SETACL INBOX ben@example.org lrs
            S: b OK done
            C: c SETACL INBOX @Example.NET +ic
            S: c OK done
            C: d SETACL INBOX anyone l
            S: d OK done
            C: e SETACL INBOX -cleo@example.net k
            S: e OK done
            C: f SETACL INBOX Benjamin@example.org +d
            S: f OK done
            C: g GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd -cleo@example.net kc @example.net ikxc anyone l ben@example.org lrsted
            S: g OK done
            C: h SETACL INBOX ben@example.org -rd
            S: h OK done
            C: i DELETEACL INBOX @example.net
            S: i OK done
            C: j SETACL INBOX anyone ""
            S: j OK done
            C: k DELETEACL INBOX -cleo@example.net
            S: k OK done
            C: l DELETEACL INBOX cleo@example.net
            S: l OK done
            C: m GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd ben@example.org ls
            S: m OK done
            C: n SETACL INBOX anna@example.org lr
            S: n NO [CANNOT] anna@example.org is the owner, and keeps all rights
            C: o SETACL INBOX -anna@example.org lr
            S: o NO [CANNOT] anna@example.org is the owner, and keeps all rights
            C: p DELETEACL INBOX anna@example.org
            S: p NO [CANNOT] anna@example.org is the owner, and keeps all rights
            C: q SETACL INBOX anna@example.org +lr
            S: q OK done
            C: r LISTRIGHTS INBOX anna@example.org
            S: * LISTRIGHTS INBOX anna@example.org lrswipkxteacd
            S: r OK done
            C: s LISTRIGHTS INBOX Benjamin@Example.org
            S: * LISTRIGHTS INBOX Benjamin@Example.org "" l r s w i p k x t e a c d
            S: s OK done
            C: t MYRIGHTS INBOX
            S: * MYRIGHTS INBOX lrswipkxteacd
            S: t OK done
            """, logins: logins, setUp: people)
    }

    @Test("Who is nobody gets no rights, and what is no identifier is BAD")
    func identifiers() throws {
        try play(
            """
            C: a SETACL INBOX nobody@example.org lr
            S: a NO [CANNOT] nobody here is called nobody@example.org: …
            C: b SETACL INBOX @elsewhere.example lr
            S: b NO [CANNOT] nobody here is called @elsewhere.example: …
            C: c SETACL INBOX ben lr
            S: c NO [CANNOT] nobody here is called ben: …
            C: d SETACL INBOX "" lr
            S: d BAD an identifier is …
            C: e SETACL INBOX "-" lr
            S: e BAD an identifier is …
            C: f SETACL INBOX {1+}
            C: \u{7} lr
            S: f BAD an identifier is …
            C: g SETACL INBOX ben@example.org lrQ
            S: g BAD …
            C: h SETACL INBOX ben@example.org lrq
            S: h BAD …
            C: i LISTRIGHTS INBOX nobody@example.org
            S: i NO [CANNOT] …
            C: j DELETEACL INBOX nobody@example.org
            S: j NO [CANNOT] …
            C: k SETACL Nowhere ben@example.org lr
            S: k NO [NONEXISTENT] …
            C: l GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd
            S: l OK done
            """, setUp: people)
    }

    @Test("Identifiers of hostile length and octets are refused, and the session goes on")
    func hostile() throws {
        try IMAPSite.run { site in
            try await people(site)
            let anna = try await site.logIn()
            let texts: [[UInt8]] = [
                [UInt8](repeating: UInt8(ascii: "x"), count: 256),
                [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20), [0xFF, 0xFE],
                [0xC3], Array("a\u{202E}b@example.org".utf8), Array("a\u{1}@example.org".utf8),
                Array("--ben@example.org".utf8), Array("@".utf8), Array("@@".utf8),
                Array("ben@example.org@".utf8), [UInt8](repeating: UInt8(ascii: "-"), count: 200),
            ]
            for text in texts {
                anna.write("x SETACL INBOX {\(text.count)+}\r\n")
                anna.write(plain: text)
                anna.write(" lr\r\n")
                var answer = ""
                repeat { answer = try await anna.line() } while !answer.hasPrefix("x ")
                #expect(!answer.hasPrefix("x OK"), "\(text.prefix(20)): \(answer)")
            }
            let list = try await anna.ask("GETACL INBOX")
            #expect(list.first == "* ACL INBOX anna@example.org lrswipkxteacd")
        }
    }

    @Test("A list has so many lines and no more")
    func limit() throws {
        try IMAPSite.run { site in
            try await people(site)
            let anna = try await site.logIn()
            let box = try #require(try site.mailboxes.find("INBOX", of: site.account))
            for number in 1...Mailboxes.grantLimit {
                try await site.mailboxes.change(
                    rightsOf: "user\(number)@example.org", to: box.id,
                    by: ACLChange(manner: .replace, rights: .lookup))
            }
            let refused = try await anna.ask("SETACL INBOX ben@example.org lr")
            #expect(refused.last?.contains("NO [LIMIT]") == true)
            // One that nobody is called any more can go, and makes room.
            let gone = try await anna.ask("DELETEACL INBOX user7@example.org")
            #expect(gone.last?.contains("OK") == true)
            let taken = try await anna.ask("SETACL INBOX ben@example.org lr")
            #expect(taken.last?.contains("OK") == true)
        }
    }
}

@Suite("Whom those who change a list may name in it")
struct SharingReachTests {
    private static let refusal = """
        NO [NOPERM] rights to this mailbox can be given to accounts of example.org, and to all of \
        them as @example.org; the administrator gives rights to others
        """

    @Test("People of the own domain, and all others are refused in the same words")
    func ownDomain() throws {
        try play(
            """
            C: a SETACL INBOX ben@example.org lr
            S: a OK done
            C: b SETACL INBOX @example.org lr
            S: b OK done
            C: c SETACL INBOX ben@example.net +i
            S: c OK done
            C: d SETACL INBOX nobody@example.org lr
            S: d NO [CANNOT] …
            C: e SETACL INBOX cleo@example.net lr
            S: e \(Self.refusal)
            C: f SETACL INBOX nobody@example.net lr
            S: f \(Self.refusal)
            C: g SETACL INBOX @example.net lr
            S: g \(Self.refusal)
            C: h SETACL INBOX @nowhere.example lr
            S: h \(Self.refusal)
            C: i SETACL INBOX anyone lr
            S: i \(Self.refusal)
            C: j SETACL INBOX -cleo@example.net lr
            S: j \(Self.refusal)
            C: k LISTRIGHTS INBOX cleo@example.net
            S: k \(Self.refusal)
            C: l LISTRIGHTS INBOX nobody@example.net
            S: l \(Self.refusal)
            C: m DELETEACL INBOX cleo@example.net
            S: m \(Self.refusal)
            C: n DELETEACL INBOX nobody@example.net
            S: n \(Self.refusal)
            C: o GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd @example.org lr ben@example.org lri
            S: o OK done
            2C: a SETACL Shared/team@example.org cleo@example.net lr
            2S: a \(Self.refusal)
            2C: b SETACL Shared/team@example.org anna@example.org lr
            2S: b OK done
            """, logins: logins
        ) { site in
            try await people(site)
            try await site.registry.add(
                address: Address("ben@example.net"), to: Address("ben@example.org"), by: "test")
            try await grant("lra", to: "ben@example.org", of: "team@example.org", in: site)
            site.reach.change(to: SharingDomains())
        }
    }

    @Test("What stands in a list stays valid, and may be narrowed and taken away, not widened")
    func older() throws {
        try play(
            """
            C: a SETACL INBOX anyone +i
            S: a \(Self.refusal)
            C: b SETACL INBOX cleo@example.net lrsw
            S: b \(Self.refusal)
            C: c SETACL INBOX cleo@example.net -s
            S: c OK done
            C: d SETACL INBOX anyone l
            S: d OK done
            C: e GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd anyone l cleo@example.net lr gone@example.net lr
            S: e OK done
            3C: a STATUS "Other Users/anna@example.org" (MESSAGES)
            3S: * STATUS "Other Users/anna@example.org" (MESSAGES 0)
            3S: a OK done
            C: f DELETEACL INBOX anyone
            S: f OK done
            C: g DELETEACL INBOX gone@example.net
            S: g OK done
            C: h SETACL INBOX cleo@example.net ""
            S: h OK done
            C: i GETACL INBOX
            S: * ACL INBOX anna@example.org lrswipkxteacd
            S: i OK done
            C: j SETACL INBOX cleo@example.net l
            S: j \(Self.refusal)
            """, logins: logins
        ) { site in
            try await people(site)
            for identifier in ["anyone", "cleo@example.net", "gone@example.net"] {
                try await grant(
                    identifier == "cleo@example.net" ? "lrs" : "lr", to: identifier, in: site)
            }
            site.reach.change(to: SharingDomains())
        }
    }

    @Test("The operator joins domains; the change counts in sessions that are open")
    func joined() throws {
        try IMAPSite.run { site in
            try await people(site)
            let anna = try await site.logIn()
            let outcomes: [(setting: [String], cleo: Bool, anyone: Bool)] = [
                ([], false, false), (["example.org example.net"], true, false),
                (["example.org other.example", "example.net other.example"], false, false),
                (["*"], true, true), (["example.net other.example", "*"], true, true),
            ]
            for (setting, cleo, anyone) in outcomes {
                site.reach.change(to: try #require(SharingDomains(setting)))
                for (name, isTaken) in [
                    ("cleo@example.net", cleo), ("@example.net", cleo), ("anyone", anyone),
                    ("ben@example.org", true),
                ] {
                    let answer = try await anna.ask("SETACL INBOX \(name) lr")
                    #expect(
                        answer.last?.contains(isTaken ? " OK " : " NO [NOPERM] ") == true,
                        "\(setting): \(name): \(answer)")
                    if isTaken { _ = try await anna.ask("DELETEACL INBOX \(name)") }
                }
            }
        }
    }
}

@Suite("RFC 2342 other people's and shared mailboxes")
struct IMAPNamespaceTests {
    @Test("What others share is listed where it belongs, and what they do not is not there")
    func listed() throws {
        try play(
            """
            2C: a NAMESPACE
            2S: * NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))
            2S: a OK done
            2C: b LIST "" "Other Users*"
            2S: b OK done
            1C: a CREATE Work/Plans
            1S: a OK …
            1C: b SETACL Work/Plans ben@example.org lr
            1S: b OK done
            1C: c SETACL INBOX @example.org l
            1S: c OK done
            2C: c LIST "" "Other Users*" RETURN (SUBSCRIBED STATUS (MESSAGES) MYRIGHTS)
            2S: * LIST (\\Noselect \\HasChildren) "/" "Other Users/anna@example.org"
            2S: * MYRIGHTS "Other Users/anna@example.org" l
            2S: * LIST (\\HasNoChildren) "/" "Other Users/anna@example.org/Work/Plans"
            2S: * STATUS "Other Users/anna@example.org/Work/Plans" (MESSAGES 0)
            2S: * MYRIGHTS "Other Users/anna@example.org/Work/Plans" lr
            2S: c OK done
            2C: d LIST "" "%"
            2U: * LIST (\\Noselect \\HasChildren) "/" "Other Users"
            2U: d OK done
            3C: a LIST "" "Other*"
            3S: a OK done
            3C: b LIST "" "Shared*"
            3S: b OK done
            2C: e LIST "" "Shared/*"
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org
            2S: e OK done
            """, logins: logins
        ) { site in
            try await people(site)
            try await grant("lr", to: "ben@example.org", of: "team@example.org", in: site)
        }
    }

    @Test("Names are understood in any case of the address, and lead nowhere else")
    func names() throws {
        try play(
            """
            2C: a STATUS "Other Users/Anna@Example.ORG" (MESSAGES)
            2S: * STATUS "Other Users/Anna@Example.ORG" (MESSAGES 1)
            2S: a OK done
            2C: b STATUS "Other Users/anna@example.org/INBOX" (MESSAGES)
            2S: * STATUS "Other Users/anna@example.org/INBOX" (MESSAGES 1)
            2S: b OK done
            2C: c STATUS "Shared/anna@example.org" (MESSAGES)
            2S: c NO [NONEXISTENT] …
            2C: d STATUS "Other Users/team@example.org" (MESSAGES)
            2S: d NO [NONEXISTENT] …
            2C: e STATUS "Other Users/ben@example.org" (MESSAGES)
            2S: e NO [NONEXISTENT] …
            2C: f STATUS "Other Users/nobody@example.org" (MESSAGES)
            2S: f NO [NONEXISTENT] …
            2C: g STATUS "Other Users" (MESSAGES)
            2S: g NO [NONEXISTENT] …
            2C: h STATUS "Other Users/anna@example.org/Sent" (MESSAGES)
            2S: h NO [NONEXISTENT] there is no such mailbox
            2C: i STATUS "Other Users/anna@example.org/Nothing" (MESSAGES)
            2S: i NO [NONEXISTENT] there is no such mailbox
            2C: j CREATE Shared
            2S: j NO [NOPERM] …
            2C: k CREATE Shared/mine
            2S: k NO [NOPERM] …
            2C: l CREATE "Other Users/nobody@example.org/x"
            2S: l NO [NOPERM] …
            2C: m RENAME Archive Shared/Archive
            2S: m NO [NOPERM] …
            2C: n CREATE Sharedness
            2S: n OK …
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("lr", to: "ben@example.org", in: site)
            try await grant("lr", to: "ben@example.org", of: "team@example.org", in: site)
        }
    }

    @Test("A mailbox of one's own from before keeps its name")
    func older() throws {
        try play(
            """
            C: a STATUS Shared/team@example.org (MESSAGES)
            S: * STATUS Shared/team@example.org (MESSAGES 0)
            S: a OK done
            C: b LIST "" Shared/*
            S: * LIST (\\HasNoChildren) "/" Shared/team@example.org
            S: b OK done
            C: c RENAME Shared/team@example.org Mine
            S: c OK done
            C: d STATUS Shared/team@example.org (MESSAGES)
            S: * STATUS Shared/team@example.org (MESSAGES 1)
            S: d OK done
            """
        ) { site in
            let team = try await site.registry.addSharedAccount(
                Address("team@example.org"), by: "test")
            try await site.deliver(letter("one"), to: team.id.rawValue)
            try await grant("lr", to: "anyone", of: "team@example.org", in: site)
            try await site.mailboxes.create("Shared/team@example.org", of: site.account)
        }
    }

    @Test("Mailboxes below a shared one are made, inherit, are renamed and go with their rights")
    func tree() throws {
        try play(
            """
            2C: a CREATE Shared/team@example.org/Plans
            2S: a OK …
            2C: b CREATE Shared/team@example.org/Plans/2027/May
            2S: b OK …
            2C: c GETACL Shared/team@example.org/Plans/2027/May
            2S: * ACL Shared/team@example.org/Plans/2027/May team@example.org lrswipkxteacd ben@example.org lrkxac
            2S: c OK done
            2C: d SETACL Shared/team@example.org/Plans/2027/May cleo@example.net lr
            2S: d OK done
            2C: e RENAME Shared/team@example.org/Plans/2027 Shared/team@example.org/Next
            2S: e OK done
            3C: a LIST "" Shared/*
            3S: * LIST (\\HasNoChildren) "/" Shared/team@example.org/Next/May
            3S: a OK done
            3C: b RENAME Shared/team@example.org/Next Shared/team@example.org/Mine
            3S: b NO [NOPERM] …
            3C: c DELETE Shared/team@example.org/Plans
            3S: c NO [NONEXISTENT] …
            3C: d SELECT Shared/team@example.org/Next/May
            3U: d OK [READ-ONLY] …
            2C: f RENAME Shared/team@example.org/Next Mine
            2S: f NO [NOPERM] …
            2C: g RENAME Archive Shared/team@example.org/Archive
            2S: g NO [NOPERM] …
            2C: h DELETE Shared/team@example.org/Next/May
            2S: h OK done
            3C: e NOOP
            3S: * BYE the mailbox has been deleted
            2C: i CREATE Shared/team@example.org/Next/May
            2S: i OK …
            2C: j GETACL Shared/team@example.org/Next/May
            2S: * ACL Shared/team@example.org/Next/May team@example.org lrswipkxteacd ben@example.org lrkxac
            2S: j OK done
            """, logins: logins
        ) { site in
            try await people(site)
            try await grant("lrkxa", to: "ben@example.org", of: "team@example.org", in: site)
        }
    }

    @Test("Subscriptions to others' mailboxes are the subscriber's, and outlive the rights")
    func subscriptions() throws {
        try play(
            """
            2C: a SUBSCRIBE "Other Users/ANNA@example.org"
            2S: a OK done
            2C: b LSUB "" "Other*"
            2S: * LSUB () "/" "Other Users/anna@example.org"
            2S: b OK done
            1C: a LIST (SUBSCRIBED) "" "Other*"
            1S: a OK done
            1C: b DELETEACL INBOX ben@example.org
            1S: b OK done
            2C: c LIST (SUBSCRIBED) "" "Other*"
            2S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "Other Users/anna@example.org"
            2S: c OK done
            2C: d UNSUBSCRIBE "Other Users/anna@example.org"
            2S: d OK done
            2C: e LSUB "" "Other*"
            2S: e OK done
            """, logins: logins
        ) { site in
            try await people(site)
            try await grant("l", to: "ben@example.org", in: site)
        }
    }
}

@Suite("RFC 4314 §4, §5 working in others' mailboxes")
struct IMAPSharedWorkTests {
    @Test("Of flags that are set those are kept that may be, also by APPEND and COPY")
    func flags() throws {
        try play(
            """
            2C: a SELECT "Other Users/anna@example.org"
            2S: * 1 EXISTS
            2S: * 0 RECENT
            2S: * OK [UNSEEN 1] …
            2S: * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded $MDNSent $Junk $NotJunk $Phishing $Important)
            2S: * OK [PERMANENTFLAGS (\\Seen \\Deleted)] flags kept
            2U: a OK [READ-WRITE] …
            1C: a SELECT INBOX
            1U: a OK …
            1C: b STORE 1 FLAGS.SILENT (\\Flagged work)
            1U: b OK done
            2C: b STORE 1 FLAGS (\\Seen \\Answered rest)
            2S: * FLAGS (…work)
            2S: * OK [PERMANENTFLAGS (\\Seen \\Deleted)] flags kept
            2S: * 1 FETCH (FLAGS (\\Seen \\Flagged work))
            2S: b OK done
            1C: c NOOP
            1S: c OK done
            2C: c STORE 1 FLAGS.SILENT (\\Deleted)
            2S: c OK done
            2C: d FETCH 1 FLAGS
            2S: * 1 FETCH (FLAGS (\\Flagged \\Deleted work))
            2S: d OK done
            2C: e APPEND "Other Users/anna@example.org" (\\Seen \\Draft own) {1+}
            2C: x
            2U: e OK [APPENDUID …
            2C: f COPY 1 "Other Users/anna@example.org"
            2U: f OK [COPYUID …
            2C: g UID FETCH 2:3 FLAGS
            2S: * 2 FETCH (UID 2 FLAGS (\\Recent \\Seen))
            2S: * 3 FETCH (UID 3 FLAGS (\\Recent \\Deleted))
            2S: g OK done
            2C: h CLOSE
            2S: h OK done
            1C: d NOOP
            1U: d OK done
            1C: e UID SEARCH ALL
            1S: * SEARCH 1 2 3
            1S: e OK done
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("lrsti", to: "ben@example.org", in: site)
        }
    }

    @Test("Without s nothing is marked as seen by reading it")
    func reading() throws {
        try play(
            """
            2C: a SELECT "Other Users/anna@example.org"
            2U: a OK [READ-WRITE] …
            2C: b FETCH 1 (BODY[HEADER.FIELDS (SUBJECT)])
            2S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {16}
            2S: Subject: one
            2S:
            2S: )
            2S: b OK done
            2C: c FETCH 1 FLAGS
            2S: * 1 FETCH (FLAGS ())
            2S: c OK done
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("lrwi", to: "ben@example.org", in: site)
        }
    }

    @Test("What comes and goes is told to everyone who has the mailbox selected, also in IDLE")
    func news() throws {
        try play(
            """
            2C: a SELECT "Other Users/anna@example.org"
            2U: a OK …
            3C: a SELECT "Other Users/anna@example.org"
            3U: a OK …
            2C: b IDLE
            2S: + idling
            D: two
            2S: * 2 EXISTS
            2S: * …
            3C: b STORE 1 +FLAGS (\\Flagged)
            3S: * 1 FETCH (FLAGS (\\Flagged))
            3S: * 2 EXISTS
            3S: * …
            3S: b OK done
            2S: * 1 FETCH (FLAGS (\\Flagged))
            1C: a SELECT INBOX
            1U: a OK …
            1C: b STORE 2 +FLAGS.SILENT (\\Deleted)
            1S: b OK done
            2S: * 2 FETCH (FLAGS (…\\Deleted))
            1C: c EXPUNGE
            1S: * 2 EXPUNGE
            1S: c OK …
            2S: * 2 EXPUNGE
            2S: * 0 RECENT
            2C: DONE
            2S: b OK done
            3C: c NOOP
            3U: * 2 EXPUNGE
            3S: c OK done
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("lrw", to: "anyone", in: site)
        }
    }

    @Test("Rights that change count at once in sessions that are open")
    func changedRights() throws {
        try play(
            """
            2C: a SELECT "Other Users/anna@example.org"
            2U: a OK [READ-ONLY] …
            3C: a SELECT "Other Users/anna@example.org"
            3U: a OK [READ-ONLY] …
            2C: b STORE 1 +FLAGS.SILENT (\\Seen)
            2S: b OK done
            1C: a SETACL INBOX ben@example.org lr
            1S: a OK done
            2C: c STORE 1 -FLAGS.SILENT (\\Seen)
            2S: * FLAGS (…)
            2S: * OK [PERMANENTFLAGS ()] no flag can be set
            2S: c NO [NOPERM] …
            1C: b SETACL INBOX ben@example.org lrw
            1S: b OK done
            2C: d STORE 1 +FLAGS (\\Flagged)
            2S: * FLAGS (…)
            2S: * OK [PERMANENTFLAGS (\\Answered …)] flags kept
            2S: * 1 FETCH (FLAGS (\\Seen \\Flagged))
            2S: d OK done
            3C: b IDLE
            3S: + idling
            3U: * 1 FETCH (FLAGS (\\Flagged))
            1C: c SETACL INBOX -@example.net r
            1S: c OK done
            3S: * BYE you may not read this mailbox any more
            1C: d DELETEACL INBOX ben@example.org
            1S: d OK done
            2C: e FETCH 1 FLAGS
            2S: * BYE you may not read this mailbox any more
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("lrs", to: "ben@example.org", in: site)
            try await grant("lr", to: "@example.net", in: site)
        }
    }

    @Test("The owner's quota counts, whoever fills the mailbox")
    func quota() throws {
        try play(
            """
            2C: a APPEND "Other Users/anna@example.org" {1+}
            2C: x
            2S: a OK [APPENDUID …
            2C: b APPEND "Other Users/anna@example.org" {1+}
            2C: x
            2S: b NO [OVERQUOTA] …
            2C: c GETQUOTAROOT "Other Users/anna@example.org"
            2S: * QUOTAROOT "Other Users/anna@example.org" anna@example.org
            2S: * QUOTA anna@example.org (MESSAGE 2 2 MAILBOX 6 10000)
            2S: c OK done
            2C: d APPEND INBOX {1+}
            2C: x
            2S: d OK [APPENDUID …
            2C: e SELECT INBOX
            2U: e OK …
            2C: f COPY 1 "Other Users/anna@example.org"
            2S: f NO [OVERQUOTA] …
            1C: a NOOP
            1S: a OK done
            """, messages: [letter("one")], logins: logins
        ) { site in
            try await people(site)
            try await grant("ri", to: "ben@example.org", in: site)
            var rules = MailboxRules()
            rules.messages = .at(2)
            try await site.registry.set(
                rules: rules, of: .account(AccountID(rawValue: site.account)), by: "test", "quota")
        }
    }

    @Test("NOTIFY watches what others share, and who gains or loses a mailbox hears of it")
    func notify() throws {
        try play(
            """
            2C: a NOTIFY SET (subtree Shared (MessageNew MessageExpunge MailboxName)) (personal (MessageNew MessageExpunge))
            2S: a OK done
            E: one
            2S: * STATUS Shared/team@example.org (MESSAGES 1 UIDNEXT 2 UIDVALIDITY …)
            3C: a CREATE Shared/team@example.org/Plans
            3S: a OK …
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org/Plans
            2S: * LIST (\\HasChildren) "/" Shared/team@example.org
            3C: c APPEND Shared/team@example.org/Plans {1+}
            3C: x
            3S: c OK …
            2S: * STATUS Shared/team@example.org/Plans (MESSAGES 1 UIDNEXT 2 UIDVALIDITY …)
            3C: d DELETEACL Shared/team@example.org/Plans ben@example.org
            3S: d OK done
            2S: * LIST (\\NonExistent \\HasNoChildren \\NoAccess) "/" Shared/team@example.org/Plans
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org
            3C: e SETACL Shared/team@example.org/Plans ben@example.org l
            3S: e OK done
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org/Plans
            2S: * LIST (\\HasChildren) "/" Shared/team@example.org
            3C: f SETACL Shared/team@example.org/Plans ben@example.org lr
            3S: f OK done
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org/Plans
            3C: g APPEND Shared/team@example.org/Plans {1+}
            3C: x
            3S: g OK …
            2S: * STATUS Shared/team@example.org/Plans (MESSAGES 2 UIDNEXT 3 UIDVALIDITY …)
            3C: h SETACL Shared/team@example.org/Plans ben@example.org l
            3S: h OK done
            2S: * LIST (\\HasNoChildren \\NoAccess) "/" Shared/team@example.org/Plans
            3C: i APPEND Shared/team@example.org/Plans {1+}
            3C: x
            3S: i OK …
            2C: b NOTIFY SET (subtree Shared (MessageNew MessageExpunge))
            2S: * LIST (\\HasNoChildren \\NoAccess) "/" Shared/team@example.org/Plans
            2S: b OK done
            3C: j SETACL Shared/team@example.org/Plans ben@example.org r
            3S: j OK done
            2S: * LIST (\\NonExistent \\HasNoChildren \\NoAccess) "/" Shared/team@example.org/Plans
            3C: k APPEND Shared/team@example.org/Plans {1+}
            3C: x
            3S: k OK …
            """, logins: logins
        ) { site in
            try await people(site)
            try await grant("lr", to: "ben@example.org", of: "team@example.org", in: site)
            try await grant("lrika", to: "@example.net", of: "team@example.org", in: site)
        }
    }

    @Test(
        "What delivery makes in a shared account is for those who have its INBOX; else for nobody")
    func delivered() throws {
        try play(
            """
            2C: a LIST "" "*/*"
            2S: * LIST (\\HasNoChildren) "/" "Other Users/anna@example.org"
            2S: * LIST (\\HasChildren) "/" Shared/team@example.org
            2S: * LIST (\\HasNoChildren) "/" Shared/team@example.org/plans
            2S: a OK done
            """, logins: logins
        ) { site in
            try await people(site)
            try await site.deliver(letter("x"))
            try await grant("lr", to: "ben@example.org", in: site)
            try await grant("lr", to: "ben@example.org", of: "team@example.org", in: site)
            let team = try await site.registry.account(login: Address("team@example.org"))
            for account in [site.account, try #require(team).id.rawValue] {
                try await site.deliver(letter("one"), mailbox: "plans", to: account)
            }
        }
    }

    @Test("A shared account cannot be logged in with, and takes no password")
    func noLogin() throws {
        try IMAPSite.run { site in
            try await people(site)
            let client = try await site.connect()
            for password in ["correct horse", ""] {
                let answer = try await client.ask("LOGIN team@example.org \"\(password)\"")
                #expect(answer.last?.contains("NO") == true)
            }
            let team = try Address("team@example.org")
            await #expect(throws: DirectoryFailure.self) {
                try await site.registry.setPassword("correct horse", of: team, by: "test")
            }
            await #expect(throws: DirectoryFailure.self) {
                _ = try await site.registry.addAppPassword(
                    "phone", for: [.imap], of: team, by: "test")
            }
            #expect(try await site.registry.account(login: team)?.isShared == true)
        }
    }

    @Test("Who is removed and comes back has no rights")
    func removed() throws {
        try IMAPSite.run { site in
            try await people(site)
            try await grant("lr", to: "ben@example.org", in: site)
            try await grant("t", to: "-ben@example.org", in: site)
            let ben = try Address("ben@example.org")
            try await site.registry.remove(account: ben, by: "test") { id, transaction in
                try Mailboxes.abandon(id.rawValue, in: transaction)
                try Mailboxes.revoke("ben@example.org", in: transaction)
            }
            let box = try #require(try site.mailboxes.find("INBOX", of: site.account))
            #expect(try site.mailboxes.grants(of: box.id).isEmpty)
            try await site.registry.addAccount(ben, password: "correct horse", by: "test")
            let client = try await site.logIn("ben@example.org")
            let answer = try await client.ask("SELECT \(inbox)")
            #expect(answer.last?.contains("NO [NONEXISTENT]") == true)
        }
    }
}
