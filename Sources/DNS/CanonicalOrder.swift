// SPDX-License-Identifier: Apache-2.0

import Bytes

extension Name {
    /// Octets that sort as names do canonically (RFC 4034 §6.1): from the last label to the first,
    /// letters in lower case, each label ended by an octet below all others.
    package var canonicalKey: [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(wire.count + 2)
        for label in labels.reversed() {
            for octet in label {
                let octet = octet.lowercased
                // 0 ends a label, so 0 and 1 are written as two octets in the same order.
                if octet <= 1 { key.append(1) }
                key.append(octet <= 1 ? octet + 1 : octet)
            }
            key.append(0)
        }
        return key
    }

    /// How many labels stand before the root; a wildcard's `*` counts too.
    package var labelCount: Int {
        var count = 0
        var index = 0
        while wire[index] != 0 {
            index += 1 + Int(wire[index])
            count += 1
        }
        return count
    }

    /// The wildcard directly below this name; nil if it would be too long.
    package var wildcard: Name? {
        wire.count + 2 <= Self.maximumOctets ? Name(uncheckedWire: [1, 0x2A] + wire) : nil
    }

    /// A label in front of this name; nil if a limit is broken.
    package func prepending(_ label: some Collection<UInt8>) -> Name? {
        guard (1...Self.maximumLabelOctets).contains(label.count),
            wire.count + 1 + label.count <= Self.maximumOctets
        else { return nil }
        return Name(uncheckedWire: [UInt8(label.count)] + label + wire)
    }
}

extension RecordData {
    /// The wire form that is signed (RFC 4034 §6.2): names of the old types in lower case.
    ///
    /// RFC 6840 §5.1 takes NSEC out of that list; no type since RFC 3597 is in it.
    package func canonicalWire(as type: RecordType) -> [UInt8] {
        switch self {
        case .cname(let name), .dname(let name), .ns(let name), .ptr(let name):
            return name.lowercased.wire
        case .a, .aaaa, .tlsa, .txt: return wire
        default: break
        }
        guard let format = RecordFormat.byType[type.rawValue] else { return wire }
        var reader = WireReader(wire)
        var canonical: [UInt8] = []
        for field in format.fields {
            do throws(SyntaxError) {
                switch field {
                case .compressedName, .oldName:
                    canonical += try reader.name(compression: false).lowercased.wire
                case .name where type == .rrsig:
                    canonical += try reader.name(compression: false).lowercased.wire
                default: try field.read(&reader, into: &canonical)
                }
            } catch {
                return wire
            }
        }
        return canonical
    }
}
