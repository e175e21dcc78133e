// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `tag=value` between semicolons, as DKIM keys have them (RFC 6376 §3.2).
///
/// ```abnf
/// tag-list  =  tag-spec *( ";" tag-spec ) [ ";" ]
/// tag-spec  =  [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
/// tag-name  =  ALPHA *ALNUMPUNC
/// ```
package struct TagList: Sendable {
    /// More are in no list of anybody's; each is compared with those before it.
    package static let maximumTags = 100

    /// In their order.
    package private(set) var tags: [(name: String, value: String)] = []

    /// Nil if a part is no tag, a tag stands twice, or there are too many.
    package init?(_ text: some Collection<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let part = Self.trimmed(part[...])
            if part.isEmpty, index == parts.count - 1 { continue }
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = Self.trimmed(part[..<equals])
            let value = Self.trimmed(part[part.index(after: equals)...])
            guard let first = name.first, first.isAlpha,
                name.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "_") }),
                value.allSatisfy({ (0x21...0x7E).contains($0) || Self.isSpace($0) })
            else { return nil }
            let text = String(lossy: name)
            guard self[text] == nil, tags.count < Self.maximumTags else { return nil }
            tags.append((text, String(lossy: value)))
        }
    }

    /// The value of a tag; tag names are case-sensitive.
    package subscript(name: String) -> String? { tags.first { $0.name == name }?.value }

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet.isWhitespace || octet == .carriageReturn || octet == .lineFeed
    }

    private static func trimmed<Text: Collection<UInt8>>(_ text: Text) -> [UInt8] {
        Array(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
