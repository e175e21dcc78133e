// SPDX-License-Identifier: Apache-2.0

import MessageStore
import Storage
import Testing

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
}
