// SPDX-License-Identifier: Apache-2.0

/// Octets in URIs (RFC 3986 §2.1), as each part of one is encoded by itself.
///
///     pct-encoded = "%" HEXDIG HEXDIG
///     unreserved  = ALPHA / DIGIT / "-" / "." / "_" / "~"
package enum PercentEncoding {
    /// All but what is unreserved becomes `%` and two digits, in upper case (§2.1).
    package static func encode(_ octets: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for octet in octets {
            if isUnreserved(octet) {
                text.append(octet)
            } else {
                text += [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The octets; nil if a `%` stands before anything but two digits.
    ///
    /// All other octets stand for themselves, `+` as well: what a URI may hold is its scheme's
    /// matter.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var rest = text.makeIterator()
        while let octet = rest.next() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            guard let high = rest.next()?.hexadecimalValue, let low = rest.next()?.hexadecimalValue
            else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    /// Whether the octet means the same with and without encoding (§2.3).
    package static func isUnreserved(_ octet: UInt8) -> Bool {
        octet.isAlphanumeric || "-._~".utf8.contains(octet)
    }
}
