// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Mail
import MessageStore
import Storage
import Testing
import World

private func letter(_ subject: String) -> String { "Subject: \(subject)\r\n\r\nbody\r\n" }

@Suite("In others' mailboxes everybody has seen what he has seen")
struct SeenByReadersTests {
    @Test("Reading marks for the reader alone, and for all his sessions")
    func own() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            1C: b STORE 2 +FLAGS.SILENT (\\Seen)
            1S: b OK done
            2C: a SELECT \(inbox)
            2U: * OK [UNSEEN 1] …
            2U: a OK …
            3C: a SELECT \(inbox)
            3U: a OK …
            4C: a SELECT \(inbox)
            4U: a OK …
            2C: b FETCH 1:2 FLAGS
            2S: * 1 FETCH (FLAGS ())
            2S: * 2 FETCH (FLAGS ())
            2S: b OK done
            2C: c FETCH 1 (BODY[HEADER.FIELDS (SUBJECT)])
            2S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {16}
            2S: Subject: one
            2S:
            2S:  FLAGS (\\Seen))
            2S: c OK done
            4C: b NOOP
            4S: * 1 FETCH (FLAGS (\\Seen))
            4S: b OK done
            1C: c NOOP
            1S: c OK done
            3C: b NOOP
            3S: b OK done
            2C: d STORE 3 FLAGS (\\Seen \\Flagged)
            2S: * 3 FETCH (FLAGS (\\Seen \\Flagged))
            2S: d OK done
            3C: c NOOP
            3S: * 3 FETCH (FLAGS (\\Flagged))
            3S: c OK done
            1C: d NOOP
            1S: * 3 FETCH (FLAGS (\\Flagged))
            1S: d OK done
            4C: c NOOP
            4S: * 3 FETCH (FLAGS (\\Seen \\Flagged))
            4S: c OK done
            4C: d STORE 1 -FLAGS.SILENT (\\Seen)
            4S: d OK done
            2C: e SEARCH UNSEEN
            2S: * SEARCH 1 2
            2S: * 1 FETCH (FLAGS ())
            2S: e OK done
            2C: f SEARCH SEEN FLAGGED
            2S: * SEARCH 3
            2S: f OK done
            1C: e SEARCH UNSEEN
            1S: * SEARCH 1 3
            1S: e OK done
            1C: f STATUS INBOX (UNSEEN)
            1S: * STATUS INBOX (UNSEEN 2)
            1S: f OK done
            4C: e STATUS \(inbox) (UNSEEN)
            4S: * STATUS \(inbox) (UNSEEN 2)
            4S: e OK done
            3C: d LIST "" "Other Users/*" RETURN (STATUS (MESSAGES UNSEEN))
            3S: * LIST (\\HasNoChildren) "/" \(inbox)
            3S: * STATUS \(inbox) (MESSAGES 3 UNSEEN 3)
            3S: d OK done
            """, messages: ["one", "two", "three"].map(letter), logins: logins
        ) { try await people($0) }
    }

    @Test("Who was away hears of his own marks by QRESYNC, and not of other people's")
    func resynchronization() throws {
        try play(
            """
            2C: a ENABLE QRESYNC
            2U: a OK …
            2C: b SELECT \(inbox)
            2U: b OK …
            2C: c CLOSE
            2S: c OK …
            4C: a SELECT \(inbox)
            4U: a OK …
            4C: b STORE 1 +FLAGS.SILENT (\\Seen)
            4S: b OK done
            1C: a SELECT INBOX
            1U: a OK …
            1C: b STORE 3 +FLAGS.SILENT (\\Answered)
            1S: b OK done
            3C: a SELECT \(inbox)
            3U: a OK …
            3C: b STORE 2 +FLAGS.SILENT (\\Seen)
            3S: b OK done
            2C: d SELECT \(inbox) (QRESYNC (1793534400 4 1:3))
            2U: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (5))
            2S: * 3 FETCH (UID 3 FLAGS (\\Answered) MODSEQ (6))
            2S: d OK …
            2C: e UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)
            2S: * 3 FETCH (UID 3 FLAGS (\\Answered) MODSEQ (6))
            2S: e OK done
            4C: c STORE 1 -FLAGS.SILENT (\\Seen)
            4S: * 3 FETCH (FLAGS (\\Answered))
            4S: c OK done
            2C: f STORE 1,3 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Seen)
            2S: * 3 FETCH (UID 3 MODSEQ (9))
            2S: * 1 FETCH (UID 1 FLAGS () MODSEQ (8))
            2S: f OK [MODIFIED 1] …
            2C: g FETCH 1:3 (FLAGS MODSEQ)
            2S: * 1 FETCH (FLAGS () MODSEQ (8))
            2S: * 2 FETCH (FLAGS () MODSEQ (3))
            2S: * 3 FETCH (FLAGS (\\Seen \\Answered) MODSEQ (9))
            2S: g OK done
            """, messages: ["one", "two", "three"].map(letter), logins: logins
        ) { try await people($0) }
    }

    @Test("RFC 7162 §3.1.4.2 the owner's \\Seen is told to nobody else, and makes nothing newer")
    func ownersSeen() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a ENABLE CONDSTORE
            2U: a OK …
            2C: b SELECT \(inbox)
            2U: b OK …
            1C: b STORE 1:2 +FLAGS.SILENT (\\Seen)
            1S: b OK done
            2C: c NOOP
            2S: c OK done
            1C: c STORE 1 FLAGS.SILENT (\\Answered)
            1S: c OK done
            1C: d STORE 2 -FLAGS.SILENT (\\Seen)
            1S: d OK done
            2C: d NOOP
            2S: * 1 FETCH (UID 1 FLAGS (\\Answered) MODSEQ (6))
            2S: d OK done
            2C: e STATUS \(inbox) (HIGHESTMODSEQ)
            2S: * STATUS \(inbox) (HIGHESTMODSEQ 7)
            2S: e OK done
            1C: e STORE 1 +FLAGS.SILENT (\\Seen)
            1S: e OK done
            2C: f STORE 1:2 (UNCHANGEDSINCE 6) +FLAGS.SILENT (\\Flagged)
            2S: * 1 FETCH (UID 1 MODSEQ (9))
            2S: * 2 FETCH (UID 2 MODSEQ (9))
            2S: f OK done
            2C: g SEARCH MODSEQ 5
            2S: * SEARCH 1 2 (MODSEQ 9)
            2S: g OK done
            1C: f NOOP
            1S: * 1 FETCH (FLAGS (\\Seen \\Answered \\Flagged))
            1S: * 2 FETCH (FLAGS (\\Flagged))
            1S: f OK done
            """, messages: ["one", "two", "three"].map(letter), logins: logins
        ) { try await people($0) }
    }

    @Test("What is copied, moved and appended takes the marks of who does it along")
    func carried() throws {
        try play(
            """
            2C: a SELECT \(inbox)
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Seen \\Flagged)
            2S: b OK done
            1C: a SELECT INBOX
            1U: a OK …
            1C: b STORE 2 +FLAGS.SILENT (\\Seen)
            1S: b OK done
            2C: c COPY 1:2 INBOX
            2S: c OK …
            2C: d COPY 1 \(inbox)
            2U: d OK …
            2C: e APPEND \(inbox) (\\Seen \\Answered) {1+}
            2C: x
            2U: e OK …
            2C: f FETCH 1:* FLAGS
            2S: * 1 FETCH (FLAGS (\\Seen \\Flagged))
            2S: * 2 FETCH (FLAGS ())
            2S: * 3 FETCH (FLAGS (…\\Seen \\Flagged))
            2S: * 4 FETCH (FLAGS (…\\Seen \\Answered))
            2S: f OK done
            1C: c UID FETCH 1:* FLAGS
            1U: c OK …
            1C: d FETCH 1:4 FLAGS
            1S: * 1 FETCH (FLAGS (\\Flagged))
            1S: * 2 FETCH (FLAGS (\\Seen))
            1S: * 3 FETCH (FLAGS (\\Flagged))
            1S: * 4 FETCH (FLAGS (\\Answered))
            1S: d OK done
            2C: g MOVE 1:2 INBOX
            2U: g OK done
            2C: h STATUS \(inbox) (MESSAGES UNSEEN)
            2S: * STATUS \(inbox) (MESSAGES 2 UNSEEN 0)
            2S: h OK done
            2C: i SELECT INBOX
            2U: i OK …
            2C: j FETCH 1:4 FLAGS
            2S: * 1 FETCH (FLAGS (…\\Seen \\Flagged))
            2S: * 2 FETCH (FLAGS (…))
            2S: * 3 FETCH (FLAGS (…\\Seen \\Flagged))
            2S: * 4 FETCH (FLAGS (…))
            2S: j OK done
            2C: k SEARCH SEEN
            2S: * SEARCH 1 3
            2S: k OK done
            2C: l MOVE 1,4 \(inbox)
            2U: l OK done
            2C: m STATUS \(inbox) (MESSAGES UNSEEN)
            2S: * STATUS \(inbox) (MESSAGES 4 UNSEEN 1)
            2S: m OK done
            2C: n STATUS INBOX (MESSAGES UNSEEN)
            2S: * STATUS INBOX (MESSAGES 2 UNSEEN 1)
            2S: n OK done
            1C: e STATUS INBOX (MESSAGES UNSEEN)
            1U: * STATUS INBOX (MESSAGES 4 UNSEEN 4)
            1U: e OK …
            """, messages: ["one", "two"].map(letter), logins: logins
        ) { try await people($0) }
    }

    @Test("Who may not read a mailbox any more, and who goes, has left nothing there")
    func forgotten() throws {
        try IMAPSite.run { site in
            for name in ["one", "two"] { try await site.deliver(letter(name)) }
            try await people(site)
            let anna = try await site.logIn()
            for login in ["ben@example.org", "cleo@example.net"] {
                let client = try await site.logIn(login)
                _ = try await client.ask("SELECT \(inbox)")
                _ = try await client.ask("STORE 1:2 +FLAGS (\\Seen)")
                await client.close()
            }
            #expect(try await site.seenRows() == 4)
            _ = try await anna.ask("SETACL INBOX ben@example.org ls")
            #expect(try await site.seenRows() == 2)
            _ = try await anna.ask("SETACL INBOX ben@example.org lrs")
            let ben = try await site.logIn("ben@example.org")
            let status = try await ben.ask("STATUS \(inbox) (UNSEEN)")
            #expect(status.first == "* STATUS \(inbox) (UNSEEN 2)")
            try await site.registry.remove(account: Address("cleo@example.net"), by: "test") {
                try Mailboxes.abandon($0.rawValue, in: $1)
            }
            #expect(try await site.seenRows() == 0)
            // A mailbox that goes for good takes it along.
            _ = try await anna.ask("CREATE Work")
            _ = try await anna.ask("SETACL Work ben@example.org lrswite")
            _ = try await ben.ask("SELECT \"Other Users/anna@example.org/Work\"")
            _ = try await ben.ask(
                "APPEND \"Other Users/anna@example.org/Work\" (\\Seen) {1+}\r\nx")
            #expect(try await site.seenRows() == 1)
            site.mailboxes.undeleteWindow = .zero
            _ = try await anna.ask("DELETE Work")
            #expect(try await site.seenRows() == 0)
        }
    }

    @Test("What readers have seen is told one by one for a copy, and comes back from it")
    func copied() throws {
        try IMAPSite.run { site in
            for _ in 1...12 { try await site.deliver(letter("x")) }
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            let seen: [(account: Int64, uids: NumberSet)] = [
                (4711, NumberSet([1...4, 6...6, 12...12])), (4712, NumberSet()),
                (5000, NumberSet(1...12)),
            ]
            for (account, uids) in seen {
                _ = try await site.mailboxes.store(
                    .add, ["\\Seen"], of: [1...12], in: id, by: account)
                _ = try await site.mailboxes.store(
                    .remove, ["\\Seen"], of: NumberSet(1...12).subtracting(uids).ranges, in: id,
                    by: account)
            }
            func told() async throws -> [String] {
                var (told, last) = ([String](), Int64(0))
                while let next = try await site.mailboxes.seen(in: id, byReaderAfter: last) {
                    told.append("\(next.account) \(next.uids)")
                    last = next.account
                }
                return told
            }
            #expect(try await told() == ["4711 1:4,6,12", "4712 ", "5000 1:12"])
            for (account, _) in seen {
                try await site.mailboxes.forgetReader(account, of: id)
            }
            #expect(try await told() == [])
            // Of messages that are not there nothing is kept.
            try await site.mailboxes.adoptSeen(
                NumberSet([3...6, 12...UInt32.max]), in: id, by: 4712)
            #expect(try await told() == ["4712 3:6,12"])
            #expect(try await site.seenRowsAreRight())
        }
    }

    @Test("NOTIFY counts what the one who asks has not seen")
    func notify() throws {
        try play(
            """
            2C: a NOTIFY SET STATUS (subtree "Other Users" (MessageNew MessageExpunge FlagChange))
            2S: * STATUS \(inbox) (MESSAGES 1 UIDNEXT 2 UIDVALIDITY …)
            2S: a OK done
            4C: a SELECT \(inbox)
            4U: a OK …
            4C: b STORE 1 +FLAGS.SILENT (\\Seen)
            4S: b OK done
            2S: * STATUS \(inbox) (UNSEEN 0 UIDVALIDITY …)
            """, messages: [letter("one")], logins: logins
        ) { try await people($0) }
    }

    @Test(
        "Whatever three people do in two sessions each, everybody sees his own",
        arguments: 1...12 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        try IMAPSite.run(seed: seed) { site in
            for name in ["one", "two", "three"] { try await site.deliver(letter(name)) }
            try await people(site)
            var random = Steps(state: seed)
            let names = ["anna@example.org", "ben@example.org", "cleo@example.net"]
            var sessions: [(person: Int, client: IMAPClient)] = []
            for person in [0, 1, 2, 1, 2] {
                let client = try await site.logIn(names[person])
                _ = try await client.ask("ENABLE CONDSTORE")
                _ = try await client.ask("SELECT \(person == 0 ? "INBOX" : inbox)")
                sessions.append((person, client))
            }
            // What a UID has, and who has seen it.
            var model: [Int: (seen: Set<Int>, isFlagged: Bool)] = [
                1: ([], false), 2: ([], false), 3: ([], false),
            ]
            var nextUID = 4
            let accounts = try await Self.numbers(of: names, site)
            for _ in 1...40 {
                let (person, client) = sessions[random.next(below: sessions.count)]
                let place = person == 0 ? "INBOX" : inbox
                let uid = random.next(below: nextUID) + 1
                // Commands mean what a session knows of.
                _ = try await client.ask("NOOP")
                switch random.next(below: 10) {
                case 0...3:
                    let isSet = random.next(below: 3) > 0
                    _ = try await client.ask(
                        "UID STORE \(uid) \(isSet ? "+" : "-")FLAGS (\\Seen)")
                    if isSet {
                        model[uid]?.seen.insert(person)
                    } else {
                        model[uid]?.seen.remove(person)
                    }
                case 4:
                    _ = try await client.ask("UID STORE \(uid) FLAGS (\\Flagged)")
                    model[uid]?.isFlagged = true
                    model[uid]?.seen.remove(person)
                case 5, 6:
                    let isSeen = random.next(below: 2) == 0
                    _ = try await client.ask(
                        "APPEND \(place) (\(isSeen ? "\\Seen" : "")) {1+}\r\nx")
                    model[nextUID] = (isSeen ? [person] : [], false)
                    nextUID += 1
                case 7:
                    _ = try await client.ask("UID COPY \(uid) \(place)")
                    guard let copied = model[uid] else { break }
                    model[nextUID] = (copied.seen.intersection([person]), copied.isFlagged)
                    nextUID += 1
                case 8:
                    _ = try await client.ask("UID FETCH \(uid) BODY[]")
                    model[uid]?.seen.insert(person)
                default:
                    _ = try await client.ask("UID STORE \(uid) +FLAGS.SILENT (\\Deleted)")
                    _ = try await client.ask("UID EXPUNGE \(uid)")
                    model[uid] = nil
                }
                let opening = try #require(try await site.mailboxes.open("INBOX", of: site.account))
                for (person, account) in accounts.enumerated() {
                    let first = try await site.mailboxes.firstUnseen(of: opening, by: account)
                    #expect(first.map { Int($0) } == unseen(model, person).first)
                }
            }
            for (person, client) in sessions {
                let place = person == 0 ? "INBOX" : inbox
                _ = try await client.ask("NOOP")
                let unseen = unseen(model, person)
                let found = try await client.ask("UID SEARCH UNSEEN")
                #expect(
                    found.first?.trimmingSuffix(" ")
                        == (["* SEARCH"] + unseen.map { "\($0)" }).joined(separator: " "))
                let status = try await client.ask("STATUS \(place) (MESSAGES UNSEEN)")
                #expect(
                    status.first
                        == "* STATUS \(place) (MESSAGES \(model.count) UNSEEN \(unseen.count))")
                let flags = try await client.ask("UID FETCH 1:* (FLAGS)").dropLast()
                let wanted = model.sorted { $0.key < $1.key }.map { uid, message in
                    [message.seen.contains(person) ? "\\Seen" : nil]
                        + [message.isFlagged ? "\\Flagged" : nil]
                }.map { $0.compactMap(\.self).joined(separator: " ") }
                #expect(
                    flags.map { line in
                        String(line.split(separator: "FLAGS (").last?.prefix { $0 != ")" } ?? "")
                            .replacing("\\Recent ", with: "").replacing("\\Recent", with: "")
                    } == wanted, "\(person): \(flags)")
            }
            #expect(try await site.seenRowsAreRight())
            #expect(try await site.countersAreRight())
        }
    }

    /// The numbers of accounts.
    private static func numbers(of logins: [String], _ site: IMAPSite) async throws -> [Int64] {
        var numbers: [Int64] = []
        for login in logins {
            let account = try #require(try await site.registry.account(login: Address(login)))
            numbers.append(account.id.rawValue)
        }
        return numbers
    }

    /// What somebody has not seen, rising.
    private func unseen(
        _ model: [Int: (seen: Set<Int>, isFlagged: Bool)], _ person: Int
    ) -> [Int] {
        model.filter { !$0.value.seen.contains(person) }.keys.sorted()
    }

    private struct Steps {
        var state: UInt64

        mutating func next(below bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

extension IMAPSite {
    /// How many marks of people in others' mailboxes there are.
    fileprivate func seenRows() async throws -> Int {
        try await store.read { transaction in
            try transaction.first("SELECT count(*) FROM mailbox_seen") { Int($0.integer(0)) } ?? 0
        }
    }

    /// Whether every mark is of a message that is there, and the counters count them.
    fileprivate func seenRowsAreRight() async throws -> Bool {
        try await store.read { transaction in
            let lost = try transaction.first(
                """
                SELECT count(*) FROM mailbox_seen LEFT JOIN mailbox_message
                    ON mailbox_id = seen_mailbox_id AND uid = seen_uid WHERE uid IS NULL
                """
            ) { $0.integer(0) }
            let wrong = try transaction.first(
                """
                SELECT count(*) FROM mailbox_reader WHERE seen <> (SELECT count(*) FROM mailbox_seen
                    WHERE seen_mailbox_id = mailbox_id AND reader_id = account_id AND is_seen = 1)
                """
            ) { $0.integer(0) }
            return lost == 0 && wrong == 0
        }
    }
}

private let inbox = "\"Other Users/anna@example.org\""

/// Anna, whose mailboxes they are, is client 1; Ben is clients 2 and 4, Cleo 3.
private let logins: [Character: String] = [
    "1": "anna@example.org", "2": "ben@example.org", "3": "cleo@example.net",
    "4": "ben@example.org",
]

/// Everybody may do everything with messages of Anna's INBOX.
@Sendable private func people(_ site: IMAPSite) async throws {
    try await site.registry.add(domain: LocalDomain(Domain("example.net")), by: "test")
    try await site.mailboxes.furnish(site.account)
    let box = try #require(try site.mailboxes.find(Mailboxes.inbox, of: site.account))
    for login in ["ben@example.org", "cleo@example.net"] {
        try await site.registry.addAccount(
            Address(login), password: "correct horse", by: "test")
        try await site.mailboxes.change(
            rightsOf: login, to: box.id,
            by: ACLChange(manner: .replace, rights: AccessRights(letters: Array("lrswite".utf8))))
    }
}
