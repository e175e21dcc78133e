// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What leads from one version of a zone to a later one (RFC 1995 §4).
package struct DifferenceSequence: Hashable, Sendable {
    /// The SOA record of the version before.
    package var from: ResourceRecord
    /// The SOA record of the version after.
    package var to: ResourceRecord
    /// Without the SOA record.
    package var removed: [ResourceRecord]
    /// Without the SOA record.
    package var added: [ResourceRecord]

    package init(
        from: ResourceRecord, to: ResourceRecord, removed: [ResourceRecord],
        added: [ResourceRecord]
    ) {
        self.from = from
        self.to = to
        self.removed = removed
        self.added = added
    }

    /// Why differences do not fit: one sentence.
    package struct Misfit: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// What two versions of a zone, in any order, differ in; each is given with its SOA record.
    ///
    /// Records differ also when only their TTL does (RFC 1995 §4: it is removed and added).
    package init?(
        from before: some Collection<ResourceRecord>, to after: some Collection<ResourceRecord>
    ) {
        guard let from = before.first(where: { $0.type == .soa }),
            let to = after.first(where: { $0.type == .soa })
        else { return nil }
        self.from = from
        self.to = to
        let old = Set(before.lazy.map(Exact.init))
        let new = Set(after.lazy.map(Exact.init))
        removed = before.filter { $0.type != .soa && !new.contains(Exact($0)) }
        added = after.filter { $0.type != .soa && !old.contains(Exact($0)) }
    }

    package var fromSerial: UInt32? { from.serial }
    package var toSerial: UInt32? { to.serial }

    /// How many records a response with it has, its two SOA records included.
    package var recordCount: Int { removed.count + added.count + 2 }

    /// The differences from a serial to the last of a chain; nil if the serial is not in it.
    ///
    /// Each difference of the chain begins where the one before ends.
    package static func chain(_ chain: [Self], from serial: UInt32) -> [Self]? {
        var first = chain.count
        while first > 0 {
            first -= 1
            let difference = chain[first]
            if first + 1 < chain.count, chain[first + 1].fromSerial != difference.toSerial {
                return nil
            }
            if difference.fromSerial == serial { return Array(chain[first...]) }
        }
        return nil
    }

    /// One difference in the place of several (RFC 1995 §6).
    package static func condensed(_ chain: some Collection<Self>) throws(Misfit) -> Self? {
        guard let first = chain.first else { return nil }
        let net = try Net(chain)
        return Self(
            from: first.from, to: net.end ?? first.to,
            removed: net.removedInOrder, added: net.addedInOrder)
    }

    /// The records of a zone after a chain of differences.
    ///
    /// The first must begin at the zone's own serial, and what is removed must be there; else
    /// nothing is right, and the zone is to be had whole.
    package static func apply(
        _ chain: some Collection<Self>, to records: [ResourceRecord]
    ) throws(Misfit) -> [ResourceRecord] {
        guard let first = chain.first else { return records }
        guard let own = records.first(where: { $0.type == .soa })?.serial, own == first.fromSerial
        else { throw Misfit(description: "the differences begin at another serial") }
        let net = try Net(chain)
        var missing = net.removed.count
        var result: [ResourceRecord] = []
        result.reserveCapacity(records.count + net.added.count)
        for record in records where record.type != .soa {
            let key = Same(record)
            if net.removed[key] != nil {
                missing -= 1
            } else if net.added[key] == nil {
                result.append(record)
            }
        }
        guard missing == 0 else {
            throw Misfit(description: "\(missing) records that are removed were not there")
        }
        return [net.end ?? first.to] + result + net.addedInOrder
    }
}

/// The sum of a chain of differences.
private struct Net {
    private(set) var removed: [Same: (place: Int, record: ResourceRecord)] = [:]
    private(set) var added: [Same: (place: Int, record: ResourceRecord)] = [:]
    private(set) var end: ResourceRecord?

    init(_ chain: some Collection<DifferenceSequence>) throws(DifferenceSequence.Misfit) {
        var place = 0
        for difference in chain {
            if let end, end.serial != difference.fromSerial {
                throw DifferenceSequence.Misfit(description: "the differences are no chain")
            }
            for record in difference.removed {
                let key = Same(record)
                place += 1
                if added.removeValue(forKey: key) != nil { continue }
                guard removed.updateValue((place, record), forKey: key) == nil else {
                    throw DifferenceSequence.Misfit(description: "a record is removed twice")
                }
            }
            for record in difference.added {
                place += 1
                added[Same(record)] = (place, record)
            }
            end = difference.to
        }
    }

    var removedInOrder: [ResourceRecord] { Self.inOrder(removed) }
    var addedInOrder: [ResourceRecord] { Self.inOrder(added) }

    private static func inOrder(
        _ records: [Same: (place: Int, record: ResourceRecord)]
    ) -> [ResourceRecord] {
        records.values.sorted { $0.place < $1.place }.map(\.record)
    }
}

/// A record as a member of its set: the TTL is not part of what it is.
struct Same: Hashable {
    let owner: Name
    let type: RecordType
    let data: RecordData

    init(_ record: ResourceRecord) {
        owner = record.owner
        type = record.type
        data = record.data
    }
}

/// A record with its TTL.
private struct Exact: Hashable {
    let same: Same
    let ttl: UInt32

    init(_ record: ResourceRecord) {
        same = Same(record)
        ttl = record.ttl
    }
}

extension ResourceRecord {
    /// The serial of a SOA record.
    ///
    /// Not inlined: the optimizer of Swift 6.3 fails where it is, when comparing two of them.
    @inline(never)
    package var serial: UInt32? {
        guard case .soa(let soa) = data else { return nil }
        return soa.serial
    }
}
