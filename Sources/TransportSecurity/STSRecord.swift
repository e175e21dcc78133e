// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// The TXT record at `_mta-sts.DOMAIN` (RFC 8461 §3.1): that there is a policy, and which.
package struct STSRecord: Hashable, Sendable {
    /// Changes with each policy: 1 to 32 letters and digits.
    package let id: String

    /// RFC 8461 §3.1.
    private static let maximumIDOctets = 32

    /// Nil unless it is 1 to 32 letters and digits.
    package init?(id: String) {
        guard (1...Self.maximumIDOctets).contains(id.utf8.count),
            id.utf8.allSatisfy(\.isAlphanumeric)
        else { return nil }
        self.id = id
    }

    /// An id that says when the policy was made, other than the one before.
    package init(madeAt time: Timestamp, after old: String?) {
        let date = CalendarDate(time)
        let digits = date.internetFormat.filter { $0.isASCII && $0.isNumber } + "Z"
        // Several policies within a second: each later one gets a letter more.
        guard let old, old.hasPrefix(digits) else {
            id = digits
            return
        }
        id = old.utf8.count < Self.maximumIDOctets ? old + "x" : digits
    }

    /// Reads the record's text, its character-strings joined.
    ///
    /// ```abnf
    /// sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
    /// sts-field       = sts-id / sts-extension
    /// sts-field-delim = *WSP ";" *WSP
    /// sts-version     = %s"v=STSv1"
    /// sts-id          = %s"id=" 1*32(ALPHA / DIGIT)
    /// sts-extension   = sts-ext-name "=" sts-ext-value
    /// sts-ext-name    = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
    /// sts-ext-value   = 1*(%x21-3A / %x3C / %x3E-7E)
    /// ```
    package init(parsing text: some Collection<UInt8>) throws(SyntaxError) {
        let octets = Array(text)
        var parts = octets.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts[0].trimmedEnd.elementsEqual("v=STSv1".utf8), parts.count > 1 else {
            throw SyntaxError(at: 0, expected: "`v=STSv1;`")
        }
        if parts.count > 2, parts[parts.count - 1].allSatisfy(\.isWhitespace) {
            parts.removeLast()
        } else if parts[parts.count - 1].last?.isWhitespace == true {
            throw SyntaxError(at: octets.count, expected: "no space at the end")
        }
        var id: String?
        for part in parts.dropFirst() {
            let field = part.drop(while: \.isWhitespace).trimmedEnd
            let value = try Self.value(of: field)
            // RFC 8461 §3.2: of a field that stands twice the first counts.
            guard id == nil, field.starts(with: "id=".utf8) else { continue }
            guard (1...Self.maximumIDOctets).contains(value.count),
                value.allSatisfy(\.isAlphanumeric)
            else {
                throw SyntaxError(
                    at: value.startIndex, expected: "an id of 1 to 32 letters and digits")
            }
            id = String(lossy: value)
        }
        guard let id else { throw SyntaxError(at: octets.count, expected: "`id=`") }
        self.id = id
    }

    /// What the record says.
    package var text: String { "v=STSv1; id=\(id);" }

    private static func value(
        of field: ArraySlice<UInt8>
    ) throws(SyntaxError) -> ArraySlice<UInt8> {
        let equals = UInt8(ascii: "=")
        guard let end = field.firstIndex(of: equals), let first = field.first,
            first.isAlphanumeric, end - field.startIndex <= 32,
            field[..<end].allSatisfy({ $0.isAlphanumeric || "_-.".utf8.contains($0) })
        else { throw SyntaxError(at: field.startIndex, expected: "a name and \"=\"") }
        let value = field[(end + 1)...]
        guard !value.isEmpty,
            value.allSatisfy({
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ";") && $0 != equals
            })
        else { throw SyntaxError(at: end + 1, expected: "a value") }
        return value
    }
}
