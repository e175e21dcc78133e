// SPDX-License-Identifier: Apache-2.0

package import World

/// The life of a zone's keys (RFC 6781 §4.1, RFC 7583 §3), as a function of time and of what is
/// seen in the zone above.
///
/// Keys that sign data are rolled by publishing the next one before it signs (RFC 7583 §3.2.1);
/// keys that the zone above names by having both sign the keys (§3.3.1). What a resolver may
/// remember is never needed in vain: each step waits until what was served before it has run out.
package struct KeyTimeline: Hashable, Sendable {
    /// What the zone is to become.
    package enum Goal: String, Hashable, Sendable {
        case signed
        /// RFC 8078 §4: signed only until nobody expects it any more.
        case unsigned
    }

    /// What happened, for the log.
    package enum Event: Hashable, Sendable {
        case published(ZoneKey)
        /// The zone above should name this key now.
        case ready(ZoneKey)
        case active(ZoneKey)
        case retired(ZoneKey)
        case removed(ZoneKey)
        /// No key is left.
        case unsigned
    }

    /// Why a roll does not begin.
    package enum Refusal: Error, Hashable, Sendable {
        case noSuchKey
        /// Another roll of these keys has not come to its end.
        case underWay
        /// The zone is about to lose its signatures.
        case ending
    }

    /// Makes a key: its number and role are given.
    package typealias Maker = (_ number: Int, _ role: ZoneKey.Role, _ now: Timestamp) -> ZoneKey

    package var policy: KeyPolicy
    package var goal = Goal.signed
    package var keys: [ZoneKey] = []
    package var nextNumber = 1
    /// Nothing of the zone that was served so far is remembered longer.
    package var cachedUntil: Timestamp
    /// The same of its DNSKEY records.
    package var keysCachedUntil: Timestamp
    /// The longest TTL in the zone, in seconds, as far as it was served last.
    package var longestTTL: UInt32
    /// DS records seen above had up to this TTL, in seconds.
    package var seenParentTTL: Int64 = 0
    /// When the zone above was seen without any DS record; from then on they run out.
    package var withoutEntry: Timestamp?

    package init(policy: KeyPolicy, now: Timestamp, longestTTL: UInt32) {
        self.policy = policy
        self.longestTTL = longestTTL
        cachedUntil = now
        keysCachedUntil = now
        note(longestTTL, at: now)
    }

    /// Whether the zone is signed; with `goal` unsigned it comes to be false.
    package var isSigned: Bool { !keys.isEmpty }

    // MARK: - Time

    private mutating func note(_ longestTTL: UInt32, at now: Timestamp) {
        let propagation = Duration.seconds(policy.propagation)
        // Up to now, what was served last was still served.
        let longest = max(longestTTL, self.longestTTL, policy.keyTTL)
        cachedUntil = max(cachedUntil, now + propagation + .seconds(Int64(longest)))
        keysCachedUntil = max(
            keysCachedUntil, now + propagation + .seconds(Int64(policy.keyTTL)))
        self.longestTTL = longestTTL
    }

    /// Does all that is due; `longestTTL` is the zone's own from now on.
    ///
    /// What it changes must be served before the time goes on.
    package mutating func advance(
        to now: Timestamp, longestTTL: UInt32, make: Maker
    ) -> [Event] {
        note(longestTTL, at: now)
        var events: [Event] = []
        if let withoutEntry, goal == .unsigned, now >= withoutEntry + parentWait {
            keys = []
            return [.unsigned]
        }
        if keys.isEmpty, goal == .signed { publishFirst(now, make, &events) }
        while step(now, &events) {}
        if goal == .signed { beginDueRolls(now, make, &events) }
        return events
    }

    /// When `advance` has something to do next; nil: not until something is seen or asked for.
    package var nextChange: Timestamp? {
        guard !keys.isEmpty else { return nil }
        var times = keys.compactMap(\.due)
        if goal == .unsigned {
            if let withoutEntry { times.append(withoutEntry + parentWait) }
        } else {
            times += keys.compactMap(rollTime)
        }
        return times.min()
    }

    private mutating func publishFirst(
        _ now: Timestamp, _ make: Maker, _ events: inout [Event]
    ) {
        for role in policy.roles {
            var key = newKey(role, now, make)
            key.isSigning = role.signsData
            if role.signsKeys {
                // What was remembered without signatures would be taken for forged.
                key.due = cachedUntil
            } else {
                // Nobody verifies what no DS record leads to.
                key.state = .active
            }
            keys.append(key)
            events.append(.published(key))
        }
    }

    private mutating func newKey(
        _ role: ZoneKey.Role, _ now: Timestamp, _ make: Maker
    ) -> ZoneKey {
        defer { nextNumber += 1 }
        return make(nextNumber, role, now)
    }

    /// One transition that is due; false when there is none.
    private mutating func step(_ now: Timestamp, _ events: inout [Event]) -> Bool {
        guard let index = keys.firstIndex(where: { $0.due.map { $0 <= now } ?? false }) else {
            return false
        }
        switch keys[index].state {
        case .published: makeReady(index, now, &events)
        case .retired:
            let key = keys.remove(at: index)
            events.append(.removed(key))
        case .ready, .active: keys[index].due = nil
        }
        return true
    }

    private mutating func makeReady(
        _ index: Int, _ now: Timestamp, _ events: inout [Event]
    ) {
        let role = keys[index].role
        if role.signsData, !keys[index].isSigning {
            for other in keys.indices where keys[other].isSigning {
                keys[other].isSigning = false
                keys[other].signaturesEnd = cachedUntil
                guard keys[other].role == .zoneSigning else { continue }
                enter(.retired, other, now)
                keys[other].due = cachedUntil
                events.append(.retired(keys[other]))
            }
            keys[index].isSigning = true
        }
        enter(role.signsKeys ? .ready : .active, index, now)
        events.append(role.signsKeys ? .ready(keys[index]) : .active(keys[index]))
    }

    private mutating func enter(_ state: ZoneKey.State, _ index: Int, _ now: Timestamp) {
        keys[index].state = state
        keys[index].since = now
        keys[index].due = nil
    }

    // MARK: - Rolls

    private func rollTime(_ key: ZoneKey) -> Timestamp? {
        guard key.state == .active, !isRolling(key.role) else { return nil }
        let lifetime = key.role.signsKeys ? policy.entryKeyLifetime : policy.zoneKeyLifetime
        return lifetime.map { key.published + .seconds($0) }
    }

    private func isRolling(_ role: ZoneKey.Role) -> Bool {
        keys.count(where: { $0.role == role }) > 1
    }

    private mutating func beginDueRolls(
        _ now: Timestamp, _ make: Maker, _ events: inout [Event]
    ) {
        for role in policy.roles
        where keys.contains(where: { key in
            key.role == role && (rollTime(key).map { $0 <= now } ?? false)
        }) {
            events.append(publishNext(role, now, make))
        }
    }

    private mutating func publishNext(
        _ role: ZoneKey.Role, _ now: Timestamp, _ make: Maker
    ) -> Event {
        var key = newKey(role, now, make)
        // The set with it must be everywhere before anything relies on it (RFC 7583 §3.2.1).
        key.due = keysCachedUntil
        keys.append(key)
        return .published(key)
    }

    /// Begins a roll before its time; both roles are one where one key does all.
    package mutating func roll(
        _ role: ZoneKey.Role, at now: Timestamp, make: Maker
    ) throws(Refusal) -> Event {
        guard goal == .signed else { throw .ending }
        let role = policy.isCombined ? .combined : role
        guard keys.contains(where: { $0.role == role }) else { throw .noSuchKey }
        guard !isRolling(role), !keys.contains(where: { $0.role == role && $0.state != .active })
        else { throw .underWay }
        note(longestTTL, at: now)
        return publishNext(role, now, make)
    }

    // MARK: - The zone above

    /// Until a DS record that the zone above took away is forgotten everywhere.
    private var parentWait: Duration {
        .seconds(policy.parentPropagation + max(policy.parentTTL, seenParentTTL))
    }

    /// Takes note of the DS records above: the numbers of the keys that they name, whether there
    /// are any at all, and their TTL in seconds.
    package mutating func observe(
        entries: Set<Int>, isEmpty: Bool, ttl: Int64, at now: Timestamp
    ) -> [Event] {
        seenParentTTL = max(seenParentTTL, min(ttl, Self.maximumParentTTL))
        if isEmpty {
            guard goal == .unsigned, withoutEntry == nil else { return [] }
            // What the zone above was never told of, nobody remembers.
            let wasAnnounced = keys.contains { $0.role.signsKeys && $0.state != .published }
            withoutEntry = wasAnnounced ? now : now + (.zero - parentWait)
            return []
        }
        withoutEntry = nil
        guard goal == .signed else { return [] }
        var events: [Event] = []
        for index in keys.indices
        where keys[index].state == .ready && entries.contains(keys[index].number) {
            enter(.active, index, now)
            events.append(.active(keys[index]))
        }
        guard
            let newest = keys.last(where: {
                $0.role.signsKeys && $0.state == .active && entries.contains($0.number)
            })
        else { return events }
        for index in keys.indices
        where keys[index].role.signsKeys && keys[index].number < newest.number
            && keys[index].state == .active && !entries.contains(keys[index].number)
        {
            enter(.retired, index, now)
            keys[index].due = max(now + parentWait, keys[index].signaturesEnd ?? now)
            events.append(.retired(keys[index]))
        }
        return events
    }

    /// No zone above is believed to have longer TTLs (RFC 8767 §4: a week).
    private static let maximumParentTTL: Int64 = 7 * 86400

    /// Asks for the end of signing (RFC 8078 §4), or takes that back.
    package mutating func setGoal(_ goal: Goal) {
        self.goal = goal
        withoutEntry = nil
    }

    // MARK: - What follows for the zone

    /// The key that the zone above is to name; nil while it should not name one yet.
    package var announced: ZoneKey? {
        guard goal == .signed else { return nil }
        return keys.last {
            $0.role.signsKeys && ($0.state == .ready || $0.state == .active)
        }
    }

    /// What the keys do now; `signer` gives the private half of one.
    package func keySet(_ signer: (ZoneKey) -> (any ZoneSigningKey)?) -> KeySet {
        var set = KeySet(ttl: policy.keyTTL)
        set.published = keys.map(\.record)
        set.announced = announced.map { [$0.record] } ?? []
        set.announcesNone = goal == .unsigned && !keys.isEmpty
        set.keySigners = keys.filter(\.role.signsKeys).compactMap(signer)
        set.dataSigners = keys.filter(\.isSigning).compactMap(signer)
        return set
    }
}
