// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]` (RFC 5322 §3.6.4).
package struct MessageIdentifier: Hashable, Sendable, CustomStringConvertible {
    /// What stands between the angle brackets, which no one but its maker may interpret.
    package let value: String

    package init(_ value: String) { self.value = value }

    package var description: String { "<\(value)>" }

    /// RFC 5322 §2.1.1: what is longer than a line is no identifier.
    package static let maximumOctets = 998

    /// All identifiers of `Message-ID`, `In-Reply-To` or `References`; comments and phrases
    /// (§4.5.4) are skipped, an identifier without angle brackets is taken if it stands alone.
    package static func parse(_ value: ArraySlice<UInt8>) -> [MessageIdentifier] {
        var lexer = Lexer(value)
        var found: [MessageIdentifier] = []
        while true {
            lexer.skipCFWS()
            guard let octet = lexer.current else { break }
            if octet == UInt8(ascii: "<") {
                lexer.index += 1
                let inner = lexer.run { $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "<") }
                let isClosed = lexer.skip(UInt8(ascii: ">"))
                let text = inner.filter {
                    !$0.isWhitespace && $0 != .carriageReturn && $0 != .lineFeed
                }
                if isClosed, !text.isEmpty, text.count <= maximumOctets {
                    found.append(MessageIdentifier(String(lossy: text)))
                }
            } else if octet == UInt8(ascii: "\"") {
                _ = lexer.quotedString()
            } else {
                let word = lexer.run {
                    !$0.isWhitespace && $0 != .carriageReturn && $0 != .lineFeed
                        && !"<(\"".utf8.contains($0)
                }
                lexer.skipCFWS()
                if found.isEmpty, lexer.isAtEnd, word.contains(UInt8(ascii: "@")),
                    word.count <= maximumOctets
                {
                    return [MessageIdentifier(String(lossy: word))]
                }
            }
        }
        return found
    }
}
