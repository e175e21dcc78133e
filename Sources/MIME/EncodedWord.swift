// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="` (RFC 2047 §2,
/// RFC 2231 §5).
package struct EncodedWord {
    /// The charset's name as written, in lower case.
    let charset: String
    let octets: [UInt8]
    /// Whether the encoded text itself could be decoded as it stands.
    let isExact: Bool
    /// White space within, which no encoded word may have but some do.
    let hasWhitespace: Bool

    /// A charset's name is short; a longer one is none.
    private static let maximumCharsetOctets = 64

    /// Reads one at `index`, which then stands behind it; nil and unmoved if there is none.
    init?(in octets: ArraySlice<UInt8>, at index: inout Int, search: inout Search) {
        var position = index
        let end = octets.endIndex
        guard position + 6 < end, octets[position] == UInt8(ascii: "="),
            octets[position + 1] == UInt8(ascii: "?")
        else { return nil }
        position += 2
        let charsetStart = position
        while position < end, octets[position] != UInt8(ascii: "?") {
            guard position - charsetStart < Self.maximumCharsetOctets,
                octets[position] > 0x20, octets[position] < 0x7F
            else { return nil }
            position += 1
        }
        guard position + 2 < end, position > charsetStart,
            octets[position + 2] == UInt8(ascii: "?")
        else { return nil }
        let name = octets[charsetStart..<position].prefix { $0 != UInt8(ascii: "*") }
        let encoding = octets[position + 1].lowercased
        guard encoding == UInt8(ascii: "q") || encoding == UInt8(ascii: "b") else { return nil }
        let start = position + 3
        guard let close = search.close(in: octets, from: start) else { return nil }
        let text = octets[start..<close]
        charset = String(decoding: name.map(\.lowercased), as: UTF8.self)
        hasWhitespace = text.contains { $0.isWhitespace || $0 == .lineFeed }
        if encoding == UInt8(ascii: "b") {
            let (decoded, isClean) = TransferEncoding.decodeBase64(text)
            self.octets = decoded
            isExact = isClean
        } else {
            (self.octets, isExact) = Self.decodeQ(text)
        }
        index = close + 2
    }

    /// Finds `?=`, and remembers that there is none any more, so that a field full of beginnings
    /// without an end is read in linear time.
    struct Search {
        private var isExhausted = false

        mutating func close(in octets: ArraySlice<UInt8>, from start: Int) -> Int? {
            guard !isExhausted else { return nil }
            var position = start
            while position + 1 < octets.endIndex {
                if octets[position] == UInt8(ascii: "?"),
                    octets[position + 1] == UInt8(ascii: "=")
                {
                    return position
                }
                position += 1
            }
            isExhausted = true
            return nil
        }
    }

    /// The "Q" encoding (RFC 2047 §4.2).
    private static func decodeQ(_ text: ArraySlice<UInt8>) -> (octets: [UInt8], isExact: Bool) {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        var isExact = true
        var position = text.startIndex
        while position < text.endIndex {
            let octet = text[position]
            position += 1
            if octet == UInt8(ascii: "_") {
                octets.append(.space)
            } else if octet != UInt8(ascii: "=") {
                octets.append(octet)
            } else if position + 1 < text.endIndex, let high = text[position].hexadecimalValue,
                let low = text[position + 1].hexadecimalValue
            {
                octets.append(high << 4 | low)
                position += 2
            } else {
                octets.append(octet)
                isExact = false
            }
        }
        return (octets, isExact)
    }
}

/// Puts the words of a field together: encoded words that follow each other are one text, and a
/// character may be split between two of the same charset (forbidden by RFC 2047 §5, but seen).
struct EncodedText {
    private(set) var text = ""
    private var charset: String?
    private var held: [UInt8] = []
    private(set) var isExact = true

    mutating func append(_ word: EncodedWord) {
        if !word.isExact { isExact = false }
        if charset != word.charset {
            flush()
            charset = word.charset
        }
        held += word.octets
    }

    mutating func append(_ literal: some StringProtocol) {
        flush()
        text += literal
    }

    mutating func finish() -> String {
        flush()
        return text
    }

    private mutating func flush() {
        guard let name = charset else { return }
        let (decoded, exact) = (Charset(name) ?? .ascii).decode(held)
        text += decoded
        // A name nobody knows is no loss as long as the octets are ASCII.
        if !exact { isExact = false }
        charset = nil
        held = []
    }
}

extension EncodedWord {
    /// Unstructured text (RFC 5322 §3.2.5) with its encoded words decoded.
    ///
    /// White space between two encoded words is dropped (RFC 2047 §6.2). Encoded words that touch
    /// other text are decoded all the same and noted in `defects`, at `place`.
    package static func decode(
        _ octets: ArraySlice<UInt8>, defects: inout DefectList, at place: String
    ) -> String {
        guard octets.contains(UInt8(ascii: "?")) else {
            return literal(octets, defects: &defects, at: place)
        }
        var result = EncodedText()
        var search = Search()
        var literalStart = octets.startIndex
        var index = octets.startIndex
        var isAfterWord = false
        while index < octets.endIndex {
            guard octets[index] == UInt8(ascii: "=") else {
                index += 1
                continue
            }
            let start = index
            guard let word = EncodedWord(in: octets, at: &index, search: &search) else {
                index += 1
                continue
            }
            let between = octets[literalStart..<start]
            if word.hasWhitespace || !mayTouch(between.last, "(\"")
                || isAfterWord && !mayTouch(between.first, ")\"")
                || isAfterWord && between.isEmpty
            {
                defects.note(.encodedWordMisplaced, at: place)
            }
            if !(isAfterWord && between.allSatisfy(\.isWhitespace)) {
                result.append(literal(between, defects: &defects, at: place))
            }
            result.append(word)
            isAfterWord = true
            literalStart = index
        }
        let rest = octets[literalStart...]
        if isAfterWord, !mayTouch(rest.first, ")\"") {
            defects.note(.encodedWordMisplaced, at: place)
        }
        result.append(literal(rest, defects: &defects, at: place))
        let text = result.finish()
        if !result.isExact { defects.note(.encodedWordInvalid, at: place) }
        return text
    }

    private static func mayTouch(_ octet: UInt8?, _ others: String) -> Bool {
        guard let octet else { return true }
        return octet.isWhitespace || others.utf8.contains(octet)
    }

    static func literal(
        _ octets: ArraySlice<UInt8>, defects: inout DefectList, at place: String
    ) -> String {
        let (text, isUTF8) = Charset.guess(octets)
        if !isUTF8 { defects.note(.headerNotUTF8, at: place) }
        return text
    }
}
