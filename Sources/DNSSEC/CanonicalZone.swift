// SPDX-License-Identifier: Apache-2.0

import DNS

/// A zone's records in canonical order (RFC 4034 §6), by name and type.
struct CanonicalZone {
    struct RecordSet {
        let type: RecordType
        var ttl: UInt32
        var data: [RecordData]
        /// Canonical forms, each once, in their order (RFC 4034 §6.3).
        private(set) var wires: [[UInt8]] = []

        init(type: RecordType, ttl: UInt32, data: [RecordData]) {
            self.type = type
            self.ttl = ttl
            self.data = data
            settle()
        }

        /// Puts the canonical forms in order, and the data with them.
        mutating func settle() {
            guard data.count > 1 else {
                wires = data.map { $0.canonicalWire(as: type) }
                return
            }
            let sorted = data.map { (wire: $0.canonicalWire(as: type), data: $0) }
                .sorted { $0.wire.lexicographicallyPrecedes($1.wire) }
            wires = []
            data = []
            for (wire, datum) in sorted where wire != wires.last {
                wires.append(wire)
                data.append(datum)
            }
        }
    }

    struct Node {
        let name: Name
        /// Sorts as the name does.
        let key: [UInt8]
        var sets: [RecordSet] = []
        var signatures: [RRSIG] = []

        subscript(type: RecordType) -> RecordSet? { sets.first { $0.type == type } }

        mutating func add(_ set: RecordSet) {
            if let index = sets.firstIndex(where: { $0.type == set.type }) {
                sets[index].ttl = min(sets[index].ttl, set.ttl)
                sets[index].data += set.data
                sets[index].settle()
            } else {
                sets.append(set)
            }
        }
    }

    /// Each name with records once, in canonical order.
    var nodes: [Node] = []

    /// Leaves out records for which `takes` is false.
    init(_ records: [ResourceRecord], where takes: (ResourceRecord) -> Bool = { _ in true }) {
        var placed: [(key: [UInt8], type: UInt16, index: Int)] = []
        placed.reserveCapacity(records.count)
        for (index, record) in records.enumerated() where takes(record) {
            var key: [UInt8]
            if let last = placed.last, records[last.index].owner.wire == record.owner.wire {
                key = last.key
            } else {
                key = record.owner.canonicalKey
            }
            placed.append((key, record.type.rawValue, index))
        }
        placed.sort { first, second in
            if first.key == second.key {
                return (first.type, first.index) < (second.type, second.index)
            }
            return first.key.lexicographicallyPrecedes(second.key)
        }
        var start = 0
        while start < placed.count {
            var end = start
            while end < placed.count, placed[end].key == placed[start].key { end += 1 }
            nodes.append(
                Self.node(placed[start].key, placed[start..<end].map { records[$0.index] }))
            start = end
        }
    }

    /// One name's records, ordered by type.
    private static func node(_ key: [UInt8], _ records: [ResourceRecord]) -> Node {
        var node = Node(name: records[0].owner, key: key)
        var start = 0
        while start < records.count {
            let type = records[start].type
            var end = start
            var ttl = records[start].ttl
            while end < records.count, records[end].type == type {
                // RFC 2181 §5.2: a set has one TTL.
                ttl = min(ttl, records[end].ttl)
                end += 1
            }
            let data = records[start..<end].map(\.data)
            if type == .rrsig {
                node.signatures = data.compactMap(RRSIG.init)
            } else {
                node.sets.append(RecordSet(type: type, ttl: ttl, data: data))
            }
            start = end
        }
        return node
    }

    /// The place of a name; nil if it has no records.
    func place(of key: [UInt8]) -> Int? { nodes.place(of: key) }
}

extension [CanonicalZone.Node] {
    /// The place of a name among those that stand in canonical order; nil if it is not there.
    func place(of key: [UInt8]) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key.lexicographicallyPrecedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < count && self[low].key == key ? low : nil
    }
}
