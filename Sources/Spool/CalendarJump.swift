// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

extension Spooler {
    /// The calendar was set by `jump`: what is planned keeps its distance from now, and the age of
    /// a message stays what it was.
    ///
    /// Without it, a clock set forward by a week would bounce whatever waits, and end claims under
    /// way; one set back would let everything wait as long. What a sender wants held until a date
    /// keeps that date. What was accepted or tried from `since` to `now` knows the new calendar
    /// already and stays. Returns how many recipients there were.
    @discardableResult
    package func followCalendar(
        by jump: Duration, since: Timestamp, at now: Timestamp
    ) async throws -> Int {
        let milliseconds = jump.nanoseconds / 1_000_000
        return try await store.write { transaction in
            // First: it looks at when the messages were accepted.
            let count = try transaction.execute(
                """
                UPDATE recipient SET next_attempt = next_attempt + ?
                WHERE next_attempt IS NOT NULL AND (attempts > 0 OR claim IS NOT NULL
                    OR next_attempt <= (SELECT accepted FROM message WHERE id = message_id))
                    AND coalesce(last_attempt,
                        (SELECT accepted FROM message WHERE id = message_id))
                        NOT BETWEEN ? AND ?
                """,
                [
                    .integer(milliseconds), .integer(since.milliseconds),
                    .integer(now.milliseconds),
                ])
            try transaction.execute(
                """
                UPDATE message SET accepted = accepted + ?, expires = expires + ?
                WHERE accepted NOT BETWEEN ? AND ?
                """,
                [
                    .integer(milliseconds), .integer(milliseconds),
                    .integer(since.milliseconds), .integer(now.milliseconds),
                ])
            return count
        }
    }
}
