// SPDX-License-Identifier: Apache-2.0

package import DNS
package import DNSSEC
package import World
import ZoneStore

/// How a zone is signed, and what is to be done by whom.
package struct ZoneSecurityStatus: Sendable {
    /// What the operator has to do in the zone above.
    package enum Duty: Hashable, Sendable {
        case none
        /// Nothing before that time.
        case wait(Timestamp)
        /// The DS records are to be put there, in the place of those with these tags.
        case announce(replacing: [UInt16])
        /// All DS records are to be taken out there.
        case withdraw
    }

    /// A key, and what of it concerns the zone above.
    package struct Key: Sendable {
        package let key: ZoneKey
        /// DS records that name it; empty for one that no DS record is for.
        package let entries: [DS]
        /// The zone above was seen to name it.
        package let isNamed: Bool
    }

    package let origin: Name
    /// Nil: not signed.
    package private(set) var denial: DenialOfExistence?
    package private(set) var algorithm: SigningAlgorithm?
    package private(set) var isEnding = false
    package private(set) var keys: [Key] = []
    /// The key that the zone above is to name.
    package private(set) var announced: Key?
    package private(set) var parent: ZoneSecurity.ParentView?
    /// When the first signature expires; nil: none was made since the start.
    package private(set) var expiration: Timestamp?
    /// When something happens by itself next.
    package private(set) var nextChange: Timestamp?
    package private(set) var duty = Duty.none
    /// A signature has under three days.
    package private(set) var isAlarming = false

    package var isSigned: Bool { denial != nil }

    init(origin: Name) { self.origin = origin }

    init(
        _ keys: ZoneKeys, parent: ZoneSecurity.ParentView?, expiration: Timestamp?, now: Timestamp,
        _ cryptography: any ZoneSigningCryptography
    ) {
        let timeline = keys.timeline
        origin = keys.origin
        denial = keys.denial
        algorithm = timeline.policy.algorithm
        isEnding = timeline.goal == .unsigned
        self.parent = parent
        self.expiration = expiration
        nextChange = timeline.nextChange
        isAlarming = expiration.map { $0 - now < .seconds(SigningPolicy.alarm) } ?? true
        self.keys = timeline.keys.map { key in
            let entries =
                key.role.signsKeys
                ? DelegationDigest.allCases.map {
                    cryptography.delegationSigner(of: key.record, at: keys.origin, $0)
                } : []
            return Key(
                key: key, entries: entries,
                isNamed: parent?.keys.contains(key.number) ?? false)
        }
        announced = timeline.announced.flatMap { announced in
            self.keys.first { $0.key.number == announced.number }
        }
        duty = Self.duty(timeline, announced, parent)
    }

    private static func duty(
        _ timeline: KeyTimeline, _ announced: Key?, _ parent: ZoneSecurity.ParentView?
    ) -> Duty {
        if timeline.goal == .unsigned {
            return timeline.withoutEntry == nil
                ? .withdraw : timeline.nextChange.map { .wait($0) } ?? .none
        }
        guard let announced else {
            let due = timeline.keys.filter(\.role.signsKeys).compactMap(\.due).min()
            return due.map { .wait($0) } ?? .none
        }
        let others = (parent?.entries ?? []).map(\.tag).filter { $0 != announced.key.tag }
        let isSeen = parent.map { $0.failure == nil } ?? false
        if announced.key.state == .ready || isSeen && !announced.isNamed
            || isSeen && !others.isEmpty
        {
            return .announce(replacing: Set(others).sorted())
        }
        return .none
    }
}
