// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The octets of a message while they are looked at: each access is checked, none counts references.
///
/// It points into memory that its maker keeps alive, and is not kept longer than that.
struct Source {
    private let memory: UnsafeRawBufferPointer

    init(_ memory: UnsafeRawBufferPointer) { self.memory = memory }

    var count: Int { memory.count }

    subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < memory.count, "behind the end of the message")
        return memory[index]
    }

    /// The memory of a part of it.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.upperBound <= memory.count && range.lowerBound >= 0, "behind the end")
        return UnsafeRawBufferPointer(rebasing: memory[range])
    }

    /// The first place of an octet within a range.
    func position(of octet: UInt8, in range: Range<Int>) -> Int? {
        self[range].position(of: octet).map { $0 + range.lowerBound }
    }

    /// Where a line ends: behind its content, and where the next one begins.
    struct LineEnd {
        var content: Int
        var next: Int
    }

    /// CRLF or LF; without either the end of all.
    func lineEnd(from start: Int, limit: Int) -> LineEnd {
        guard let feed = position(of: .lineFeed, in: start..<limit) else {
            return LineEnd(content: limit, next: limit)
        }
        let hasReturn = feed > start && self[feed - 1] == .carriageReturn
        return LineEnd(content: hasReturn ? feed - 1 : feed, next: feed + 1)
    }

    /// A part of it without white space and line ends at both ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start].isSpaceOrLineEnd { start += 1 }
        while end > start, self[end - 1].isSpaceOrLineEnd { end -= 1 }
        return start..<end
    }

    /// Whether a part of it is this name, ASCII letters without case; `name` is in lower case.
    func isNamed(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        let octets = self[range]
        for index in 0..<octets.count
        where octets[index].lowercased != name.utf8Start[index] {
            return false
        }
        return true
    }
}

extension UnsafeRawBufferPointer {
    /// How many line feeds it has, sixteen octets at a time.
    var lineFeedCount: Int {
        guard let base = baseAddress else { return 0 }
        let wanted = SIMD16<UInt8>(repeating: .lineFeed)
        var (index, found) = (0, 0)
        while index + 16 <= count {
            // A lane holds at most 255.
            let end = Swift.min(count - 15, index + 255 * 16)
            var lanes = SIMD16<UInt8>.zero
            while index < end {
                let octets = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                lanes &+= SIMD16<UInt8>.zero.replacing(with: 1, where: octets .== wanted)
                index += 16
            }
            for lane in lanes.indices { found += Int(lanes[lane]) }
        }
        while index < count {
            if self[index] == .lineFeed { found += 1 }
            index += 1
        }
        return found
    }
}
