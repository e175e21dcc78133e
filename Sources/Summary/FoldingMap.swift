// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The table of `Folding`, laid out to be looked up by number.
struct FoldingMap: Sendable {
    enum Result {
        case itself, nothing
        case other(UInt32)
        /// Where the octets stand in `strings`.
        case several(Range<Int>)
    }

    static let shared = FoldingMap()

    private static let itself: UInt32 = 0
    private static let nothing: UInt32 = .max
    /// Set in an entry that says where several characters stand, and how many octets they take.
    private static let several: UInt32 = 0x8000_0000

    private static let lowCount = 0x3000
    private static let highStart = 0xFB00

    private var low = [UInt32](repeating: itself, count: lowCount)
    private var high = [UInt32](repeating: itself, count: 0x10000 - highStart)
    private(set) var strings: [UInt8] = []

    /// What shows nothing: marks, joiners, directions.
    private static let invisible: [ClosedRange<Int>] = [
        0xAD...0xAD, 0x300...0x36F, 0x483...0x489, 0x591...0x5BD, 0x5BF...0x5BF, 0x5C1...0x5C2,
        0x5C4...0x5C5, 0x5C7...0x5C7, 0x610...0x61A, 0x61C...0x61C, 0x640...0x640, 0x64B...0x65F,
        0x670...0x670, 0x180E...0x180E, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x200B...0x200F,
        0x202A...0x202E, 0x2060...0x206F, 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xFE20...0xFE2F,
        0xFEFF...0xFEFF,
    ]

    private static let spaces: [ClosedRange<Int>] = [
        0x80...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
        0x205F...0x205F,
    ]

    private init() {
        readTable()
        for range in Self.spaces { for scalar in range { set(scalar, 0x20) } }
        for range in Self.invisible { for scalar in range { set(scalar, Self.nothing) } }
    }

    private mutating func set(_ scalar: Int, _ entry: UInt32) {
        if scalar < Self.lowCount {
            low[scalar] = entry
        } else if scalar >= Self.highStart, scalar < 0x10000 {
            high[scalar - Self.highStart] = entry
        }
    }

    private mutating func readTable() {
        let text = UnsafeRawBufferPointer(
            start: Folding.table.utf8Start, count: Folding.table.utf8CodeUnitCount)
        var target: [UInt8] = []
        var first: UInt32 = 0
        var entry: UInt32?
        var index = 0
        while index < text.count {
            var (scalar, width) = (UInt32(text[index]), 1)
            if scalar >= 0x80 { (scalar, width) = Folder.scalar(text, index) }
            let octets = text[index..<(index + width)]
            index += width
            switch scalar {
            case 0x0A:
                (target, entry) = ([], nil)
            case 0x20:
                guard entry == nil, !target.isEmpty else {
                    (target, entry) = ([], nil)
                    continue
                }
                entry = self.entry(for: target, first)
            default:
                if let entry {
                    set(Int(scalar), entry)
                } else {
                    if target.isEmpty { first = scalar }
                    target.append(contentsOf: octets)
                }
            }
        }
    }

    private mutating func entry(for target: [UInt8], _ first: UInt32) -> UInt32 {
        let width = first < 0x80 ? 1 : first < 0x800 ? 2 : 3
        guard target.count > width else { return first }
        let start = strings.count
        strings += target
        return Self.several | UInt32(start) << 8 | UInt32(target.count)
    }

    subscript(scalar: UInt32) -> Result {
        let entry: UInt32
        switch scalar {
        case ..<UInt32(Self.lowCount): entry = low[Int(scalar)]
        case 0x3000: return .other(0x20)
        case 0xA640..<0xAC00: return Self.lowercase(scalar)
        case UInt32(Self.highStart)..<0x10000: entry = high[Int(scalar) - Self.highStart]
        case 0x1D400..<0x1D6A4:
            // Mathematical letters: thirteen alphabets, one behind the other.
            return .other((scalar - 0x1D400) % 26 + 0x61)
        case 0x1D7CE..<0x1D800: return .other((scalar - 0x1D7CE) % 10 + 0x30)
        case 0x10400..<0x1F000: return Self.lowercase(scalar)
        case 0xE0100..<0xE01F0: return .nothing
        default: return .itself
        }
        if entry == Self.itself { return .itself }
        if entry == Self.nothing { return .nothing }
        guard entry & Self.several != 0 else { return .other(entry) }
        let start = Int(entry & ~Self.several) >> 8
        return .several(start..<(start + Int(entry & 0xFF)))
    }

    /// Scripts with case that are rare in mail.
    private static func lowercase(_ scalar: UInt32) -> Result {
        guard let value = Unicode.Scalar(scalar), value.properties.changesWhenLowercased else {
            return .itself
        }
        let mapping = value.properties.lowercaseMapping.unicodeScalars
        guard mapping.count == 1, let only = mapping.first else { return .itself }
        return .other(only.value)
    }
}
