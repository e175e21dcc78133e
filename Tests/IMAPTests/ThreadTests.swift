// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing
import World

/// What SORT compares of a message.
private struct SortRecord {
    var number: UInt32
    var arrival: Timestamp
    var date: Timestamp
    var size: UInt64 = 0
    var from: [UInt8] = []
    var to: [UInt8] = []
    var cc: [UInt8] = []
    var displayFrom: [UInt8] = []
    var displayTo: [UInt8] = []
    var subject: [UInt8] = []

    func add(to table: inout SortTable, without missing: Sort.Criterion? = nil) -> Bool {
        let texts: [Sort.Criterion: [UInt8]] = [
            .from: from, .to: to, .cc: cc, .displayFrom: displayFrom, .displayTo: displayTo,
            .subject: subject,
        ]
        // One behind the other, for they are lent.
        let all = texts.values.flatMap(\.self)
        return all.withUnsafeBytes { all in
            var lent: [Sort.Criterion: UnsafeRawBufferPointer] = [:]
            var place = 0
            for (criterion, text) in texts {
                lent[criterion] = UnsafeRawBufferPointer(
                    rebasing: all[place..<(place + text.count)])
                place += text.count
            }
            return table.add(number) { criterion in
                switch criterion {
                case missing: nil
                case .arrival: .signed(arrival.milliseconds)
                case .date: .signed(date.milliseconds)
                case .size: .number(size)
                default: lent[criterion].map { .text($0) }
                }
            }
        }
    }
}

extension Sort {
    /// The records are added to two tables, which are put together.
    fileprivate func order(_ records: [SortRecord]) -> [UInt32] {
        var tables = [SortTable(criteria), SortTable(criteria)]
        for (index, record) in records.enumerated() {
            #expect(record.add(to: &tables[index < records.count / 2 ? 0 : 1]))
        }
        tables[0].add(tables[1])
        return tables[0].order()
    }
}

@Suite("RFC 5256 SORT and THREAD")
struct ThreadTests {
    private func record(
        _ number: UInt32, _ subject: String = "", isReply: Bool = false, id: String? = nil,
        _ references: [String] = [], date: Int64? = nil
    ) -> ThreadRecord {
        ThreadRecord(
            number: number, date: Timestamp(seconds: date ?? Int64(number)),
            subject: octets(subject),
            isReply: isReply, messageID: id.map { octets($0) },
            references: references.map { octets($0) })
    }

    private func line(_ algorithm: IMAP.Thread.Algorithm, _ records: [ThreadRecord]) -> String {
        var writer = ResponseWriter()
        writer.threads(algorithm.threads(records))
        return String(String(lossy: writer.octets).dropLast())
    }

    @Test("ORDEREDSUBJECT: the first of a subject holds the others")
    func orderedSubject() {
        let records = [
            record(1, "b"), record(2, "a"), record(3, "b"), record(4, "c"), record(5, "b"),
            record(6, "a", date: 0),
        ]
        #expect(line(.orderedSubject, records) == "* THREAD (6 2)(1 (3)(5))(4)")
        #expect(line(.orderedSubject, []) == "* THREAD")
    }

    @Test("REFERENCES: answers are below what they answer")
    func references() {
        let records = [
            record(1, "x", id: "a"), record(2, "y", id: "b", ["a"]),
            record(3, "z", id: "c", ["a", "b"]), record(4, "w", id: "d", ["a"]),
            record(5, "v", id: "e"),
        ]
        #expect(line(.references, records) == "* THREAD (1 (2 3)(4))(5)")
    }

    @Test("A message that is not here holds several answers, and not one alone")
    func missing() {
        let two = [record(3, "x", id: "a", ["gone"]), record(5, "y", id: "b", ["gone"])]
        #expect(line(.references, two) == "* THREAD ((3)(5))")
        let one = [record(3, "x", id: "a", ["gone", "lost"]), record(5, "y", id: "b", ["a"])]
        #expect(line(.references, one) == "* THREAD (3 5)")
    }

