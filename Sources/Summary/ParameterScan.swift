// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Goes from parameter to parameter (RFC 2045 §5.1), by the same rules as `MIME.Parameters`.
struct ParameterScan {
    private var cursor: FieldCursor
    private var count = 0
    /// The name as written: `filename*1*`.
    private(set) var name = 0..<0
    /// The name up to its first asterisk.
    private(set) var baseName = 0..<0
    /// Whether the name has an asterisk (RFC 2231).
    var isExtended: Bool { name.count != baseName.count }
    /// Unquoted, not decoded.
    private(set) var value: [UInt8] = []

    init(_ cursor: FieldCursor) { self.cursor = cursor }

    /// Moves to the next one; false if there is none.
    ///
    /// ```abnf
    /// parameter = attribute "=" value
    /// value     = token / quoted-string
    /// ```
    mutating func next() -> Bool {
        while count < Parameters.maximumCount {
            cursor.skipCFWS()
            guard let octet = cursor.current else { return false }
            if octet == UInt8(ascii: ";") {
                cursor.index += 1
                continue
            }
            if parameter() {
                count += 1
                return true
            }
        }
        return false
    }

    private mutating func parameter() -> Bool {
        name = cursor.run {
            $0 > 0x20 && $0 != 0x7F
                && ($0 == UInt8(ascii: "/") || !$0.isTokenSpecial
                    || "\\[]?".utf8.contains($0))
        }
        cursor.skipCFWS()
        value.removeAll(keepingCapacity: true)
        guard !name.isEmpty, cursor.skip(UInt8(ascii: "=")) else {
            if name.isEmpty, cursor.current != nil {
                let isQuote = cursor.current == UInt8(ascii: "\"")
                if !isQuote || !cursor.quotedString(into: &value) {
                    if cursor.current != nil { cursor.index += 1 }
                }
            }
            return false
        }
        let source = cursor.source
        let star = source.position(of: UInt8(ascii: "*"), in: name)
        baseName = name.lowerBound..<(star ?? name.upperBound)
        cursor.skipCFWS()
        if cursor.current == UInt8(ascii: "\""), cursor.quotedString(into: &value) { return true }
        // Without quotes up to the semicolon, because names with spaces are common.
        let text = cursor.run {
            $0 != UInt8(ascii: ";") && $0 != .carriageReturn && $0 != .lineFeed
                && $0 != UInt8(ascii: "(")
        }
        value.append(contentsOf: source[source.trimmed(text)])
        return true
    }
}
