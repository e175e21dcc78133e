// SPDX-License-Identifier: Apache-2.0

import Bytes

extension RegularExpression {
    /// Where it matches first, and there longest: the whole, and what its groups stood for.
    ///
    /// All ways are followed side by side, character by character (K. Thompson, R. Pike), so that
    /// no text takes longer than its length times the program's; `spend` hears of each step. A
    /// group that has no part in the match is an empty range at its start.
    func search<Failure: Error>(
        in text: ArraySlice<UInt8>, isOctets: Bool, foldsCase: Bool,
        spend: (Int) throws(Failure) -> Void
    ) throws(Failure) -> [Range<Int>]? {
        var now = Threads(program.count, slots: slots)
        var later = Threads(program.count, slots: slots)
        var best: [Int]?
        var fresh = [Int](repeating: -1, count: slots)
        var index = text.startIndex
        while true {
            if best == nil {
                fresh[0] = index
                follow(0, fresh, at: index, in: text, &now)
            }
            if now.isEmpty, best != nil { break }
            try spend(now.count * Self.stepCost + 1)
            let (character, length) = Self.character(in: text, at: index, isOctets: isOctets)
            for pc in now.order {
                switch program[pc] {
                case .match:
                    let found = now.captures(of: pc)
                    // Leftmost, then longest (IEEE 1003.1 §9.1).
                    let isBetter =
                        best.map { found[0] < $0[0] || found[0] == $0[0] && index > $0[1] } ?? true
                    guard isBetter else { continue }
                    best = found
                    best?[1] = index
                case .one(let set):
                    guard length > 0, set.contains(character, foldsCase: foldsCase) else {
                        continue
                    }
                    let captures = now.captures(of: pc)
                    if let best, captures[0] > best[0] { continue }
                    follow(pc + 1, captures, at: index + length, in: text, &later)
                case .jump, .split, .save, .start, .end: continue
                }
            }
            guard length > 0 else { break }
            index += length
            swap(&now, &later)
            later.removeAll()
        }
        guard let best else { return nil }
        return stride(from: 0, to: slots, by: 2).map { slot in
            best[slot] >= 0 && best[slot + 1] >= best[slot]
                ? best[slot]..<best[slot + 1] : best[0]..<best[0]
        }
    }

    /// Two places for each group, and for the whole.
    private var slots: Int { min(groups, Limit.matchVariables) * 2 + 2 }

    /// What a search costs before it begins: room for all its threads.
    var searchCost: Int { program.count * (slots + 1) }

    /// A thread costs about as much as so many octets compared elsewhere.
    private static let stepCost = 32

    /// Threads side by side, the preferred first; of each instruction one.
    private struct Threads {
        private(set) var order: [Int] = []
        private var seen: [Bool]
        private var captures: [Int]
        private let slots: Int

        init(_ count: Int, slots: Int) {
            self.slots = slots
            seen = [Bool](repeating: false, count: count)
            captures = [Int](repeating: -1, count: count * slots)
        }

        var isEmpty: Bool { order.isEmpty }
        var count: Int { order.count }

        func captures(of pc: Int) -> [Int] { Array(captures[(pc * slots)..<((pc + 1) * slots)]) }

        /// Whether it is new.
        mutating func insert(_ pc: Int, _ values: [Int]) -> Bool {
            guard !seen[pc] else { return false }
            seen[pc] = true
            order.append(pc)
            for (index, value) in values.enumerated() { captures[pc * slots + index] = value }
            return true
        }

        mutating func removeAll() {
            for pc in order { seen[pc] = false }
            order.removeAll(keepingCapacity: true)
        }
    }

    /// Follows the ways that take no character, without recursion.
    private func follow(
        _ start: Int, _ captures: [Int], at index: Int, in text: ArraySlice<UInt8>,
        _ threads: inout Threads
    ) {
        var stack: [(pc: Int, captures: [Int])] = [(start, captures)]
        while let (pc, captures) = stack.popLast() {
            guard threads.insert(pc, captures) else { continue }
            switch program[pc] {
            case .jump(let target): stack.append((target, captures))
            case .split(let first, let second):
                stack.append((second, captures))
                stack.append((first, captures))
            case .save(let slot):
                var captures = captures
                if slot < captures.count { captures[slot] = index }
                stack.append((pc + 1, captures))
            case .start: if index == text.startIndex { stack.append((pc + 1, captures)) }
            case .end: if index == text.endIndex { stack.append((pc + 1, captures)) }
            case .one, .match: break
            }
        }
    }

    /// The character at a place and its length in octets; what is no UTF-8 is one of its own.
    private static func character(
        in text: ArraySlice<UInt8>, at index: Int, isOctets: Bool
    ) -> (UInt32, Int) {
        guard index < text.endIndex else { return (0, 0) }
        let first = text[index]
        guard !isOctets, first >= 0xC2, first < 0xF5 else { return (UInt32(first), 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard index + length <= text.endIndex else { return (UInt32(first), 1) }
        var value = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
        for octet in text[(index + 1)..<(index + length)] {
            guard octet & 0xC0 == 0x80 else { return (UInt32(first), 1) }
            value = value << 6 | UInt32(octet & 0x3F)
        }
        return (value, length)
    }
}
