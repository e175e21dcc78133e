// SPDX-License-Identifier: Apache-2.0

/// `NSEC3`, the next hashed name of the zone and the types at this one (RFC 5155 §3).
package struct NSEC3: Hashable, Sendable {
    package var parameters: NSEC3PARAM
    package var nextHash: [UInt8]
    package var types: Set<RecordType>

    package init(parameters: NSEC3PARAM, nextHash: [UInt8], types: Set<RecordType>) {
        self.parameters = parameters
        self.nextHash = nextHash
        self.types = types
    }

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        guard let parameters = NSEC3PARAM(&reader), let hash = try? reader.string(),
            let types = RecordField.typeSet(&reader)
        else { return nil }
        self.parameters = parameters
        nextHash = Array(hash)
        self.types = types
    }

    /// RFC 5155 §6: unsigned delegations may be left out behind this name.
    package var isOptOut: Bool { parameters.flags & 1 != 0 }

    package var data: RecordData {
        .unknown(
            parameters.wire + [UInt8(nextHash.count)] + nextHash
                + RecordField.bitmap(of: types))
    }
}

extension RecordFormat {
    /// The next hashed name (RFC 5155 §3).
    static let nsec3 = Self("NSEC3", 50, [.octet, .octet, .short, .salt, .base32, .types])
}
