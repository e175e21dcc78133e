// SPDX-License-Identifier: Apache-2.0

import Bytes

/// UIDs or sequence numbers as sorted ranges that neither touch nor overlap.
package struct NumberSet: Hashable, Sendable {
    package private(set) var ranges: [ClosedRange<UInt32>] = []

    package init() {}

    package init(_ range: ClosedRange<UInt32>) { ranges = [range] }

    /// From ranges in any order, which may overlap.
    package init(_ unordered: some Sequence<ClosedRange<UInt32>>) {
        var sorted = Array(unordered)
        sorted.sort { $0.lowerBound < $1.lowerBound }
        for range in sorted { appendRange(range) }
    }

    package init(_ numbers: some Sequence<UInt32>) {
        self.init(numbers.map { $0...$0 })
    }

    package var isEmpty: Bool { ranges.isEmpty }
    package var min: UInt32? { ranges.first?.lowerBound }
    package var max: UInt32? { ranges.last?.upperBound }
    /// How many numbers are in it.
    package var count: Int { ranges.reduce(0) { $0 + $1.count } }

    /// Adds a number that is not below any in the set.
    package mutating func append(_ number: UInt32) { appendRange(number...number) }

    /// Adds a range that begins nowhere below the last one's begin.
    package mutating func appendRange(_ range: ClosedRange<UInt32>) {
        guard let last = ranges.last else { return ranges.append(range) }
        precondition(range.lowerBound >= last.lowerBound, "numbers are appended in order")
        if range.lowerBound <= last.upperBound || range.lowerBound - 1 == last.upperBound {
            let upper = Swift.max(last.upperBound, range.upperBound)
            ranges[ranges.count - 1] = last.lowerBound...upper
        } else {
            ranges.append(range)
        }
    }

    /// Adds a number anywhere.
    package mutating func insert(_ number: UInt32) {
        if let max, number < max {
            if !contains(number) { self = union(Self(number...number)) }
        } else {
            append(number)
        }
    }

    /// Whether the number is in it; looked up by halving.
    package func contains(_ number: UInt32) -> Bool {
        let index = ranges.partitioningIndex { $0.upperBound >= number }
        return index < ranges.count && ranges[index].lowerBound <= number
    }

    /// What is in either.
    package func union(_ other: Self) -> Self {
        if other.isEmpty { return self }
        if isEmpty { return other }
        return Self(ranges + other.ranges)
    }

    /// What is in both.
    package func intersection(_ other: Self) -> Self {
        var result = Self()
        var (left, right) = (0, 0)
        while left < ranges.count, right < other.ranges.count {
            let (a, b) = (ranges[left], other.ranges[right])
            let low = Swift.max(a.lowerBound, b.lowerBound)
            let high = Swift.min(a.upperBound, b.upperBound)
            if low <= high { result.appendRange(low...high) }
            if a.upperBound < b.upperBound { left += 1 } else { right += 1 }
        }
        return result
    }

    /// What is in this one alone.
    package func subtracting(_ other: Self) -> Self {
        var result = Self()
        var next = 0
        for range in ranges {
            var low = range.lowerBound
            var isOpen = true
            while next < other.ranges.count, other.ranges[next].upperBound < low { next += 1 }
            var index = next
            while isOpen, index < other.ranges.count,
                other.ranges[index].lowerBound <= range.upperBound
            {
                let cut = other.ranges[index]
                if cut.lowerBound > low { result.appendRange(low...(cut.lowerBound - 1)) }
                if cut.upperBound >= range.upperBound {
                    isOpen = false
                } else {
                    low = cut.upperBound + 1
                }
                index += 1
            }
            if isOpen { result.appendRange(low...range.upperBound) }
        }
        return result
    }

    /// The numbers at these places of the ascending order, counted from 0.
    package func slice(_ places: Range<Int>) -> Self {
        var result = Self()
        var first = 0
        for range in ranges {
            let low = Swift.max(places.lowerBound - first, 0)
            let high = Swift.min(places.upperBound - first, range.count)
            if low < high {
                let start = range.lowerBound
                result.appendRange((start + UInt32(low))...(start + UInt32(high - 1)))
            }
            first += range.count
            if first >= places.upperBound { break }
        }
        return result
    }

    /// Every number, ascending.
    package var numbers: some Sequence<UInt32> { ranges.lazy.joined() }

    /// Writes `1:3,7`, a `sequence-set` (RFC 9051 §9).
    ///
    /// An empty set writes nothing, which no grammar allows.
    package func write(to octets: inout [UInt8]) {
        for (index, range) in ranges.enumerated() {
            if index > 0 { octets.append(UInt8(ascii: ",")) }
            octets.appendDecimal(range.lowerBound)
            if range.upperBound > range.lowerBound {
                octets.append(UInt8(ascii: ":"))
                octets.appendDecimal(range.upperBound)
            }
        }
    }
}

extension NumberSet {
    /// Reads what `description` says, the empty set included; nil for anything else.
    package init?(_ text: String) {
        for part in text.split(separator: ",", omittingEmptySubsequences: text.isEmpty) {
            let bounds = part.split(separator: ":", omittingEmptySubsequences: false)
            guard bounds.count <= 2, let first = UInt32(bounds[0]),
                let last = bounds.count == 2 ? UInt32(bounds[1]) : first, first <= last,
                // Rising, and apart.
                max.map({ first > $0 && first - $0 > 1 }) ?? true
            else { return nil }
            appendRange(first...last)
        }
    }
}

extension NumberSet: CustomStringConvertible {
    package var description: String {
        var octets: [UInt8] = []
        write(to: &octets)
        return String(lossy: octets)
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first place whose element fulfils `isSecond`, which no element before it does.
    func partitioningIndex(_ isSecond: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension [UInt8] {
    /// Digits without an allocation: every FETCH line has several numbers.
    mutating func appendDecimal(_ number: some FixedWidthInteger & UnsignedInteger) {
        var rest = UInt64(number)
        if rest < 10 { return append(UInt8(truncatingIfNeeded: rest) + 0x30) }
        // 20 digits hold any UInt64.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            while rest > 0 {
                start -= 1
                digits[start] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                rest /= 10
            }
            append(contentsOf: UnsafeBufferPointer(rebasing: digits[start..<20]))
        }
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    mutating func append(_ text: String) { append(contentsOf: text.utf8) }
}
