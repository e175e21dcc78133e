// SPDX-License-Identifier: Apache-2.0

import World

/// What has been observed since it was last written to the store.
///
/// Bounded: what comes when it is full is left out of the reports, and counted.
struct Tally {
    /// Different ones, about 500 octets each.
    static let maximumEntries = 20_000

    private(set) var messages: [DayEntry<Observation>: Int64] = [:]
    private(set) var sessions: [DayEntry<SessionObservation>: Int64] = [:]
    private(set) var leftOut: Int64 = 0

    /// An observation on a day, counted from 1970 in UTC.
    struct DayEntry<Seen: Hashable & Sendable>: Hashable, Sendable {
        var day: Int64
        var seen: Seen
    }

    var isEmpty: Bool { messages.isEmpty && sessions.isEmpty }

    mutating func add(_ observation: Observation, on day: Int64, count: Int64 = 1) {
        let entry = DayEntry(day: day, seen: observation)
        guard messages.count < Self.maximumEntries || messages[entry] != nil else {
            leftOut += count
            return
        }
        messages[entry, default: 0] += count
    }

    mutating func add(_ observation: SessionObservation, on day: Int64, count: Int64 = 1) {
        let entry = DayEntry(day: day, seen: observation)
        guard sessions.count < Self.maximumEntries || sessions[entry] != nil else {
            leftOut += count
            return
        }
        sessions[entry, default: 0] += count
    }

    /// Takes back what could not be written.
    mutating func add(_ other: Tally) {
        for (entry, count) in other.messages { add(entry.seen, on: entry.day, count: count) }
        for (entry, count) in other.sessions { add(entry.seen, on: entry.day, count: count) }
        leftOut += other.leftOut
    }

    /// What is to be written, in an order that depends on nothing but itself.
    var entries: [StoredEntry] {
        (messages.map { StoredEntry($0.key.seen, on: $0.key.day, count: $0.value) }
            + sessions.map { StoredEntry($0.key.seen, on: $0.key.day, count: $0.value) })
            .sorted { $0.order < $1.order }
    }
}

extension Timestamp {
    /// The day in UTC, counted from 1970.
    var day: Int64 { (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400 }
}
