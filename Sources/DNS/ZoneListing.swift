// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension MasterFile.Entry {
    /// The record as `zone parse` prints it: wire forms in hexadecimal, uncompressed, case kept.
    package var json: JSON {
        [
            "owner": .string(record.owner.absolute),
            "owner_wire": .string(Hexadecimal.encode(record.owner.wire)),
            "ttl": .integer(Int64(record.ttl)),
            "class": .string(record.class.description),
            "type": .string(record.type.description),
            "rdata_wire": .string(Hexadecimal.encode(record.data.wire)),
        ]
    }
}
