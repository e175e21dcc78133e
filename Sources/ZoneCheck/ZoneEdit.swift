// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail

/// What someone wants to have changed in a zone.
package enum ZoneEdit: Hashable, Sendable {
    case addRecord(ResourceRecord)
    /// All records of a type at a name, or the one with this data.
    case removeRecords(Name, RecordType, RecordData?)
    /// These in the place of all of the type at the name; without a TTL that of before.
    case setRecords(Name, RecordType, [RecordData], ttl: UInt32?)
    /// Without a preference 10 for the first exchanger, else 10 more than the highest.
    case addExchange(of: Name, host: Name, preference: UInt16?, ttl: UInt32?)
    case removeExchange(of: Name, host: Name)
    /// Another preference or TTL for an exchanger that is there already.
    case setExchange(of: Name, host: Name, preference: UInt16?, ttl: UInt32?)
    /// The domain takes no mail (RFC 7505).
    case nullMX(Name)
}

/// Why an edit cannot be made.
package enum ZoneEditRefusal: Error, Hashable, Sendable {
    case outside(Name)
    case alreadyThere(ResourceRecord)
    case notThere(Name, RecordType)
    case exchangeNotThere(Name, of: Name)
    /// The number is maintained with each change.
    case startOfAuthority
    case nothingToDo

    /// One sentence with a final dot.
    package func text(_ language: Language) -> String {
        switch self {
        case .outside(let name):
            language.choose(
                "\(name) stands outside of the zone.", "\(name) liegt außerhalb der Zone.")
        case .alreadyThere(let record):
            language.choose(
                "\(record.owner) has this \(record.type) record already.",
                "\(record.owner) hat diesen \(record.type)-Eintrag schon.")
        case .notThere(let name, let type):
            language.choose(
                "\(name) has no such \(type) record.", "\(name) hat keinen solchen \(type)-Eintrag."
            )
        case .exchangeNotThere(let host, let domain):
            language.choose(
                "\(host) is no exchanger of \(domain).", "\(host) ist kein Exchanger von \(domain)."
            )
        case .startOfAuthority:
            language.choose(
                "A zone has exactly one SOA record: set it, do not add or remove one.",
                "Eine Zone hat genau einen SOA-Eintrag: setzen, nicht hinzufügen oder entfernen.")
        case .nothingToDo:
            language.choose("Nothing would change.", "Es würde sich nichts ändern.")
        }
    }
}

