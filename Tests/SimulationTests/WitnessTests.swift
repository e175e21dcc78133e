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
                    INSERT INTO mailbox_message (mailbox_id, uid, content_id, octets,
                        internal_date, flags, prefix)
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

    /// What the witness says after the sending server's journal was changed.
    private func faults(afterJournal change: StaticString) -> [String] {
        faults { town in
            try await town.sender.tamper { try $0.execute(change, []) }
        }
    }

    @Test("hosts in another order than their preferences' are seen")
    func order() {
        let faults = faults(
            afterJournal: """
                UPDATE fact SET fields = replace(
                    fields, '10 mx1.example, 20 mx2.example', '20 mx2.example, 10 mx1.example')
                WHERE kind = 'routed'
                """)
        #expect(faults.contains { $0.hasSuffix("mx2.example stands before mx1.example") })
    }

    @Test("a host that was left out, or has no business there, is seen")
    func company() {
        let missing = faults(
            afterJournal: """
                UPDATE fact SET fields = replace(fields, ', 20 mx2.example', '')
                WHERE kind = 'routed'
                """)
        #expect(missing.contains { $0.hasSuffix("a host is missing") })
        let strange = faults(
            afterJournal: """
                UPDATE fact SET fields = replace(fields, '20 mail3', '20 mail4')
                WHERE kind = 'routed'
                """)
        #expect(strange.contains { $0.hasSuffix("is none of its exchangers") })
    }

    @Test("a host that was asked before its turn is seen")
    func turn() {
        let faults = faults(
            afterJournal: """
                UPDATE fact SET host = 'mx2.example [198.51.100.1]'
                WHERE kind = 'delivered' AND host LIKE 'mx1.example%'
                """)
        #expect(faults.contains { $0.hasSuffix("a host was passed over") })
    }

    @Test("mail that waits although nothing is in its way is seen")
    func lateness() {
        let faults = Course(seed: Self.seed).run { town in
            let acknowledged = town.ledger.letters.flatMap { letter in
                zip(letter.recipients, letter.answers)
                    .filter { $1 == .acknowledged && town.exists($0) }
                    .map { (letter, $0.0) }
            }
            guard let (letter, recipient) = acknowledged.first else { return ["no letter"] }
            let address = recipient.description
            try await town.sender.tamper { transaction in
                try transaction.execute(
                    """
                    INSERT INTO recipient (message_id, ordinal, address, destination, attempts,
                        is_delay_notified)
                    SELECT 1, 0, ?, 'x', 0, 0
                    """, [.text(address)])
                try transaction.execute(
                    """
                    INSERT INTO content (id, octets, reference_count) VALUES (999999, 0, 1)
                    """, [])
                try transaction.execute(
                    "INSERT INTO content_body (content_id, body) VALUES (999999, ?)",
                    [.blob(letter.octets)])
                try transaction.execute(
                    """
                    INSERT INTO message (id, accepted, expires, reverse_path, content_id, octets,
                        is_8bit, is_international, source)
                    VALUES (1, 0, 0, '', 999999, 0, 0, 0, '')
                    """, [])
            }
            return try await Witness(town).check()
        }
        #expect(faults.contains { $0.hasSuffix("still waits") }, "\(faults)")
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
