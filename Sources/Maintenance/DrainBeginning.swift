// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail
package import World

/// Why an exchanger is not drained.
package enum DrainRefusal: Error, Hashable, Sendable {
    /// No zone here names it.
    case notNamed(Name)
    /// These domains have no other exchanger.
    case onlyExchanger(Name, of: [Name])
    /// The others of these domains are down or being drained.
    case othersAway(Name, of: [Name])
    /// This server holds mail for these domains as a backup, and finds it by the host's record.
    case backupNeeds(Name, of: [Name])
    /// It is being drained already.
    case underWay(Name)
    /// It is not being drained.
    case notUnderWay(Name)

    /// One sentence with a final dot, and what to do.
    package func text(_ language: Language) -> String {
        switch self {
        case .notNamed(let host):
            return language.choose(
                "No zone that is kept here names \(host) as an exchanger.",
                "Keine Zone, die hier liegt, nennt \(host) als Exchanger.")
        case .onlyExchanger(let host, let domains):
            let list = Self.list(domains, language)
            return language.choose(
                "\(host) is the only exchanger of \(list): add another one first, or say --force "
                    + "to let their mail wait at its senders while the host is stopped.",
                "\(host) ist der einzige Exchanger von \(list): zuerst einen weiteren eintragen, "
                    + "oder mit --force die Mail bei den Absendern warten lassen, solange er steht."
            )
        case .othersAway(let host, let domains):
            let list = Self.list(domains, language)
            return language.choose(
                "The other exchangers of \(list) are down or being drained, so that only \(host) "
                    + "is left: bring one back first, or say --force.",
                "Die anderen Exchanger von \(list) sind ausgefallen oder werden geleert, es bleibt "
                    + "nur \(host): zuerst einen zurückbringen, oder --force angeben.")
        case .backupNeeds(let host, let domains):
            let list = Self.list(domains, language)
            return language.choose(
                "This server is a backup for \(list), and finds \(host) by its MX record: first "
                    + "name it with `relay add --host`, or say --force to leave the record there.",
                "Dieser Server ist Reserve für \(list) und findet \(host) über dessen MX-Eintrag: "
                    + "erst mit `relay add --host` nennen, oder mit --force den Eintrag belassen.")
        case .underWay(let host):
            return language.choose(
                "\(host) is being drained already: see `mx drain --status`.",
                "\(host) wird schon geleert: siehe `mx drain --status`.")
        case .notUnderWay(let host):
            return language.choose(
                "\(host) is not being drained.", "\(host) wird nicht geleert.")
        }
    }

    /// Domains that are named; the rest is a number.
    private static let namedDomains = 10

    private static func list(_ domains: [Name], _ language: Language) -> String {
        var names = domains.prefix(namedDomains).map(\.description)
        let rest = domains.count - names.count
        if rest > 0 {
            names.append(language.choose("\(rest) other domains", "\(rest) weiteren Domains"))
        }
        return language.list(names)
    }
}

extension Drain {
    /// What is asked for.
    package struct Request: Sendable {
        package var host: Name
        package var manner = Manner.remove
        /// Also where the host is the only exchanger: there its record stays, and senders wait.
        package var isForced = false
        /// Hosts that take no mail or soon will not: no comfort for those who lose this one.
        package var away: Set<Name> = []
        /// Names of this server.
        package var ownNames: Set<Name> = []
        /// Domains that this server is a backup for, and whose better exchangers it finds by MX.
        package var relayed: Set<Name> = []

        package init(host: Name) { self.host = host }
    }

    /// Begins with every zone that names the host; the first step is to lower their TTL.
    package init(
        _ request: Request, zones: [(origin: Name, records: [ResourceRecord])], at now: Timestamp
    ) throws(DrainRefusal) {
        let sets = zones.flatMap { zone in
            Self.sets(naming: request.host, in: zone.records, of: zone.origin)
        }
        guard !sets.isEmpty else { throw .notNamed(request.host) }
        let records = Dictionary(zones.map { ($0.origin, $0.records) }) { first, _ in first }
        var alone: [Name] = []
        var forsaken: [Name] = []
        var needed: [Name] = []
        var marked = sets
        for index in marked.indices {
            let set = marked[index]
            let left = (records[set.origin] ?? []).filter { record in
                record.owner == set.owner && record.exchange != request.host
                    && record.exchange?.isRoot == false
            }
            let others = left.compactMap(\.exchange)
            if others.isEmpty {
                alone.append(set.owner)
            } else if others.allSatisfy({ request.away.contains($0) }) {
                forsaken.append(set.owner)
            } else if request.relayed.contains(set.owner), request.isLost(left) {
                needed.append(set.owner)
            } else {
                continue
            }
            marked[index].state = .kept
        }
        if !request.isForced {
            if !alone.isEmpty { throw .onlyExchanger(request.host, of: alone) }
            if !forsaken.isEmpty { throw .othersAway(request.host, of: forsaken) }
            if !needed.isEmpty { throw .backupNeeds(request.host, of: needed) }
        }
        host = request.host
        manner = request.manner
        begun = now
        self.sets = marked
        phase = .lowering
        since = now
    }

    /// The sets of a zone that name a host, in the order of the records.
    static func sets(
        naming host: Name, in records: [ResourceRecord], of origin: Name
    ) -> [ExchangeSet] {
        var owners: [Name] = []
        var preferences: [Name: [UInt16]] = [:]
        var ttls: [Name: UInt32] = [:]
        for record in records {
            guard case .mx(let mx) = record.data, mx.exchange == host else { continue }
            if preferences[record.owner] == nil { owners.append(record.owner) }
            preferences[record.owner, default: []].append(mx.preference)
            ttls[record.owner] = max(ttls[record.owner] ?? 0, record.ttl)
        }
        return owners.map {
            ExchangeSet(
                origin: origin, owner: $0, preferences: preferences[$0] ?? [], ttl: ttls[$0] ?? 0,
                state: .named)
        }
    }

    /// Notes whose records are ours, so that they are ours again when they come back.
    package mutating func note(managed: (Name, ResourceRecord) -> Bool) {
        for index in sets.indices {
            let set = sets[index]
            sets[index].isManaged = set.preferences.allSatisfy { preference in
                let data = RecordData.mx(MX(preference: preference, exchange: host))
                return managed(
                    set.origin, ResourceRecord(owner: set.owner, type: .mx, ttl: 0, data: data))
            }
        }
    }

    /// Whether a zone's records name a host as an exchanger.
    package static func isNamed(_ host: Name, in records: [ResourceRecord]) -> Bool {
        records.contains { $0.exchange == host }
    }
}

extension Drain.Request {
    /// Whether this server would find nobody better than itself any more (RFC 5321 §5.1).
    fileprivate func isLost(_ left: [ResourceRecord]) -> Bool {
        let exchangers = left.compactMap { record -> MX? in
            if case .mx(let mx) = record.data { mx } else { nil }
        }
        let own = exchangers.filter { ownNames.contains($0.exchange) }.map(\.preference).min()
        guard let own else { return false }
        return !exchangers.contains { $0.preference < own }
    }
}
