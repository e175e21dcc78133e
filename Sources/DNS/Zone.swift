// SPDX-License-Identifier: Apache-2.0

/// A subtree with its SOA, up to its delegations (RFC 1034 §4.2).
package struct Zone: Sendable {
    /// Why records are no zone: one sentence each.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package var faults: [String]
        package init(faults: [String]) { self.faults = faults }
        package var description: String { faults.joined(separator: "\n") }
    }

    /// The records of one type at one name (RFC 2181 §5).
    struct RecordSet: Sendable {
        let type: RecordType
        var records: [ResourceRecord]
    }

    /// A name that exists, if only because others stand below it (RFC 8020).
    struct Node: Sendable {
        var sets: [RecordSet] = []

        subscript(type: RecordType) -> RecordSet? { sets.first { $0.type == type } }
    }

    package let origin: Name
    /// The record itself, with its TTL.
    package let start: ResourceRecord
    package let soa: SOA
    /// Every record, in the order given, each once.
    package let records: [ResourceRecord]
    private let nodes: [Name: Node]

    /// Builds a zone; everything that is wrong is said at once.
    ///
    /// Asked for are one SOA at the origin, no record outside, nothing beside a CNAME
    /// (RFC 1034 §3.6.2), and NS records at the origin. A set whose TTLs differ takes the lowest
    /// (RFC 2181 §5.2).
    package init(origin: Name, records: some Sequence<ResourceRecord>) throws(Invalid) {
        var faults: [String] = []
        var nodes: [Name: Node] = [:]
        var kept: [ResourceRecord] = []
        for record in records {
            guard record.class == .internet else {
                faults.append("\(record.owner) \(record.type): class \(record.class) is not IN")
                continue
            }
            guard record.owner.isEqualOrBelow(origin) else {
                faults.append("\(record.owner) \(record.type) stands outside of \(origin)")
                continue
            }
            if Self.insert(record, into: &nodes, origin: origin) { kept.append(record) }
        }
        let starts = nodes[origin]?[.soa]?.records ?? []
        if starts.count != 1 {
            faults.append("\(origin) has \(starts.count) SOA records instead of one")
        }
        if nodes[origin]?[.ns] == nil { faults.append("\(origin) has no NS record") }
        for record in kept where record.type == .cname {
            guard let node = nodes[record.owner] else { continue }
            // RFC 4034 §3, §4: signatures and their denial may stand beside an alias.
            let others = node.sets.map(\.type).filter { ![.cname, .rrsig, .nsec].contains($0) }
            if let other = others.first {
                faults.append("\(record.owner) has a CNAME and also \(other)")
            }
            if node[.cname]?.records.count ?? 0 > 1, node[.cname]?.records.first == record {
                faults.append("\(record.owner) has more than one CNAME")
            }
        }
        guard faults.isEmpty, let start = starts.first, case .soa(let soa) = start.data else {
            throw Invalid(faults: faults)
        }
        self.origin = origin
        self.start = start
        self.soa = soa
        self.records = kept
        self.nodes = nodes
    }

    /// False for a record that is there already (RFC 2181 §5).
    private static func insert(
        _ record: ResourceRecord, into nodes: inout [Name: Node], origin: Name
    ) -> Bool {
        var above = record.owner.parent
        while let name = above, name.isEqualOrBelow(origin), nodes[name] == nil {
            nodes[name] = Node()
            above = name.parent
        }
        var node = nodes[record.owner] ?? Node()
        defer { nodes[record.owner] = node }
        guard let index = node.sets.firstIndex(where: { $0.type == record.type }) else {
            node.sets.append(RecordSet(type: record.type, records: [record]))
            return true
        }
        if node.sets[index].records.contains(where: { $0.data == record.data }) { return false }
        node.sets[index].records.append(record)
        let ttl = node.sets[index].records.map(\.ttl).reduce(record.ttl, min)
        for place in node.sets[index].records.indices { node.sets[index].records[place].ttl = ttl }
        return true
    }

    func node(_ name: Name) -> Node? { nodes[name] }

    /// The names from just below the origin down to `name`, the highest first.
    func path(to name: Name) -> [Name] {
        var names: [Name] = []
        var current: Name? = name
        while let next = current, next.wire.count > origin.wire.count {
            names.append(next)
            current = next.parent
        }
        return names.reversed()
    }

    /// The wildcard that speaks for a name that does not exist (RFC 4592 §3.3.1).
    func wildcard(for name: Name) -> Node? {
        var encloser = name.parent
        while let current = encloser, node(current) == nil { encloser = current.parent }
        guard let encloser, encloser.isEqualOrBelow(origin),
            encloser.wire.count + 2 <= Name.maximumOctets
        else { return nil }
        return node(Name(uncheckedWire: [1, 0x2A] + encloser.wire))
    }
}

/// The zones that one server answers for.
package struct ZoneSet: Sendable {
    private var zones: [Name: Zone] = [:]

    /// Of several zones with one origin the last counts.
    package init(_ zones: some Sequence<Zone> = []) {
        for zone in zones { self.zones[zone.origin] = zone }
    }

    package var count: Int { zones.count }

    package subscript(origin: Name) -> Zone? {
        get { zones[origin] }
        set { zones[origin] = newValue }
    }

    /// The zone nearest above a name; `isAbove` leaves out a zone that begins at the name itself.
    func nearest(to name: Name, isAbove: Bool = false) -> Zone? {
        var current: Name? = isAbove ? name.parent : name
        while let next = current {
            if let zone = zones[next] { return zone }
            current = next.parent
        }
        return nil
    }
}
