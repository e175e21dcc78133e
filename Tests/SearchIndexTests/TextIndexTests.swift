// SPDX-License-Identifier: Apache-2.0

import IMAP
import MessageStore
import SimulatedWorld
import Storage
import Summary
import Testing
import World

@testable import SearchIndex

/// A clock that stands still.
private struct StoppedClock: Time {
    var timestamp: Timestamp { Timestamp(seconds: 1_790_000_000) }
    var now: Instant { Instant(nanoseconds: 0) }
    func sleep(until deadline: Instant) async throws(CancellationError) {}
}

@Suite("RFC 9051 §6.4.4 BODY and TEXT by an index")
struct TextIndexTests {
    private struct World: Sendable {
        let store: SQLiteStore
        let mailboxes: Mailboxes
        let index: TextIndex

        /// Puts a message into INBOX of account 1.
        func deliver(
            _ message: String, id: Int64, prefix: String = "", summarized: Bool = false
        ) async throws {
            let octets = Array(message.replacing("\n", with: "\r\n").utf8)
            let content = Content.ID(value: id)
            let summary = summarized ? StoredSummary(of: octets) : nil
            try await store.write { transaction in
                try Content.insert(
                    content, octets: octets.count, .octets(octets), in: transaction)
                try summary?.insert(of: content, in: transaction)
                try Mailboxes.deliver(
                    content, octets: octets.count, prefix: prefix, to: 1,
                    at: Timestamp(seconds: 1_790_000_000), passingReference: true,
                    in: transaction)
            }
        }

        /// What the index says of each message of INBOX, by UID; `?` where it does not know.
        func verdicts(_ field: SearchKey.TextField, _ key: String) async throws -> String? {
            let inbox = try #require(try mailboxes.find(Mailboxes.inbox, of: 1))
            guard
                let matches = try await index.matches(
                    field, SearchText.key(key), in: inbox.id, uidValidity: inbox.uidValidity)
            else { return nil }
            return try await mailboxes.rows(1...1000, of: inbox.id, limit: 1000).map { row in
                let verdict = matches.verdict(uid: row.uid)
                #expect(verdict == false || matches.possible.contains(row.uid))
                return verdict.map { $0 ? "+" : "-" } ?? "?"
            }.joined()
        }
    }

