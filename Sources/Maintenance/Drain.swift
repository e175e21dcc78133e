// SPDX-License-Identifier: Apache-2.0

package import DNS
package import TransportSecurity
package import World
package import ZoneCheck

/// An exchanger on its way out of the zones that name it, or back into them.
///
/// A value without a clock, kept from one start to the next. The driver asks it to `advance`; when
/// it `wantsChanges`, it takes them, keeps the drain, makes them, and says `carriedOut`. Each step
/// may be repeated: the changes are computed from what the zones hold at that moment.
///
/// First the TTL is lowered and the old one awaited, so that all caches forget within a minute;
/// then the record is taken out. A host leaves MTA-STS policies after it has left the MX records,
/// and returns to them before (RFC 8461 §8.1).
package struct Drain: Hashable, Sendable {
    /// How senders are told to go elsewhere.
    package enum Manner: String, Hashable, Sendable {
        /// The MX record is taken out.
        case remove
        /// It stays behind all the others, for those that cannot reach them.
        case raise
    }

    /// Where it stands, in this order.
    package enum Phase: String, Hashable, Sendable, CaseIterable {
        case lowering
        case waitingForOldTTL = "waiting-old-ttl"
        case moving
        case waitingForNewTTL = "waiting-new-ttl"
        case unlisting
        case watching
        case safe
        // And back.
        case relisting
        case waitingForPolicies = "waiting-policies"
        case restoring
        case restored
    }

    /// One MX set that names the host.
    package struct ExchangeSet: Hashable, Sendable {
        /// What the drain has done to it.
        package enum State: String, Hashable, Sendable {
            /// The host is the only exchanger: its record stays, and senders wait for it.
            case kept
            /// Named as before, perhaps with a lower TTL.
            case named
            /// Taken out or moved behind, or about to be.
            case moved
            /// As before the drain.
            case restored
            /// Somebody else has changed it meanwhile, and is not overruled.
            case abandoned
        }

        package let origin: Name
        package let owner: Name
        /// What the host had; several if it stood in the set several times.
        package let preferences: [UInt16]
        /// What the set had, and gets back.
        package internal(set) var ttl: UInt32
        /// The preference it was given, if it was moved behind.
        package internal(set) var raisedTo: UInt16?
        package internal(set) var state: State
        /// Whether the record was one that we put there for a template.
        package internal(set) var isManaged = false
    }

    /// What is known outside of the drain.
    package struct Facts: Sendable {
        /// The records of the zones, by origin; without those that do not exist any more.
        package var zones: [Name: [ResourceRecord]] = [:]
        /// The policies that are served for the owners of the sets.
        package var policies: [(domain: Name, policy: STSPolicy)] = []
        /// Whether a zone still has a name server that answers with what was before the last step;
        /// nil if there is no other server.
        package var isSpreading: Bool?
        /// Nil if nobody here sees who comes to the host.
        package var arrivals: Arrivals?

        package init() {}

        /// Who came to the host.
        package struct Arrivals: Hashable, Sendable {
            /// Since when they are counted without a gap.
            package var watchedSince: Timestamp
            package var lastMessage: Timestamp?

            package init(watchedSince: Timestamp, lastMessage: Timestamp?) {
                self.watchedSince = watchedSince
                self.lastMessage = lastMessage
            }
        }
    }

    /// What one step changes, all zones together or none.
    package struct Changes: Hashable, Sendable {
        /// To be made first (RFC 8461 §8.1); with each goes a new id.
        package var policies: [PolicyChange] = []
        /// Sorted by origin.
        package var zones: [ZoneEdits] = []

        package var isEmpty: Bool { policies.isEmpty && zones.isEmpty }
    }

    /// The edits of one zone.
    package struct ZoneEdits: Hashable, Sendable {
        package var origin: Name
        package var edits: [ZoneEdit]
    }

    /// Another list of exchangers for a domain's policy.
    package struct PolicyChange: Hashable, Sendable {
        package var domain: Name
        package var patterns: [STSPattern]
    }

    package let host: Name
    package let manner: Manner
    package let begun: Timestamp
    package internal(set) var sets: [ExchangeSet]
    package internal(set) var phase: Phase
    /// When the phase began.
    package internal(set) var since: Timestamp
    /// How long the phase takes at least; 0 where it waits for something else.
    package internal(set) var waitSeconds = 0
    /// Domains whose policies listed the host, and do not any more.
    package internal(set) var unlisted: [Name] = []
    /// Whether somebody still came when it was declared safe.
    package internal(set) var isSafeDespiteArrivals = false
    /// The longest TTL that a cache may have got.
    var longestTTL: UInt32 = loweredTTL
    /// Whether all name servers have been seen to answer with the last step.
    package internal(set) var isSpread = false
    /// How long senders may apply a policy that does not list the host again.
    var policySeconds = 0

    /// What the sets' TTL is lowered to, in seconds.
    package static let loweredTTL: UInt32 = 60
    /// No TTL counts for more: resolvers keep nothing for longer than a week.
    static let longestTTLSeconds: UInt32 = 7 * 86_400
    /// Resolvers that stretch short TTLs seldom go beyond five minutes.
    static let shortestWaitSeconds = 300
    /// A look at the name servers holds for so long.
    static let freshSeconds = 120
    /// Without a message for so long, senders have gone elsewhere.
    package static let quietSeconds = 600
    /// Who still comes after two days ignores the DNS, and is not waited for.
    package static let longestWatchSeconds = 2 * 86_400
    /// How often senders look for a new policy before the old one ends (RFC 8461 §3.3).
    package static let policyRefreshSeconds = 86_400

    // MARK: - What happens

    /// Whether the driver is to make `changes` now.
    package var wantsChanges: Bool {
        switch phase {
        case .lowering, .moving, .unlisting, .relisting, .restoring: true
        default: false
        }
    }

    /// Whether nothing is left to be done.
    package var isOver: Bool { phase == .restored }

    /// When the waiting is over; nil where it waits for no time.
    package var deadline: Timestamp? {
        waitSeconds > 0 ? since + .seconds(waitSeconds) : nil
    }

    /// Goes on to the next phase if it is time; whether anything has changed.
    package mutating func advance(_ facts: Facts, at now: Timestamp) -> Bool {
        switch phase {
        case .waitingForOldTTL, .waitingForNewTTL, .waitingForPolicies:
            var hasLooked = false
            if !isSpread {
                hasLooked = judgeSpread(facts, at: now)
                guard isSpread else { return true }
            }
            guard now >= since + .seconds(waitSeconds) else { return hasLooked }
        default: break
        }
        switch phase {
        case .waitingForOldTTL:
            // Somebody has set a longer TTL meanwhile: caches hold that now.
            enter(raisedSets(facts) ? .lowering : .moving, at: now)
        case .waitingForNewTTL: enter(.unlisting, at: now)
        case .waitingForPolicies: enter(.restoring, at: now)
        case .watching: return judgeSafety(facts, at: now)
        case .safe:
            guard !naming(in: facts.zones).isEmpty else { return false }
            enter(.watching, at: now)
        default: return false
        }
        return true
    }

    /// Whether it is to be found out now if all name servers answer with the last step.
    package var awaitsSpread: Bool {
        switch phase {
        case .waitingForOldTTL, .waitingForNewTTL, .waitingForPolicies: !isSpread
        default: false
        }
    }

    /// The waiting begins when no name server tells the old any more.
    private mutating func judgeSpread(_ facts: Facts, at now: Timestamp) -> Bool {
        isSpread = facts.isSpreading != true
        // If nobody has looked for a while, nobody knows since when it is so.
        let isFresh = now - since <= .seconds(Self.freshSeconds)
        if facts.isSpreading == true || facts.isSpreading == false && !isFresh { since = now }
        return true
    }

    /// The calendar was set: what is waited for has not come nearer.
    package mutating func calendarJumped(by jump: Duration) { since = since + jump }

    /// Brings the host back, from wherever the drain is.
    package mutating func undrain(at now: Timestamp) {
        switch phase {
        case .relisting, .waitingForPolicies, .restoring, .restored: return
        default: enter(unlisted.isEmpty ? .restoring : .relisting, at: now)
        }
    }

    /// The changes that this phase asked for have been made.
    package mutating func carriedOut(at now: Timestamp) {
        switch phase {
        case .lowering: enter(.waitingForOldTTL, at: now, waiting: Self.stretched(longestTTL))
        case .moving:
            enter(.waitingForNewTTL, at: now, waiting: Self.stretched(Self.loweredTTL))
        case .unlisting: enter(.watching, at: now)
        case .relisting:
            settle { !$0.contains($1) }
            enter(.waitingForPolicies, at: now, waiting: policySeconds)
        case .restoring:
            settle { _, _ in true }
            enter(.restored, at: now)
        default: break
        }
    }

    private mutating func settle(where isDone: ([Name], Name) -> Bool) {
        for index in sets.indices where isDone(unlisted, sets[index].owner) {
            if sets[index].state != .abandoned { sets[index].state = .restored }
        }
    }

    private mutating func enter(_ phase: Phase, at now: Timestamp, waiting seconds: Int = 0) {
        self.phase = phase
        since = now
        waitSeconds = seconds
        isSpread = false
        if phase == .watching { isSafeDespiteArrivals = false }
    }

    /// How long a cache may keep what it got with a TTL.
    static func stretched(_ ttl: UInt32) -> Int {
        let ttl = Int(min(ttl, longestTTLSeconds))
        return max(ttl + ttl / 10, shortestWaitSeconds)
    }

    private mutating func judgeSafety(_ facts: Facts, at now: Timestamp) -> Bool {
        guard naming(in: facts.zones).isEmpty else { return false }
        let quiet = Duration.seconds(Self.quietSeconds)
        var isQuiet = now - since >= quiet
        if let arrivals = facts.arrivals {
            isQuiet =
                now - arrivals.watchedSince >= quiet
                && arrivals.lastMessage.map { now - $0 >= quiet } ?? true
        }
        let isLong = now - since >= .seconds(Self.longestWatchSeconds)
        guard isQuiet || isLong else { return false }
        enter(.safe, at: now)
        isSafeDespiteArrivals = !isQuiet
        return true
    }

    /// Owners of sets that name the host although the drain has taken it out.
    package func naming(in zones: [Name: [ResourceRecord]]) -> [Name] {
        sets.filter { set in
            guard set.state == .moved, let records = zones[set.origin] else { return false }
            let found = records.filter { $0.owner == set.owner && $0.exchange == host }
            return found.contains { record in
                guard case .mx(let mx) = record.data else { return false }
                return mx.preference != set.raisedTo
            }
        }.map(\.owner)
    }

    private func raisedSets(_ facts: Facts) -> Bool {
        sets.contains { set in
            set.state == .named
                && (facts.zones[set.origin] ?? []).contains {
                    $0.owner == set.owner && $0.type == .mx && $0.ttl > Self.loweredTTL
                }
        }
    }
}
