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

    /// What text is sorted by, as octets: its folded form, and where that is the same, the text in
    /// lower case, so that accents decide last (`côte` after `cote`) and no two texts that people
    /// tell apart are equal.
    package static func sortKey(_ text: [UInt8]) -> [UInt8] {
        var key = folded(text)
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

    mutating func reserve(_ count: Int) { octets.reserveCapacity(octets.count + count) }

    /// White space was the last.
    private var isAtSpace: Bool { octets.last == .space }

    /// Behind what was appended before; a character must not be cut in two.
    mutating func append(_ text: UnsafeRawBufferPointer) {
        var index = 0
        while index < text.count {
            let octet = text[index]
            if octet < 0x80 {
                index += 1
                let folded = FoldingMap.ascii[Int(octet)]
                if folded != .space || !isAtSpace { octets.append(folded) }
                continue
            }
            let (scalar, width) = Self.scalar(text, index)
            index += width
            append(scalar)
        }
    }

    private mutating func append(_ scalar: UInt32) {
        switch map[scalar] {
        case .itself: append(verbatim: scalar)
        case .nothing: break
        case .other(let other):
            if other != 0x20 || !isAtSpace { append(verbatim: other) }
        case .several(let range): octets.append(contentsOf: map.strings[range])
        }
    }

    private mutating func append(verbatim scalar: UInt32) {
        let tail = { (shift: UInt32) in UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F | 0x80 }
        switch scalar {
        case ..<0x80: octets.append(UInt8(truncatingIfNeeded: scalar))
        case ..<0x800:
            octets.append(UInt8(truncatingIfNeeded: scalar >> 6) | 0xC0)
            octets.append(tail(0))
        case ..<0x10000:
            octets.append(UInt8(truncatingIfNeeded: scalar >> 12) | 0xE0)
            octets.append(tail(6))
            octets.append(tail(0))
        default:
            octets.append(UInt8(truncatingIfNeeded: scalar >> 18) | 0xF0)
            octets.append(tail(12))
            octets.append(tail(6))
            octets.append(tail(0))
        }
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