    private static func run(
        _ time: any Time = StoppedClock(),
        _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let store = try SQLiteStore(on: MemoryDisk(), schema: [.messageStore, .searchIndex])
        let mailboxes = Mailboxes(
            store: store, bodies: MemoryBodyFiles(), time: time)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            defer { group.cancelAll() }
            try await body(
                World(
                    store: store, mailboxes: mailboxes, index: TextIndex(store, of: mailboxes)))
        }
    }

    @Test("What is indexed is found exactly, what is not is not taken for missing")
    func lagging() async throws {
        try await Self.run { world in
            try await world.deliver("Subject: Gr\u{FC}\u{DF}e\n\nSch\u{F6}ne Welt\n", id: 1 << 60)
            try await world.deliver("Subject: x\n\ngr\u{FC}sse\n", id: 1 << 61)
            #expect(try await world.verdicts(.body, "welt") == nil)
            #expect(try await world.index.catchUp() == 2)
            #expect(try await world.verdicts(.body, "SCHONE  w") == "+-")
            #expect(try await world.verdicts(.body, "gr\u{FC}\u{DF}e") == "-+")
            #expect(try await world.verdicts(.text, "gruss") == "++")
            #expect(try await world.verdicts(.text, "subject: g") == "+-")
            #expect(try await world.verdicts(.body, "absent") == "--")
            try await world.deliver("\nwelt\n", id: 7)
            #expect(try await world.verdicts(.body, "welt") == "+-?")
            #expect(try await world.index.catchUp() == 1)
            #expect(try await world.verdicts(.body, "welt") == "+-+")
            #expect(try await world.index.catchUp() == 0)
        }
    }

    @Test("While mailboxes change quickly the index takes little time, and the rest behind it")
    func pace() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            try await Self.run(simulation) { world in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await world.index.run(time: simulation, pause: .milliseconds(50))
                    }
                    for round in 0..<200 {
                        if round == 20 {
                            for id in 1...400 {
                                try await world.deliver("\nwelt\n", id: Int64(id))
                            }
                        }
                        world.mailboxes.changes.signal(1)
                        try await simulation.sleep(for: .milliseconds(20))
                    }
                    let busy = try await world.verdicts(.body, "welt")?.count { $0 == "+" } ?? 0
                    #expect((16...100).contains(busy), "in four busy seconds: \(busy)")
                    try await simulation.sleep(for: .milliseconds(1500))
                    #expect(
                        try await world.verdicts(.body, "welt")?.count { $0 == "+" } == 400)
                    group.cancelAll()
                }
            }
        }
    }

    @Test("Keys that an index of three letters cannot answer, and keys full of its syntax")
    func keys() async throws {
        try await Self.run { world in
            try await world.deliver(
                "\nsay \"hi\" AND (body : x*) ^a 100% \u{6F22}\u{5B57}\n", id: 1)
            try await world.index.catchUp()
            #expect(try await world.verdicts(.body, "hi") == nil)
            #expect(try await world.verdicts(.from, "hello") == nil)
            #expect(try await world.verdicts(.body, String(repeating: "a", count: 501)) == nil)
            for key in ["\"hi\"", "and (", "body : x*)", "^a 1", "0% ", "\u{6F22}\u{5B57}\n"] {
                #expect(try await world.verdicts(.body, key) == "+", "\(key)")
            }
            for key in ["\"hi AND", "body:", "hi*", "nothing OR say", "\"\"\""] {
                #expect(try await world.verdicts(.body, key) == "-", "\(key)")
            }
        }
    }

    @Test("Fields before the message count for TEXT, per mailbox")
    func prefix() async throws {
        try await Self.run { world in
            try await world.deliver("\nx\n", id: 1, prefix: "Return-Path: <A@b.example>\r\n")
            try await world.deliver("\nx\n", id: 2)
            try await world.index.catchUp()
            #expect(try await world.verdicts(.text, "a@b.ex") == "+-")
            #expect(try await world.verdicts(.text, "path: <a@b") == "+-")
            #expect(try await world.verdicts(.body, "a@b.ex") == "--")
        }
    }

    @Test("Attachments are left out of what is read, and their message is found all the same")
    func attachments() async throws {
        @Sendable func message(_ type: String, _ last: String) -> String {
            let filler = String(
                repeating: String(repeating: "QUJD", count: 18) + "\n", count: 9_000)
            return """
                Subject: large
                Content-Type: multipart/mixed; boundary=b

                --b

                first words
                --b
                Content-Type: \(type); name=Picture.png
                Content-Transfer-Encoding: base64

                \(filler)
                --b

                \(last) words
                --b--

                """
        }
        try await Self.run { world in
            for (number, (type, last)) in [("image/png", "last"), ("message/report", "end")]
                .enumerated()
            {
                try await world.deliver(
                    message(type, last), id: Int64(number + 1), summarized: true)
            }
            // Where the parts stand is not known here.
            try await world.deliver(message("image/png", "last"), id: 3)
            try await world.index.catchUp()
            for (key, found) in [
                ("first w", "+??"), ("last words", "+??"), ("abcabc", "-??"), ("end w", "-??"),
            ] {
                #expect(try await world.verdicts(.body, key) == found, "\(key)")
            }
            #expect(try await world.verdicts(.text, "picture.p") == "+??")
        }
    }

    @Test("A huge text is looked at itself")
    func huge() async throws {
        try await Self.run { world in
            let filler = String(repeating: "many words ", count: 20_000)
            try await world.deliver("\nfirst \(filler) last\n", id: 1)
            try await world.deliver("\nother\n", id: 2)
            try await world.index.catchUp()
            #expect(try await world.verdicts(.body, "first") == "?-")
            #expect(try await world.verdicts(.body, "s last") == "?-")
        }
    }

    @Test("A message that is in two mailboxes is indexed once, one that has gone does not matter")
    func copies() async throws {
        try await Self.run { world in
            try await world.deliver("\nshared text\n", id: 1)
            try await world.store.write { transaction in
                try Mailboxes.deliver(
                    Content.ID(value: 1), octets: 15, to: 2,
                    at: Timestamp(seconds: 1_790_000_000), in: transaction)
            }
            #expect(try await world.index.catchUp() == 2)
            let documents = try await world.store.read { transaction in
                try transaction.first("SELECT count(*) FROM search_document", []) { $0.integer(0) }
            }
            #expect(documents == 1)
            try await world.deliver("\nshort lived\n", id: 2)
            try await world.store.write { transaction in
                try transaction.execute("DELETE FROM mailbox_message WHERE content_id = 2", [])
            }
            try await world.deliver("\nlong lived\n", id: 3)
            try await world.index.catchUp()
            #expect(try await world.verdicts(.body, "lived") == "-+")
        }
    }

    @Test("Made anew it is what it was")
    func rebuild() async throws {
        try await Self.run { world in
            for number in 1...40 {
                try await world.deliver("\nmessage number \(number)!\n", id: Int64(number))
            }
            try await world.index.catchUp()
            let before = try await world.verdicts(.body, "number 3")
            #expect(before?.filter { $0 == "+" }.count == 11)
            try await world.index.rebuild()
            #expect(try await world.verdicts(.body, "number 3") == nil)
            #expect(try await world.index.sizes().indexed == 0)
            try await world.index.catchUp()
            #expect(try await world.verdicts(.body, "number 3") == before)
        }
    }

    @Test("By chance: what the index says is what the texts say")
    func chance() async throws {
        try await Self.run { world in
            var state: UInt64 = 3
            func chance(_ limit: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % limit
            }
            let letters = Array("abc \u{E4}\u{DF}\u{3B1}.\"-\n")
            var texts: [SearchText] = []
            for number in 1...60 {
                let body = String(
                    (0..<(20 + chance(200))).map { _ in letters[chance(letters.count)] })
                let message = "Subject: \(number)\n\n\(body)\n"
                texts.append(SearchText(Array(message.utf8)))
                try await world.deliver(message, id: Int64(number))
            }
            try await world.index.catchUp()
            for _ in 0..<300 {
                let key = String((0..<(3 + chance(4))).map { _ in letters[chance(letters.count)] })
                guard let said = try await world.verdicts(.body, key) else { continue }
                let wanted = texts.map { $0.matches(.body, SearchText.key(key)) ? "+" : "-" }
                #expect(said == wanted.joined(), "\(key.debugDescription)")
            }
        }
    }
}
