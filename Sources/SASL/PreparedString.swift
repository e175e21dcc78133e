// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A user name or password made comparable, by the part of SASLprep (RFC 4013) that matters.
///
/// Done: spaces of all kinds become U+0020 (§2.1), what is commonly mapped to nothing is taken
/// out (RFC 3454 table B.1), full-width ASCII becomes ASCII, control characters, private use,
/// surrogates, noncharacters and tags are refused (§2.3). Not done, because it takes tables the
/// standard library does not offer: NFKC beyond full-width ASCII, and the bidirectional check
/// (§2.4). Pure ASCII therefore is exact; a password with a decomposed or compatibility
/// character must be typed in the same form each time, which keyboards do.
package struct PreparedString: Hashable, Sendable {
    package let value: String

    /// In octets of UTF-8; RFC 4616 §2 gives 255 for each part of its message.
    package static let maximumOctets = 255

    package var octets: [UInt8] { Array(value.utf8) }

    package init(_ text: some StringProtocol) throws(SyntaxError) {
        try self.init(validating: Array(text.utf8))
    }

    /// Takes UTF-8 from the line.
    package init(validating octets: some Collection<UInt8>) throws(SyntaxError) {
        guard octets.count <= Self.maximumOctets else {
            throw SyntaxError(at: Self.maximumOctets, expected: "at most 255 octets")
        }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw SyntaxError(at: 0, expected: "well-formed UTF-8")
        }
        guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            value = text
            return
        }
        var prepared = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard !Self.isProhibited(scalar) else {
                throw SyntaxError(at: 0, expected: "no control or private characters")
            }
            if let mapped = Self.mapped(scalar) { prepared.append(mapped) }
        }
        value = String(prepared)
    }

    private static func mapped(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        // RFC 3454 table B.1, commonly mapped to nothing.
        case 0xAD, 0x34F, 0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060, 0xFE00...0xFE0F,
            0xFEFF:
            nil
        case 0xFF01...0xFF5E: Unicode.Scalar(scalar.value - 0xFEE0)
        default: scalar.properties.generalCategory == .spaceSeparator ? " " : scalar
        }
    }

    private static func isProhibited(_ scalar: Unicode.Scalar) -> Bool {
        if mapped(scalar) == nil { return false }
        switch scalar.properties.generalCategory {
        case .control, .privateUse, .surrogate, .lineSeparator, .paragraphSeparator: return true
        default: break
        }
        switch scalar.value {
        // RFC 3454 tables C.2.2, C.6, C.7, C.8 and C.9.
        case 0x6DD, 0x70F, 0x180E, 0x200E, 0x200F, 0x202A...0x202E, 0x2061...0x2063,
            0x206A...0x206F, 0x2FF0...0x2FFB, 0xFFF9...0xFFFD, 0x340, 0x341, 0x1D173...0x1D17A,
            0xE0001, 0xE0020...0xE007F:
            return true
        default: return scalar.properties.isNoncharacterCodePoint
        }
    }
}
