// SPDX-License-Identifier: Apache-2.0

/// `NSEC3PARAM`, how the names of a zone are hashed (RFC 5155 §4).
package struct NSEC3PARAM: Hashable, Sendable {
    /// 1: SHA-1.
    package var algorithm: UInt8
    package var flags: UInt8
    /// Beyond the first.
    package var iterations: UInt16
    package var salt: [UInt8]

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        self.init(&reader)
    }

    init?(_ reader: inout WireReader) {
        guard let algorithm = try? reader.octet(), let flags = try? reader.octet(),
            let iterations = try? reader.short(), let salt = try? reader.string()
        else { return nil }
        self.algorithm = algorithm
        self.flags = flags
        self.iterations = iterations
        self.salt = Array(salt)
    }
}

extension RecordFormat {
    /// The parameters of hashed denial (RFC 5155 §4).
    static let nsec3param = Self("NSEC3PARAM", 51, [.octet, .octet, .short, .salt])
}
