// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads the DEFLATE format (RFC 1951).
///
/// Our own rather than zlib's: what is read here comes from strangers, and in Swift no octet of it
/// can lead outside an array. What it may become is bounded by `Budget`.
struct Inflation {
    /// What one file may become, all that is packed in it together.
    ///
    /// The reports of the largest receivers have some megabytes when unpacked. DEFLATE reaches
    /// 1032 to 1 with zeros (a bomb), an aggregate report of equal records about 100 to 1.
    struct Budget {
        /// Octets that may still come out.
        var remainingOctets = 64 << 20
        static let maximumRatio = 300
        /// Below that the ratio says nothing.
        static let freeOctets = 1 << 20
        /// Each block costs tables: so many, and one more for each so many octets that come out.
        static let freeBlocks = 1000
        static let octetsPerBlock = 64
    }

    private let input: ArraySlice<UInt8>
    private var position: Int
    private var bits: UInt64 = 0
    private var held = 0
    private var output: [UInt8] = []
    private let limit: Int
    private var blocks = 0

    private init(_ input: ArraySlice<UInt8>, limit: Int) {
        self.input = input
        self.limit = limit
        position = input.startIndex
    }

    /// What was packed, and the index behind the packed octets.
    static func inflate(
        _ input: ArraySlice<UInt8>, budget: inout Budget
    ) throws(ReportFailure) -> (octets: [UInt8], end: Int) {
        let ratioLimit = max(Budget.freeOctets, input.count * Budget.maximumRatio)
        var inflation = Inflation(input, limit: min(budget.remainingOctets, ratioLimit))
        try inflation.run()
        budget.remainingOctets -= inflation.output.count
        // Whole octets that were looked at but not used.
        return (inflation.output, inflation.position - inflation.held / 8)
    }

    private mutating func run() throws(ReportFailure) {
        var isLast = false
        while !isLast {
            blocks += 1
            guard blocks <= Budget.freeBlocks + output.count / Budget.octetsPerBlock else {
                throw ReportFailure("it is packed in more pieces than content")
            }
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try storedBlock()
            case 1: try block(Self.fixedLiterals, Self.fixedDistances)
            case 2:
                let (literals, distances) = try codes()
                try block(literals, distances)
            default: throw Self.damaged
            }
        }
    }

    private static let damaged = ReportFailure("its packed content is damaged")
    private static let cutShort = ReportFailure("its packed content ends too early")

    // MARK: Bits

    private mutating func refill() {
        while held <= 56, position < input.endIndex {
            bits |= UInt64(input[position]) << UInt64(held)
            held += 8
            position += 1
        }
    }

    private mutating func take(_ count: Int) throws(ReportFailure) -> Int {
        if held < count { refill() }
        guard held >= count else { throw Self.cutShort }
        let value = Int(bits & (1 << UInt64(count) - 1))
        bits >>= UInt64(count)
        held -= count
        return value
    }

    /// RFC 1951 §3.2.2: canonical codes, read from their first bit on.
    private mutating func symbol(of code: HuffmanCode) throws(ReportFailure) -> Int {
        if held < HuffmanCode.longest { refill() }
        let entry = code.quick[Int(bits & UInt64(HuffmanCode.quickMask))]
        let length = Int(entry & 15)
        if length > 0, length <= held {
            bits >>= UInt64(length)
            held -= length
            return Int(entry >> 4)
        }
        var word = 0
        var first = 0
        var index = 0
        for length in 1...HuffmanCode.longest {
            guard length <= held else { throw Self.cutShort }
            word |= Int(bits >> UInt64(length - 1) & 1)
            let count = code.counts[length]
            if word - first < count {
                bits >>= UInt64(length)
                held -= length
                return Int(code.symbols[index + word - first])
            }
            index += count
            first = (first + count) << 1
            word <<= 1
        }
        throw Self.damaged
    }

    // MARK: Blocks

    private func checkRoom(for count: Int) throws(ReportFailure) {
        guard output.count + count <= limit else {
            throw ReportFailure(
                "unpacked it would be larger than \(limit) octets, more than a report needs")
        }
    }

    /// RFC 1951 §3.2.4.
    private mutating func storedBlock() throws(ReportFailure) {
        _ = try take(held % 8)
        let count = try take(16)
        guard try take(16) == ~count & 0xFFFF else { throw Self.damaged }
        try checkRoom(for: count)
        position -= held / 8
        bits = 0
        held = 0
        guard input.endIndex - position >= count else { throw Self.cutShort }
        output += input[position..<(position + count)]
        position += count
    }

    /// RFC 1951 §3.2.5.
    private mutating func block(
        _ literals: HuffmanCode, _ distances: HuffmanCode
    ) throws(ReportFailure) {
        while true {
            let symbol = try symbol(of: literals)
            switch symbol {
            case ..<256:
                try checkRoom(for: 1)
                output.append(UInt8(symbol))
            case 256: return
            case 257...285:
                let length =
                    try Self.lengthBases[symbol - 257] + take(Self.lengthBits[symbol - 257])
                let code = try self.symbol(of: distances)
                guard code < 30 else { throw Self.damaged }
                let distance = try Self.distanceBases[code] + take(Self.distanceBits[code])
                guard distance <= output.count else { throw Self.damaged }
                try checkRoom(for: length)
                var from = output.count - distance
                for _ in 0..<length {
                    output.append(output[from])
                    from += 1
                }
            default: throw Self.damaged
            }
        }
    }

    /// RFC 1951 §3.2.7.
    private mutating func codes() throws(ReportFailure) -> (HuffmanCode, HuffmanCode) {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let lengthCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw Self.damaged }
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var lengths = [UInt8](repeating: 0, count: 19)
        for place in order.prefix(lengthCount) { lengths[place] = UInt8(try take(3)) }
        guard let code = HuffmanCode(lengths[...]) else { throw Self.damaged }
        lengths = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try symbol(of: code)
            switch symbol {
            case ..<16: lengths.append(UInt8(symbol))
            case 16:
                guard let last = lengths.last else { throw Self.damaged }
                lengths += repeatElement(last, count: try take(2) + 3)
            case 17: lengths += repeatElement(0, count: try take(3) + 3)
            default: lengths += repeatElement(0, count: try take(7) + 11)
            }
        }
        guard lengths.count == literalCount + distanceCount, lengths[256] > 0,
            let literals = HuffmanCode(lengths[..<literalCount]),
            let distances = HuffmanCode(lengths[literalCount...])
        else { throw Self.damaged }
        return (literals, distances)
    }

    static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ]
    static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ]
    static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
        13, 13,
    ]

    /// RFC 1951 §3.2.6.
    private static let fixedLiterals = fixed(
        [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
            + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8))
    private static let fixedDistances = fixed([UInt8](repeating: 5, count: 32))

    private static func fixed(_ lengths: [UInt8]) -> HuffmanCode {
        guard let code = HuffmanCode(lengths[...]) else {
            preconditionFailure("RFC 1951's own codes are complete")
        }
        return code
    }
}

