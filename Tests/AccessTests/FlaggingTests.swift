// SPDX-License-Identifier: Apache-2.0

import IMAP
import MessageStore
import SimulatedWorld
import Storage
import Testing
import World

/// A message as a simple model of STORE has it.
private struct Flagged: Equatable {
    var flags: MessageFlags
    var modSequence: Int64
}

@Suite("RFC 9051 §6.4.6, RFC 7162 §3.1.3 flags of many messages at once")
struct FlaggingTests {
    private static let some: [MessageFlags] = [
        .seen, .answered, .flagged, .deleted, .draft, .junk, [.seen, .deleted], [],
    ]

    /// What STORE does to one message.
    private func changed(
        _ flags: MessageFlags, _ change: Mailboxes.FlagChange, _ names: MessageFlags,
        within permitted: MessageFlags
    ) -> MessageFlags {
        let names = names.intersection(permitted)
        return switch change {
        case .replace: names.union(flags.subtracting(permitted))
        case .add: flags.union(names)
        case .remove: flags.subtracting(names)
        }
    }

    /// Ranges as sessions hand them over, some of which overlap or hold no message.
    private func ranges(
        _ chance: inout Chance, below last: Int = 45, length: Int = 20
    ) -> [ClosedRange<UInt32>] {
        (0...chance.below(4)).map { _ in
            let first = UInt32(1 + chance.below(last))
            return first...(first + UInt32(chance.below(length)))
        }
    }

