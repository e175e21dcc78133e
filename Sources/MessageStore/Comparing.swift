// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

/// What a mailbox is sorted by of a message, valid only within the call it is handed to.
package struct ComparedMessage {
    package let uid: UInt32
    /// As clients read it (RFC822.SIZE).
    package let octets: Int
    /// When it was received (RFC 9051 §2.3.3).
    package let internalDate: Timestamp
    /// Of which format its summary is; nil if there is none, or none was asked for.
    package let summaryFormat: Int?
    private let columns: any Row

    fileprivate init(_ columns: any Row, hasFacts: Bool) {
        self.columns = columns
        uid = UInt32(truncatingIfNeeded: columns.integer(0))
        octets = Int(columns.integer(1))
        internalDate = Timestamp(milliseconds: columns.integer(2))
        summaryFormat = hasFacts ? columns.optionalInteger(3).map { Int($0) } : nil
    }

    /// Lends what SORT and THREAD compare.
    package func withFacts<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        columns.withOctets(4, body)
    }
}

extension Mailboxes {
    /// As `fetch`, with nothing but what messages are sorted by: flags, and what readers have seen,
    /// are not looked at.
    package func compare<State: Sendable>(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, hasFacts: Bool, limit: Int,
        onThread: Bool, into state: State,
        _ take: @escaping @Sendable (ComparedMessage, inout State) -> Bool
    ) async throws -> (state: State, last: UInt32?) {
        let work: @Sendable (any Transaction) throws -> (state: State, last: UInt32?) = {
            transaction in
            var (state, last) = (state, UInt32?.none)
            let values: [Value] = [
                .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                .integer(Int64(range.upperBound)), .integer(Int64(limit)),
            ]
            func row(_ columns: any Row) -> Bool {
                let message = ComparedMessage(columns, hasFacts: hasFacts)
                guard take(message, &state) else { return false }
                last = message.uid
                return true
            }
            if hasFacts {
                try transaction.scan(
                    """
                    SELECT uid, octets, internal_date, format, facts
                    FROM mailbox_message message
                        LEFT JOIN content_summary summary
                            ON summary.content_id = message.content_id
                    WHERE mailbox_id = ? AND uid BETWEEN ? AND ?
                    ORDER BY uid LIMIT ?
                    """, values, row)
            } else {
                try transaction.scan(
                    """
                    SELECT uid, octets, internal_date FROM mailbox_message
                    WHERE mailbox_id = ? AND uid BETWEEN ? AND ?
                    ORDER BY uid LIMIT ?
                    """, values, row)
            }
            return (state, last)
        }
        return onThread ? try store.lookUp(work) : try await store.read(work)
    }
}
