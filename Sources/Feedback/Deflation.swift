// SPDX-License-Identifier: Apache-2.0

/// Writes the DEFLATE format (RFC 1951): repetitions as references, in the fixed code.
///
/// A report is mostly the same elements again and again, so the references do nearly all of it; a
/// code made for the content would save about a fifth more.
struct Deflation {
    /// RFC 1951 §3.2.5: how far back, and how long.
    private static let window = 32 << 10
    private static let longest = 258
    /// How many places with the same three octets are looked at.
    private static let patience = 32
    private static let hashBits = 15

    private var output: [UInt8] = []
    private var bits: UInt64 = 0
    private var held = 0

    /// The octets, packed.
    static func deflate(_ input: [UInt8]) -> [UInt8] {
        var deflation = Deflation()
        deflation.write(1, 1)
        deflation.write(1, 2)
        deflation.pack(input)
        deflation.writeLiteral(256)
        while deflation.held > 0 { deflation.flushOctet() }
        return deflation.output
    }

    private mutating func pack(_ input: [UInt8]) {
        var heads = [Int32](repeating: -1, count: 1 << Self.hashBits)
        var previous = [Int32](repeating: -1, count: Self.window)
        func remember(_ index: Int) {
            guard index + 3 <= input.count else { return }
            let hash = Self.hash(input, index)
            previous[index % Self.window] = heads[hash]
            heads[hash] = Int32(index)
        }
        var index = 0
        while index < input.count {
            var best = (length: 2, distance: 0)
            if index + 3 <= input.count {
                var candidate = Int(heads[Self.hash(input, index)])
                for _ in 0..<Self.patience {
                    guard candidate >= 0, index - candidate <= Self.window else { break }
                    let length = Self.common(input, candidate, index)
                    if length > best.length { best = (length, index - candidate) }
                    let older = Int(previous[candidate % Self.window])
                    guard older < candidate else { break }
                    candidate = older
                }
            }
            if best.distance > 0 {
                writeReference(best.length, best.distance)
                for place in index..<(index + best.length) { remember(place) }
                index += best.length
            } else {
                writeLiteral(Int(input[index]))
                remember(index)
                index += 1
            }
        }
    }

    private static func hash(_ input: [UInt8], _ index: Int) -> Int {
        let three =
            UInt32(input[index]) << 16 | UInt32(input[index + 1]) << 8 | UInt32(input[index + 2])
        return Int((three &* 2_654_435_761) >> UInt32(32 - hashBits))
    }

    private static func common(_ input: [UInt8], _ left: Int, _ right: Int) -> Int {
        var length = 0
        while length < longest, right + length < input.count,
            input[left + length] == input[right + length]
        {
            length += 1
        }
        return length
    }

    private mutating func writeReference(_ length: Int, _ distance: Int) {
        let size = Inflation.lengthBases.lastIndex { $0 <= length } ?? 0
        writeLiteral(257 + size)
        write(length - Inflation.lengthBases[size], Inflation.lengthBits[size])
        let far = Inflation.distanceBases.lastIndex { $0 <= distance } ?? 0
        writeCode(far, 5)
        write(distance - Inflation.distanceBases[far], Inflation.distanceBits[far])
    }

    /// RFC 1951 §3.2.6.
    private mutating func writeLiteral(_ symbol: Int) {
        switch symbol {
        case ..<144: writeCode(0x30 + symbol, 8)
        case ..<256: writeCode(0x190 + symbol - 144, 9)
        case ..<280: writeCode(symbol - 256, 7)
        default: writeCode(0xC0 + symbol - 280, 8)
        }
    }

    /// RFC 1951 §3.1.1: the words of a code begin with their highest bit.
    private mutating func writeCode(_ word: Int, _ count: Int) {
        for bit in (0..<count).reversed() { write(word >> bit & 1, 1) }
    }

    private mutating func write(_ value: Int, _ count: Int) {
        bits |= UInt64(value) << UInt64(held)
        held += count
        while held >= 8 { flushOctet() }
    }

    private mutating func flushOctet() {
        output.append(UInt8(truncatingIfNeeded: bits))
        bits >>= 8
        held = max(0, held - 8)
    }
}
