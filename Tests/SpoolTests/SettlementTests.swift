// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import MessageStore
import Spool
import Storage
import Testing
import World

@Suite("The end of an attempt")
struct SettlementTests {
    let evidence = Outcome.Evidence(
        EnhancedStatus(4, 4, 1), "connection refused", host: "mx1.example.net")

    @Test("local delivery moves the message from spool to mailbox in one transaction")
    func local() async throws {
        try await Post.run { post in
            let id = try await post.accept(5_000)
            let due = try await post.claimAll()
            let fact = Fact(.delivered, of: id, at: post.clock.timestamp, text: "INBOX")
            try await post.spooler.settle([
                Conclusion(
                    due.map {
                        Settlement(
                            $0,
                            .deliveredLocally(
                                account: 7, mailbox: "INBOX",
                                prefix: "Return-Path: <anna@example.org>\r\n"), facts: [fact])
                    })
            ])
            let listed = try await post.mailboxes.list(of: 7)
            #expect(listed.map(\.uid) == [1])
            #expect(listed.map(\.octets) == [5_000 + 33])
            let rows = try await post.count("SELECT count(*) FROM recipient")
            let messages = try await post.count("SELECT count(*) FROM message")
            let references = try await post.count("SELECT reference_count FROM content")
            #expect([rows, messages, references] == [0, 0, 1])
            guard let message = listed.first else { return }
            var reader = post.mailboxes.read(message)
            let read = try await reader.readAll()
            #expect(
                read.octets == Array("Return-Path: <anna@example.org>\r\n".utf8)
                    + Post.content(5_000))
            let facts = try await post.trace.facts(of: id)
            #expect(facts.map(\.kind) == [.accepted, .delivered])
        }
    }

    @Test(
        "a crash during local delivery leaves the message in exactly one place",
        arguments: [true, false])
    func crashDuringDelivery(isBefore: Bool) async throws {
        let disk = MemoryDisk()
        let local = Settlement.Result.deliveredLocally(account: 7, mailbox: "INBOX", prefix: "")
        try await Post.run(on: disk) { post in
            try await post.accept()
            let due = try await post.claimAll()
            let fault: MemoryDisk.Fault = { disk.crash() }
            disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
            await #expect(throws: StorageFailure.closed) {
                try await post.spooler.settle([Conclusion(due.map { Settlement($0, local) })])
            }
        }
        disk.setFaults()
        try await Post.run(on: disk) { post in
            let released = try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
            let due = try await post.claimAll()
            let before = try await post.mailboxes.list(of: 7)
            #expect(released == (isBefore ? 1 : 0))
            #expect(due.count + before.count == 1)
            try await post.spooler.settle([Conclusion(due.map { Settlement($0, local) })])
            let after = try await post.mailboxes.list(of: 7)
            #expect(after.map(\.uid) == [1])
        }
    }

    @Test(
        "an alias followed at delivery: a crash leaves the one recipient or all that replace it",
        arguments: [true, false])
    func crashDuringContinuation(isBefore: Bool) async throws {
        let disk = MemoryDisk()
        let targets = ["carl@example.net", "dora@example.com"]
        let envelope = Envelope(
            from: .address(try Address("anna@example.org")),
            to: try targets.map { Envelope.Recipient(try Address($0)) })
        let continued: @Sendable ([DueRecipient]) -> Conclusion = { due in
            Conclusion(
                due.filter { $0.address.description == "ben@example.net" }.map {
                    Settlement(
                        $0, .done,
                        continuation: .init(as: QueueID(value: 4711), Acceptance(envelope)))
                })
        }
        try await Post.run(on: disk) { post in
            try await post.accept(2_000)
            let due = try await post.claimAll()
            let fault: MemoryDisk.Fault = { disk.crash() }
            disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
            await #expect(throws: StorageFailure.closed) {
                try await post.spooler.settle([continued(due)])
            }
        }
        disk.setFaults()
        try await Post.run(on: disk) { post in
            try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
            let before = try await post.spooler.entries().entries.flatMap(\.recipients).map(
                \.address)
            #expect(before == (isBefore ? ["ben@example.net"] : targets))
            let settled = try await post.spooler.settle([continued(try await post.claimAll())])
            #expect(settled.continued == (isBefore ? [QueueID(value: 4711)] : []))
            try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
            let due = try await post.claimAll()
            #expect(due.map(\.address.description) == targets)
            let contents = try await post.count("SELECT count(*) FROM content")
            let references = try await post.count("SELECT reference_count FROM content")
            #expect([contents, references] == [1, 1])
            guard let message = due.first?.message else { return }
            var reader = post.spooler.read(message)
            let read = try await reader.readAll()
            #expect(read.octets == Post.content(2_000))
            #expect(try await post.trace.facts(of: message.id).first?.kind == .accepted)
        }
    }

    @Test("who has lost the claim continues nothing")
    func lostContinuation() async throws {
        try await Post.run { post in
            let id = try await post.accept()
            let due = try await post.claimAll()
            try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
            let envelope = Envelope(from: .null, to: due.map(\.asked))
            let settled = try await post.spooler.settle([
                Conclusion(
                    due.map {
                        Settlement(
                            $0, .done,
                            continuation: .init(as: QueueID(value: 4711), Acceptance(envelope)))
                    })
            ])
            #expect(settled.lost.count == 1 && settled.continued.isEmpty)
            #expect(try await post.spooler.entries().entries.map(\.id) == [id])
        }
    }

    @Test("who has lost the claim delivers nothing")
    func lostClaim() async throws {
        try await Post.run { post in
            let id = try await post.accept()
            let slow = try await post.claimAll()
            post.clock.advance(Spooler.claimDuration)
            let quick = try await post.claimAll()
            #expect(quick.map(\.key) == slow.map(\.key))
            let local = Settlement.Result.deliveredLocally(account: 7, mailbox: "INBOX", prefix: "")
            let fact = Fact(.delivered, of: id, at: post.clock.timestamp)
            for (due, lost) in [(slow, 1), (quick, 0), (quick, 1)] {
                let settled = try await post.spooler.settle([
                    Conclusion(due.map { Settlement($0, local, facts: [fact]) })
                ])
                #expect(settled.lost.count == lost)
            }
            let listed = try await post.mailboxes.list(of: 7)
            let facts = try await post.trace.facts(of: id)
            #expect(listed.count == 1)
            #expect(facts.map(\.kind) == [.accepted, .delivered])
        }
    }

    @Test("an extended claim is not taken over")
    func extended() async throws {
        try await Post.run { post in
            try await post.accept()
            let due = try await post.claimAll()
            try await post.spooler.extend(due, until: post.clock.timestamp + .hours(3))
            post.clock.advance(Spooler.claimDuration)
            let none = try await post.claimAll()
            #expect(none == [])
            let settled = try await post.spooler.settle([
                Conclusion(due.map { Settlement($0, .done) })
            ])
            #expect(settled.lost == [])
        }
    }

    @Test("a deferred recipient is due again at its time, with what was said")
    func deferred() async throws {
        try await Post.run { [evidence] post in
            let id = try await post.accept(to: ["ben@example.net", "cora@example.com"])
            let due = try await post.claimAll()
            let start = post.clock.timestamp
            try await post.spooler.settle([
                Conclusion([
                    Settlement(
                        due[0],
                        .deferred(
                            until: start + .minutes(1), evidence, told: [])),
                    Settlement(due[1], .done),
                ])
            ])
            let none = try await post.claimAll()
            let next = try await post.spooler.nextDue()
            #expect(none == [])
            #expect(next == start + .minutes(1))
            let entry = try await post.spooler.entry(id)
            let recipient = entry?.recipients.first
            #expect(entry?.recipients.count == 1)
            #expect(recipient?.state == .waiting)
            #expect(recipient?.lastText == "connection refused")
            #expect(recipient?.lastStatus == EnhancedStatus(4, 4, 1))
            #expect(recipient?.lastHost == "mx1.example.net")
            post.clock.advance(.minutes(1))
            let again = try await post.claimAll()
            #expect(again.map(\.attempts) == [1])
            #expect(again.map(\.firstAttempt) == [start])
        }
    }

    @Test("what is put off keeps its count of attempts")
    func putOff() async throws {
        try await Post.run { post in
            try await post.accept()
            let due = try await post.claimAll()
            let until = post.clock.timestamp + .minutes(10)
            try await post.spooler.settle([
                Conclusion(due.map { Settlement($0, .putOff(until: until)) })
            ])
            let next = try await post.spooler.nextDue()
            #expect(next == until)
            post.clock.advance(.minutes(10))
            let again = try await post.claimAll()
            #expect(again.map(\.attempts) == [0])
        }
    }

    @Test("a bounce and its notification happen together, or not at all", arguments: [true, false])
    func notice(isLost: Bool) async throws {
        try await Post.run { post in
            let id = try await post.accept()
            let due = try await post.claimAll()
            if isLost {
                post.clock.advance(Spooler.claimDuration)
                _ = try await post.claimAll()
            }
            let envelope = Envelope(
                from: .null, to: [Envelope.Recipient(try Address("anna@example.org"))])
            let noticeID = QueueID(value: id.value + 1_000_000)
            let settled = try await post.spooler.settle([
                Conclusion(
                    due.map { Settlement($0, .done) },
                    notice: Conclusion.Notice(
                        id: noticeID, octets: Array("Subject: no\r\n".utf8), Acceptance(envelope)))
            ])
            #expect(settled.notices == (isLost ? [] : [noticeID]))
            let entries = try await post.spooler.entries().entries
            #expect(entries.map(\.id) == [isLost ? id : noticeID])
            guard !isLost else { return }
            let notice = try await post.claimAll()
            #expect(notice.map(\.message.reversePath) == [.null])
            #expect(notice.map(\.address.description) == ["anna@example.org"])
        }
    }

    @Test("a content is stored once for many mailboxes, and goes with the last of them")
    func shared() async throws {
        try await Post.run { post in
            let people = (1...3).map { "person\($0)@example.net" }
            try await post.accept(2_000_000, to: people)
            let due = try await post.claimAll()
            try await post.spooler.settle([
                Conclusion(
                    due.map {
                        Settlement(
                            $0,
                            .deliveredLocally(
                                account: Int64($0.ordinal), mailbox: "INBOX", prefix: ""))
                    })
            ])
            let references = try await post.count("SELECT reference_count FROM content")
            #expect(references == 3)
            for account in 0..<3 {
                let names = try await post.bodies.list()
                #expect(names.count == 1)
                let deleted = try await post.mailboxes.delete([1, 99], of: Int64(account))
                #expect(deleted == 1)
            }
            let names = try await post.bodies.list()
            let contents = try await post.count("SELECT count(*) FROM content")
            #expect(names == [])
            #expect(contents == 0)
        }
    }

    @Test("an account that is no more leaves no mailbox and no content")
    func account() async throws {
        try await Post.run { post in
            for octets in [10, 2_000_000, 20] { try await post.accept(octets) }
            let due = try await post.claimAll()
            try await post.spooler.settle([
                Conclusion(
                    due.enumerated().map {
                        Settlement(
                            $1,
                            .deliveredLocally(
                                account: Int64($0 / 2 + 1), mailbox: "INBOX", prefix: ""))
                    })
            ])
            let before = try await post.mailboxes.usage(of: 1)
            #expect(before.messages == 2 && before.octets == 2_000_010)
            try await post.store.write { try Mailboxes.abandon(1, in: $0) }
            let after = try await post.mailboxes.usage(of: 1)
            #expect(after.messages == 0)
            let deleted = try await post.mailboxes.deleteAbandoned()
            let other = try await post.mailboxes.usage(of: 2)
            let names = try await post.bodies.list()
            let mailboxes = try await post.count("SELECT count(*) FROM mailbox")
            let contents = try await post.count("SELECT count(*) FROM content")
            #expect(deleted == (2, 2_000_010) && other.messages == 1)
            #expect(names == [] && mailboxes == 1 && contents == 1)
        }
    }

    @Test("an account that goes, comes back and goes again takes both its mailboxes with it")
    func accountTwice() async throws {
        try await Post.run { post in
            for _ in 0..<2 {
                try await post.accept()
                let due = try await post.claimAll()
                try await post.spooler.settle([
                    Conclusion(
                        due.map {
                            Settlement(
                                $0, .deliveredLocally(account: 1, mailbox: "INBOX", prefix: ""))
                        })
                ])
                try await post.store.write { try Mailboxes.abandon(1, in: $0) }
            }
            let deleted = try await post.mailboxes.deleteAbandoned()
            let mailboxes = try await post.count("SELECT count(*) FROM mailbox")
            #expect(deleted.messages == 2 && mailboxes == 0)
        }
    }

    @Test("UIDs rise and are never given twice, also after the last message is deleted")
    func uids() async throws {
        try await Post.run { post in
            for expected in 1...3 {
                try await post.accept()
                let due = try await post.claimAll()
                try await post.spooler.settle([
                    Conclusion(
                        due.map {
                            Settlement(
                                $0, .deliveredLocally(account: 1, mailbox: "INBOX", prefix: ""))
                        })
                ])
                let listed = try await post.mailboxes.list(of: 1)
                #expect(listed.map(\.uid) == [UInt32(expected)])
                try await post.mailboxes.delete(listed.map(\.uid), of: 1)
            }
            let bodies = try await post.count("SELECT count(*) FROM content_body")
            #expect(bodies == 0)
        }
    }
}
