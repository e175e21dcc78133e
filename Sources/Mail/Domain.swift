// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A domain name as mail knows it (RFC 5321 §2.3.5, §4.1.2), held as lower-case A-labels.
///
/// A name written in another script is turned into A-labels (RFC 5891) when it is read;
/// `unicode` shows it as U-labels. Two domains are equal when mail may not tell them apart.
package struct Domain: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The A-label form in lower case, without a final dot.
    package let name: String

    package static let maximumOctets = 255
    package static let maximumLabelOctets = 63

    /// Reads `Domain`, in A-labels or U-labels; a final dot is taken off.
    ///
    /// ```abnf
    /// Domain         = sub-domain *("." sub-domain)      ; RFC 5321 §4.1.2
    /// sub-domain     = Let-dig [Ldh-str]   /  U-label    ; RFC 6531 §3.3
    /// ```
    package init(_ text: some StringProtocol) throws(SyntaxError) {
        var ascii = String(text)
        if ascii.hasSuffix(".") { ascii.removeLast() }
        if !ascii.isASCII { ascii = try InternationalDomain.toASCII(ascii) }
        ascii = ascii.asciiLowercased
        guard ascii.utf8.count <= Self.maximumOctets else {
            throw SyntaxError(at: Self.maximumOctets, expected: "at most 255 octets in a domain")
        }
        var offset = 0
        for label in ascii.utf8.split(separator: .dot, omittingEmptySubsequences: false) {
            guard Self.isSubDomain(label) else {
                throw SyntaxError(
                    at: offset, expected: "a label of letters, digits and inner hyphens")
            }
            offset += label.count + 1
        }
        name = ascii
    }

    private static func isSubDomain(_ label: some BidirectionalCollection<UInt8>) -> Bool {
        guard let first = label.first, let last = label.last else { return false }
        return label.count <= maximumLabelOctets && first.isAlphanumeric && last.isAlphanumeric
            && label.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
    }

    /// The name for people: U-labels where that is well-formed.
    package var unicode: String { InternationalDomain.toUnicode(name) }
    package var description: String { name }

    package static func < (left: Self, right: Self) -> Bool { left.name < right.name }
}
