// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A resource record (RFC 1035 §3.2.1).
package struct ResourceRecord: Hashable, Sendable {
    package var owner: Name
    package var type: RecordType
    package var `class`: RecordClass
    /// Seconds.
    package var ttl: UInt32
    package var data: RecordData

    package init(
        owner: Name, type: RecordType, class: RecordClass = .internet, ttl: UInt32,
        data: RecordData
    ) {
        self.owner = owner
        self.type = type
        self.class = `class`
        self.ttl = ttl
        self.data = data
    }
}

/// What a record says, by its type; one file for each type holds its payload.
///
/// Types that no part of the product looks into stay in wire form: `RecordFormat` knows how each
/// is checked, read and written.
package enum RecordData: Hashable, Sendable {
    case a(IPv4Address)
    case aaaa(IPv6Address)
    case cname(Name)
    case dname(Name)
    case mx(MX)
    case ns(Name)
    case ptr(Name)
    case soa(SOA)
    case srv(SRV)
    case tlsa(TLSA)
    case txt([[UInt8]])
    /// RDATA in wire form, uncompressed, of a type without a case of its own (RFC 3597).
    case unknown([UInt8])
}