/// A canonical Huffman code, given by the lengths of its words (RFC 1951 §3.2.2).
struct HuffmanCode {
    static let longest = 15
    private static let quickBits = 9
    static let quickMask = 1 << quickBits - 1

    /// How many words have each length.
    private(set) var counts = [Int](repeating: 0, count: longest + 1)
    /// The symbols in the order of their words.
    private(set) var symbols: [UInt16]
    /// For the next nine bits: the symbol whose word they begin with, and its length; 0 if longer.
    private(set) var quick = [UInt16](repeating: 0, count: 1 << quickBits)

    /// Nil if there are more words than there is room for, or fewer; one word alone is allowed.
    init?(_ lengths: ArraySlice<UInt8>) {
        for length in lengths { counts[Int(length)] += 1 }
        counts[0] = 0
        var room = 1
        for length in 1...Self.longest {
            room = room << 1 - counts[length]
            guard room >= 0 else { return nil }
        }
        let used = counts.reduce(0, +)
        guard room == 0 || used <= 1 else { return nil }
        var next = [Int](repeating: 0, count: Self.longest + 1)
        var words = next
        for length in 1..<Self.longest {
            next[length + 1] = next[length] + counts[length]
            words[length + 1] = (words[length] + counts[length]) << 1
        }
        symbols = [UInt16](repeating: 0, count: used)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length)
            symbols[next[length]] = UInt16(symbol)
            next[length] += 1
            fillQuick(words[length], length, symbol)
            words[length] += 1
        }
    }

    private mutating func fillQuick(_ word: Int, _ length: Int, _ symbol: Int) {
        guard length <= Self.quickBits else { return }
        var index = 0
        for bit in 0..<length where word >> bit & 1 == 1 { index |= 1 << (length - 1 - bit) }
        while index < quick.count {
            quick[index] = UInt16(symbol << 4 | length)
            index += 1 << length
        }
    }
}
