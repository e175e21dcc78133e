// SPDX-License-Identifier: Apache-2.0

/// `NSEC3PARAM`, how the names of a zone are hashed (RFC 5155 §4).
package struct NSEC3PARAM: Hashable, Sendable {
    /// 1: SHA-1.
    package var algorithm: UInt8
    package var flags: UInt8
    /// Beyond the first.
    package var iterations: UInt16
    package var salt: [UInt8]

    /// What RFC 9276 §3.1 asks for: SHA-1 once, without salt.
    package static let usual = Self(iterations: 0, salt: [])

    package init(iterations: UInt16, salt: [UInt8]) {
        algorithm = 1
        flags = 0
        self.iterations = iterations
        self.salt = salt
    }

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

    var wire: [UInt8] {
        [algorithm, flags, UInt8(iterations >> 8), UInt8(truncatingIfNeeded: iterations)]
            + [UInt8(salt.count)] + salt
    }

    package var data: RecordData { .unknown(wire) }

    /// The hash of a name (RFC 5155 §5): 20 octets.
    package func hash(_ name: Name) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: SHA1.octets) { digest, count in
            salt.withUnsafeBytes { salt in
                name.wire.withUnsafeBytes { name in
                    guard let base = name.baseAddress, let digest = digest.baseAddress else {
                        return
                    }
                    SHA1.hashName(
                        base, name.count, salt: salt, iterations: Int(iterations),
                        into: UnsafeMutableRawPointer(digest))
                }
            }
            count = SHA1.octets
        }
    }
}

extension RecordFormat {
    /// The parameters of hashed denial (RFC 5155 §4).
    static let nsec3param = Self("NSEC3PARAM", 51, [.octet, .octet, .short, .salt])
}
