// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The TXT record at `_smtp._tls.DOMAIN` (RFC 8460 §3): where reports on TLS are sent.
package struct TLSReportingRecord: Hashable, Sendable {
    /// The addresses of `rua`, `mailto:` and `https:`, in their order; others are left out.
    package let addresses: [String]

    /// Reports go to so many places at most; what is behind them is not looked at.
    package static let maximumAddresses = 10

    /// Reads the record's text, its character-strings joined.
    ///
    /// ```abnf
    /// tlsrpt-record    = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
    /// field-delim      = *WSP ";" *WSP
    /// tlsrpt-field     = tlsrpt-rua / tlsrpt-extension
    /// tlsrpt-version   = %s"v=TLSRPTv1"
    /// tlsrpt-rua       = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
    /// tlsrpt-uri       = URI          ; without "," "!" ";"
    /// tlsrpt-extension = tlsrpt-ext-name "=" tlsrpt-ext-value
    /// tlsrpt-ext-name  = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")
    /// tlsrpt-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)
    /// ```
    package init(parsing text: some Collection<UInt8>) throws(SyntaxError) {
        let octets = Array(text)
        var parts = octets.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts[0].trimmed.elementsEqual("v=TLSRPTv1".utf8), parts.count > 1,
            octets.first?.isWhitespace == false
        else { throw SyntaxError(at: 0, expected: "`v=TLSRPTv1;`") }
        if parts.count > 2, parts[parts.count - 1].allSatisfy(\.isWhitespace) {
            parts.removeLast()
        }
        var addresses: [String]?
        for part in parts.dropFirst() {
            let field = part.trimmed
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")), let first = field.first,
                first.isAlphanumeric, equals - field.startIndex <= 32,
                field[..<equals].allSatisfy({ $0.isAlphanumeric || "_-.".utf8.contains($0) })
            else { throw SyntaxError(at: field.startIndex, expected: "a name and \"=\"") }
            let value = field[(equals + 1)...]
            if field.starts(with: "rua=".utf8) {
                guard addresses == nil else {
                    throw SyntaxError(at: field.startIndex, expected: "`rua=` once")
                }
                addresses = try Self.addresses(value)
            } else {
                try Self.checkExtension(value)
            }
        }
        guard let addresses else { throw SyntaxError(at: octets.count, expected: "`rua=`") }
        self.addresses = addresses
    }

    private static func addresses(_ value: ArraySlice<UInt8>) throws(SyntaxError) -> [String] {
        var addresses: [String] = []
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let uri = part.trimmed
            guard let colon = uri.firstIndex(of: UInt8(ascii: ":")), colon > uri.startIndex,
                colon + 1 < uri.endIndex,
                uri.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "!") }),
                uri[..<colon].allSatisfy({ $0.isAlphanumeric || "+-.".utf8.contains($0) })
            else { throw SyntaxError(at: part.startIndex, expected: "a URI") }
            let text = String(lossy: uri)
            let scheme = String(lossy: uri[..<colon].map(\.lowercased))
            let isUsable =
                scheme == "mailto" && text.contains("@")
                || scheme == "https"
                    && uri[(colon + 1)...].starts(with: "//".utf8)
            if isUsable, addresses.count < maximumAddresses { addresses.append(text) }
        }
        guard !addresses.isEmpty else {
            throw SyntaxError(at: value.startIndex, expected: "a `mailto:` or `https:` URI")
        }
        return addresses
    }

    private static func checkExtension(_ value: ArraySlice<UInt8>) throws(SyntaxError) {
        guard !value.isEmpty,
            value.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "=") })
        else { throw SyntaxError(at: value.startIndex, expected: "a value") }
    }
}

extension ArraySlice<UInt8> {
    /// Without white space at both ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        var rest = drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
