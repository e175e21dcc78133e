// SPDX-License-Identifier: Apache-2.0

import MessageStore
import SimulatedWorld
import Storage
import Testing
import World

@Suite("What an APPEND changes is known without a look")
struct FiledChangesTests {
    /// A message that the owner puts there, or a reader; perhaps with a UID that it had before.
    private struct Step {
        var flags: [[String]]
        var uid: UInt32?
        var isByReader = false
        /// Whether somebody else changes a flag at the same moment, before this one is told.
        var isCrossed = false
    }

    private static let steps: [Step] = [
        Step(flags: [[]]), Step(flags: [["\\Seen"]]), Step(flags: [["\\Deleted", "\\Seen"]]),
        Step(flags: [[], ["\\Flagged", "$Junk"], ["\\Draft"]]), Step(flags: [["own"]]),
        Step(flags: [[], ["another"], []]), Step(flags: [[]], uid: 40), Step(flags: [[], []]),
        Step(flags: [["\\Seen"]], isByReader: true), Step(flags: [[]], isCrossed: true),
        Step(flags: [["\\Answered"]]),
    ]

    @Test("Whoever knew all before is told what the store holds, by whatever way")
    func sameAsALook() throws {
        try IMAPSite.run { site in
            try await site.mailboxes.furnish(site.account)
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            // Has another memory, so it looks into the store.
            let others = Mailboxes(
                store: site.store, bodies: site.disk.bodies, time: site.simulation)
            var content: Int64 = 0
            for step in Self.steps {
                let before = try #require(try site.mailboxes.find(id))
                let first = content + 1
                content += Int64(step.flags.count)
                let filed = try await Self.file(step, first, in: id, site)
                if step.isCrossed {
                    _ = try await others.store(.add, ["\\Flagged"], of: [1...1], in: id)
                }
                site.mailboxes.changes.signal(site.account, filed)
                func changes(_ mailboxes: Mailboxes) throws -> Mailboxes.Changes {
                    try #require(
                        try mailboxes.changes(
                            of: id, since: before.highestModSequence, uidNext: before.uidNext))
                }
                let told = try changes(site.mailboxes)
                if step.isCrossed {
                    // It is told with the other one's own signal, from there on.
                    site.mailboxes.changes.signal(site.account)
                    let rest = try #require(
                        try site.mailboxes.changes(
                            of: id, since: told.mailbox.highestModSequence,
                            uidNext: told.mailbox.uidNext))
                    #expect(rest.changed.map(\.uid) == [1])
                }
                let stored = step.isCrossed ? try changes(site.mailboxes) : try changes(others)
                #expect(told.expunged == stored.expunged)
                let new = stored.changed.filter { $0.uid >= before.uidNext }
                #expect(told.changed.map(\.uid) == new.map(\.uid))
                #expect(told.changed.map(\.flags) == new.map(\.flags))
                #expect(told.changed.map(\.modSequence) == new.map(\.modSequence))
                #expect(told.changed.map(\.uid) == filed.uids)
                if !step.isCrossed { #expect(told.mailbox == stored.mailbox) }
                if let keywords = told.keywords { #expect(keywords == stored.keywords) }
            }
        }
    }

    private static func file(
        _ step: Step, _ first: Int64, in id: Mailbox.ID, _ site: IMAPSite
    ) async throws -> Mailboxes.Filed {
        let time = site.simulation.timestamp
        return try await site.store.write { transaction in
            let messages = try step.flags.enumerated().map { number, flags in
                let content = Content.ID(value: first + Int64(number))
                try Content.insert(content, octets: 1, .octets([120]), in: transaction)
                return Mailboxes.Appended(
                    content: content, octets: 1, flags: flags, internalDate: time, uid: step.uid)
            }
            return try Mailboxes.append(
                messages, to: id, at: time, by: step.isByReader ? 4711 : nil, in: transaction)
        }
    }
}
