// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `NSEC`, the next name of the zone and the types at this one (RFC 4034 §4).
package struct NSEC: Hashable, Sendable {
    package var next: Name
    package var types: Set<RecordType>

    package init(next: Name, types: Set<RecordType>) {
        self.next = next
        self.types = types
    }

    /// Nil for data of another form.
    package init?(_ data: RecordData) {
        var reader = WireReader(data.wire)
        guard let next = try? reader.name(compression: false),
            let types = RecordField.typeSet(&reader)
        else { return nil }
        self.next = next
        self.types = types
    }

    /// The data of a record; the name is not compressed (RFC 4034 §4.1.1).
    package var data: RecordData { .unknown(next.wire + RecordField.bitmap(of: types)) }
}

extension RecordField {
    /// The bitmap of types (RFC 4034 §4.1.2): windows with a bit set, without trailing zeros.
    static func bitmap(of types: Set<RecordType>) -> [UInt8] {
        var octets: [UInt8] = []
        var window: UInt16?
        var bits: [UInt8] = []
        func end() {
            guard let window else { return }
            octets += [UInt8(window), UInt8(bits.count)] + bits
        }
        for type in types.map(\.rawValue).sorted() {
            if window != type >> 8 {
                end()
                window = type >> 8
                bits = []
            }
            let index = Int(type & 0xFF) / 8
            while bits.count <= index { bits.append(0) }
            bits[index] |= 0x80 >> UInt8(type & 7)
        }
        end()
        return octets
    }

    /// The types of a bitmap up to the reader's end (RFC 4034 §4.1.2).
    static func typeSet(_ reader: inout WireReader) -> Set<RecordType>? {
        var types: Set<RecordType> = []
        while !reader.isAtEnd {
            guard let window = try? reader.octet(), let bits = try? reader.string() else {
                return nil
            }
            for (index, octet) in bits.enumerated() {
                for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 {
                    types.insert(
                        RecordType(rawValue: UInt16(window) << 8 | UInt16(index * 8 + bit)))
                }
            }
        }
        return types
    }
}

extension RecordFormat {
    /// The next name and the types of this one (RFC 4034 §4).
    static let nsec = Self("NSEC", 47, [.name, .types])
}
