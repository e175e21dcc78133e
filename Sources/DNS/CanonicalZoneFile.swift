// SPDX-License-Identifier: Apache-2.0

import Bytes

extension MasterFile {
    /// A zone as text that depends on nothing but its records: the same zone, the same octets.
    ///
    /// One line for each record, names absolute and in the case they have: the SOA first, then
    /// names in canonical order (RFC 4034 §6.1), at each of them NS, then types by number, a set in
    /// the order of its canonical data (§6.3). A record that stands twice is written once.
    package static func canonicalText(of records: some Sequence<ResourceRecord>) -> [UInt8] {
        var text: [UInt8] = []
        var previous: ResourceRecord?
        for record in canonicalOrder(of: records) where record != previous {
            text += record.text.utf8
            text.append(.lineFeed)
            previous = record
        }
        return text
    }

    /// The records in the order of `canonicalText`.
    package static func canonicalOrder(
        of records: some Sequence<ResourceRecord>
    ) -> [ResourceRecord] {
        var keys: [Name: [UInt8]] = [:]
        let keyed = records.map { record in
            if keys[record.owner] == nil { keys[record.owner] = record.owner.canonicalKey }
            return CanonicalPlace(record, owner: keys[record.owner] ?? [])
        }
        return keyed.sorted(by: <).map(\.record)
    }
}

/// Where a record stands among others, down to the case of its letters.
private struct CanonicalPlace: Comparable {
    let record: ResourceRecord
    private let owner: [UInt8]
    private let type: Int
    private let data: [UInt8]

    init(_ record: ResourceRecord, owner: [UInt8]) {
        self.record = record
        self.owner = owner
        let rank =
            switch record.type {
            case .soa: -2
            case .ns: -1
            default: Int(record.type.rawValue)
            }
        type = rank
        data = record.data.canonicalWire(as: record.type)
    }

    static func == (left: Self, right: Self) -> Bool { left.record == right.record }

    static func < (left: Self, right: Self) -> Bool {
        let (isStart, other) = (left.record.type == .soa, right.record.type == .soa)
        if isStart != other { return isStart }
        if left.owner != right.owner { return left.owner.lexicographicallyPrecedes(right.owner) }
        if left.record.class != right.record.class {
            return left.record.class.rawValue < right.record.class.rawValue
        }
        if left.type != right.type { return left.type < right.type }
        if left.data != right.data { return left.data.lexicographicallyPrecedes(right.data) }
        if left.record.ttl != right.record.ttl { return left.record.ttl < right.record.ttl }
        let wires = (left.record.owner.wire, right.record.owner.wire)
        if wires.0 != wires.1 { return wires.0.lexicographicallyPrecedes(wires.1) }
        return left.record.data.wire.lexicographicallyPrecedes(right.record.data.wire)
    }
}
