// SPDX-License-Identifier: Apache-2.0

package import World

/// What SORT compares of a message, made ready beforehand (RFC 5256 §2, §3).
package struct SortRecord: Hashable, Sendable {
    /// The UID or sequence number that is answered.
    package var number: UInt32
    /// INTERNALDATE.
    package var arrival: Timestamp
    /// The Date field in UTC, INTERNALDATE if there is none (§2.2).
    package var date: Timestamp
    package var size: UInt64
    /// The local part of the first address, empty without any (§3), folded as the subject is.
    package var from: [UInt8]
    package var to: [UInt8]
    package var cc: [UInt8]
    /// The first address as people see it (RFC 5957 §3).
    package var displayFrom: [UInt8]
    package var displayTo: [UInt8]
    /// The base subject (§2.1), folded by `i;unicode-casemap`.
    package var subject: [UInt8]

    package init(
        number: UInt32, arrival: Timestamp, date: Timestamp, size: UInt64 = 0,
        from: [UInt8] = [], to: [UInt8] = [], cc: [UInt8] = [], displayFrom: [UInt8] = [],
        displayTo: [UInt8] = [], subject: [UInt8] = []
    ) {
        self.number = number
        self.arrival = arrival
        self.date = date
        self.size = size
        self.from = from
        self.to = to
        self.cc = cc
        self.displayFrom = displayFrom
        self.displayTo = displayTo
        self.subject = subject
    }
}

extension Sort {
    /// The numbers in the order asked for; equal messages by their number (RFC 5256 §3).
    package func order(_ records: [SortRecord]) -> [UInt32] {
        // The records stay where they are, and most are not looked at again.
        var places = records.indices.map { (key: key(records[$0]), index: $0) }
        records.withUnsafeBufferPointer { records in
            places.sort { left, right in
                if left.key != right.key { return left.key < right.key }
                return precedes(records[left.index], records[right.index])
            }
        }
        return places.map { records[$0.index].number }
    }

    private func precedes(_ left: SortRecord, _ right: SortRecord) -> Bool {
        for step in criteria {
            let order = Self.compare(left, right, step.criterion)
            if order != 0 { return (order < 0) != step.isReversed }
        }
        return left.number < right.number
    }

    /// A number that is less where the first criterion has a record come first; for equal ones the
    /// records have to be compared.
    private func key(_ record: SortRecord) -> UInt64 {
        guard let step = criteria.first else { return 0 }
        let key =
            switch step.criterion {
            case .arrival: Self.key(record.arrival)
            case .date: Self.key(record.date)
            case .size: record.size
            case .from: Self.key(record.from)
            case .to: Self.key(record.to)
            case .cc: Self.key(record.cc)
            case .displayFrom: Self.key(record.displayFrom)
            case .displayTo: Self.key(record.displayTo)
            case .subject: Self.key(record.subject)
            }
        return step.isReversed ? ~key : key
    }

    private static func key(_ time: Timestamp) -> UInt64 {
        UInt64(bitPattern: time.milliseconds) ^ 1 << 63
    }

    /// The first eight octets; a text that ends before is not behind any that goes on.
    private static func key(_ text: [UInt8]) -> UInt64 {
        (0..<8).reduce(0) { $0 << 8 | ($1 < text.count ? UInt64(text[$1]) : 0) }
    }

    private static func compare(
        _ left: SortRecord, _ right: SortRecord, _ criterion: Criterion
    ) -> Int {
        switch criterion {
        case .arrival: compare(left.arrival, right.arrival)
        case .date: compare(left.date, right.date)
        case .size: compare(left.size, right.size)
        case .from: compare(left.from, right.from)
        case .to: compare(left.to, right.to)
        case .cc: compare(left.cc, right.cc)
        case .displayFrom: compare(left.displayFrom, right.displayFrom)
        case .displayTo: compare(left.displayTo, right.displayTo)
        case .subject: compare(left.subject, right.subject)
        }
    }

    private static func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
        left < right ? -1 : left == right ? 0 : 1
    }

    /// Octet by octet: the texts are folded already.
    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        if left == right { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
    }
}
