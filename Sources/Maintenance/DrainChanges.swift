// SPDX-License-Identifier: Apache-2.0

import DNS
import TransportSecurity
import ZoneCheck

extension Drain {
    /// What this phase changes, computed from what there is now; to be taken before the drain is
    /// kept, and made after.
    package mutating func changes(_ facts: Facts) -> Changes {
        var changes = Changes()
        switch phase {
        case .lowering:
            var longest = longestTTL
            changes.zones = edits(facts) { $0.lower(&$1, &longest) }
            longestTTL = longest
        case .moving:
            let (host, manner) = (host, manner)
            changes.zones = edits(facts) { $0.move(host, manner, &$1) }
        case .unlisting: changes.policies = unlist(facts)
        case .relisting:
            changes.policies = relist(facts)
            // RFC 8461 §5: only an enforced policy keeps mail away.
            policySeconds =
                facts.policies.filter { unlisted.contains($0.domain) && $0.policy.mode == .enforce }
                .map { min($0.policy.maximumAgeSeconds, Self.policyRefreshSeconds) }.max() ?? 0
            // Nobody else has to wait for the policies.
            changes.zones = restore(facts) { !$0.contains($1) }
        case .restoring: changes.zones = restore(facts) { _, _ in true }
        default: break
        }
        return changes
    }

    private mutating func restore(
        _ facts: Facts, where isDue: ([Name], Name) -> Bool
    ) -> [ZoneEdits] {
        let (host, unlisted) = (host, unlisted)
        return edits(facts) { set, current in
            if isDue(unlisted, set.owner) { set.restore(host, &current) }
        }
    }

    /// Lets `change` change each set and the records it stands for.
    private mutating func edits(
        _ facts: Facts, _ change: (inout ExchangeSet, inout CurrentSet) -> Void
    ) -> [ZoneEdits] {
        var edits: [Name: [ZoneEdit]] = [:]
        for index in sets.indices {
            let set = sets[index]
            guard let records = facts.zones[set.origin] else {
                sets[index].state = .abandoned
                continue
            }
            let before = CurrentSet(set.owner, records)
            var after = before
            change(&sets[index], &after)
            after.sort()
            if after != before {
                edits[set.origin, default: []].append(
                    .setRecords(set.owner, .mx, after.exchanges.map { .mx($0) }, ttl: after.ttl))
            }
        }
        let origins = edits.keys.map { (key: $0.canonicalKey, name: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        return origins.map { ZoneEdits(origin: $0.name, edits: edits[$0.name] ?? []) }
    }

    // MARK: - Policies

    private mutating func unlist(_ facts: Facts) -> [PolicyChange] {
        var changes: [PolicyChange] = []
        let left = Set(sets.filter { $0.state == .moved && $0.raisedTo == nil }.map(\.owner))
        let naming = Set(naming(in: facts.zones))
        for (domain, policy) in facts.policies
        where left.contains(domain) && !naming.contains(domain) {
            let patterns = policy.patterns.filter { !($0.isOneHost && $0.matches(name)) }
            // An empty list would be no policy.
            guard patterns.count < policy.patterns.count, !patterns.isEmpty else { continue }
            changes.append(PolicyChange(domain: domain, patterns: patterns))
            if !unlisted.contains(domain) { unlisted.append(domain) }
        }
        return changes
    }

    private func relist(_ facts: Facts) -> [PolicyChange] {
        guard let pattern = STSPattern(name) else { return [] }
        return facts.policies.compactMap { domain, policy in
            guard unlisted.contains(domain), !policy.lists(name), policy.mode != .none else {
                return nil
            }
            return PolicyChange(domain: domain, patterns: policy.patterns + [pattern])
        }
    }

    private var name: String { host.description }
}

/// An MX set as it is at the moment.
private struct CurrentSet: Equatable {
    var exchanges: [MX] = []
    var ttl: UInt32 = 0

    init(_ owner: Name, _ records: [ResourceRecord]) {
        for record in records where record.owner == owner {
            guard case .mx(let mx) = record.data else { continue }
            exchanges.append(mx)
            ttl = max(ttl, record.ttl)
        }
        sort()
    }

    mutating func sort() {
        exchanges.sort {
            ($0.preference, $0.exchange.lowercased.description)
                < ($1.preference, $1.exchange.lowercased.description)
        }
    }

    /// Whether somebody has decided that the domain takes no mail, or has no records any more.
    var isGone: Bool { exchanges.allSatisfy(\.exchange.isRoot) }
}

extension Drain.ExchangeSet {
    fileprivate mutating func lower(_ current: inout CurrentSet, _ longest: inout UInt32) {
        guard state == .named else { return }
        longest = max(longest, current.ttl)
        guard current.ttl > Drain.loweredTTL else { return }
        // What somebody has set since counts, not what was there first.
        ttl = current.ttl
        current.ttl = Drain.loweredTTL
    }

    fileprivate mutating func move(
        _ host: Name, _ manner: Drain.Manner, _ current: inout CurrentSet
    ) {
        guard state == .named || state == .moved else { return }
        let others = current.exchanges.filter { $0.exchange != host && !$0.exchange.isRoot }
        guard current.exchanges.contains(where: { $0.exchange == host }) else {
            // Somebody was faster, and means it; or this very step is repeated.
            if state == .named { state = .abandoned }
            return
        }
        guard !others.isEmpty else {
            state = .kept
            return
        }
        state = .moved
        switch manner {
        case .remove: current.exchanges = others
        case .raise:
            let highest = others.map(\.preference).max() ?? 0
            let preference = highest > .max - 10 ? .max : highest + 10
            raisedTo = preference
            current.exchanges = others + [MX(preference: preference, exchange: host)]
        }
    }

    /// To be repeated without harm until it is known to be done.
    fileprivate func restore(_ host: Name, _ current: inout CurrentSet) {
        guard state != .restored, !current.isGone else { return }
        if current.ttl == Drain.loweredTTL { current.ttl = ttl }
        guard state == .moved else { return }
        let own = current.exchanges.filter { $0.exchange == host }
        let isUntouched = raisedTo.map { own.map(\.preference) == [$0] } ?? own.isEmpty
        // Who has put it back, or taken it out of the end of the list, is not overruled.
        guard isUntouched else { return }
        current.exchanges.removeAll { $0.exchange == host }
        current.exchanges += preferences.map { MX(preference: $0, exchange: host) }
    }
}
