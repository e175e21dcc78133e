// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Strings as a server writes them (RFC 9051 §4.3).
extension [UInt8] {
    /// The longest text written between quotation marks; clients read longer ones as a literal.
    private static var maximumQuotedOctets: Int { 4096 }

    mutating func append(_ character: Unicode.Scalar) { append(UInt8(ascii: character)) }

    /// Between quotation marks; the text has neither NUL nor a line end.
    mutating func appendQuoted(_ text: some Collection<UInt8>) {
        append(UInt8(ascii: "\""))
        for octet in text {
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") {
                append(UInt8(ascii: "\\"))
            }
            append(octet)
        }
        append(UInt8(ascii: "\""))
    }

    /// `literal = "{" number64 "}" CRLF *CHAR8`, the announcement alone.
    mutating func appendLiteralHeader(_ count: Int) {
        append("{")
        appendDecimal(UInt64(count))
        append("}\r\n")
    }

    /// `string`: quoted where that can hold the text, else a literal.
    ///
    /// `isUTF8`: text that is not ASCII may be quoted (RFC 9051 §4.3, RFC 6855 §3).
    package mutating func appendString(_ text: some Collection<UInt8>, isUTF8: Bool = false) {
        let isQuotable = text.allSatisfy {
            $0 != 0 && $0 != .carriageReturn && $0 != .lineFeed && (isUTF8 || $0 < 0x80)
        }
        if isQuotable, text.count <= Self.maximumQuotedOctets {
            appendQuoted(text)
        } else {
            appendLiteralHeader(text.count)
            // CHAR8 has no NUL (RFC 9051 §9).
            append(contentsOf: text.lazy.map { $0 == 0 ? 0x80 : $0 })
        }
    }

    /// `nstring`.
    package mutating func appendNString(_ text: (some Collection<UInt8>)?, isUTF8: Bool = false) {
        if let text { appendString(text, isUTF8: isUTF8) } else { append("NIL") }
    }

    /// `astring`: bare where that is allowed, else quoted (also when not ASCII) or a literal.
    package mutating func appendAString(_ text: some Collection<UInt8>) {
        let isBare = text.allSatisfy(CommandScanner.isAStringCharacter)
        // NIL would be read as no string at all.
        if isBare, !text.isEmpty, !text.equalsIgnoringCase("NIL".utf8) {
            append(contentsOf: text)
        } else {
            appendString(text, isUTF8: true)
        }
    }
}
