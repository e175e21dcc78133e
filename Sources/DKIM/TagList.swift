// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `tag=value` between semicolons, as DKIM keys have them (RFC 6376 §3.2).
///
/// ```abnf
/// tag-list  =  tag-spec *( ";" tag-spec ) [ ";" ]
/// tag-spec  =  [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
/// tag-name  =  ALPHA *ALNUMPUNC
/// tag-value =  [ tval *( 1*(WSP / FWS) tval ) ]
/// tval      =  1*VALCHAR
/// VALCHAR   =  %x21-3A / %x3C-7E / UTF8-non-ascii     ; the last in fields only, RFC 8616 §5
/// ```
package struct TagList: Sendable {
    /// More are in no list of anybody's; each is compared with those before it.
    package static let maximumTags = 100

    /// A name and its value, without the white space around them.
    private struct Tag {
        let name: Range<Int>
        let value: Range<Int>
    }

    private let octets: [UInt8]
    private let found: [Tag]

    /// In their order.
    package var tags: [(name: String, value: String)] {
        found.map { (String(lossy: octets[$0.name]), String(lossy: octets[$0.value])) }
    }

    /// The first tag's name.
    package var firstName: String? { found.first.map { String(lossy: octets[$0.name]) } }

    /// Nil if a part is no tag, a tag stands twice, or there are too many.
    ///
    /// `isField`: of a header field, whose values may be UTF-8 (RFC 8616 §5); records in the DNS
    /// stay ASCII (§3).
    package init?(_ text: some Collection<UInt8>, isField: Bool = false) {
        octets = Array(text)
        guard let found = octets.withUnsafeBytes({ Self.read($0, isField) }) else { return nil }
        self.found = found
    }

    private static func read(_ text: UnsafeRawBufferPointer, _ isField: Bool) -> [Tag]? {
        var tags: [Tag] = []
        tags.reserveCapacity(16)
        var start = 0
        while start <= text.count {
            let end = text.position(of: UInt8(ascii: ";"), from: start) ?? text.count
            let part = trimmed(text, start..<end)
            start = end + 1
            if part.isEmpty, end == text.count { break }
            var equals = part.lowerBound
            while equals < part.upperBound, text[equals] != UInt8(ascii: "=") { equals += 1 }
            guard equals < part.upperBound else { return nil }
            let name = trimmed(text, part.lowerBound..<equals)
            let value = trimmed(text, equals + 1..<part.upperBound)
            guard isName(text, name), isValue(text, value, isField), tags.count < maximumTags,
                !tags.contains(where: { isSame(text, $0.name, name) })
            else { return nil }
            tags.append(Tag(name: name, value: value))
        }
        return tags
    }

    private static func isName(_ text: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
        guard let first = name.first, text[first].isAlpha else { return false }
        return name.allSatisfy { text[$0].isAlphanumeric || text[$0] == UInt8(ascii: "_") }
    }

    private static func isValue(
        _ text: UnsafeRawBufferPointer, _ value: Range<Int>, _ isField: Bool
    ) -> Bool {
        var isASCII = true
        for index in value {
            let octet = text[index]
            if octet > 0x20 && octet < 0x7F || octet.isSpaceOrLineEnd { continue }
            guard isField, octet > 0x7F else { return false }
            isASCII = false
        }
        return isASCII || String(validating: text[value], as: UTF8.self) != nil
    }

    private static func isSame(
        _ text: UnsafeRawBufferPointer, _ left: Range<Int>, _ right: Range<Int>
    ) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count
        where text[left.lowerBound + offset] != text[right.lowerBound + offset] { return false }
        return true
    }

    private static func trimmed(
        _ text: UnsafeRawBufferPointer, _ range: Range<Int>
    ) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, text[start].isSpaceOrLineEnd { start += 1 }
        while end > start, text[end - 1].isSpaceOrLineEnd { end -= 1 }
        return start..<end
    }

    /// The value of a tag; tag names are case-sensitive.
    package subscript(name: String) -> String? { octets(of: name).map { String(lossy: $0) } }

    /// The octets of a tag's value.
    package func octets(of name: String) -> ArraySlice<UInt8>? {
        var name = name
        return name.withUTF8 { name in
            for tag in found where tag.name.count == name.count {
                if octets[tag.name].elementsEqual(name) { return octets[tag.value] }
            }
            return nil
        }
    }
}
