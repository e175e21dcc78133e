// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import IMAP

private func lines(_ writer: ResponseWriter) -> [String] {
    String(lossy: writer.octets).split(separator: "\r\n").map { String($0) }
}

@Suite("RFC 9051 §5.2, §7.5.1 what a session is told of its mailbox")
struct SelectedMailboxTests {
    private func mailbox(_ uids: String = "10:14") -> SelectedMailbox {
        SelectedMailbox(
            uids: NumberSet(10...14), keywords: KeywordTable([(bit: 16, name: "work")]),
            modificationSequence: 5, isReadOnly: false)
    }

    private func set(_ numbers: UInt32...) -> NumberSet { NumberSet(numbers) }

    @Test("Removed messages keep their numbers until they may be told")
    func delayedExpunge() throws {
        var mailbox = mailbox()
        var writer = ResponseWriter()
        let changes = SelectedMailbox.Changes(
            arrived: set(20), changed: [.init(uid: 13, flags: .seen, modificationSequence: 7)],
            expunged: set(11, 12), modificationSequence: 8)
        mailbox.tell(changes, .withoutExpunge, [], to: &writer)
        #expect(
            lines(writer) == ["* 6 EXISTS", "* 0 RECENT", #"* 4 FETCH (FLAGS (\Seen))"#])
        #expect(try mailbox.resolve(.ranges([.init(3, 3)]), isUID: false) == set(12))
        _ = writer.take()
        mailbox.tell(
            .init(modificationSequence: 8), .anything, .imap4rev2, to: &writer)
        #expect(lines(writer) == ["* 3 EXPUNGE", "* 2 EXPUNGE"])
        #expect(try mailbox.resolve(.ranges([.init(2, 2)]), isUID: false) == set(13))
        #expect(mailbox.count == 4)
        #expect(mailbox.modificationSequence == 8)
    }

    @Test("With QRESYNC removed messages vanish by UID, and FETCH has UID and MODSEQ")
    func vanished() {
        var mailbox = mailbox()
        var writer = ResponseWriter()
        mailbox.tell(
            .init(
                changed: [
                    .init(
                        uid: 14, flags: [.flagged, FlagSet(rawValue: 1 << 16)],
                        modificationSequence: 9)
                ],
                expunged: set(10, 11, 13, 99), modificationSequence: 9),
            .anything, [.imap4rev2, .condstore, .qresync], to: &writer)
        #expect(
            lines(writer) == [
                "* VANISHED 10:11,13",
                #"* 2 FETCH (UID 14 FLAGS (\Flagged work) MODSEQ (9))"#,
            ])
    }

    @Test("Under UIDONLY nothing has a sequence number")
    func uidOnly() {
        var mailbox = mailbox()
        var writer = ResponseWriter(.uidOnly)
        mailbox.tell(
            .init(
                changed: [.init(uid: 14, flags: .seen, modificationSequence: 9)],
                expunged: set(10), modificationSequence: 9), .anything, .uidOnly, to: &writer)
        #expect(lines(writer) == ["* VANISHED 10", #"* 14 UIDFETCH (FLAGS (\Seen))"#])
    }

    @Test("What this session did itself it is not told again")
    func ownChange() {
        var mailbox = mailbox()
        var writer = ResponseWriter()
        mailbox.noteOwnChange(6)
        mailbox.tell(
            .init(
                changed: [
                    .init(uid: 10, flags: .seen, modificationSequence: 6),
                    .init(uid: 11, flags: .draft, modificationSequence: 7),
                ], modificationSequence: 7), .anything, [], to: &writer)
        #expect(lines(writer) == [#"* 2 FETCH (FLAGS (\Draft))"#])
    }

    @Test("Behind its own changes in a row a session has nothing to look for")
    func ownChangesInARow() {
        var mailbox = mailbox()
        mailbox.noteOwnChange(6)
        mailbox.noteOwnChange(7)
        #expect(mailbox.modificationSequence == 7)
        #expect(mailbox.settledModificationSequence == 7)
        // Somebody else has made the eighth: that is still to be looked for.
        mailbox.noteOwnChange(9)
        #expect(mailbox.modificationSequence == 7)
        #expect(mailbox.knows(9))
        #expect(!mailbox.knows(8))
    }

    @Test("What is to be told of messages that have gone stays unsettled behind own changes")
    func ownChangeWithPending() {
        var mailbox = mailbox()
        var writer = ResponseWriter()
        mailbox.tell(
            .init(expunged: set(11), modificationSequence: 6), .withoutExpunge, [], to: &writer)
        mailbox.noteOwnChange(7)
        #expect(mailbox.modificationSequence == 7)
        #expect(mailbox.settledModificationSequence == 5)
    }

