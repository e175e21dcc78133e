// SPDX-License-Identifier: Apache-2.0

/// Messages as SORT compares them (RFC 5256 §3): each has one key of octets, made when it is added,
/// and whoever's is less comes first.
///
/// Numbers stand in a key with the highest octet first, texts with an end that is less than any
/// octet, and what is reversed with all its bits turned over: so a comparison of octets is one by
/// each criterion in turn.
package struct SortTable: Sendable {
    /// What a message has for a criterion.
    package enum Value {
        case number(UInt64)
        /// Compared octet by octet (`i;unicode-casemap`, if it is folded); lent for the call.
        case text(UnsafeRawBufferPointer)

        /// Negative numbers come first.
        package static func signed(_ number: Int64) -> Self {
            .number(UInt64(bitPattern: number) ^ 1 << 63)
        }
    }

    private struct Entry {
        /// The first eight octets of the key: mostly they decide.
        var start: UInt64
        /// Where the others are.
        var place: Int
        var count: UInt32
        var number: UInt32
    }

    private static let startOctets = 8

    private let criteria: [Sort.Step]
    private var entries: [Entry] = []
    private var octets: [UInt8] = []

    package init(_ criteria: [Sort.Step]) { self.criteria = criteria }

    /// Adds a message under the number that is answered; nil as `value` of a criterion: it is not
    /// known, and the message is not added.
    ///
    /// Says whether it was added.
    package mutating func add(
        _ number: UInt32, _ value: (Sort.Criterion) -> Value?
    ) -> Bool {
        let begin = octets.count
        for step in criteria {
            guard let value = value(step.criterion) else {
                octets.removeLast(octets.count - begin)
                return false
            }
            let place = octets.count
            switch value {
            case .number(let number): append(number)
            case .text(let text): append(text)
            }
            if step.isReversed {
                for index in place..<octets.count { octets[index] = ~octets[index] }
            }
        }
        let count = octets.count - begin
        let head = min(count, Self.startOctets)
        var start: UInt64 = 0
        for index in 0..<head { start = start << 8 | UInt64(octets[begin + index]) }
        if head < Self.startOctets { start <<= UInt64(8 * (Self.startOctets - head)) }
        // A single number is whole already.
        if count <= Self.startOctets { octets.removeLast(count) }
        entries.append(
            Entry(
                start: start, place: begin + head, count: UInt32(count - head), number: number))
        return true
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { octets.append(contentsOf: $0) }
    }

    /// Two zeros are its end; a zero in it becomes one that an end is less than.
    private mutating func append(_ text: UnsafeRawBufferPointer) {
        if text.contains(0) {
            for octet in text {
                octets.append(octet)
                if octet == 0 { octets.append(1) }
            }
        } else {
            octets.append(contentsOf: text)
        }
        octets.append(0)
        octets.append(0)
    }

    /// Adds all of another table by the same criteria.
    package mutating func add(_ other: Self) {
        let offset = octets.count
        octets += other.octets
        entries.reserveCapacity(entries.count + other.entries.count)
        for var entry in other.entries {
            entry.place += offset
            entries.append(entry)
        }
    }

    /// The numbers in the order asked for; equal messages by their number (RFC 5256 §3).
    package consuming func order() -> [UInt32] {
        var entries = entries
        octets.withUnsafeBytes { octets in
            entries.sort { left, right in
                if left.start != right.start { return left.start < right.start }
                let order = Self.compare(left, right, octets)
                return order == 0 ? left.number < right.number : order < 0
            }
        }
        return entries.map(\.number)
    }

    /// What stands behind the first eight octets, eight by eight.
    private static func compare(
        _ left: Entry, _ right: Entry, _ octets: UnsafeRawBufferPointer
    ) -> Int {
        let count = Int(min(left.count, right.count))
        var index = 0
        while index + 8 <= count {
            let one = octets.loadUnaligned(fromByteOffset: left.place + index, as: UInt64.self)
            let other = octets.loadUnaligned(fromByteOffset: right.place + index, as: UInt64.self)
            if one != other { return one.bigEndian < other.bigEndian ? -1 : 1 }
            index += 8
        }
        while index < count {
            let (one, other) = (octets[left.place + index], octets[right.place + index])
            if one != other { return one < other ? -1 : 1 }
            index += 1
        }
        return Int(left.count) - Int(right.count)
    }
}
