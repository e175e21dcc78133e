// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The type of a resource record (RFC 1035 §3.2.2 and the registry since).
package struct RecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = Self(rawValue: 1)
    package static let ns = Self(rawValue: 2)
    package static let cname = Self(rawValue: 5)
    package static let soa = Self(rawValue: 6)
    package static let ptr = Self(rawValue: 12)
    package static let mx = Self(rawValue: 15)
    package static let txt = Self(rawValue: 16)
    package static let aaaa = Self(rawValue: 28)
    package static let tlsa = Self(rawValue: 52)
}

/// The class of a resource record (RFC 1035 §3.2.4).
package struct RecordClass: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let internet = Self(rawValue: 1)
}

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
package enum RecordData: Hashable, Sendable {
    case a(IPv4Address)
    case aaaa(IPv6Address)
    case cname(Name)
    case mx(MX)
    case ns(Name)
    case ptr(Name)
    case txt([[UInt8]])
    /// RDATA of a type without a case of its own (RFC 3597).
    case unknown([UInt8])
}

/// `MX` (RFC 1035 §3.3.9).
package struct MX: Hashable, Sendable {
    /// Lower is tried first.
    package var preference: UInt16
    /// The host that accepts mail; the root for a Null MX (RFC 7505 §3).
    package var exchange: Name

    package init(preference: UInt16, exchange: Name) {
        self.preference = preference
        self.exchange = exchange
    }
}
