// SPDX-License-Identifier: Apache-2.0

import MessageStore
import SimulatedWorld
import Storage
import Testing
import World

@Suite("What is brought over by two runs at once")
struct ImportedOnceTests {
    @Test("is filed by the first of them, and by no other")
    func twice() throws {
        try IMAPSite.run { site in
            try await site.mailboxes.furnish(site.account)
            let id = try #require(try site.mailboxes.find("INBOX", of: site.account)).id
            try await Self.file(["a", "b"], from: 1, in: id, site)
            // Both have asked what is known before either has filed anything.
            for keys in [["a", "b"], ["c", "b"]] {
                await #expect {
                    try await Self.file(keys, from: 3, in: id, site)
                } throws: { error in
                    if case StorageFailure.constraint = error { true } else { false }
                }
            }
            try await Self.file(["c"], from: 3, in: id, site)
            let imported = try await site.mailboxes.imported(into: id, after: "", limit: 10)
            #expect(imported.map(\.origin.key) == ["a", "b", "c"])
            #expect(imported.map(\.uid) == [1, 2, 3])
            #expect(try site.mailboxes.find(id)?.messages == 3)
        }
    }

    private static func file(
        _ keys: [String], from first: Int64, in id: Mailbox.ID, _ site: IMAPSite
    ) async throws {
        let time = site.simulation.timestamp
        try await site.store.write { transaction in
            let messages = try keys.indices.map { index in
                let content = Content.ID(value: first + Int64(index))
                try Content.insert(content, octets: 1, .octets([120]), in: transaction)
                return Mailboxes.Appended(
                    content: content, octets: 1, flags: [], internalDate: time, uid: nil)
            }
            let filed = try Mailboxes.append(messages, to: id, at: time, in: transaction)
            let origins = keys.map { Mailboxes.Origin(key: $0, hash: [1], flags: []) }
            try Mailboxes.remember(
                zip(origins, filed.uids).map { ($0, $1) }, in: id, transaction)
        }
    }
}
