// SPDX-License-Identifier: Apache-2.0

/// The encoding of values in SMTP parameters (RFC 3461 §4).
///
/// ```abnf
/// xtext   = *( xchar / hexchar )
/// xchar   = %d33-42 / %d44-60 / %d62-126     ; neither "+" nor "="
/// hexchar = "+" 2( DIGIT / "A" / "B" / "C" / "D" / "E" / "F" )
/// ```
package enum Xtext {
    /// Any octets, in printable ASCII without spaces.
    package static func encode(_ octets: some Sequence<UInt8>) -> String {
        var text = ""
        for octet in octets {
            if (0x21...0x7E).contains(octet), octet != UInt8(ascii: "+"),
                octet != UInt8(ascii: "=")
            {
                text.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let digits = String(octet, radix: 16, uppercase: true)
                text += digits.utf8.count == 1 ? "+0" + digits : "+" + digits
            }
        }
        return text
    }

    /// The octets; nil for what is no xtext.
    ///
    /// Lower-case digits, which the grammar does not have, are read too.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        var rest = text[...]
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "+") {
                guard let high = rest.popFirst()?.hexadecimalValue,
                    let low = rest.popFirst()?.hexadecimalValue
                else { return nil }
                octets.append(high << 4 | low)
            } else {
                guard (0x21...0x7E).contains(octet), octet != UInt8(ascii: "=") else { return nil }
                octets.append(octet)
            }
        }
        return octets
    }
}
