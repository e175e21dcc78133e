// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads the pieces of which structured fields are made (RFC 5322 §3.2).
///
/// It takes folded or unfolded octets: CR and LF count as white space. Every step moves forward
/// and nothing is looked at twice, so that reading is linear whatever stands there.
struct Lexer {
    let octets: ArraySlice<UInt8>
    var index: Int
    /// The text of the last comment that was skipped, unescaped.
    var comment: [UInt8]?
    /// Something was not terminated or stood where it may not.
    var isDamaged = false
    /// No closing quote follows: looked for once, so that many opening ones stay linear.
    private var lacksClosingQuote = false

    init(_ octets: ArraySlice<UInt8>) {
        self.octets = octets
        index = octets.startIndex
    }

    var isAtEnd: Bool { index >= octets.endIndex }
    var current: UInt8? { index < octets.endIndex ? octets[index] : nil }

    mutating func skip(_ octet: UInt8) -> Bool {
        guard current == octet else { return false }
        index += 1
        return true
    }

    /// `CFWS`; says whether there was any.
    @discardableResult
    mutating func skipCFWS() -> Bool {
        let start = index
        while let octet = current {
            if octet.isWhitespace || octet == .carriageReturn || octet == .lineFeed {
                index += 1
            } else if octet == UInt8(ascii: "(") {
                comment = readComment()
            } else {
                break
            }
        }
        return index > start
    }

    /// `comment = "(" *([FWS] ccontent) [FWS] ")"`, nested without recursion.
    private mutating func readComment() -> [UInt8] {
        var text: [UInt8] = []
        var depth = 0
        while let octet = current {
            index += 1
            switch octet {
            case UInt8(ascii: "\\"):
                if let escaped = current {
                    text.append(escaped)
                    index += 1
                }
                continue
            case UInt8(ascii: "("):
                depth += 1
                if depth == 1 { continue }
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return text }
            case .carriageReturn, .lineFeed:
                continue
            default: break
            }
            text.append(octet)
        }
        isDamaged = true
        return text
    }

    /// `quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE`, unquoted.
    ///
    /// The lexer stands on the opening quote. Without a closing one nil, and the quote is skipped.
    mutating func quotedString() -> [UInt8]? {
        let start = index
        index += 1
        guard !lacksClosingQuote else {
            isDamaged = true
            return nil
        }
        var text: [UInt8] = []
        while let octet = current {
            index += 1
            switch octet {
            case UInt8(ascii: "\""): return text
            case UInt8(ascii: "\\"):
                if let escaped = current {
                    text.append(escaped)
                    index += 1
                }
            case .carriageReturn, .lineFeed: break
            default: text.append(octet)
            }
        }
        lacksClosingQuote = true
        isDamaged = true
        index = start + 1
        return nil
    }

    /// `domain-literal = "[" *([FWS] dtext) [FWS] "]"` with its brackets, without white space.
    mutating func domainLiteral() -> [UInt8] {
        var text: [UInt8] = []
        while let octet = current {
            guard octet != UInt8(ascii: ">"), octet != UInt8(ascii: ",") else { break }
            index += 1
            if octet.isWhitespace || octet == .carriageReturn || octet == .lineFeed { continue }
            text.append(octet)
            if octet == UInt8(ascii: "]") { return text }
        }
        isDamaged = true
        return text
    }

    /// The octets up to the first that is not wanted.
    mutating func run(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = index
        while let octet = current, isWanted(octet) { index += 1 }
        return octets[start..<index]
    }

    /// `token` (RFC 2045 §5.1): no space, control or `tspecials`; octets of UTF-8 are let through.
    mutating func token() -> ArraySlice<UInt8> {
        run { $0 > 0x20 && $0 != 0x7F && !Self.tspecials.contains($0) }
    }

    static let tspecials = Array("()<>@,;:\\\"/[]?=".utf8)
}
