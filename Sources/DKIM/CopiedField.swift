// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A field as it was when a message was signed, carried along by the signature (`z=`, RFC 6376 §3.5).
///
/// For people alone: nothing is decided by it.
///
/// ```abnf
/// sig-z-tag      = %x7A [FWS] "=" [FWS] sig-z-tag-copy *( "|" [FWS] sig-z-tag-copy )
/// sig-z-tag-copy = hdr-name [FWS] ":" qp-hdr-value
/// ```
package struct CopiedField: Hashable, Sendable {
    package let name: String
    /// Without white space at its ends and repeated, as relaxed canonicalization leaves it.
    package let value: String
    /// Whether the message has it still, white space and the letter case of the name aside.
    package let isThere: Bool

    /// More are not looked at, and each is compared with so many fields of its name, the topmost.
    private static let maximumFields = 100

    /// Reads the value of `z=`; what is no field in it is passed over.
    package static func all(_ text: ArraySlice<UInt8>, in header: FieldList) -> [CopiedField] {
        // White space is no part of it, wherever it stands.
        text.filter { !$0.isSpaceOrLineEnd }
            .split(separator: UInt8(ascii: "|"), maxSplits: maximumFields)
            .prefix(maximumFields).compactMap { copy($0, in: header) }
    }

    private static func copy(_ text: ArraySlice<UInt8>, in header: FieldList) -> CopiedField? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
            text[..<colon].allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let name = text[..<colon]
        let value = FieldList.Field(
            unfinished: name + [UInt8(ascii: ":")] + QuotedText.decode(text[(colon + 1)...]))
        let octets = Canonicalization.relaxed.canonical([value])
        return CopiedField(
            name: String(lossy: name),
            value: String(lossy: octets.dropFirst(name.count + 1).dropLast(2)),
            isThere: header.all(named: name).prefix(maximumFields).contains {
                Canonicalization.relaxed.canonical([$0]) == octets
            })
    }
}
