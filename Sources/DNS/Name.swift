// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A domain name (RFC 1035 §3.1): labels of any octets, at most 63 each and 255 in all.
///
/// Held in wire form with the case it came in; equal without regard to ASCII case (RFC 4343).
package struct Name: Sendable {
    /// Length-prefixed labels, ended by the root's empty one; uncompressed.
    package let wire: [UInt8]

    package static let maximumOctets = 255
    package static let maximumLabelOctets = 63
    package static let root = Name(uncheckedWire: [0])

    /// For octets known to be a well-formed uncompressed name.
    init(uncheckedWire wire: [UInt8]) { self.wire = wire }

    /// Labels from the left, without the root's; nil when a limit is broken.
    package init?(labels: [[UInt8]]) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...Self.maximumLabelOctets).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= Self.maximumOctets else { return nil }
        self.init(uncheckedWire: wire)
    }

    /// Reads presentation form (RFC 1035 §5.1: `\.` and `\DDD`), always as an absolute name.
    package init(_ text: some StringProtocol) throws(SyntaxError) {
        var labels: [[UInt8]] = []
        var label: [UInt8] = []
        let octets = Array(text.utf8)
        guard octets != [.dot] else {
            self = .root
            return
        }
        var index = 0
        while index < octets.count {
            switch octets[index] {
            case .dot:
                labels.append(label)
                label = []
            case UInt8(ascii: "\\"):
                let digits = octets[(index + 1)...].prefix(3)
                if digits.count == 3, digits.allSatisfy(\.isDigit) {
                    let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
                    guard code <= 255 else {
                        throw SyntaxError(at: index, expected: "\\DDD up to 255")
                    }
                    label.append(UInt8(code))
                    index += 3
                } else {
                    guard let next = digits.first, !next.isDigit else {
                        throw SyntaxError(at: index, expected: "an escaped character")
                    }
                    label.append(next)
                    index += 1
                }
            default: label.append(octets[index])
            }
            index += 1
        }
        if !label.isEmpty { labels.append(label) }
        guard let name = Name(labels: labels) else {
            throw SyntaxError(
                at: 0, expected: "labels of 1 to 63 octets, at most 255 octets in all")
        }
        self = name
    }

    /// The labels from the left, without the root's empty one.
    package var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var index = 0
        while wire[index] != 0 {
            let end = index + 1 + Int(wire[index])
            labels.append(wire[index + 1..<end])
            index = end
        }
        return labels
    }

    package var isRoot: Bool { wire.count == 1 }

    /// The name without its first label; nil for the root.
    package var parent: Name? {
        isRoot ? nil : Name(uncheckedWire: Array(wire[(1 + Int(wire[0]))...]))
    }

    /// Whether this name is `other` or stands below it.
    package func isEqualOrBelow(_ other: Name) -> Bool {
        var index = 0
        while wire.count - index > other.wire.count { index += 1 + Int(wire[index]) }
        return wire[index...].equalsIgnoringCase(other.wire)
    }

    /// ASCII letters in lower case.
    package var lowercased: Name { Name(uncheckedWire: wire.map(\.lowercased)) }
}

extension Name: Hashable {
    // A length octet is at most 63, below the letters, so the whole wire form may be folded.
    package static func == (left: Self, right: Self) -> Bool {
        left.wire.count == right.wire.count && left.wire.equalsIgnoringCase(right.wire)
    }

    package func hash(into hasher: inout Hasher) {
        // Eight octets at a time: names are hashed for each question a server gets.
        var word: UInt64 = 0
        for (index, octet) in wire.enumerated() {
            word = word << 8 | UInt64(octet.lowercased)
            if index & 7 == 7 {
                hasher.combine(word)
                word = 0
            }
        }
        hasher.combine(word)
    }
}

extension Name: CustomStringConvertible {
    /// Presentation form without the final dot; `.` for the root.
    package var description: String {
        guard !isRoot else { return "." }
        return labels.map { Self.presentation($0) }.joined(separator: ".")
    }

    /// As it stands in a master file, with its final dot: marks that some software takes for
    /// something else are escaped too.
    package var absolute: String {
        guard !isRoot else { return "." }
        return labels.map { Self.presentation($0, escapesMarks: true) + "." }.joined()
    }

    private static func presentation(
        _ label: ArraySlice<UInt8>, escapesMarks: Bool = false
    ) -> String {
        var text = ""
        for octet in label {
            switch octet {
            case 0x21...0x7E:
                if ".\\\"();@$".utf8.contains(octet) {
                    text += "\\"
                } else if escapesMarks, !octet.isAlphanumeric, !"-_*/".utf8.contains(octet) {
                    // Knot reads them no other way.
                    text += "\\"
                }
                text.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                let digits = String(octet)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return text
    }
}
