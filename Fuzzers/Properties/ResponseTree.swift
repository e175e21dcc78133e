// SPDX-License-Identifier: Apache-2.0

/// A parenthesized list of an IMAP response (RFC 9051 §4), read strictly.
package indirect enum ResponseTree: Hashable, Sendable {
    case null
    case number(Int)
    case string([UInt8])
    case list([ResponseTree])

    package var items: [ResponseTree]? { if case .list(let items) = self { items } else { nil } }
    package var string: [UInt8]? { if case .string(let text) = self { text } else { nil } }

    /// Reads all of it; items of a list stand apart by one space, or not at all between lists.
    ///
    /// `isUTF8`: literals must be that.
    package init(_ octets: [UInt8], isUTF8: Bool = true) throws(Property.Broken) {
        var reader = Reader(octets: octets, isUTF8: isUTF8)
        self = try reader.item()
        guard reader.index == octets.count else { throw reader.broken("more than one item") }
    }

    private struct Reader {
        let octets: [UInt8]
        let isUTF8: Bool
        var index = 0

        func broken(_ what: String) -> Property.Broken {
            let near = octets[max(0, index - 60)..<min(octets.count, index + 20)]
            return Property.Broken("\(what) at \(index): \(String(decoding: near, as: UTF8.self))")
        }

        private var current: UInt8? { index < octets.count ? octets[index] : nil }

        mutating func item() throws(Property.Broken) -> ResponseTree {
            switch current {
            case UInt8(ascii: "("): return try list()
            case UInt8(ascii: "\""): return .string(try quoted())
            case UInt8(ascii: "{"): return .string(try literal())
            case UInt8(ascii: "N"):
                guard octets[index...].starts(with: "NIL".utf8) else { throw broken("an atom") }
                index += 3
                return .null
            default: return .number(try number())
            }
        }

        private mutating func list() throws(Property.Broken) -> ResponseTree {
            index += 1
            var items: [ResponseTree] = []
            while let octet = current, octet != UInt8(ascii: ")") {
                if !items.isEmpty {
                    if octet == UInt8(ascii: " ") {
                        index += 1
                    } else if octet != UInt8(ascii: "(") || items[items.count - 1].items == nil {
                        throw broken("no space between items")
                    }
                }
                items.append(try item())
            }
            guard current != nil, !items.isEmpty else { throw broken("a list without end or item") }
            index += 1
            return .list(items)
        }

        private mutating func quoted() throws(Property.Broken) -> [UInt8] {
            index += 1
            var text: [UInt8] = []
            while var octet = current, octet != UInt8(ascii: "\"") {
                index += 1
                if octet == UInt8(ascii: "\\") {
                    guard let next = current, next == UInt8(ascii: "\\") || next == 0x22 else {
                        throw broken("an escape")
                    }
                    octet = next
                    index += 1
                }
                guard octet != 0, octet < 0x80, octet != 0x0D, octet != 0x0A else {
                    throw broken("octet \(octet) in a quoted string")
                }
                text.append(octet)
            }
            guard current != nil else { throw broken("a string without end") }
            index += 1
            return text
        }

        private mutating func literal() throws(Property.Broken) -> [UInt8] {
            index += 1
            let count = try number()
            guard octets[index...].starts(with: "}\r\n".utf8), index + 3 + count <= octets.count
            else { throw broken("a literal") }
            index += 3 + count
            let text = Array(octets[(index - count)..<index])
            guard !text.contains(0) else { throw broken("NUL in a literal") }
            guard !isUTF8 || String(validating: text, as: UTF8.self) != nil else {
                throw broken("a literal that is not UTF-8")
            }
            return text
        }

        private mutating func number() throws(Property.Broken) -> Int {
            let digits = octets[index...].prefix { (0x30...0x39).contains($0) }
            index = digits.endIndex
            guard let number = Int(String(decoding: digits, as: UTF8.self)),
                digits.count == 1 || digits.first != 0x30
            else { throw broken("no number") }
            return number
        }
    }
}
