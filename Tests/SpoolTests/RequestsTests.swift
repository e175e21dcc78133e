// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
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
            #expect(entry.expires == release + Acceptance.lifetime)
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
            { $0.holdUntil = time },
            { $0.deliverBy = .init(deadline: time, mode: .return) },
            { $0.deliverBy = .init(deadline: time, mode: .notify, isTraced: true) },
            { $0.priority = -9 },
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
