// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

/// Numbers that follow from a seed.
struct Dice {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func roll(_ sides: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % sides
    }
}

@Suite("Sets of numbers and runs of UIDs, compared with plain arrays")
struct NumberTests {
    private func random(_ dice: inout Dice, _ count: Int) -> Set<UInt32> {
        Set((0..<dice.roll(count)).map { _ in UInt32(dice.roll(40)) + 1 })
    }

    @Test("Union, intersection and difference", arguments: 0..<300)
    func algebra(seed: Int) {
        var dice = Dice(seed)
        let (left, right) = (random(&dice, 40), random(&dice, 40))
        let (a, b) = (NumberSet(left), NumberSet(right))
        #expect(Array(a.numbers) == left.sorted())
        #expect(Array(a.union(b).numbers) == left.union(right).sorted())
        #expect(Array(a.intersection(b).numbers) == left.intersection(right).sorted())
        #expect(Array(a.subtracting(b).numbers) == left.subtracting(right).sorted())
        #expect(a.count == left.count)
        #expect(NumberSet(a.description) == a)
        for number in UInt32(0)...42 {
            #expect(a.contains(number) == left.contains(number))
        }
        var inserted = a
        inserted.insert(20)
        #expect(Array(inserted.numbers) == left.union([20]).sorted())
        let start = dice.roll(10)
        let places = start..<(start + dice.roll(10))
        #expect(
            Array(a.slice(places).numbers)
                == Array(left.sorted().dropFirst(places.lowerBound).prefix(places.count)))
    }

    @Test(
        "What is no set as we write it is none",
        arguments: [
            "2:1", "1,1", "3,1", "1,2", "1:3,2", "1:3,4:5", "a", "1:", ":1", ":", ",", "1,", "1,,3",
            "1:2:3", "4294967296", "-1", " 1", "1 ", "*", "1:*", "$",
        ])
    func unreadable(text: String) {
        #expect(NumberSet(text) == nil)
    }

    @Test("The largest numbers there are")
    func extremes() {
        let all = NumberSet(1...UInt32.max)
        #expect(all.subtracting(NumberSet([UInt32.max])).description == "1:4294967294")
        #expect(all.union(NumberSet([UInt32.max])) == all)
        var runs = UIDRuns(NumberSet((UInt32.max - 1)...UInt32.max))
        #expect(runs.uid(at: 2) == .max)
        runs.remove(NumberSet([UInt32.max]))
        #expect(runs.last == UInt32.max - 1)
    }

    @Test("Sequence numbers and UIDs while messages come and go", arguments: 0..<200)
    func runs(seed: Int) {
        var dice = Dice(seed)
        var model: [UInt32] = []
        var runs = UIDRuns()
        var next: UInt32 = 1
        for _ in 0..<30 {
            if dice.roll(3) > 0 {
                next += UInt32(dice.roll(3))
                let last = next + UInt32(dice.roll(5))
                model += Array(next...last)
                runs.append(next...last)
                next = last + 1
            } else {
                let gone = Set((0..<dice.roll(6)).map { _ in UInt32(dice.roll(Int(next) + 3)) + 1 })
                model.removeAll { gone.contains($0) }
                runs.remove(NumberSet(gone))
            }
            #expect(runs.count == UInt32(model.count))
            #expect(Array(runs.uids.numbers) == model)
        }
        for (index, uid) in model.enumerated() {
            #expect(runs.uid(at: UInt32(index + 1)) == uid)
            #expect(runs.number(of: uid) == UInt32(index + 1))
        }
        for uid in 1...(next + 2) where !model.contains(uid) {
            #expect(runs.number(of: uid) == nil)
        }
        let wanted = random(&dice, 30)
        #expect(
            Array(runs.uids(in: NumberSet(wanted)).numbers) == model.filter { wanted.contains($0) })
        let numbers = model.indices.map { UInt32($0 + 1) }.filter { wanted.contains($0) }
        #expect(
            Array(runs.uids(ofNumbers: NumberSet(wanted)).numbers)
                == numbers.map { model[Int($0) - 1] })
        #expect(
            Array(runs.numbers(of: NumberSet(wanted)).numbers)
                == model.indices.filter { wanted.contains(model[$0]) }.map { UInt32($0 + 1) })
    }

    @Test("A part of the results from either end")
    func partial() {
        let results = NumberSet([2, 3, 5, 7, 11].map { UInt32($0) })
        for (range, wanted) in [
            (PartialRange(1, 2, isFromEnd: false), "2:3"),
            (PartialRange(4, 2, isFromEnd: false), "3,5,7"),
            (PartialRange(4, 9, isFromEnd: false), "7,11"),
            (PartialRange(6, 9, isFromEnd: false), ""),
            (PartialRange(1, 2, isFromEnd: true), "7,11"),
            (PartialRange(4, 100, isFromEnd: true), "2:3"),
            (PartialRange(6, 9, isFromEnd: true), ""),
        ] {
            #expect(range.select(from: results).description == wanted)
        }
    }
}
