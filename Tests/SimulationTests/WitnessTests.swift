// SPDX-License-Identifier: Apache-2.0

import Mail
import Storage
import Testing

/// A witness that sees nothing would find every promise kept.
@Suite("The witness sees what is broken")
struct WitnessTests {
    /// A fair seed: nothing is wrong but what is done to it.
    private static let seed: UInt64 = 4

    /// What the witness says about a peaceful town after something was done to it.
    private func faults(
        after deed: @escaping @Sendable (Town) async throws -> Void
    ) -> [String] {
        Course(seed: Self.seed).run { town in
            try await deed(town)
            return try await Witness(town).checkEnd()
        }
    }

    @Test("nothing is wrong in a peaceful town")
    func peace() {
        #expect(faults { _ in } == [])
    }

    @Test("a message that is gone from a mailbox is lost")
    func loss() {
        let faults = faults { town in
            try await town.primary.tamper { transaction in
                try transaction.execute("DELETE FROM mailbox_message WHERE uid = 1", [])
            }
        }
        #expect(faults.contains { $0.hasSuffix("was not delivered") })
    }

    @Test("a message delivered twice from one acceptance is seen")
    func repetition() {
        let faults = faults { town in
            try await town.primary.tamper { transaction in
                try transaction.execute(
                    """
                    INSERT INTO mailbox_message
                    SELECT mailbox_id, uid + 1000, content_id, octets, internal_date, flags, prefix
                    FROM mailbox_message WHERE uid = 1
                    """, [])
            }
        }
        #expect(faults.contains { $0.contains("twice") })
        #expect(faults.contains { $0.hasSuffix("without an ambiguous end") })
    }

    @Test("a changed octet is seen")
    func damage() {
        let faults = faults { town in
            try await town.primary.tamper { transaction in
                try transaction.execute("UPDATE content_body SET body = body || X'21'", [])
            }
        }
        #expect(faults.contains { $0.contains("is damaged at mx1.example") })
    }

    @Test("a notification that never arrives is missed")
    func silence() {
        let faults = faults { town in
            try await town.sender.tamper { transaction in
                try transaction.execute("DELETE FROM mailbox_message", [])
            }
        }
        #expect(faults.contains { $0.hasSuffix("failed and nobody was told") })
        #expect(faults.contains { $0.hasSuffix("its author was not told as he wanted") })
    }

    @Test("a notification that nobody wanted is seen")
    func chatter() {
        let faults = faults { town in
            try await town.sender.tamper { transaction in
                try transaction.execute(
                    """
                    UPDATE content_body SET body = CAST(
                        replace(CAST(body AS TEXT), 'Action: failed', 'Action: relayed') AS BLOB)
                    """, [])
            }
        }
        #expect(faults.contains { $0.hasSuffix("was told, which nobody wanted") })
    }

    @Test("what a stranger has sent through a server is seen")
    func relay() {
        let faults = faults { town in
            let strange = town.ledger.letters.first { letter in
                letter.isFromStranger && letter.recipients.contains { !town.isOurs($0) }
            }
            guard let strange else { return }
            town.ledger.answer(strange.number, 0, .acknowledged)
        }
        #expect(faults.contains { $0.hasSuffix("was relayed for a stranger") })
    }

    @Test("a UID that could be given again is seen")
    func numbers() {
        let faults = Course(seed: Self.seed).run { town in
            let witness = Witness(town)
            _ = try await witness.checkEnd()
            try await town.primary.tamper { transaction in
                try transaction.execute("UPDATE mailbox SET uid_next = uid_next - 1", [])
            }
            return try await witness.checkEnd()
        }
        #expect(faults.contains { $0.hasPrefix("a UID of mailbox") })
    }

    @Test("a recipient that stays in a spool is seen")
    func rest() {
        let faults = faults { town in
            try await town.backup.tamper { transaction in
                try transaction.execute(
                    """
                    INSERT INTO recipient (message_id, ordinal, address, destination, attempts,
                        is_delay_notified)
                    VALUES (1, 0, 'x@town.example', 'town.example', 0, 0)
                    """, [])
                try transaction.execute(
                    """
                    INSERT INTO message (id, accepted, expires, reverse_path, content_id, octets,
                        is_8bit, is_international, source)
                    VALUES (1, 0, 0, '', 1, 0, 0, 0, '')
                    """, [])
            }
        }
        #expect(faults == ["1 recipients are still in a spool"])
    }
}
