// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A message's header as it came, octet by octet: what signatures are made of.
package struct FieldList: Sendable {
    /// A field with the lines that continue it (RFC 5322 §2.2.3).
    package struct Field: Sendable {
        /// As it is written, without white space behind it.
        package let name: ArraySlice<UInt8>
        /// What stands behind the colon, with the final CRLF.
        package let value: ArraySlice<UInt8>
        /// All of it, with the final CRLF.
        package let whole: ArraySlice<UInt8>
    }

    package let fields: [Field]
    /// The places of the fields of a name, in lower case.
    private let places: [[UInt8]: [Int]]

    /// More are no message of anybody's; the rest is not looked at.
    package static let maximumFields = 10_000

    /// Splits a header whose lines end in CRLF; it may have an empty line at its end.
    package init(_ header: [UInt8]) {
        var fields: [Field] = []
        var places: [[UInt8]: [Int]] = [:]
        var index = 0
        while index < header.count, fields.count < Self.maximumFields {
            var end = Self.lineEnd(header, from: index)
            guard end - index > 2 || header[index] != .carriageReturn else { break }
            while end < header.count, header[end].isWhitespace {
                end = Self.lineEnd(header, from: end)
            }
            let whole = header[index..<end]
            index = end
            guard let colon = whole.firstIndex(of: UInt8(ascii: ":")) else { continue }
            var name = whole[..<colon]
            while name.last?.isWhitespace == true { name.removeLast() }
            places[name.map(\.lowercased), default: []].append(fields.count)
            fields.append(Field(name: name, value: whole[(colon + 1)...], whole: whole))
        }
        self.fields = fields
        self.places = places
    }

    private static func lineEnd(_ header: [UInt8], from start: Int) -> Int {
        var index = start
        while index < header.count {
            if header[index] == .lineFeed { return index + 1 }
            index += 1
        }
        return index
    }

    /// The fields of a name, from the top.
    package func all(named name: some Collection<UInt8>) -> [Field] {
        (places[name.map(\.lowercased)] ?? []).map { fields[$0] }
    }

    /// The fields that a list of names means: of each name the lowest that is not taken yet
    /// (RFC 6376 §5.4.2); a name beyond those that there are means none.
    package func chosen(_ names: [[UInt8]]) -> [Field] {
        var taken: [[UInt8]: Int] = [:]
        return names.compactMap { name in
            let there = places[name] ?? []
            let count = taken[name, default: 0]
            guard count < there.count else { return nil }
            taken[name] = count + 1
            return fields[there[there.count - 1 - count]]
        }
    }
}
