// SPDX-License-Identifier: Apache-2.0

/// `DNSKEY`, a public key of a zone (RFC 4034 §2).
package struct DNSKEY: Hashable, Sendable {
    package var flags: UInt16
    /// Always 3.
    package var `protocol`: UInt8
    package var algorithm: UInt8
    package var key: [UInt8]

    /// A zone key (RFC 4034 §2.1); `isEntry` is the flag SEP: the zone above names it.
    package init(isEntry: Bool, algorithm: UInt8, key: [UInt8]) {
        flags = isEntry ? 257 : 256
        self.protocol = 3
        self.algorithm = algorithm
        self.key = key
    }

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        guard let flags = try? reader.short(), let number = try? reader.octet(),
            let algorithm = try? reader.octet()
        else { return nil }
        self.flags = flags
        self.protocol = number
        self.algorithm = algorithm
        key = Array(reader.takeRest())
    }

    /// Whether it may sign records of its zone (RFC 4034 §2.1.1).
    package var isZoneKey: Bool { flags & 0x0100 != 0 }
    /// RFC 5011 §7: withdrawn, so that nobody trusts it any more.
    package var isRevoked: Bool { flags & 0x0080 != 0 }

    package var wire: [UInt8] {
        [UInt8(flags >> 8), UInt8(truncatingIfNeeded: flags), self.protocol, algorithm] + key
    }

    package var data: RecordData { .unknown(wire) }

    /// The number by which signatures name it (RFC 4034 appendix B).
    package var tag: UInt16 {
        var sum = 0
        for (index, octet) in wire.enumerated() { sum += Int(octet) << (index & 1 == 0 ? 8 : 0) }
        return UInt16(truncatingIfNeeded: sum + sum >> 16)
    }
}

extension RecordFormat {
    /// A public key of a zone (RFC 4034 §2).
    static let dnskey = Self("DNSKEY", 48, [.short, .octet, .algorithm, .base64])
}
