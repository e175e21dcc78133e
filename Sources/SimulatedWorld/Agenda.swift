// SPDX-License-Identifier: Apache-2.0

import World

/// What happens later, in order of time; the seed orders what happens at the same instant.
struct Agenda {
    /// Something that will happen unless it is called off.
    final class Entry {
        let instant: Instant
        fileprivate let tie: UInt64
        fileprivate(set) var action: (() -> Void)?

        fileprivate init(_ instant: Instant, _ tie: UInt64, _ action: @escaping () -> Void) {
            self.instant = instant
            self.tie = tie
            self.action = action
        }

        fileprivate func isBefore(_ other: Entry) -> Bool {
            instant == other.instant ? tie < other.tie : instant < other.instant
        }
    }

    /// A binary heap; entries called off stay in it until they come up or it is swept.
    private var heap: [Entry] = []
    private var calledOff = 0

    /// How many entries are still to happen.
    var count: Int { heap.count - calledOff }

    mutating func add(
        at instant: Instant, tie: UInt64, _ action: @escaping () -> Void
    ) -> Entry {
        let entry = Entry(instant, tie, action)
        heap.append(entry)
        rise(heap.count - 1)
        return entry
    }

    mutating func callOff(_ entry: Entry) {
        guard entry.action != nil else { return }
        entry.action = nil
        calledOff += 1
        // Deadlines are mostly called off long before they come: keep them from piling up.
        if calledOff > 64, calledOff > heap.count / 2 { sweep() }
    }

    /// The earliest instant at which something happens.
    mutating func next() -> Instant? {
        while let first = heap.first, first.action == nil {
            removeFirst()
            calledOff -= 1
        }
        return heap.first?.instant
    }

    /// Takes the earliest entry's action; `next()` said that there is one.
    mutating func takeFirst() -> (() -> Void)? {
        guard let first = heap.first else { return nil }
        removeFirst()
        defer { first.action = nil }
        return first.action
    }

    private mutating func sweep() {
        heap.removeAll { $0.action == nil }
        calledOff = 0
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        sink(0)
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
