// SPDX-License-Identifier: Apache-2.0

package import DNS
package import DNSSEC
import Storage
import World

/// How a zone is signed, and with which keys, as it is kept.
package struct ZoneKeys: Sendable {
    package let origin: Name
    package var denial: DenialOfExistence
    package var timeline: KeyTimeline
    /// The private halves, sealed, by the keys' numbers.
    package var secrets: [Int: [UInt8]]

    package init(
        origin: Name, denial: DenialOfExistence, timeline: KeyTimeline,
        secrets: [Int: [UInt8]] = [:]
    ) {
        self.origin = origin
        self.denial = denial
        self.timeline = timeline
        self.secrets = secrets
    }
}

extension Zones {
    /// How zones are signed, for those that are.
    package func keys() async throws(ZoneFailure) -> [ZoneKeys] {
        try await read { try KeyRows(transaction: $0).all() }
    }

    /// Keeps how a zone is signed, in the place of what was kept.
    package func keep(_ keys: ZoneKeys) async throws(ZoneFailure) {
        do {
            try await store.write { try KeyRows(transaction: $0).keep(keys) }
        } catch {
            throw ZoneFailure(error)
        }
    }

    /// Forgets the keys of a zone, for good.
    package func forgetKeys(of origin: Name) async throws(ZoneFailure) {
        do {
            try await store.write { try KeyRows(transaction: $0).forget(origin) }
        } catch {
            throw ZoneFailure(error)
        }
    }
}

/// The tables of signing, within one transaction.
private struct KeyRows {
    let transaction: any Transaction

    private static func key(_ origin: Name) -> Value { .text(origin.lowercased.absolute) }

    private static func value(_ time: Timestamp?) -> Value {
        time.map { .integer($0.milliseconds) } ?? .null
    }

    private static func value(_ number: Int64?) -> Value { number.map { .integer($0) } ?? .null }

    func forget(_ origin: Name) throws(StorageFailure) {
        let key = [Self.key(origin)]
        try transaction.execute("DELETE FROM zone_signing WHERE origin = ?", key)
        try transaction.execute("DELETE FROM zone_key WHERE origin = ?", key)
    }

