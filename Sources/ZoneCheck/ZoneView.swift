// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// A record and where it stands.
struct PlacedRecord: Sendable {
    var record: ResourceRecord
    var file: String?
    var line: Int?

    var place: Finding.Place {
        Finding.Place(owner: record.owner, type: record.type, file: file, line: line)
    }
}

/// A zone's records by name and type, with its cuts; nothing is assumed to be right.
struct ZoneView: Sendable {
    struct RecordSet: Sendable {
        let type: RecordType
        var records: [PlacedRecord]
        var data: [RecordData] { records.map(\.record.data) }
    }

    struct Node: Sendable {
        let name: Name
        var sets: [RecordSet] = []

        subscript(type: RecordType) -> RecordSet? { sets.first { $0.type == type } }
        var types: [RecordType] { sets.map(\.type) }
    }

    /// What the zone says about a name and a type.
    enum Look: Sendable {
        case records([PlacedRecord])
        case noData
        case nameError
        /// Others must be asked: the name stands outside, or behind a delegation.
        case elsewhere(Name)
        case circle
    }

    /// As many aliases in a row as anyone follows.
    static let maximumAliases = 16

    let origin: Name
    /// Every name that exists, those too that only stand above others (RFC 8020).
    private(set) var nodes: [Name: Node] = [:]
    /// The names that hold records, in canonical order (RFC 4034 §6.1).
    let names: [Name]
    /// Names at which the zone is delegated.
    private(set) var cuts: Set<Name> = []
    private(set) var dnames: Set<Name> = []

    init(origin: Name, records: some Sequence<PlacedRecord>) {
        self.origin = origin
        for record in records {
            let owner = record.record.owner
            Self.insert(record, into: &nodes)
            guard owner != origin else { continue }
            if record.record.type == .ns { cuts.insert(owner) }
            if record.record.type == .dname { dnames.insert(owner) }
        }
        if nodes[origin]?[.dname] != nil { dnames.insert(origin) }
        let keyed = nodes.values.filter { !$0.sets.isEmpty }.map {
            (key: $0.name.canonicalKey, name: $0.name)
        }
        names = keyed.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.name)
        for name in names {
            var above = name.parent
            while let current = above, current.isEqualOrBelow(origin), nodes[current] == nil {
                nodes[current] = Node(name: current)
                above = current.parent
            }
        }
    }

    private static func insert(_ record: PlacedRecord, into nodes: inout [Name: Node]) {
        let (owner, type) = (record.record.owner, record.record.type)
        nodes[owner, default: Node(name: owner)].add(record, type)
    }

    subscript(name: Name) -> Node? { nodes[name] }

    /// The names of the zone from the origin down, each with what it holds.
    var inOrder: some Sequence<Node> { names.lazy.compactMap { nodes[$0] } }

    /// The highest delegation at or above a name.
    func cut(over name: Name) -> Name? { highest(of: cuts, over: name) }

    /// The highest DNAME above a name.
    func dname(above name: Name) -> Name? {
        name.parent.flatMap { $0.isEqualOrBelow(origin) ? highest(of: dnames, over: $0) : nil }
    }

    private func highest(of names: Set<Name>, over name: Name) -> Name? {
        guard !names.isEmpty else { return nil }
        var found: Name?
        var current: Name? = name
        while let next = current, next.isEqualOrBelow(origin) {
            if names.contains(next) { found = next }
            current = next.parent
        }
        return found
    }

    /// Whether the zone speaks for the name: not outside, not behind a delegation.
    func isAuthoritative(_ name: Name) -> Bool {
        name.isEqualOrBelow(origin) && cut(over: name) == nil
    }

    /// The records at a name, aliases not followed; wildcards speak (RFC 4592 §3.3.1).
    func node(for name: Name) -> Node? {
        if let node = nodes[name] { return node }
        var encloser = name.parent
        while let current = encloser, nodes[current] == nil { encloser = current.parent }
        guard let encloser, encloser.isEqualOrBelow(origin), let wildcard = encloser.wildcard
        else { return nil }
        return nodes[wildcard]
    }

    /// Follows aliases within the zone; `aliases` are the names that they led to.
    func look(_ name: Name, _ type: RecordType) -> (look: Look, aliases: [Name]) {
        var current = name
        var aliases: [Name] = []
        while aliases.count <= Self.maximumAliases {
            guard isAuthoritative(current) else { return (.elsewhere(current), aliases) }
            if let dname = dname(above: current), let target = substitute(current, below: dname) {
                aliases.append(target)
                current = target
                continue
            }
            guard let node = node(for: current) else { return (.nameError, aliases) }
            if let set = node[type] { return (.records(set.records), aliases) }
            guard type != .cname, let alias = node[.cname]?.records.first?.record.data,
                case .cname(let target) = alias
            else { return (.noData, aliases) }
            aliases.append(target)
            current = target
        }
        return (.circle, aliases)
    }

    /// The name that a DNAME above it stands for (RFC 6672 §2.2).
    private func substitute(_ name: Name, below owner: Name) -> Name? {
        guard case .dname(let target)? = nodes[owner]?[.dname]?.records.first?.record.data
        else { return nil }
        let kept = name.labels.dropLast(owner.labelCount).map(Array.init)
        return Name(labels: kept + target.labels.map(Array.init))
    }

    /// Addresses that stand in the zone at this very name, glue behind a delegation too.
    func addresses(at name: Name) -> [PlacedRecord] {
        guard let node = nodes[name] else { return [] }
        return (node[.a]?.records ?? []) + (node[.aaaa]?.records ?? [])
    }
}

extension ZoneView.Node {
    fileprivate mutating func add(_ record: PlacedRecord, _ type: RecordType) {
        if let index = sets.firstIndex(where: { $0.type == type }) {
            sets[index].records.append(record)
        } else {
            sets.append(.init(type: type, records: [record]))
        }
    }
}

extension RecordData {
    /// The address of an A or AAAA record.
    var address: IPAddress? {
        switch self {
        case .a(let address): .v4(address)
        case .aaaa(let address): .v6(address)
        default: nil
        }
    }
}

extension Name {
    /// The name in front of `suffix`; nil if it does not stand below it.
    func labels(before suffix: Name) -> [ArraySlice<UInt8>]? {
        isEqualOrBelow(suffix) ? labels.dropLast(suffix.labelCount) : nil
    }

    /// Whether these labels are letters, digits and inner hyphens (RFC 952, RFC 1123 §2.1).
    var isHostName: Bool {
        !isRoot
            && labels.allSatisfy { label in
                guard let first = label.first, let last = label.last else { return false }
                return first.isAlphanumeric && last.isAlphanumeric
                    && label.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
            }
    }
}
