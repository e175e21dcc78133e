// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Names as mail programs write them: labels between dots, without the escapes of master files.
extension Name {
    /// Reads labels between dots, perhaps with one behind the last; nil for empty labels, labels
    /// beyond 63 octets, and more than 255 octets in all.
    package init?(dotted text: some Collection<UInt8>) {
        let wire =
            text.withContiguousStorageIfAvailable { Self.wire(dotted: $0) }
            ?? Array(text).withUnsafeBufferPointer { Self.wire(dotted: $0) }
        guard let wire else { return nil }
        self.init(uncheckedWire: wire)
    }

    private static func wire(dotted text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard !text.isEmpty, text.count < maximumOctets else { return nil }
        var wire: [UInt8] = []
        wire.reserveCapacity(text.count + 2)
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, text[end] != UInt8(ascii: ".") { end += 1 }
            guard (1...maximumLabelOctets).contains(end - start) else { return nil }
            wire.append(UInt8(end - start))
            wire += text[start..<end]
            start = end + 1
        }
        wire.append(0)
        return wire.count <= maximumOctets ? wire : nil
    }

    /// The labels between dots, as they are, without a dot at the end.
    package var dotted: [UInt8] { Array(labels.joined(separator: [UInt8(ascii: ".")])) }
}

extension IPAddress {
    /// Where the names of the address are (RFC 1035 §3.5, RFC 3596 §2.5).
    package var reverseName: Name {
        var wire: [UInt8] = []
        switch self {
        case .v4(let address):
            for octet in address.octets.reversed() {
                let digits = Array("\(octet)".utf8)
                wire.append(UInt8(digits.count))
                wire += digits
            }
            wire += [7] + Array("in-addr".utf8)
        case .v6(let address):
            for octet in address.octets.reversed() {
                for nibble in [octet & 15, octet >> 4] {
                    wire += [1, nibble < 10 ? 0x30 + nibble : 0x57 + nibble]
                }
            }
            wire += [3] + Array("ip6".utf8)
        }
        return Name(uncheckedWire: wire + [4] + Array("arpa".utf8) + [0])
    }
}
