// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `RRSIG`, a signature over the records of one type at one name (RFC 4034 §3).
package struct RRSIG: Hashable, Sendable {
    package var typeCovered: RecordType
    package var algorithm: UInt8
    package var labels: UInt8
    package var originalTTL: UInt32
    /// Seconds since 1970, which wrap around in 2106 (RFC 4034 §3.1.5).
    package var expiration: UInt32
    package var inception: UInt32
    package var tag: UInt16
    package var signer: Name
    package var signature: [UInt8]

    package init(
        typeCovered: RecordType, algorithm: UInt8, labels: UInt8, originalTTL: UInt32,
        expiration: UInt32, inception: UInt32, tag: UInt16, signer: Name,
        signature: [UInt8] = []
    ) {
        self.typeCovered = typeCovered
        self.algorithm = algorithm
        self.labels = labels
        self.originalTTL = originalTTL
        self.expiration = expiration
        self.inception = inception
        self.tag = tag
        self.signer = signer
        self.signature = signature
    }

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        do throws(SyntaxError) {
            typeCovered = RecordType(rawValue: try reader.short())
            algorithm = try reader.octet()
            labels = try reader.octet()
            originalTTL = try reader.long()
            expiration = try reader.long()
            inception = try reader.long()
            tag = try reader.short()
            signer = try reader.name(compression: false)
            signature = Array(reader.takeRest())
        } catch {
            return nil
        }
    }

    /// What is signed in front of the records (RFC 4034 §3.1.8.1): all fields but the signature.
    package var signedHead: [UInt8] {
        var head: [UInt8] = []
        head.appendShort(typeCovered.rawValue)
        head += [algorithm, labels]
        for value in [originalTTL, expiration, inception] { head.appendLong(value) }
        head.appendShort(tag)
        return head + signer.lowercased.wire
    }

    /// The data of a record; the signer's name is not compressed (RFC 4034 §3.1.7).
    package var data: RecordData { .unknown(signedHead + signature) }

    /// The type that the data of an RRSIG record covers, without reading the rest of it.
    package static func typeCovered(by data: RecordData) -> RecordType? {
        guard case .unknown(let octets) = data, octets.count > 2 else { return nil }
        return RecordType(rawValue: UInt16(octets[0]) << 8 | UInt16(octets[1]))
    }
}

extension RecordFormat {
    /// A signature over a set of records (RFC 4034 §3).
    static let rrsig = Self(
        "RRSIG", 46, [.type, .algorithm, .octet, .long, .time, .time, .short, .name, .base64])
}
