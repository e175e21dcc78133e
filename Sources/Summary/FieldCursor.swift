// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads the pieces of which structured fields are made (RFC 5322 §3.2), from octets and as octets.
///
/// CR and LF count as white space, so that values are read folded as they stand. Every step moves
/// forward and nothing is looked at twice: reading is linear whatever stands there.
struct FieldCursor {
    let source: Source
    private(set) var end: Int
    var index: Int
    /// What stood in the last comment that was skipped, still escaped.
    var comment: Range<Int>?
    /// No closing quote follows: looked for once, so that many opening ones stay linear.
    private var lacksClosingQuote = false

    init(_ source: Source, _ range: Range<Int>) {
        self.source = source
        index = range.lowerBound
        end = range.upperBound
    }

    var current: UInt8? { index < end ? source[index] : nil }

    mutating func skip(_ octet: UInt8) -> Bool {
        guard index < end, source[index] == octet else { return false }
        index += 1
        return true
    }

    /// `CFWS`; says whether there was any.
    @discardableResult
    mutating func skipCFWS() -> Bool {
        let start = index
        while index < end {
            if source[index].isSpaceOrLineEnd {
                index += 1
            } else if source[index] == UInt8(ascii: "(") {
                skipComment()
            } else {
                break
            }
        }
        return index > start
    }

    /// `comment = "(" *([FWS] ccontent) [FWS] ")"`, nested without recursion.
    private mutating func skipComment() {
        let start = index + 1
        var depth = 0
        while index < end {
            let octet = source[index]
            index += 1
            switch octet {
            case UInt8(ascii: "\\"): if index < end { index += 1 }
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 {
                    comment = start..<(index - 1)
                    return
                }
            default: break
            }
        }
        comment = min(start, end)..<end
    }

    /// `quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE`, unquoted behind `text`.
    ///
    /// The cursor stands on the opening quote. Without a closing one false, and the quote is
    /// skipped.
    mutating func quotedString(into text: inout [UInt8]) -> Bool {
        let start = index
        index += 1
        guard !lacksClosingQuote else { return false }
        let mark = text.count
        while index < end {
            let octet = source[index]
            index += 1
            switch octet {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"):
                if index < end {
                    text.append(source[index])
                    index += 1
                }
            case .carriageReturn, .lineFeed: break
            default: text.append(octet)
            }
        }
        lacksClosingQuote = true
        text.removeLast(text.count - mark)
        index = start + 1
        return false
    }

    /// The octets up to the first that is not wanted.
    mutating func run(while isWanted: (UInt8) -> Bool) -> Range<Int> {
        let start = index
        while index < end, isWanted(source[index]) { index += 1 }
        return start..<index
    }

    /// `token` (RFC 2045 §5.1): no space, control or `tspecials`; octets of UTF-8 are let through.
    mutating func token() -> Range<Int> {
        run { $0 > 0x20 && $0 != 0x7F && !$0.isTokenSpecial }
    }
}

extension UInt8 {
    /// `tspecials` (RFC 2045 §5.1).
    var isTokenSpecial: Bool {
        switch self {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"),
            UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "?"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    /// What an atom or a domain is made of: `atext` with octets of UTF-8, and dots.
    var isAtomOrDot: Bool {
        switch self {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D...0x39, 0x3D, 0x3F, 0x41...0x5A, 0x5E...0x7E,
            0x80...0xFF:
            true
        default: false
        }
    }
}
