// SPDX-License-Identifier: Apache-2.0

/// Writes numbers and strings of octets as compactly as is cheap to read again.
///
/// A number is written seven bits at a time, the lowest first, each octet but the last with its
/// high bit set; a string is its length and its octets.
struct CompactWriter {
    var octets: [UInt8] = []

    mutating func number(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            octets.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        octets.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A number that may be below zero.
    mutating func signed(_ number: Int) { self.number(number << 1 ^ number >> 63) }

    mutating func string(_ string: [UInt8]) {
        number(string.count)
        octets += string
    }

    mutating func strings(_ strings: [[UInt8]]) {
        number(strings.count)
        for string in strings { self.string(string) }
    }
}

/// Reads what `CompactWriter` wrote; damaged octets make everything behind them nil.
struct CompactReader<Octets: RandomAccessCollection<UInt8>> where Octets.Index == Int {
    private let octets: Octets
    private var index: Int

    init(_ octets: Octets) {
        self.octets = octets
        index = octets.startIndex
    }

    var isAtEnd: Bool { index == octets.endIndex }

    mutating func byte() -> UInt8? {
        guard index < octets.endIndex else { return nil }
        index += 1
        return octets[index - 1]
    }

    private mutating func bits() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let octet = byte(), shift < 64 {
            value |= UInt64(octet & 0x7F) << shift
            if octet < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// Not below zero, and far from what would overflow when it is added up.
    mutating func number() -> Int? {
        bits().flatMap { $0 < 1 << 48 ? Int($0) : nil }
    }

    mutating func signed() -> Int? {
        bits().map { Int(Int64(bitPattern: $0 >> 1 ^ (0 &- ($0 & 1)))) }
    }

    mutating func string() -> Octets.SubSequence? { number().flatMap { octets($0) } }

    /// Reads a string into `target`, or passes over it; says whether there was one.
    mutating func string(into target: inout [UInt8], if isWanted: Bool) -> Bool {
        guard let string = string() else { return false }
        if isWanted { target = Array(string) }
        return true
    }

    mutating func octets(_ count: Int) -> Octets.SubSequence? {
        guard count <= octets.endIndex - index else { return nil }
        index += count
        return octets[(index - count)..<index]
    }

    mutating func strings() -> [[UInt8]]? {
        guard let count = number(), count <= octets.endIndex - index else { return nil }
        var strings: [[UInt8]] = []
        for _ in 0..<count {
            guard let string = string() else { return nil }
            strings.append(Array(string))
        }
        return strings
    }
}
