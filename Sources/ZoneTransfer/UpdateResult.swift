// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What an update does to a zone (RFC 2136 §3.2, §3.4.2).
package struct UpdateResult: Hashable, Sendable {
    /// Records of the zone that go, the SOA record only if the update replaces it.
    package private(set) var removed: [ResourceRecord] = []
    package private(set) var added: [ResourceRecord] = []

    /// An update may change nothing, and is no failure then.
    package var isEmpty: Bool { removed.isEmpty && added.isEmpty }

    /// Judges the prerequisites, then carries the changes out in their order, on a zone's records.
    ///
    /// `isPermitted` is asked between the two (RFC 2136 §3.3), with each name and type that is
    /// concerned, and what stands there; with what it denies, nothing at all is done.
    package init(
        _ request: UpdateRequest, on records: some Sequence<ResourceRecord>,
        isPermitted: (Name, RecordType) -> Bool = { _, _ in true }
    ) throws(TransferQuery.Refused) {
        var contents = Contents(request, records)
        for prerequisite in request.prerequisites {
            if let code = contents.fault(prerequisite) { throw TransferQuery.Refused(code: code) }
        }
        for change in request.changes {
            let types = contents.types(concernedBy: change)
            guard types.allSatisfy({ isPermitted(change.owner, $0) }) else {
                throw TransferQuery.Refused(code: .refused)
            }
        }
        for change in request.changes { contents.carryOut(change) }
        (removed, added) = contents.outcome()
    }
}

/// The records of the names that an update speaks of, and what becomes of them.
private struct Contents {
    private let origin: Name
    private var names: [Name: [ResourceRecord]] = [:]
    private let before: [ResourceRecord]

    init(_ request: UpdateRequest, _ records: some Sequence<ResourceRecord>) {
        origin = request.origin
        var concerned: Set<Name> = [request.origin]
        for change in request.changes { concerned.insert(change.owner) }
        for prerequisite in request.prerequisites { concerned.insert(prerequisite.owner) }
        before = records.filter { concerned.contains($0.owner) }
        for record in before { names[record.owner, default: []].append(record) }
    }

    private func set(_ name: Name, _ type: RecordType) -> [ResourceRecord] {
        (names[name] ?? []).filter { $0.type == type }
    }

    private func isInUse(_ name: Name) -> Bool { !(names[name] ?? []).isEmpty }

    // MARK: - RFC 2136 §3.2

    /// Nil when it holds.
    func fault(_ prerequisite: UpdateRequest.Prerequisite) -> ResponseCode? {
        switch prerequisite {
        case .nameInUse(let name): isInUse(name) ? nil : .nameError
        case .nameNotInUse(let name): isInUse(name) ? .nameTooLong : nil
        case .setExists(let name, let type): set(name, type).isEmpty ? .setMissing : nil
        case .setMissing(let name, let type): set(name, type).isEmpty ? nil : .setExists
        case .setIs(let name, let type, let data):
            Set(set(name, type).map(\.data)) == Set(data) ? nil : .setMissing
        }
    }

    // MARK: - RFC 2136 §3.4.2

    /// The types that a change speaks of; of a whole name those that stand there.
    func types(concernedBy change: UpdateRequest.Change) -> [RecordType] {
        switch change {
        case .add(let record): return [record.type]
        case .remove(_, let type, _), .removeSet(_, let type): return [type]
        case .removeName(let name):
            let standing = (names[name] ?? []).map(\.type).filter {
                name != origin || ($0 != .soa && $0 != .ns)
            }
            return standing.isEmpty ? [.any] : standing
        }
    }

    mutating func carryOut(_ change: UpdateRequest.Change) {
        switch change {
        case .add(let record): add(record)
        case .removeName(let name):
            names[name]?.removeAll { name != origin || ($0.type != .soa && $0.type != .ns) }
        case .removeSet(let name, let type):
            // §3.4.2.3: neither the SOA record nor the name servers of the zone.
            guard name != origin || (type != .soa && type != .ns) else { return }
            names[name]?.removeAll { $0.type == type }
        case .remove(let name, let type, let data):
            // §3.4.2.4: not the SOA record, and not the last name server.
            guard type != .soa else { return }
            if name == origin, type == .ns, set(name, .ns).count == 1 { return }
            names[name]?.removeAll { $0.type == type && $0.data == data }
        }
    }

    /// §3.4.2.2.
    private mutating func add(_ record: ResourceRecord) {
        let standing = names[record.owner] ?? []
        if record.type == .cname {
            guard standing.allSatisfy({ $0.type == .cname || $0.type.standsBesideAlias }) else {
                return
            }
        } else if !record.type.standsBesideAlias, standing.contains(where: { $0.type == .cname }) {
            return
        }
        switch record.type {
        case .soa:
            // Only at the origin, and only a newer one (§3.6).
            guard let own = set(record.owner, .soa).first?.serial, let serial = record.serial,
                SerialNumber.isNewer(serial, than: own)
            else { return }
            replace(record) { _ in true }
        case .cname: replace(record) { _ in true }
        // A DNAME is alone of its kind (RFC 6672 §2.4).
        case .dname: replace(record) { _ in true }
        case RecordType(rawValue: 11):
            // WKS: address and protocol say which one it is.
            replace(record) { $0.data.wire.prefix(5) == record.data.wire.prefix(5) }
        default: replace(record) { $0.data == record.data }
        }
    }

    /// Puts a record in, in the place of others of its set, whose TTL becomes its own: a set has
    /// one (RFC 2181 §5.2).
    private mutating func replace(
        _ record: ResourceRecord, _ isReplaced: (ResourceRecord) -> Bool
    ) {
        var standing = names[record.owner] ?? []
        standing.removeAll { $0.type == record.type && isReplaced($0) }
        for place in standing.indices where standing[place].type == record.type {
            standing[place].ttl = record.ttl
        }
        standing.append(record)
        names[record.owner] = standing
    }

    /// What goes and what comes, each record in an order that does not depend on chance.
    func outcome() -> (removed: [ResourceRecord], added: [ResourceRecord]) {
        let old = Set(before)
        let after = names.sorted {
            $0.key.canonicalKey.lexicographicallyPrecedes($1.key.canonicalKey)
        }
        .flatMap(\.value)
        let new = Set(after)
        var seen: Set<ResourceRecord> = []
        return (
            before.filter { !new.contains($0) },
            after.filter { !old.contains($0) && seen.insert($0).inserted }
        )
    }
}

extension UpdateRequest.Prerequisite {
    fileprivate var owner: Name {
        switch self {
        case .setExists(let name, _), .setMissing(let name, _), .setIs(let name, _, _),
            .nameInUse(let name), .nameNotInUse(let name):
            name
        }
    }
}

extension RecordType {
    /// RFC 4034 §3: signatures and denial belong to an alias as to anything.
    fileprivate var standsBesideAlias: Bool { self == .rrsig || self == .nsec }
}
