// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Storage
import Synchronization
package import World

/// To whom addresses here have written: who is answered is no stranger.
package final class Correspondents: Sendable {
    /// After so long without a letter an acquaintance is none.
    static let life = Duration.days(730)
    /// It is not written down with each letter that they know each other.
    private static let interval = Duration.days(7)
    /// Pairs of which that is remembered.
    static let remembered = 20_000
    private static let pruned = 5_000

    private struct Pair: Hashable {
        let own: String
        let other: String
    }

    private struct Memory {
        /// When it was last written down.
        var written = RecencyCache<Pair, Timestamp>(limit: remembered)
        /// When it was last looked for in vain: strangers are asked for with each message of theirs.
        var missed = RecencyCache<Pair, Timestamp>(limit: remembered)
    }

    /// Another node may have written it down meanwhile.
    private static let memoryOfStrangers = Duration.seconds(10)

    private let store: any Store
    private let time: any Time
    private let memory = Mutex(Memory())

    package init(_ store: any Store, time: any Time) {
        self.store = store
        self.time = time
    }

    /// What writes down, in the transaction that accepts a letter, to whom it goes; nil if all of
    /// it is known.
    package func recording(
        from own: String, to others: [String]
    ) -> (@Sendable (any Transaction) throws -> Void)? {
        let now = time.timestamp
        let own = own.asciiLowercased
        let fresh = memory.withLock { memory in
            others.map { Pair(own: own, other: $0.asciiLowercased) }.filter { pair in
                let last = memory.written.value(for: pair)
                guard last.map({ now - $0 >= Self.interval }) ?? true else { return false }
                memory.written.insert(now, for: pair)
                memory.missed.remove(pair)
                return true
            }
        }
        guard !fresh.isEmpty else { return nil }
        return { transaction in
            for pair in fresh {
                try transaction.execute(
                    """
                    INSERT INTO defence_correspondent (own, other, last_milliseconds)
                    VALUES (?, ?, ?)
                    ON CONFLICT (own, other) DO UPDATE SET
                        last_milliseconds = excluded.last_milliseconds
                    """, [.text(pair.own), .text(pair.other), .integer(now.milliseconds)])
            }
        }
    }

    /// The first of these addresses here that has written to the other one.
    package func acquaintance(of other: String, among own: [String]) throws -> String? {
        let other = other.asciiLowercased
        let now = time.timestamp
        for address in own {
            let pair = Pair(own: address.asciiLowercased, other: other)
            let isKnown = memory.withLock { memory -> Bool? in
                let written = memory.written.value(for: pair)
                if let written, now - written < Self.life { return true }
                let isMissed = memory.missed.value(for: pair).map {
                    now >= $0 && now - $0 < Self.memoryOfStrangers
                }
                return isMissed == true ? false : nil
            }
            if try isKnown ?? isThere(pair) { return address }
            if isKnown == nil { memory.withLock { $0.missed.insert(now, for: pair) } }
        }
        return nil
    }

    private func isThere(_ pair: Pair) throws -> Bool {
        try store.lookUp { transaction in
            try transaction.first(
                "SELECT 1 FROM defence_correspondent WHERE own = ? AND other = ?",
                [.text(pair.own), .text(pair.other)]
            ) { _ in true } ?? false
        }
    }

    /// Whether one of these addresses here has written to the other one, as a transaction sees it.
    package static func isKnown(
        _ other: String, to own: [String], in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        let other = other.asciiLowercased
        for address in own.prefix(maximumOwn) {
            let isThere = try transaction.first(
                "SELECT 1 FROM defence_correspondent WHERE own = ? AND other = ?",
                [.text(address.asciiLowercased), .text(other)]
            ) { _ in true }
            if isThere == true { return true }
        }
        return false
    }

    /// Of an account's addresses; whoever has more writes with the first ones.
    private static let maximumOwn = 100

    /// Deletes the oldest; true when there may be more of it.
    package func prune() async throws -> Bool {
        let end = time.timestamp.milliseconds - Self.life.nanoseconds / 1_000_000
        return try await store.write { transaction in
            try transaction.execute(
                """
                DELETE FROM defence_correspondent WHERE (own, other) IN (
                    SELECT own, other FROM defence_correspondent WHERE last_milliseconds < ?
                    ORDER BY last_milliseconds LIMIT ?)
                """, [.integer(end), .integer(Int64(Self.pruned))]) == Self.pruned
        }
    }
}
