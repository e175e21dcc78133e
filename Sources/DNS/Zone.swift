// SPDX-License-Identifier: Apache-2.0

/// A subtree with its SOA, up to its delegations (RFC 1034 §4.2).
package struct Zone: Sendable {
    /// Why records are no zone: one sentence each.
    package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        package var faults: [String]
        package init(faults: [String]) { self.faults = faults }
        package var description: String { faults.joined(separator: "\n") }
    }

    package let origin: Name
    /// The record itself, with its TTL.
    package let start: ResourceRecord
    package let soa: SOA
    /// Every record, in the order given, each once.
    package let records: [ResourceRecord]
    /// Nothing is answered from it but SERVFAIL, and nothing transferred.
    package let isExpired: Bool
    let compiled: CompiledZone

    /// Builds a zone; everything that is wrong is said at once.
    ///
    /// Asked for are one SOA at the origin, no record outside, nothing beside a CNAME
    /// (RFC 1034 §3.6.2), and NS records at the origin. A set whose TTLs differ is answered with
    /// the lowest (RFC 2181 §5.2).
    package init(origin: Name, records: some Sequence<ResourceRecord>) throws(Invalid) {
        var compiler = ZoneCompiler(origin: origin)
        for record in records { compiler.add(record) }
        compiler.judge()
        guard compiler.faults.isEmpty, let start = compiler.start, case .soa(let soa) = start.data
        else { throw Invalid(faults: compiler.faults) }
        self.origin = origin
        self.start = start
        self.soa = soa
        self.records = compiler.records
        isExpired = false
        compiled = compiler.compile(soa, ttl: start.ttl)
    }

    /// A zone that is answered with SERVFAIL: its copy is too old, or was never had
    /// (RFC 1035 §3.3.13).
    package init(expired origin: Name) {
        let soa = SOA(
            primary: .root, responsible: .root, serial: 0, refresh: 0, retry: 0, expire: 0,
            minimum: 0)
        let start = ResourceRecord(owner: origin, type: .soa, ttl: 0, data: .soa(soa))
        var compiler = ZoneCompiler(origin: origin)
        compiler.add(start)
        self.origin = origin
        self.start = start
        self.soa = soa
        records = []
        isExpired = true
        compiled = compiler.compile(soa, ttl: 0, isExpired: true)
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

    /// The names of all zones, in canonical order.
    package var origins: [Name] {
        zones.keys.map { ($0.canonicalKey, $0) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    }

    /// In no particular order: a snapshot finds them by their names.
    var compiled: [CompiledZone] { zones.values.map(\.compiled) }

    package subscript(origin: Name) -> Zone? {
        get { zones[origin] }
        set { zones[origin] = newValue }
    }
}
