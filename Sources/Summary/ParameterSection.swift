// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One piece of a parameter with continuations or a charset (RFC 2231): `filename*1*=…`.
///
/// Continuations are put together. A value with charset and language stays percent-encoded, and its
/// name keeps its asterisk, for that is how programs tell that they have to decode it; RFC 9051
/// would have it decoded under that same name, which none of them expects.
struct ParameterSection {
    let name: [UInt8]
    let number: Int
    /// `charset'language'percent-encoded`, or a later piece of it.
    let isEncoded: Bool
    let value: [UInt8]

    /// Nil if the section number is none: then the name is taken as it stands.
    init?(_ scan: ParameterScan, in source: Source) {
        var digits = Array(source[scan.name].dropFirst(scan.baseName.count + 1))
        isEncoded = digits.isEmpty || digits.last == UInt8(ascii: "*")
        if !digits.isEmpty, isEncoded { digits.removeLast() }
        guard digits.count <= 4, digits.allSatisfy(\.isDigit), !scan.baseName.isEmpty else {
            return nil
        }
        guard isEncoded || !digits.isEmpty else { return nil }
        name = Array(source[scan.baseName])
        number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        value = scan.value
    }

    /// Puts pieces together by number, whatever order they came in; a gap ends a value.
    static func join(_ sections: [ParameterSection]) -> [(name: [UInt8], value: [UInt8])] {
        guard sections.count > 1 else {
            return sections.map { ($0.isEncoded ? $0.name + [star] : $0.name, $0.value) }
        }
        var order: [[UInt8]] = []
        var groups: [[UInt8]: [ParameterSection]] = [:]
        for section in sections {
            let key = section.name.map(\.lowercased)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(section)
        }
        return order.compactMap { key in
            guard let pieces = groups[key]?.sorted(by: { $0.number < $1.number }) else {
                return nil
            }
            return joined(pieces)
        }
    }

    private static let star = UInt8(ascii: "*")

    private static func joined(
        _ pieces: [ParameterSection]
    ) -> (name: [UInt8], value: [UInt8])? {
        guard let first = pieces.first else { return nil }
        let isEncoded = pieces.contains(where: \.isEncoded)
        var value: [UInt8] = []
        if isEncoded, !first.isEncoded { value += "''".utf8 }
        var expected = first.number
        for piece in pieces where piece.number == expected {
            expected += 1
            value += isEncoded && !piece.isEncoded ? encoded(piece.value) : piece.value
        }
        return (isEncoded ? first.name + [star] : first.name, value)
    }

    /// A piece that was not percent-encoded, among others that are.
    private static func encoded(_ value: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for octet in value {
            if octet.isAlphanumeric || "-._".utf8.contains(octet) {
                encoded.append(octet)
            } else {
                encoded += [
                    UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)],
                ]
            }
        }
        return encoded
    }
}
