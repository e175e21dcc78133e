// SPDX-License-Identifier: Apache-2.0

import MessageStore
import SimulatedWorld
import Storage
import Testing
import World

@Suite("RFC 9051 §6.3.2 SELECT by a server that has just started")
struct OpeningTests {
    /// As a server that has just started, which remembers no UIDs.
    private func uids(_ site: IMAPSite) async throws -> [ClosedRange<UInt32>]? {
        let mailboxes = Mailboxes(
            store: site.store, bodies: site.disk.bodies, time: site.simulation)
        return try await mailboxes.open("INBOX", of: site.account)?.uids
    }

    @Test(
        "It knows which messages there are, whether it is on record which have gone or not",
        arguments: [1, 3, 10, 39, 40])
    func afterRemovals(step: Int) throws {
        try IMAPSite.run { site in
            for number in 1...40 { try await site.deliver("Subject: \(number)\r\n\r\nx\r\n") }
            #expect(try await uids(site) == [1...40])
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            let gone = stride(from: 2, through: 40, by: step).map { UInt32($0) }
            for uid in gone { _ = try await client.ask("UID STORE \(uid) +FLAGS (\\Deleted)") }
            _ = try await client.ask("EXPUNGE")
            let left = (1...40).filter { !gone.contains($0) }
            #expect(try await uids(site)?.flatMap { Array($0) } == left)
            try await site.store.write { transaction in
                try transaction.execute("DELETE FROM mailbox_expunged WHERE uid = 2", [])
            }
            #expect(try await uids(site)?.flatMap { Array($0) } == left)
        }
    }

    /// The mark in the row of INBOX.
    private func seenBelow(_ site: IMAPSite) async throws -> UInt32 {
        try await site.store.read { transaction in
            try transaction.first("SELECT seen_below FROM mailbox WHERE name = 'INBOX'") {
                UInt32($0.integer(0))
            } ?? 0
        }
    }

    /// What SELECT says is the first message without \Seen, and what is.
    private func unseen(_ site: IMAPSite) async throws -> (told: UInt32?, first: UInt32?) {
        let opening = try #require(try await site.mailboxes.open("INBOX", of: site.account))
        let told = try await site.mailboxes.firstUnseen(of: opening)
        let rows = try await site.mailboxes.rows(
            1...UInt32.max, of: opening.mailbox.id, limit: 1000)
        return (told, rows.first { !$0.flags.contains(.seen) }?.uid)
    }

    @Test(
        "Whatever is done, the first unseen message is found, and none is below the mark",
        arguments: 1...10)
    func firstUnseen(seed: UInt64) throws {
        try IMAPSite.run(seed: seed) { site in
            var chance = Chance(seed: seed, stream: 2)
            let client = try await site.logIn()
            _ = try await client.ask("CREATE Other")
            _ = try await client.ask("SELECT INBOX")
            for _ in 0..<120 {
                let count = 1 + chance.below(30)
                let first = 1 + chance.below(count)
                let command =
                    switch chance.below(10) {
                    case 0, 1: ""
                    case 2, 3: "UID STORE \(first):\(count) +FLAGS.SILENT (\\Seen)"
                    case 4: "UID STORE \(first),\(count) -FLAGS.SILENT (\\Seen)"
                    case 5: "APPEND INBOX (\\Seen) {8+}\r\na: b\r\n\r\n"
                    case 6: "UID STORE \(first) +FLAGS (\\Deleted)"
                    case 7: "EXPUNGE"
                    case 8: "UID MOVE \(first):\(count) Other"
                    default: "UID COPY \(first):\(count) INBOX"
                    }
                if command.isEmpty {
                    try await site.deliver("Subject: x\r\n\r\nx\r\n")
                } else {
                    _ = try await client.ask(command)
                }
                let (told, found) = try await unseen(site)
                #expect(told == found, "\(command)")
                let mark = try await seenBelow(site)
                let box = try #require(try site.mailboxes.find("INBOX", of: site.account))
                #expect(mark <= found ?? box.uidNext, "\(command)")
                if found == nil { #expect(mark == box.uidNext, "\(command)") }
            }
        }
    }

    /// The mark of who looks into INBOX; nil: its owner.
    private func mark(_ site: IMAPSite, of account: Int64?) async throws -> UInt32? {
        guard let account else { return try await seenBelow(site) }
        return try await site.store.read { transaction in
            try transaction.first(
                "SELECT seen_below FROM mailbox_reader WHERE account_id = ?", [.integer(account)]
            ) { UInt32($0.integer(0)) }
        }
    }

    @Test(
        "A mark that is far behind is moved by the first who looks from there, owner or reader",
        arguments: [nil, 4711] as [Int64?])
    func farUnseen(account: Int64?) throws {
        try IMAPSite.run { site in
            for _ in 1...300 { try await site.deliver("Subject: x\r\n\r\nx\r\n") }
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            func store(
                _ change: Mailboxes.FlagChange, _ uids: ClosedRange<UInt32>
            ) async throws -> UInt32? {
                _ = try await site.mailboxes.store(
                    change, ["\\Seen"], of: [uids], in: id, by: account)
                return try await mark(site, of: account)
            }
            func told() async throws -> UInt32? {
                let opening = try #require(try await site.mailboxes.open("INBOX", of: site.account))
                return try await site.mailboxes.firstUnseen(of: opening, by: account)
            }
            #expect(try await told() == 1)
            #expect(try await store(.add, 2...299) == 1)
            #expect(try await store(.add, 1...1) == 2)
            #expect(try await told() == 300)
            #expect(try await mark(site, of: account) == 300)
            #expect(try await store(.remove, 7...8) == 7)
            #expect(try await told() == 7)
            #expect(try await store(.add, 1...300) == 301)
            #expect(try await told() == nil)
            try await site.deliver("Subject: x\r\n\r\nx\r\n")
            #expect(try await told() == 301)
        }
    }

    @Test("What a reader puts there and has seen moves his mark; who is forgotten begins anew")
    func readersMark() throws {
        try IMAPSite.run { site in
            try await site.mailboxes.furnish(site.account)
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            let reader: Int64 = 4711
            for number in 1...3 {
                let content = Content.ID(value: Int64(number))
                let time = site.simulation.timestamp
                try await site.store.write { transaction in
                    try Content.insert(content, octets: 1, .octets([120]), in: transaction)
                    _ = try Mailboxes.append(
                        [
                            Mailboxes.Appended(
                                content: content, octets: 1,
                                flags: number < 3 ? ["\\Seen"] : [], internalDate: time)
                        ], to: id, at: time, by: reader, in: transaction)
                }
            }
            func told() async throws -> UInt32? {
                let opening = try #require(try await site.mailboxes.open("INBOX", of: site.account))
                return try await site.mailboxes.firstUnseen(of: opening, by: reader)
            }
            #expect(try await mark(site, of: reader) == 3)
            #expect(try await told() == 3)
            try await site.mailboxes.forgetReader(reader, of: id)
            #expect(try await told() == 1)
        }
    }
}
