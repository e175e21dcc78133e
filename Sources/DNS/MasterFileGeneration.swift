// SPDX-License-Identifier: Apache-2.0

import Bytes

extension MasterFileParser {
    /// `$GENERATE start-stop[/step] owner [ttl] [class] type data`, as BIND defines it.
    ///
    /// In owner and data `$` is the number, `${offset[,width[,base]]}` the number written so, and
    /// `\$` or `$$` a dollar sign. Data with white space may stand between quotes.
    mutating func generate(
        _ tokens: inout TokenReader, _ context: inout Context
    ) throws(MasterFile.Fault) {
        let range = try Self.range(&tokens)
        let template = Array(tokens.entry.tokens[tokens.index...])
        guard template.count >= 3 else { throw tokens.fault("an owner, a type and data", at: nil) }
        for number in range where !isFull {
            var entry = tokens.entry
            entry.beginsBlank = false
            entry.tokens = []
            for token in template {
                var copy = token
                copy.raw = try Self.substitute(number, token, tokens)[...]
                entry.tokens.append(copy)
            }
            try Self.openQuotes(&entry)
            var line = TokenReader(entry: entry, origin: context.origin)
            let owner = try line.name()
            context.owner = owner
            try parseRecord(owner: owner, &line, &context)
        }
    }

    /// `MX "10 host"`: what stands between the quotes is the data (only there for one last word).
    private static func openQuotes(_ entry: inout MasterFileEntry) throws(MasterFile.Fault) {
        guard let last = entry.tokens.last, last.isQuoted, entry.tokens.count >= 2,
            RecordType(mnemonic: entry.tokens[entry.tokens.count - 2].raw) != nil
        else { return }
        var scanner = MasterFileScanner(Array(last.raw))
        guard let inner = try scanner.next() else { return }
        entry.tokens.removeLast()
        for var token in inner.tokens {
            token.line = last.line
            token.column += last.column
            entry.tokens.append(token)
        }
    }

    /// `start-stop[/step]`.
    private static func range(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> StrideThrough<Int> {
        let expected = "a range start-stop/step of at most \(maximumGenerated) numbers"
        let text = try tokens.next(expected).raw
        let parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let ends = parts[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count <= 2, ends.count == 2, let start = UInt32(decimal: ends[0]),
            let stop = UInt32(decimal: ends[1]), start <= stop,
            let step = parts.count == 2 ? UInt32(decimal: parts[1]) : 1, step > 0,
            (stop - start) / step < UInt32(maximumGenerated)
        else { throw tokens.fault(expected) }
        return stride(from: Int(start), through: Int(stop), by: Int(step))
    }

    private static func substitute(
        _ number: Int, _ token: Token, _ tokens: TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        var result: [UInt8] = []
        var rest = token.raw
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "\\"):
                if rest.first != UInt8(ascii: "$") { result.append(octet) }
                if let next = rest.popFirst() { result.append(next) }
            case UInt8(ascii: "$"):
                guard rest.first != octet else {
                    result.append(octet)
                    rest = rest.dropFirst()
                    continue
                }
                guard rest.first == UInt8(ascii: "{") else {
                    result += String(number).utf8
                    continue
                }
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
                    let text = written(number, rest[(rest.startIndex + 1)..<end])
                else { throw tokens.fault("${offset,width,base}", at: token) }
                result += text
                rest = rest[(end + 1)...]
            default: result.append(octet)
            }
        }
        return result
    }

    /// `offset[,width[,base]]` with base d, o, x, X, n or N (nibbles of a reverse name).
    private static func written(_ number: Int, _ format: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = format.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { String(lossy: $0) }
        guard (1...3).contains(parts.count), let offset = Int(parts[0]),
            (-0xFFFF_FFFF...0xFFFF_FFFF).contains(offset), number + offset >= 0,
            let width = parts.count > 1 ? Int(parts[1]) : 0, (0...255).contains(width)
        else { return nil }
        let value = number + offset
        let digits: String
        switch parts.count > 2 ? parts[2] : "d" {
        case "d": digits = String(value)
        case "o": digits = String(value, radix: 8)
        case "x": digits = String(value, radix: 16)
        case "X": digits = String(value, radix: 16, uppercase: true)
        case "n": return nibbles(String(value, radix: 16), width)
        case "N": return nibbles(String(value, radix: 16, uppercase: true), width)
        default: return nil
        }
        return [UInt8](repeating: 0x30, count: max(0, width - digits.utf8.count)) + digits.utf8
    }

    /// Hexadecimal digits from the last to the first with dots; `width` counts the dots too.
    ///
    /// As in BIND an even width ends with a dot: the name is then absolute.
    private static func nibbles(_ digits: String, _ width: Int) -> [UInt8] {
        let letters = Array(digits.utf8.reversed())
        var result: [UInt8] = []
        var index = 0
        repeat {
            result.append(index < letters.count ? letters[index] : 0x30)
            index += 1
            if result.count < width || index < letters.count { result.append(.dot) }
        } while result.count < width || index < letters.count
        return result
    }
}