    @Test("A number no message has is an error, a UID no message has is none")
    func resolving() throws {
        let mailbox = mailbox()
        #expect(throws: Completion.self) {
            try mailbox.resolve(.ranges([.init(6, 6)]), isUID: false)
        }
        #expect(try mailbox.resolve(.all, isUID: false) == NumberSet(10...14))
        #expect(try mailbox.resolve(.ranges([.init(1, 11)]), isUID: true) == set(10, 11))
        #expect(try mailbox.resolve(.ranges([.init(99, 0)]), isUID: true) == set(14))
        #expect(try mailbox.resolve(.saved, isUID: true).isEmpty)
        let empty = SelectedMailbox(
            uids: NumberSet(), keywords: KeywordTable(), modificationSequence: 1,
            isReadOnly: false)
        #expect(throws: Completion.self) { try empty.resolve(.all, isUID: false) }
        #expect(try empty.resolve(.all, isUID: true).isEmpty)
        #expect(empty.matches(.all, isUID: false).isEmpty)
        #expect(mailbox.matches(.ranges([.init(4, 9)]), isUID: false) == set(13, 14))
    }

    @Test("RFC 9051 §6.4.4.1, RFC 9394 §3.2: what $ stands for")
    func saved() throws {
        var mailbox = mailbox()
        let found = set(10, 12, 14)
        for (wanted, saved) in [
            (SearchReturn(.save), found), (SearchReturn([.save, .min]), set(10)),
            (SearchReturn([.save, .min, .max]), set(10, 14)),
            (SearchReturn([.save, .min, .count]), found), (SearchReturn([.save, .all]), found),
            (SearchReturn(.save, partial: PartialRange(2, 2, isFromEnd: false)), set(12)),
            (
                SearchReturn([.save, .max], partial: PartialRange(1, 2, isFromEnd: false)), found
            ),
        ] {
            mailbox.save(found, wanted)
            #expect(try mailbox.resolve(.saved, isUID: true) == saved)
        }
        mailbox.save(found, SearchReturn(.save))
        mailbox.forget(set(12))
        #expect(try mailbox.resolve(.saved, isUID: false) == set(10, 14))
    }

    @Test("RFC 7162 §3.2.5: what a client may still remember")
    func resynchronization() {
        var known = Resynchronization(uidValidity: 1, modificationSequence: 5)
        let present = UIDRuns(NumberSet([UInt32](arrayLiteral: 1, 2, 4, 5, 9)))
        // The store has logged it all.
        #expect(known.vanished(expunged: set(3, 7), present: present, uidNext: 11) == set(3, 7))
        // Its log does not reach back: everything that might have been.
        #expect(
            known.vanished(expunged: nil, present: present, uidNext: 11).description == "3,6:8,10")
        known.knownUIDs = NumberSet(1...6)
        #expect(known.vanished(expunged: set(3, 7), present: present, uidNext: 11) == set(3))
        // Numbers that still fit say what need not be told.
        known.match = .init(numbers: set(1, 3), uids: set(1, 4))
        #expect(known.vanished(expunged: nil, present: present, uidNext: 11) == set(6))
        known.match = .init(numbers: set(1, 4), uids: set(1, 4))
        #expect(known.vanished(expunged: nil, present: present, uidNext: 11) == set(3, 6))
    }

    /// A client that believes what it is told.
    private struct Client {
        var uids: [UInt32?]

        mutating func hear(_ line: String) {
            let words = line.split(separator: " ")
            guard let number = Int(words[1]) else { return }
            switch words[2] {
            case "EXPUNGE": uids.remove(at: number - 1)
            case "EXISTS": while uids.count < number { uids.append(nil) }
            default: break
            }
        }
    }

    @Test("Whatever happens, a client that counts along has the same messages", arguments: 0..<100)
    func model(seed: Int) {
        var dice = Dice(seed)
        var mailbox = mailbox()
        var store: [UInt32] = [10, 11, 12, 13, 14]
        var client = Client(uids: store)
        var next: UInt32 = 15
        for step in 1...30 {
            var (arrived, expunged) = (NumberSet(), NumberSet())
            for _ in 0..<dice.roll(3) {
                arrived.append(next)
                store.append(next)
                next += UInt32(dice.roll(3)) + 1
            }
            for _ in 0..<dice.roll(3) where !store.isEmpty {
                let uid = store.remove(at: dice.roll(store.count))
                // A message that came and went between two looks is not told at all.
                if arrived.contains(uid) {
                    arrived = arrived.subtracting(NumberSet([uid]))
                } else {
                    expunged.insert(uid)
                }
            }
            let isFree = step == 30 || dice.roll(2) == 0
            var writer = ResponseWriter()
            mailbox.tell(
                .init(arrived: arrived, expunged: expunged, modificationSequence: UInt64(step)),
                isFree ? .anything : .withoutExpunge, .imap4rev2, to: &writer)
            for line in lines(writer) {
                #expect(isFree || !line.hasSuffix("EXPUNGE"))
                client.hear(line)
            }
            #expect(client.uids.count == Int(mailbox.count))
            for (index, uid) in client.uids.enumerated() {
                let told = mailbox.uids.uid(at: UInt32(index + 1))
                #expect(uid == nil || uid == told)
                client.uids[index] = told
            }
        }
        #expect(client.uids == store)
    }
}
