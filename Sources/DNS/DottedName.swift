// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Names as mail programs write them: labels between dots, without the escapes of master files.
extension Name {
    /// Reads labels between dots, perhaps with one behind the last; nil for empty labels, labels
    /// beyond 63 octets, and more than 255 octets in all.
    package init?(dotted text: some Collection<UInt8>) {
        guard text.count < Self.maximumOctets else { return nil }
        var wire: [UInt8] = []
        wire.reserveCapacity(text.count + 2)
        var length = 0
        wire.append(0)
        for octet in text {
            guard octet == UInt8(ascii: ".") else {
                wire.append(octet)
                continue
            }
            let count = wire.count - length - 1
            guard (1...Self.maximumLabelOctets).contains(count) else { return nil }
            wire[length] = UInt8(count)
            length = wire.count
            wire.append(0)
        }
        // Without a dot at the end the last label has no octet of the root behind it yet.
        let count = wire.count - length - 1
        if count > 0 {
            guard count <= Self.maximumLabelOctets else { return nil }
            wire[length] = UInt8(count)
            wire.append(0)
        }
        guard wire.count > 1, wire.count <= Self.maximumOctets else { return nil }
        self.init(uncheckedWire: wire)
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