/// The records that an edit takes out of a zone and puts into it, all or none.
package struct ZoneChange: Hashable, Sendable {
    package private(set) var removed: [ResourceRecord] = []
    package private(set) var added: [ResourceRecord] = []

    /// TTL of a new set where neither the edit nor the zone says one: an hour.
    package static let defaultTTL: UInt32 = 3600

    package init() {}

    /// What edits, one after the other, change in a zone's records.
    package init(
        _ edits: [ZoneEdit], in records: [ResourceRecord], origin: Name
    ) throws(ZoneEditRefusal) {
        var working = records
        for edit in edits { try apply(edit, to: &working, origin: origin) }
        guard !isEmpty else { throw .nothingToDo }
    }

    /// What leads from some records to others; empty if they are the same, in whatever order.
    package init(from before: [ResourceRecord], to after: [ResourceRecord]) {
        removed = Self.without(after, in: before)
        added = Self.without(before, in: after)
    }

    /// A change that is known record by record.
    package init(removed: [ResourceRecord], added: [ResourceRecord]) {
        self.removed = removed
        self.added = added
    }

    package var isEmpty: Bool { removed.isEmpty && added.isEmpty }

    /// The records after the change.
    package func applied(to records: [ResourceRecord]) -> [ResourceRecord] {
        Self.without(removed, in: records) + added
    }

    /// Records but for some of them, each taken out as often as it is named.
    private static func without(
        _ gone: [ResourceRecord], in records: [ResourceRecord]
    ) -> [ResourceRecord] {
        var counts: [ResourceRecord: Int] = [:]
        for record in gone { counts[record, default: 0] += 1 }
        return records.filter { record in
            guard let count = counts[record] else { return true }
            counts[record] = count > 1 ? count - 1 : nil
            return false
        }
    }

    /// Counts the SOA's serial up, so that secondary servers see the change (RFC 1982).
    ///
    /// The new one is also newer than `other`, which may have been seen outside. A change that sets
    /// the SOA itself keeps its serial.
    package mutating func bumpSerial(
        of records: [ResourceRecord], _ style: SerialStyle, newerThan other: UInt32? = nil
    ) {
        guard var start = records.first(where: { $0.type == .soa }),
            case .soa(var soa) = start.data, !removed.contains(start)
        else { return }
        var working = records
        take(start, from: &working)
        soa.serial = style.serial(
            after: other.map { SerialNumber.latest(soa.serial, $0) } ?? soa.serial)
        start.data = .soa(soa)
        put(start, into: &working)
    }

    private mutating func take(_ record: ResourceRecord, from records: inout [ResourceRecord]) {
        records.removeAll { $0 == record }
        if let index = added.firstIndex(of: record) {
            added.remove(at: index)
        } else {
            removed.append(record)
        }
    }

    private mutating func put(_ record: ResourceRecord, into records: inout [ResourceRecord]) {
        records.append(record)
        if let index = removed.firstIndex(of: record) {
            removed.remove(at: index)
        } else {
            added.append(record)
        }
    }

    private mutating func apply(
        _ edit: ZoneEdit, to records: inout [ResourceRecord], origin: Name
    ) throws(ZoneEditRefusal) {
        switch edit {
        case .addRecord(let record):
            guard record.owner.isEqualOrBelow(origin) else { throw .outside(record.owner) }
            guard record.type != .soa else { throw .startOfAuthority }
            try add(record.owner, record.type, [record.data], record.ttl, to: &records)
        case .removeRecords(let name, let type, let data):
            guard type != .soa else { throw .startOfAuthority }
            let gone = Self.set(name, type, records).filter { data == nil || $0.data == data }
            guard !gone.isEmpty else { throw .notThere(name, type) }
            for record in gone { take(record, from: &records) }
        case .setRecords(let name, let type, let data, let ttl):
            guard name.isEqualOrBelow(origin) else { throw .outside(name) }
            guard type != .soa || name == origin && data.count == 1 else {
                throw .startOfAuthority
            }
            let old = Self.set(name, type, records)
            let ttl = ttl ?? old.first?.ttl ?? Self.defaultTTL
            for record in old { take(record, from: &records) }
            try add(name, type, data, ttl, to: &records)
        case .addExchange(let domain, let host, let preference, let ttl):
            guard domain.isEqualOrBelow(origin) else { throw .outside(domain) }
            let old = Self.set(domain, .mx, records)
            for record in old where record.exchange?.isRoot == true {
                take(record, from: &records)
            }
            if let there = old.first(where: { $0.exchange == host }) { throw .alreadyThere(there) }
            let data = MX(
                preference: preference ?? Self.nextPreference(old), exchange: host)
            try add(
                domain, .mx, [.mx(data)], ttl ?? old.first?.ttl ?? Self.defaultTTL, to: &records)
        case .removeExchange(let domain, let host):
            for record in try Self.exchange(host, of: domain, records) {
                take(record, from: &records)
            }
        case .setExchange(let domain, let host, let preference, let ttl):
            try setExchange(domain, host, preference, ttl, &records)
        case .nullMX(let domain):
            guard domain.isEqualOrBelow(origin) else { throw .outside(domain) }
            let old = Self.set(domain, .mx, records)
            for record in old { take(record, from: &records) }
            // RFC 7505 §3: preference 0, and the root as exchanger.
            try add(
                domain, .mx, [.mx(MX(preference: 0, exchange: .root))],
                old.first?.ttl ?? Self.defaultTTL, to: &records)
        }
    }

    private mutating func setExchange(
        _ domain: Name, _ host: Name, _ preference: UInt16?, _ ttl: UInt32?,
        _ records: inout [ResourceRecord]
    ) throws(ZoneEditRefusal) {
        let old = try Self.exchange(host, of: domain, records)
        guard let first = old.first, case .mx(let mx) = first.data else { return }
        for record in old { take(record, from: &records) }
        let data = MX(preference: preference ?? mx.preference, exchange: mx.exchange)
        try add(domain, .mx, [.mx(data)], ttl ?? first.ttl, to: &records)
    }

    /// Adds to a set; all of a set have one TTL (RFC 2181 §5.2), so the others take the new one.
    private mutating func add(
        _ name: Name, _ type: RecordType, _ data: [RecordData], _ ttl: UInt32,
        to records: inout [ResourceRecord]
    ) throws(ZoneEditRefusal) {
        let old = Self.set(name, type, records)
        for data in data {
            if let there = old.first(where: { $0.data == data }) { throw .alreadyThere(there) }
        }
        for var record in old where record.ttl != ttl {
            take(record, from: &records)
            record.ttl = ttl
            put(record, into: &records)
        }
        for data in data {
            put(ResourceRecord(owner: name, type: type, ttl: ttl, data: data), into: &records)
        }
    }

    private static func set(
        _ name: Name, _ type: RecordType, _ records: [ResourceRecord]
    ) -> [ResourceRecord] {
        records.filter { $0.type == type && $0.owner == name }
    }

    private static func exchange(
        _ host: Name, of domain: Name, _ records: [ResourceRecord]
    ) throws(ZoneEditRefusal) -> [ResourceRecord] {
        let found = set(domain, .mx, records).filter { $0.exchange == host }
        guard !found.isEmpty else { throw .exchangeNotThere(host, of: domain) }
        return found
    }

    /// The main server 10, the first backup 20.
    private static func nextPreference(_ records: [ResourceRecord]) -> UInt16 {
        let highest = records.filter { $0.exchange?.isRoot == false }.compactMap(\.preference).max()
        guard let highest else { return 10 }
        return highest > UInt16.max - 10 ? UInt16.max : (highest / 10 + 1) * 10
    }
}

/// How a zone's serial is counted.
package enum SerialStyle: Hashable, Sendable {
    case counter
    /// `YYYYMMDDnn`, of a day in UTC.
    case date(year: Int, month: Int, day: Int)

    /// A serial that secondary servers take for newer (RFC 1982 §3.2).
    package func serial(after old: UInt32) -> UInt32 {
        // 0 means "none yet" to some software.
        let next = old == .max ? 1 : old + 1
        guard case .date(let year, let month, let day) = self else { return next }
        let dated = UInt32(((year * 100 + month) * 100 + day) * 100)
        return SerialNumber.isNewer(dated, than: old) ? dated : next
    }
}

extension ResourceRecord {
    var exchange: Name? { if case .mx(let mx) = data { mx.exchange } else { nil } }
    var preference: UInt16? { if case .mx(let mx) = data { mx.preference } else { nil } }
}