    @Test(
        "Each message gets what it would get alone, and the counters are right",
        arguments: 1...12)
    func manyAtOnce(seed: UInt64) throws {
        try IMAPSite.run(seed: seed) { site in
            var chance = Chance(seed: seed, stream: 1)
            for number in 1...40 { try await site.deliver("Subject: \(number)\r\n\r\nx\r\n") }
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            _ = try await site.mailboxes.store(.add, ["\\Deleted"], of: [7...9, 20...20], in: id)
            try await site.mailboxes.expunge([1...60], in: id)
            var model: [UInt32: Flagged] = [:]
            for row in try await site.mailboxes.rows(1...60, of: id, limit: 100) {
                model[row.uid] = Flagged(flags: row.flags, modSequence: row.modSequence)
            }
            #expect(model.count == 36)
            for _ in 0..<25 {
                let change: Mailboxes.FlagChange = [.add, .remove, .replace][chance.below(3)]
                let flags = Self.some[chance.below(Self.some.count)]
                let permitted: MessageFlags =
                    chance.happens(0.3) ? [.seen, .flagged, .junk] : .all
                let before = try #require(try site.mailboxes.find(id)).highestModSequence
                let since = chance.happens(0.4) ? before - Int64(chance.below(6)) : nil
                let uids = ranges(&chance)
                let result = try await site.mailboxes.store(
                    change, MessageFlags.common.filter { flags.contains($0.flag) }.map(\.name),
                    of: uids, in: id, permitted: permitted, unchangedSince: since)
                var expected: [Mailboxes.FlagsStored.Message] = []
                var modified: [UInt32] = []
                for (uid, old) in model.sorted(by: { $0.key < $1.key })
                where uids.contains(where: { $0.contains(uid) }) {
                    if let since, old.modSequence > since {
                        modified.append(uid)
                        continue
                    }
                    let new = changed(old.flags, change, flags, within: permitted)
                    let sequence = new == old.flags ? old.modSequence : before + 1
                    model[uid] = Flagged(flags: new, modSequence: sequence)
                    expected.append(
                        .init(
                            uid: uid, flags: new, modSequence: sequence,
                            previous: old.modSequence))
                }
                #expect(result.messages == expected)
                #expect(result.modified == modified)
                let hasChanged = expected.contains(where: \.hasChanged)
                #expect(result.modSequence == (hasChanged ? before + 1 : nil))
                let after = try #require(try site.mailboxes.find(id)).highestModSequence
                #expect(after == (hasChanged ? before + 1 : before))
            }
            for row in try await site.mailboxes.rows(1...60, of: id, limit: 100) {
                #expect(
                    model[row.uid] == Flagged(flags: row.flags, modSequence: row.modSequence))
            }
            #expect(try await site.countersAreRight())
        }
    }

    /// What somebody finds in a mailbox; nil: its owner.
    private func view(
        _ site: IMAPSite, _ id: Mailbox.ID, by account: Int64?
    ) async throws -> [UInt32: Flagged] {
        try await site.mailboxes.fetch(
            1...UInt32.max, of: id, .row, limit: 1000, onThread: true, by: account,
            into: [UInt32: Flagged]()
        ) { message, view in
            view[message.row.uid] = Flagged(
                flags: message.row.flags, modSequence: message.row.modSequence)
            return true
        }.state
    }

    /// How many ranges of changes are kept, at most, of one mailbox and reader.
    private func mostRanges(_ site: IMAPSite) async throws -> Int64 {
        try await site.store.read { transaction in
            try transaction.first(
                """
                SELECT count(*) FROM mailbox_changed_range GROUP BY mailbox_id, reader_id
                ORDER BY 1 DESC
                """
            ) { $0.integer(0) } ?? 0
        }
    }

    @Test(
        "Of many changes of many messages the oldest ones are found together, and none is lost",
        arguments: [nil, 4711] as [Int64?])
    func manyRanges(account: Int64?) throws {
        try IMAPSite.run { site in
            for _ in 1...140 { try await site.deliver("Subject: x\r\n\r\nx\r\n") }
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            let first = try #require(try site.mailboxes.find(id)).highestModSequence
            var model: [UInt32: Int64] = [:]
            for step in 0..<40 {
                // None of them within another one.
                let uids = UInt32(step) + 1...UInt32(step) + 100
                let result = try await site.mailboxes.store(
                    step.isMultiple(of: 2) ? .add : .remove, ["\\Seen"], of: [uids], in: id,
                    by: account)
                for message in result.messages where message.hasChanged {
                    model[message.uid] = message.modSequence
                }
            }
            #expect(try await mostRanges(site) == 12)
            for since in first...first + 40 {
                let told = try await site.mailboxes.changed(in: id, since: since, by: account)
                let wanted = model.filter { $0.value > since }
                #expect(told.map(\.uid) == wanted.keys.sorted())
                #expect(told.allSatisfy { wanted[$0.uid] == $0.modSequence })
            }
        }
    }

    @Test(
        "Everybody has his own \\Seen, and hears of a change if it is one for him",
        arguments: 1...8)
    func manyPeople(seed: UInt64) throws {
        try IMAPSite.run(seed: seed) { site in
            var chance = Chance(seed: seed, stream: 3)
            for number in 1...160 { try await site.deliver("Subject: \(number)\r\n\r\nx\r\n") }
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            try await site.mailboxes.change(
                rightsOf: Mailboxes.anyone, to: id,
                by: ACLChange(
                    manner: .replace, rights: AccessRights(letters: Array("lrsw".utf8))))
            _ = try await site.mailboxes.store(.add, ["\\Deleted"], of: [7...9, 20...20], in: id)
            try await site.mailboxes.expunge([1...160], in: id)
            let first = try #require(try site.mailboxes.find(id)).highestModSequence
            let people: [Int64?] = [nil, 4711, 4712]
            var model = [[UInt32: Flagged]](
                repeating: try await view(site, id, by: nil), count: people.count)
            #expect(model[0].count == 156)
            for _ in 0..<40 {
                let person = chance.below(people.count)
                let change: Mailboxes.FlagChange = [.add, .remove, .replace][chance.below(3)]
                let flags = chance.happens(0.5) ? .seen : Self.some[chance.below(Self.some.count)]
                let permitted: MessageFlags =
                    chance.happens(0.3) ? [.seen, .flagged, .junk] : .all
                let before = try #require(try site.mailboxes.find(id)).highestModSequence
                let since = chance.happens(0.4) ? before - Int64(chance.below(6)) : nil
                // Of few messages, and of so many that their range is kept.
                let uids =
                    chance.happens(0.4)
                    ? ranges(&chance) : ranges(&chance, below: 150, length: 140)
                let result = try await site.mailboxes.store(
                    change, MessageFlags.common.filter { flags.contains($0.flag) }.map(\.name),
                    of: uids, in: id, permitted: permitted, unchangedSince: since,
                    by: people[person])
                var expected: [Mailboxes.FlagsStored.Message] = []
                var modified: [UInt32] = []
                for (uid, old) in model[person].sorted(by: { $0.key < $1.key })
                where uids.contains(where: { $0.contains(uid) }) {
                    if let since, old.modSequence > since {
                        modified.append(uid)
                        continue
                    }
                    let new = changed(old.flags, change, flags, within: permitted)
                    let turned = new.symmetricDifference(old.flags)
                    let sequence = turned.isEmpty ? old.modSequence : before + 1
                    expected.append(
                        .init(
                            uid: uid, flags: new, modSequence: sequence,
                            previous: old.modSequence))
                    model[person][uid] = Flagged(flags: new, modSequence: sequence)
                    guard !turned.subtracting(.seen).isEmpty else { continue }
                    for other in people.indices where other != person {
                        let seen = model[other][uid]?.flags.intersection(.seen) ?? []
                        model[other][uid] = Flagged(
                            flags: new.subtracting(.seen).union(seen), modSequence: sequence)
                    }
                }
                #expect(result.messages == expected)
                #expect(result.modified == modified)
                let hasChanged = expected.contains(where: \.hasChanged)
                let after = try #require(try site.mailboxes.find(id))
                #expect(after.highestModSequence == (hasChanged ? before + 1 : before))
                let known = first + Int64(chance.below(Int(after.highestModSequence - first) + 1))
                for (person, account) in people.enumerated() {
                    let news = model[person].filter { $0.value.modSequence > known }
                    let told = try await site.mailboxes.changed(in: id, since: known, by: account)
                    let waited = try #require(
                        try site.mailboxes.changes(
                            of: id, since: known, uidNext: after.uidNext, by: account))
                    for told in [told, waited.changed] {
                        #expect(told.map(\.uid) == news.keys.sorted())
                        #expect(
                            told.allSatisfy {
                                news[$0.uid]
                                    == Flagged(flags: $0.flags, modSequence: $0.modSequence)
                            })
                    }
                    let unseen = model[person].filter { !$0.value.flags.contains(.seen) }
                    #expect(
                        try site.mailboxes.unseen(in: after, by: account ?? site.account)
                            == unseen.count)
                    let opening = try #require(
                        try await site.mailboxes.open("INBOX", of: site.account))
                    #expect(
                        try await site.mailboxes.firstUnseen(of: opening, by: account)
                            == unseen.keys.min())
                }
            }
            #expect(try await mostRanges(site) <= 12)
            for (person, account) in people.enumerated() {
                #expect(try await view(site, id, by: account) == model[person])
            }
            #expect(try await site.countersAreRight())
        }
    }
}
