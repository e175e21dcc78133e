// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// A zone that lists zones, so that secondary servers learn of them by themselves (RFC 9432).
package struct CatalogZone: Hashable, Sendable {
    /// A zone that is listed.
    package struct Member: Hashable, Sendable {
        package var origin: Name
        /// Told to the consumer, who knows what it means (RFC 9432 §4.3.2).
        package var group: String?

        package init(origin: Name, group: String? = nil) {
            self.origin = origin
            self.group = group
        }
    }

    package var origin: Name
    package var members: [Member]

    package init(origin: Name, members: [Member]) {
        self.origin = origin
        self.members = members
    }

    /// RFC 9432 §4.1: it has no meaning.
    private static let ttl: UInt32 = 0
    /// Group values are one character-string here.
    package static let maximumGroupOctets = 255

    /// The records, in the order of the members' names; the SOA record has this serial.
    ///
    /// Nil if the origin is so long that nothing fits below it.
    package func records(serial: UInt32) -> [ResourceRecord]? {
        guard let invalid = try? Name("invalid"), let zones = origin.prepending("zones".utf8),
            let version = origin.prepending("version".utf8)
        else { return nil }
        let soa = SOA(
            primary: invalid, responsible: invalid, serial: serial, refresh: 3600, retry: 600,
            expire: 2_147_483_646, minimum: 0)
        var records = [
            record(origin, .soa, .soa(soa)),
            // RFC 9432 §4: a name server that does not exist.
            record(origin, .ns, .ns(invalid)),
            record(version, .txt, .txt([Array("2".utf8)])),
        ]
        let sorted = members.sorted {
            $0.origin.canonicalKey.lexicographicallyPrecedes($1.origin.canonicalKey)
        }
        var seen: Set<Name> = []
        for member in sorted where seen.insert(member.origin).inserted && member.origin != origin {
            guard let node = zones.prepending(Self.label(of: member.origin)) else { return nil }
            records.append(record(node, .ptr, .ptr(member.origin.lowercased)))
            if let group = member.group {
                guard let owner = node.prepending("group".utf8) else { return nil }
                records.append(
                    record(
                        owner, .txt, .txt([Array(group.utf8.prefix(Self.maximumGroupOctets))])))
            }
        }
        return records
    }

    private func record(_ owner: Name, _ type: RecordType, _ data: RecordData) -> ResourceRecord {
        ResourceRecord(owner: owner, type: type, ttl: Self.ttl, data: data)
    }

    /// The same for the same member always, since another label is another zone to the consumer
    /// (RFC 9432 §5.4), and different for different ones: 128 bits of its name.
    package static func label(of member: Name) -> [UInt8] {
        let wire = member.lowercased.wire
        var label: [UInt8] = []
        for key in ["catalog member 1", "catalog member 2"] {
            var octets: [UInt8] = []
            let hash = SipHash(key: Array(key.utf8)).hash(of: wire)
            octets.appendLong(UInt32(truncatingIfNeeded: hash >> 32))
            octets.appendLong(UInt32(truncatingIfNeeded: hash))
            label += Array(Hexadecimal.encode(octets).utf8)
        }
        return label
    }
}
