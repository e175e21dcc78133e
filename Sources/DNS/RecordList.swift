// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Records as octets, one behind the other in wire form without compression: for keeping.
package enum RecordList {
    /// The records as octets, in their order.
    package static func encode(_ records: some Sequence<ResourceRecord>) -> [UInt8] {
        var octets: [UInt8] = []
        for record in records {
            let data = record.data.wire
            octets += record.owner.wire
            octets.appendShort(record.type.rawValue)
            octets.appendShort(record.class.rawValue)
            octets.appendLong(record.ttl)
            octets.appendShort(UInt16(data.count))
            octets += data
        }
        return octets
    }

    /// Reads what `encode` wrote.
    package static func decode(_ octets: [UInt8]) throws(SyntaxError) -> [ResourceRecord] {
        var reader = WireReader(octets)
        var records: [ResourceRecord] = []
        while !reader.isAtEnd { records.append(try ResourceRecord(&reader)) }
        return records
    }
}