    func keep(_ keys: ZoneKeys) throws(StorageFailure) {
        try forget(keys.origin)
        let timeline = keys.timeline
        let policy = timeline.policy
        try transaction.execute(
            """
            INSERT INTO zone_signing (
                origin, denial, goal, algorithm, combined, zone_lifetime, entry_lifetime, key_ttl,
                propagation, parent_propagation, parent_ttl, next_number, cached_until,
                keys_cached_until, longest_ttl, seen_parent_ttl, without_entry)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                Self.key(keys.origin), .text(keys.denial.rawValue), .text(timeline.goal.rawValue),
                .integer(Int64(policy.algorithm.rawValue)),
                .integer(policy.isCombined ? 1 : 0), Self.value(policy.zoneKeyLifetime),
                Self.value(policy.entryKeyLifetime), .integer(Int64(policy.keyTTL)),
                .integer(policy.propagation), .integer(policy.parentPropagation),
                .integer(policy.parentTTL), .integer(Int64(timeline.nextNumber)),
                Self.value(timeline.cachedUntil), Self.value(timeline.keysCachedUntil),
                .integer(Int64(timeline.longestTTL)), .integer(timeline.seenParentTTL),
                Self.value(timeline.withoutEntry),
            ])
        for key in timeline.keys { try keep(key, of: keys) }
    }

    private func keep(_ key: ZoneKey, of keys: ZoneKeys) throws(StorageFailure) {
        guard let secret = keys.secrets[key.number] else {
            throw .corrupt("a key of the zone \(keys.origin) has no private half")
        }
        try transaction.execute(
            """
            INSERT INTO zone_key (
                origin, number, role, algorithm, public, sealed, state, since, published, due,
                signing, signatures_end)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                Self.key(keys.origin), .integer(Int64(key.number)), .text(key.role.rawValue),
                .integer(Int64(key.algorithm.rawValue)), .blob(key.publicKey), .blob(secret),
                .text(key.state.rawValue), Self.value(key.since), Self.value(key.published),
                Self.value(key.due), .integer(key.isSigning ? 1 : 0),
                Self.value(key.signaturesEnd),
            ])
    }

    func all() throws(StorageFailure) -> [ZoneKeys] {
        var all: [ZoneKeys] = []
        let rows = try transaction.all(
            """
            SELECT origin, denial, goal, algorithm, combined, zone_lifetime, entry_lifetime,
                key_ttl, propagation, parent_propagation, parent_ttl, next_number, cached_until,
                keys_cached_until, longest_ttl, seen_parent_ttl, without_entry
            FROM zone_signing ORDER BY origin
            """
        ) { row in
            (
                row.text(0), row.text(1), row.text(2),
                (3...16).map { row.optionalInteger($0) }
            )
        }
        for (origin, denial, goal, numbers) in rows {
            guard let name = try? Name(origin),
                let denial = DenialOfExistence(rawValue: denial),
                let goal = KeyTimeline.Goal(rawValue: goal),
                var timeline = Self.timeline(numbers)
            else { throw .corrupt("how the zone \(origin) is signed cannot be read") }
            timeline.goal = goal
            var secrets: [Int: [UInt8]] = [:]
            for (key, secret) in try keys(of: name) {
                timeline.keys.append(key)
                secrets[key.number] = secret
            }
            all.append(
                ZoneKeys(origin: name, denial: denial, timeline: timeline, secrets: secrets))
        }
        return all
    }

    /// From the columns behind the goal; nil if one that must be there is not.
    private static func timeline(_ numbers: [Int64?]) -> KeyTimeline? {
        guard
            let algorithm = numbers[0].flatMap({ UInt8(exactly: $0) })
                .flatMap(SigningAlgorithm.init)
        else { return nil }
        let required = [1, 4, 5, 6, 7, 8, 9, 10, 11, 12].compactMap { numbers[$0] }
        guard required.count == 10 else { return nil }
        var policy = KeyPolicy()
        policy.algorithm = algorithm
        policy.isCombined = required[0] == 1
        policy.zoneKeyLifetime = numbers[2]
        policy.entryKeyLifetime = numbers[3]
        policy.keyTTL = UInt32(clamping: required[1])
        policy.propagation = required[2]
        policy.parentPropagation = required[3]
        policy.parentTTL = required[4]
        let cachedUntil = Timestamp(milliseconds: required[6])
        var timeline = KeyTimeline(
            policy: policy, now: cachedUntil, longestTTL: UInt32(clamping: required[8]))
        timeline.nextNumber = Int(required[5])
        timeline.cachedUntil = cachedUntil
        timeline.keysCachedUntil = Timestamp(milliseconds: required[7])
        timeline.seenParentTTL = required[9]
        timeline.withoutEntry = numbers[13].map { Timestamp(milliseconds: $0) }
        return timeline
    }

    private func keys(of origin: Name) throws(StorageFailure) -> [(ZoneKey, [UInt8])] {
        let rows = try transaction.all(
            """
            SELECT number, role, algorithm, public, sealed, state, since, published, due, signing,
                signatures_end
            FROM zone_key WHERE origin = ? ORDER BY number
            """, [Self.key(origin)]
        ) { row in
            (
                (row.text(1), row.text(5)), (row.blob(3), row.blob(4)),
                [0, 2, 6, 7, 9].map { row.integer($0) },
                [8, 10].map { row.optionalInteger($0).map { Timestamp(milliseconds: $0) } }
            )
        }
        return try rows.map { words, octets, numbers, times throws(StorageFailure) in
            guard let role = ZoneKey.Role(rawValue: words.0),
                let state = ZoneKey.State(rawValue: words.1),
                let algorithm = UInt8(exactly: numbers[1]).flatMap(SigningAlgorithm.init)
            else { throw .corrupt("a key of the zone \(origin) cannot be read") }
            var key = ZoneKey(
                number: Int(numbers[0]), role: role, algorithm: algorithm, publicKey: octets.0,
                published: Timestamp(milliseconds: numbers[3]))
            key.state = state
            key.since = Timestamp(milliseconds: numbers[2])
            key.isSigning = numbers[4] == 1
            key.due = times[0]
            key.signaturesEnd = times[1]
            return (key, octets.1)
        }
    }
}
