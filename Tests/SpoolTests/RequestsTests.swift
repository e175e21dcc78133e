// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import MessageStore
import Storage
import Testing
import World

@testable import Spool

@Suite("What a sender asks for by extensions is kept")
struct RequestsTests {
    @Test("Usual mail takes no room for it")
    func usual() async throws {
        try await Post.run { post in
            try await post.accept()
            #expect(
                try await post.count(
                    "SELECT count(*) FROM message WHERE parameters IS NOT NULL") == 0)
            #expect(
                try await post.count(
                    "SELECT count(*) FROM recipient WHERE parameters IS NOT NULL") == 0)
            let due = try #require(try await post.claimAll().first)
            #expect(due.message.requests == Envelope.Requests())
            #expect(due.message.body == .sevenBit)
            #expect(due.notify == nil && due.originalRecipient == nil)
        }
    }

    @Test(
        "Body, requests, NOTIFY and ORCPT come back as they went in",
        arguments: try Self.envelopes())
    func roundTrip(_ envelope: Envelope) async throws {
        try await Post.run { post in
            var draft = post.intake.open()
            try await draft.append([1, 2, 3][...])
            let id = try await draft.commit(Acceptance(envelope))
            let entry = try #require(try await post.spooler.entry(id))
            #expect(entry.requests == envelope.requests)
            #expect(entry.body == envelope.body)
            #expect(entry.recipients.map(\.notify) == envelope.recipients.map(\.notify))
            #expect(
                entry.recipients.map(\.originalRecipient)
                    == envelope.recipients.map(\.originalRecipient))
            post.clock.advance(.days(2))
            let due = try await post.claimAll()
            #expect(due.map(\.asked) == envelope.recipients)
            #expect(due.allSatisfy { $0.message.requests == envelope.requests })
            #expect(due.allSatisfy { $0.message.body == envelope.body })
        }
    }

    @Test("A message to be released later is not due before, and not handed over")
    func held() async throws {
        try await Post.run(handover: Arrivals()) { post in
            let release = post.clock.timestamp + .hours(30)
            var envelope = Envelope(
                from: .null, to: [Envelope.Recipient(try Address("ben@example.net"))])
            envelope.requests.holdUntil = release
            let id = try await post.intake.open().commit(Acceptance(envelope))
            #expect(try await post.claimAll().isEmpty)
            #expect(try await post.spooler.nextDue() == release)
            let entry = try #require(try await post.spooler.entry(id))
            #expect(entry.expires == release + Lifetimes.Values.standard.message)
            post.clock.advance(.hours(30))
            #expect(try await post.claimAll().count == 1)
        }
    }

    @Test("Handed over in memory, they are the same as read from the spool")
    func handedOver() async throws {
        let arrivals = Arrivals()
        try await Post.run(handover: arrivals) { post in
            for envelope in try Self.envelopes() where envelope.requests.holdUntil == nil {
                _ = try await post.intake.open().commit(Acceptance(envelope))
                let handed = try #require(await arrivals.next())
                try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
                let read = try await post.claimAll()
                #expect(handed.map(\.message) == read.map(\.message))
                #expect(handed.map(\.asked) == read.map(\.asked))
                try await post.spooler.settle([Conclusion(read.map { Settlement($0, .done) })])
            }
        }
    }

    @Test("Urgent mail is claimed before what is longer due, and leaves room for it")
    func urgent() async throws {
        try await Post.run { post in
            for number in 0..<20 {
                try await post.accept(to: ["usual\(number)@example.net"])
            }
            var envelope = Envelope(from: .null)
            for number in 0..<20 {
                envelope.recipients.append(
                    .init(try Address("urgent\(number)@example.net")))
            }
            envelope.requests.priority = 2
            post.clock.advance(.seconds(1))
            _ = try await post.intake.open().commit(Acceptance(envelope))
            let now = post.clock.timestamp
            let first = try await post.spooler.claim(at: now, limit: 8)
            let names = first.recipients.map { String($0.address.localPart.value.prefix(5)) }
            #expect(names == Array(repeating: "urgen", count: 6) + ["usual", "usual"])
            var rest: [DueRecipient] = []
            var place = first.rest
            repeat {
                let claimed = try await post.spooler.claim(at: now, limit: 8, from: place)
                place = claimed.rest
                rest += claimed.recipients
            } while place != nil
            #expect(rest.count == 32)
            #expect(Set((first.recipients + rest).map(\.key)).count == 40)
        }
    }

    @Test("A spool of the first format is led to this one with all it holds")
    func migration() async throws {
        let disk = MemoryDisk()
        let first = Migrations(module: "Spool", [Migrations.spool.scripts[0]])
        let store = try SQLiteStore(on: disk, schema: [.messageStore, .journal, first])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            try await store.write { transaction in
                try transaction.execute(
                    """
                    INSERT INTO message (id, accepted, expires, reverse_path, content_id, octets,
                        is_8bit, is_international, message_id, source)
                    VALUES (7, 1, 2, 'anna@example.org', 7, 3, 1, 0, NULL, '')
                    """, [])
                try transaction.execute(
                    """
                    INSERT INTO recipient (message_id, ordinal, address, destination,
                        next_attempt, attempts, is_delay_notified)
                    VALUES (7, 0, 'ben@example.net', 'example.net', 1, 2, 1)
                    """, [])
            }
            group.cancelAll()
        }
        try await Post.run(on: disk) { post in
            let due = try #require(try await post.claimAll().first)
            #expect(due.message.body == .eightBitMIME)
            #expect(due.message.requests == Envelope.Requests())
            #expect(due.notify == nil && due.told == .waiting && due.attempts == 2)
        }
    }

    static func envelopes() throws -> [Envelope] {
        let address = try Address("ben@example.net")
        var envelopes: [Envelope] = [.never, .success, .failure, [.success, .delay]].map {
            (notify: Envelope.Notify) in
            Envelope(from: .null, to: [Envelope.Recipient(address, notify: notify)])
        }
        envelopes.append(
            Envelope(
                from: .null,
                to: [
                    Envelope.Recipient(
                        address, original: try Address("b@example.org"), notify: .success,
                        originalRecipient: .init(
                            addressType: "rfc822", address: "Ben+x=1 @Example.NET")),
                    Envelope.Recipient(
                        try Address("carl@example.net"),
                        originalRecipient: .init(addressType: "utf-8", address: "jörg@例え.jp;x")),
                    Envelope.Recipient(try Address("dora@example.net")),
                ], body: .binaryMIME, isInternational: true))
        let time = Timestamp(milliseconds: 1_790_000_123_456)
        for change: (inout Envelope.Requests) -> Void in [
            { $0.returned = .full }, { $0.returned = .header },
            { $0.envelopeID = "QQ 314+159=26" }, { $0.requiresTLS = true },
            { $0.waivesTLSPolicy = true },
            { $0.holdUntil = time },
            { $0.deliverBy = .init(deadline: time, mode: .return) },
            { $0.deliverBy = .init(deadline: time, mode: .notify, isTraced: true) },
            { $0.priority = -9 }, { $0.isJunk = true },
            { $0.forgery = .dmarc }, { $0.forgery = .spf },
            {
                $0.returned = .full
                $0.envelopeID = ""
                $0.requiresTLS = true
                $0.priority = 9
                $0.deliverBy = .init(deadline: time, mode: .return, isTraced: true)
            },
        ] {
            var envelope = Envelope(
                from: .null, to: [Envelope.Recipient(address)], body: .eightBitMIME)
            change(&envelope.requests)
            envelopes.append(envelope)
        }
        return envelopes
    }
}
