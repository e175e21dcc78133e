// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// Where reports are to go (RFC 9989 §4.6, §4.8).
///
/// ```abnf
/// dmarc-uri             = URI      ; RFC 3986, with "," and "!" encoded
/// obs-dmarc-uri         = dmarc-uri obs-dmarc-report-size
/// obs-dmarc-report-size = "!" 1*DIGIT [ "k" / "m" / "g" / "t" ]
/// ```
package struct ReportURI: Hashable, Sendable, CustomStringConvertible {
    /// As it is written, without the obsolete size, which reporters ignore.
    package let text: String
    /// Whom a `mailto:` means; nil for other schemes, which nobody supports.
    package let address: Address?

    package var description: String { text }

    /// Nil for what is no URI of RFC 3986, and for a `mailto:` without an address.
    init?(_ octets: ArraySlice<UInt8>) {
        var uri = octets
        if let mark = octets.firstIndex(of: UInt8(ascii: "!")) {
            guard Self.isSize(octets[(mark + 1)...]) else { return nil }
            uri = octets[..<mark]
        }
        // scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
        guard let colon = uri.firstIndex(of: UInt8(ascii: ":")), uri.first?.isAlpha == true,
            uri[..<colon].allSatisfy({ $0.isAlphanumeric || "+-.".utf8.contains($0) })
        else { return nil }
        let rest = uri[(colon + 1)...]
        guard !rest.isEmpty, let plain = Self.decoded(rest.prefix { $0 != UInt8(ascii: "?") }),
            Self.decoded(rest) != nil
        else { return nil }
        if uri[..<colon].equalsIgnoringCase("mailto".utf8) {
            guard let address = try? Address(String(lossy: plain)) else { return nil }
            self.address = address
        } else {
            address = nil
        }
        text = String(lossy: uri)
    }

    private static func isSize(_ octets: ArraySlice<UInt8>) -> Bool {
        let unit = octets.drop(while: \.isDigit)
        return octets.first?.isDigit == true && unit.count <= 1
            && unit.allSatisfy { "kmgt".utf8.contains($0.lowercased) }
    }

    /// Without percent-encoding (RFC 3986 §2.1); nil if there is what no URI holds.
    private static func decoded(_ octets: ArraySlice<UInt8>) -> [UInt8]? {
        guard
            octets.allSatisfy({
                PercentEncoding.isUnreserved($0) || "%:/?#[]@$&'()*+;=".utf8.contains($0)
            })
        else { return nil }
        return PercentEncoding.decode(octets)
    }
}
