// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The forms of an international address in a parameter (RFC 6533 §3).
enum Unitext {
    /// `utf-8-addr-xtext`: what any server takes after `ORCPT=utf-8;`.
    ///
    /// What is encoded already stays so.
    static func encode(_ text: String) -> String {
        var encoded = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            let isEncoded = scalar == "\\" && rest.starts(with: "x{".unicodeScalars)
            switch scalar {
            case "\\" where !isEncoded, "+", "=": encoded += embedded(scalar)
            case "\u{21}"..."\u{7E}": encoded.unicodeScalars.append(scalar)
            default: encoded += embedded(scalar)
            }
        }
        return encoded
    }

    /// `EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"`.
    private static func embedded(_ scalar: Unicode.Scalar) -> String {
        let hexadecimal = String(scalar.value, radix: 16, uppercase: true)
        return "\\x{" + (hexadecimal.utf8.count == 1 ? "0" : "") + hexadecimal + "}"
    }

    /// The address within `utf-8;`; characters beyond ASCII stand for themselves only where the
    /// message is international.
    ///
    /// ```abnf
    /// utf-8-addr-xtext    = 1*(QCHAR / EmbeddedUnicodeChar)      ; RFC 6533 §3
    /// utf-8-addr-unitext  = 1*(QUCHAR / EmbeddedUnicodeChar)
    /// QCHAR               = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e
    /// EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"
    /// ```
    static func decode(_ text: ArraySlice<UInt8>, isInternational: Bool) -> String? {
        guard isInternational || text.allSatisfy({ $0 < 0x80 }) else { return nil }
        var octets: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            let octet = text[index]
            if octet == UInt8(ascii: "\\") {
                guard let (scalar, end) = embedded(text, from: index) else { return nil }
                octets += Array(String(scalar).utf8)
                index = end
            } else {
                guard octet > 0x20, octet != 0x7F, !"+=".utf8.contains(octet) else { return nil }
                octets.append(octet)
                index += 1
            }
        }
        return String(validating: octets, as: UTF8.self)
    }

    /// `\x{` two to six hexadecimal digits `}`; no control characters, which no address holds.
    private static func embedded(
        _ text: ArraySlice<UInt8>, from start: Int
    ) -> (Unicode.Scalar, end: Int)? {
        guard text[start...].prefix(3).elementsEqual("\\x{".utf8) else { return nil }
        var index = start + 3
        var value: UInt32 = 0
        while index < text.endIndex, let digit = text[index].hexadecimalValue {
            value = value << 4 | UInt32(digit)
            index += 1
            guard index - start - 3 <= 6 else { return nil }
        }
        guard index - start - 3 >= 2, index < text.endIndex, text[index] == UInt8(ascii: "}"),
            let scalar = Unicode.Scalar(value), value >= 0x20, value != 0x7F
        else { return nil }
        return (scalar, index + 1)
    }
}