    @Test("Threads of one subject are put together")
    func subjects() {
        // A reply without references comes below the first.
        #expect(
            line(
                .references,
                [record(1, "hello", id: "a"), record(2, "hello", isReply: true, id: "b")])
                == "* THREAD (1 2)")
        // Two that are no replies stand beside each other.
        #expect(
            line(.references, [record(1, "hello", id: "a"), record(2, "hello", id: "b")])
                == "* THREAD ((1)(2))")
        #expect(
            line(
                .references,
                [
                    record(1, "hello", id: "a"), record(2, "hello", id: "b"),
                    record(3, "hello", id: "c"), record(4, "", id: "d"), record(5, "", id: "e"),
                ]) == "* THREAD ((1)(2)(3))(4)(5)")
    }

    @Test("Circles and equal identifiers break nothing")
    func circles() {
        let circle = [
            record(1, "x", id: "a", ["b"]), record(2, "y", id: "b", ["a"]),
            record(3, "z", id: "a", ["a"]), record(4, "w", id: "d", ["d"]),
        ]
        let numbers = Set(line(.references, circle).filter { $0.isNumber })
        #expect(numbers == ["1", "2", "3", "4"])
    }

    @Test("Chains of 5,000 answers in the worst order overflow nothing, and lose nothing")
    func depth() {
        let count: UInt32 = 5_000
        let records = (1...count).map { number in
            record(number, id: "m\(number)", number < count ? ["m\(number + 1)"] : [])
        }
        let threads = IMAP.Thread.Algorithm.references.threads(records)
        var found = 0
        var waiting = threads
        while let node = waiting.popLast() {
            found += node.number == nil ? 0 : 1
            waiting += node.children
        }
        #expect(found == Int(count))
    }

    @Test("SORT compares by each key in turn, and by number at last")
    func sort() {
        let records = [
            SortRecord(
                number: 1, arrival: Timestamp(seconds: 3), date: Timestamp(seconds: 1), size: 9,
                from: octets("bob"), subject: octets("x")),
            SortRecord(
                number: 2, arrival: Timestamp(seconds: 2), date: Timestamp(seconds: 1), size: 9,
                from: octets("alice"), subject: octets("x")),
            SortRecord(
                number: 3, arrival: Timestamp(seconds: 1), date: Timestamp(seconds: 2), size: 1,
                from: octets("alice"), subject: octets("a")),
        ]
        func order(_ steps: (Sort.Criterion, Bool)...) -> [UInt32] {
            Sort(
                criteria: steps.map { Sort.Step(criterion: $0.0, isReversed: $0.1) }, key: .all,
                isUID: false
            ).order(records)
        }
        #expect(order((.arrival, false)) == [3, 2, 1])
        #expect(order((.date, false)) == [1, 2, 3])
        #expect(order((.date, true)) == [3, 1, 2])
        #expect(order((.from, false), (.size, false)) == [3, 2, 1])
        #expect(order((.size, true), (.subject, true), (.from, false)) == [2, 1, 3])
    }

    @Test("Texts that agree in their first eight octets, or end there, are compared whole")
    func sortLongTexts() {
        let texts =
            ["", "a", "abcdefgh", "abcdefgha", "abcdefghb", "abcdefg", "b", "\u{FF}"].map(octets)
            + [[0], [0, 0], octets("a") + [0], octets("abcdefgh") + [0]]
        let records = texts.enumerated().map { index, text in
            SortRecord(
                number: UInt32(index + 1), arrival: Timestamp(seconds: 0),
                date: Timestamp(seconds: 0), from: text, to: text, cc: text, displayFrom: text,
                displayTo: text, subject: text)
        }
        let rising = records.indices.sorted {
            texts[$0].lexicographicallyPrecedes(texts[$1])
        }.map { UInt32($0 + 1) }
        for criterion in [
            Sort.Criterion.from, .to, .cc, .displayFrom, .displayTo, .subject,
        ] {
            for isReversed in [false, true] {
                let sort = Sort(
                    criteria: [Sort.Step(criterion: criterion, isReversed: isReversed)],
                    key: .all, isUID: false)
                #expect(sort.order(records) == (isReversed ? rising.reversed() : rising))
            }
        }
    }

    @Test("What is compared next does not show through texts of another length, or with zeros")
    func sortByTwo() {
        let texts =
            ["", "a", "ab", "abcdefgh", "abcdefghij", "b"].map(octets) + [[0], [0, 1], [1]]
        var records: [SortRecord] = []
        for first in texts {
            for second in texts {
                records.append(
                    SortRecord(
                        number: UInt32(records.count + 1), arrival: Timestamp(seconds: 0),
                        date: Timestamp(seconds: 0), from: first, subject: second))
            }
        }
        for (isFirst, isSecond) in [(false, false), (false, true), (true, false), (true, true)] {
            let sort = Sort(
                criteria: [
                    Sort.Step(criterion: .from, isReversed: isFirst),
                    Sort.Step(criterion: .subject, isReversed: isSecond),
                ], key: .all, isUID: false)
            let expected = records.sorted { left, right in
                if left.from != right.from {
                    return left.from.lexicographicallyPrecedes(right.from) != isFirst
                }
                return left.subject.lexicographicallyPrecedes(right.subject) != isSecond
                    && left.subject != right.subject
            }
            #expect(sort.order(records) == expected.map(\.number))
        }
    }

    @Test("A message of which something is not known is not added, and leaves nothing behind")
    func sortUnknown() {
        var table = SortTable(
            [.from, .subject].map { Sort.Step(criterion: $0, isReversed: false) })
        let record = SortRecord(
            number: 1, arrival: Timestamp(seconds: 0), date: Timestamp(seconds: 0),
            from: octets("a long local part"), subject: octets("x"))
        #expect(!record.add(to: &table, without: .subject))
        #expect(record.add(to: &table))
        #expect(table.order() == [1])
    }

    @Test("Dates before 1970 come before those behind it, and the largest sizes last")
    func sortNumbers() {
        let seconds: [Int64] = [5, -7, 0, 4_000_000_000, -1, 1]
        let records = seconds.enumerated().map { index, second in
            SortRecord(
                number: UInt32(index + 1), arrival: Timestamp(seconds: second),
                date: Timestamp(seconds: second), size: UInt64(bitPattern: second))
        }
        for (criterion, rising) in [
            (Sort.Criterion.arrival, [2, 5, 3, 6, 1, 4]), (.date, [2, 5, 3, 6, 1, 4]),
            (.size, [3, 6, 1, 4, 2, 5]),
        ] {
            let rising = rising.map { UInt32($0) }
            for isReversed in [false, true] {
                let sort = Sort(
                    criteria: [Sort.Step(criterion: criterion, isReversed: isReversed)],
                    key: .all, isUID: false)
                #expect(sort.order(records) == (isReversed ? rising.reversed() : rising))
            }
        }
    }
}
