// SPDX-License-Identifier: Apache-2.0

/// `DS`, a digest of a key of the zone below (RFC 4034 §5); CDS has the same form.
package struct DS: Hashable, Sendable {
    package var tag: UInt16
    package var algorithm: UInt8
    package var digestType: UInt8
    package var digest: [UInt8]

    package init(tag: UInt16, algorithm: UInt8, digestType: UInt8, digest: [UInt8]) {
        self.tag = tag
        self.algorithm = algorithm
        self.digestType = digestType
        self.digest = digest
    }

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        guard let tag = try? reader.short(), let algorithm = try? reader.octet(),
            let digestType = try? reader.octet()
        else { return nil }
        self.tag = tag
        self.algorithm = algorithm
        self.digestType = digestType
        digest = Array(reader.takeRest())
    }

    package var data: RecordData {
        .unknown(
            [UInt8(tag >> 8), UInt8(truncatingIfNeeded: tag), algorithm, digestType] + digest)
    }
}

extension RecordFormat {
    /// A delegation signer (RFC 4034 §5).
    static let ds = Self("DS", 43, [.short, .algorithm, .octet, .hex])
}
