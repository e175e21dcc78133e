// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Text as it is compared: without regard to case, diacritics and ways of writing.
///
/// - Case: `MÜLLER` is `müller`, the final sigma is a sigma, the Turkish dotless i is an i.
/// - Diacritics: `müller` is `muller`, `François` is `francois`, `ё` is `е`, `ά` is `α`; vowel
///   points of Hebrew and Arabic are left out. `ü` is not `ue`.
/// - Letters of two: `ß` is `ss`, `æ` is `ae`, `œ` is `oe`, `þ` is `th`; `ø` is `o`, `ł` is `l`.
/// - Ways of writing: ligatures, full-width and mathematical letters, superscripts and circled
///   letters are the letters; typographic quotes and dashes are those of ASCII, `…` is three dots.
/// - White space of any kind and length is one space; soft hyphens, joiners, marks of direction
///   and byte order marks are nothing.
///
/// Composed and decomposed text fold alike, and what is folded folds to itself. Scripts without
/// these things stay as they are.
package enum Folding {
    /// Folds text.
    package static func folded(_ text: String) -> String {
        var text = text
        return text.withUTF8 { String(decoding: folded(UnsafeRawBufferPointer($0)), as: UTF8.self) }
    }

    /// Folds UTF-8; octets that are none become U+FFFD.
    package static func folded(_ text: [UInt8]) -> [UInt8] {
        text.withUnsafeBytes { folded($0) }
    }

    static func folded(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var folder = Folder()
        folder.reserve(text.count)
        folder.append(text)
        return folder.octets
    }

    /// What text is sorted by, as octets: its folded form in capitals, and where that is the same,
    /// the text in lower case, so that accents decide last (`côte` after `cote`) and no two texts
    /// that people tell apart are equal.
    ///
    /// Capitals, for with `i;unicode-casemap` (RFC 5051 §2) a `[` or `_` comes behind the letters.
    package static func sortKey(_ text: [UInt8]) -> [UInt8] {
        var key = folded(text).map(\.uppercased)
        while key.last == .space { key.removeLast() }
        if key.first == .space { key.removeFirst() }
        guard text.contains(where: { $0 >= 0x80 }) else { return key }
        return key + [0] + String(decoding: text, as: UTF8.self).lowercased().utf8
    }
}

/// Folds text that comes in pieces.
struct Folder {
    private(set) var octets: [UInt8] = []
    private let map = FoldingMap.shared
    /// White space was the last.
    private var isAtSpace = false

    /// What is folded before it is put to the rest.
    private static let bufferOctets = 1024
    /// What one character becomes at most.
    private static let maximumCharacterOctets = 64

    mutating func reserve(_ count: Int) { octets.reserveCapacity(octets.count + count) }

    /// Behind what was appended before; a character must not be cut in two.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.bufferOctets) { buffer in
            var used = 0
            var index = 0
            while index < text.count {
                if used + Self.maximumCharacterOctets > buffer.count {
                    octets.append(contentsOf: buffer[..<used])
                    used = 0
                }
                let octet = text[index]
                if octet < 0x80 {
                    index += 1
                    let isSpace = octet <= 0x20 || octet == 0x7F
                    if isSpace, isAtSpace { continue }
                    buffer[used] = isSpace ? .space : octet.lowercased
                    used += 1
                    isAtSpace = isSpace
                } else {
                    let (scalar, width) = Self.scalar(text, index)
                    index += width
                    fold(scalar, buffer, &used)
                }
            }
            octets.append(contentsOf: buffer[..<used])
        }
    }

    private mutating func fold(
        _ scalar: UInt32, _ buffer: UnsafeMutableBufferPointer<UInt8>, _ used: inout Int
    ) {
        switch map[scalar] {
        case .nothing: return
        case .itself: Self.write(scalar, buffer, &used)
        case .other(let other):
            if other == 0x20, isAtSpace { return }
            Self.write(other, buffer, &used)
            isAtSpace = other == 0x20
            return
        case .several(let range):
            for octet in map.strings[range] {
                buffer[used] = octet
                used += 1
            }
        }
        isAtSpace = false
    }

    private static func write(
        _ scalar: UInt32, _ buffer: UnsafeMutableBufferPointer<UInt8>, _ used: inout Int
    ) {
        func put(_ octet: UInt32) {
            buffer[used] = UInt8(truncatingIfNeeded: octet)
            used += 1
        }
        switch scalar {
        case ..<0x80: put(scalar)
        case ..<0x800: put(scalar >> 6 | 0xC0)
        case ..<0x10000:
            put(scalar >> 12 | 0xE0)
            put(scalar >> 6 & 0x3F | 0x80)
        default:
            put(scalar >> 18 | 0xF0)
            put(scalar >> 12 & 0x3F | 0x80)
            put(scalar >> 6 & 0x3F | 0x80)
        }
        if scalar >= 0x80 { put(scalar & 0x3F | 0x80) }
    }

    /// One character beyond ASCII and how many octets it takes; U+FFFD for one octet that is none.
    static func scalar(
        _ text: UnsafeRawBufferPointer, _ index: Int
    ) -> (scalar: UInt32, width: Int) {
        let lead = text[index]
        let width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead < 0xF5, index + width <= text.count else { return (0xFFFD, 1) }
        var scalar = UInt32(lead) & (0x7F >> UInt32(width))
        for offset in 1..<width {
            let octet = text[index + offset]
            guard octet & 0xC0 == 0x80 else { return (0xFFFD, 1) }
            scalar = scalar << 6 | UInt32(octet & 0x3F)
        }
        let least: UInt32 = width == 4 ? 0x10000 : width == 3 ? 0x800 : 0x80
        guard scalar >= least, Unicode.Scalar(scalar) != nil else { return (0xFFFD, 1) }
        return (scalar, width)
    }
}
