// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Mail
package import ZoneCheck

/// What a zone answers while some of its hosts are down.
///
/// A pure function of the zone's records and of what is known of the hosts. An exchanger that is
/// down is left out while another of its set is known to be up; a set is never emptied.
package struct HealthOverlay: Hashable, Sendable {
    /// The backup of a name that clients connect to.
    package struct Failover: Hashable, Sendable {
        /// The client's name for the host; the addresses it has in the zone are the primary's.
        package var name: Name
        /// In the place of those while all of them are down.
        package var backups: [IPAddress]
        /// What is asked whether a host is up.
        package var port: UInt16

        /// Submission, where a mail program connects first.
        package static let usualPort: UInt16 = 587

        package init(name: Name, backups: [IPAddress], port: UInt16 = usualPort) {
            self.name = name
            self.backups = backups
            self.port = port
        }
    }

    /// Whether exchangers are watched.
    package var watchesExchangers = false
    package var failovers: [Failover] = []
    /// TTL of the sets that may change from one minute to the next.
    package var ttlSeconds: UInt32 = usualTTLSeconds

    package static let usualTTLSeconds: UInt32 = 60

    package init() {}

    /// Whether the records are answered as they are.
    package var isIdle: Bool { !watchesExchangers && failovers.isEmpty }

    /// Something that is answered in another way than the zone has it.
    package struct Departure: Hashable, Sendable {
        /// What is answered instead.
        package enum Kind: Hashable, Sendable {
            /// This exchanger is left out.
            case exchangeLeftOut(Name)
            /// This address is left out, the others of the name are answered.
            case addressLeftOut(IPAddress)
            /// The backup's addresses are answered.
            case backup([IPAddress])
        }
        package let owner: Name
        package let kind: Kind
        package let why: Wording

        /// Whether both come to the same answer, whatever the reason is at the moment.
        package func isSame(as other: Self) -> Bool {
            owner == other.owner && kind == other.kind
        }

        /// One sentence with a final dot.
        package func text(_ language: Language) -> String {
            let reason = why[language]
            return switch kind {
            case .exchangeLeftOut(let host):
                language.choose(
                    "The exchanger \(host) is left out of the answer for \(owner): \(reason).",
                    "Der Exchanger \(host) fehlt in der Antwort für \(owner): \(reason).")
            case .addressLeftOut(let address):
                language.choose(
                    "The address \(address) is left out of the answer for \(owner): \(reason).",
                    "Die Adresse \(address) fehlt in der Antwort für \(owner): \(reason).")
            case .backup(let addresses):
                language.choose(
                    "\(owner) is answered with the backup \(language.list(addresses.map { "\($0)" }))"
                        + ": \(reason).",
                    "Für \(owner) wird die Reserve \(language.list(addresses.map { "\($0)" }))"
                        + " genannt: \(reason).")
            }
        }
    }

    /// What is to be watched for these records, each once.
    package func subjects(of records: [ResourceRecord]) -> [HealthJudge.Subject] {
        var seen: Set<HealthJudge.Subject> = []
        var subjects: [HealthJudge.Subject] = []
        func watch(_ subject: HealthJudge.Subject) {
            if seen.insert(subject).inserted { subjects.append(subject) }
        }
        if watchesExchangers {
            for set in Self.exchangeSets(records) { for host in set.hosts { watch(.host(host)) } }
        }
        for failover in failovers {
            let primaries = records.filter { $0.owner == failover.name }.compactMap(\.address)
            for address in primaries + failover.backups {
                watch(.address(SocketAddress(address, port: failover.port)))
            }
        }
        return subjects
    }

    /// The records to be answered, and where they depart from those given.
    package func applied(
        to records: [ResourceRecord], health: (HealthJudge.Subject) -> HealthJudge.Health
    ) -> (records: [ResourceRecord], departures: [Departure]) {
        var result = records
        var departures: [Departure] = []
        if watchesExchangers {
            for set in Self.exchangeSets(records) {
                apply(set, &result, &departures, health)
            }
        }
        for failover in failovers { apply(failover, &result, &departures, health) }
        return (result, departures)
    }

    // MARK: - Exchangers

    private struct ExchangeSet {
        var owner: Name
        var hosts: [Name] = []
    }

    /// Sets with several hosts, in the order of the records: one host alone is always answered.
    private static func exchangeSets(_ records: [ResourceRecord]) -> [ExchangeSet] {
        var places: [Name: Int] = [:]
        var sets: [ExchangeSet] = []
        for record in records {
            guard let host = record.exchange, !host.isRoot else { continue }
            let place = places[record.owner] ?? sets.count
            if place == sets.count {
                places[record.owner] = place
                sets.append(ExchangeSet(owner: record.owner))
            }
            if !sets[place].hosts.contains(host) { sets[place].hosts.append(host) }
        }
        return sets.filter { $0.hosts.count > 1 }
    }

    private func apply(
        _ set: ExchangeSet, _ records: inout [ResourceRecord], _ departures: inout [Departure],
        _ health: (HealthJudge.Subject) -> HealthJudge.Health
    ) {
        shorten(set.owner, [.mx], &records)
        let states = set.hosts.map { (host: $0, health: health(.host($0))) }
        guard states.contains(where: \.health.isUp) else { return }
        for (host, state) in states {
            guard case .down(_, let why) = state else { continue }
            records.removeAll { $0.owner == set.owner && $0.exchange == host }
            departures.append(
                Departure(owner: set.owner, kind: .exchangeLeftOut(host), why: why))
        }
    }

    // MARK: - Addresses

    private func apply(
        _ failover: Failover, _ records: inout [ResourceRecord],
        _ departures: inout [Departure], _ health: (HealthJudge.Subject) -> HealthJudge.Health
    ) {
        let name = failover.name
        let primaries = records.filter { $0.owner == name && $0.address != nil }
        guard let sample = primaries.first else { return }
        shorten(name, [.a, .aaaa], &records)
        func state(_ address: IPAddress) -> HealthJudge.Health {
            health(.address(SocketAddress(address, port: failover.port)))
        }
        let addresses = primaries.compactMap(\.address)
        let down = addresses.compactMap { address -> (IPAddress, Wording)? in
            if case .down(_, let why) = state(address) { (address, why) } else { nil }
        }
        guard down.count == addresses.count, let first = down.first else {
            guard addresses.contains(where: { state($0).isUp }) else { return }
            for (address, why) in down {
                records.removeAll { $0.owner == name && $0.address == address }
                departures.append(Departure(owner: name, kind: .addressLeftOut(address), why: why))
            }
            return
        }
        let backups = failover.backups.filter { state($0).isUp }
        guard !backups.isEmpty else { return }
        records.removeAll { $0.owner == name && $0.address != nil }
        records += backups.map {
            ResourceRecord(owner: name, address: $0, ttl: min(sample.ttl, ttlSeconds))
        }
        departures.append(Departure(owner: name, kind: .backup(backups), why: first.1))
    }

    /// RFC 2181 §5.2: all of a set have one TTL.
    private func shorten(
        _ owner: Name, _ types: [RecordType], _ records: inout [ResourceRecord]
    ) {
        for index in records.indices
        where records[index].owner == owner && types.contains(records[index].type) {
            records[index].ttl = min(records[index].ttl, ttlSeconds)
        }
    }
}

extension ResourceRecord {
    /// The host that an MX record names.
    package var exchange: Name? { if case .mx(let mx) = data { mx.exchange } else { nil } }

    /// What an A or AAAA record says.
    package var address: IPAddress? {
        switch data {
        case .a(let address): .v4(address)
        case .aaaa(let address): .v6(address)
        default: nil
        }
    }

    fileprivate init(owner: Name, address: IPAddress, ttl: UInt32) {
        switch address {
        case .v4(let address): self.init(owner: owner, type: .a, ttl: ttl, data: .a(address))
        case .v6(let address): self.init(owner: owner, type: .aaaa, ttl: ttl, data: .aaaa(address))
        }
    }
}
