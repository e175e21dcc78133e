// SPDX-License-Identifier: Apache-2.0

/// The 7-bit form of an international address in a parameter (RFC 6533 §3).
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
}
