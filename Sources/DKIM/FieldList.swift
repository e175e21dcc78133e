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

        init(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>, whole: ArraySlice<UInt8>) {
            self.name = name
            self.value = value
            self.whole = whole
        }

        /// A field of ours whose value is not complete yet, without a CRLF.
        package init(unfinished octets: [UInt8]) {
            let whole = octets + [.carriageReturn, .lineFeed]
            let colon = whole.firstIndex(of: UInt8(ascii: ":")) ?? whole.startIndex
            self.init(name: whole[..<colon], value: whole[(colon + 1)...], whole: whole[...])
        }
    }

    package let fields: [Field]
    /// For each name the place of its lowest field, at the name's hash or behind it; -1: free.
    private let lowest: [Int32]
    /// For each field the place of the next above it with the same name; -1: there is none.
    private let above: [Int32]

    /// More have no room in a header that is taken from the network, so that none is overlooked; the
    /// rest is not looked at.
    package static let maximumFields = 100_000

    /// Splits a header whose lines end in CRLF; it may have an empty line at its end.
    package init(_ header: [UInt8]) {
        var fields: [Field] = []
        fields.reserveCapacity(32)
        header.withUnsafeBytes { octets in
            var index = 0
            while index < octets.count, fields.count < Self.maximumFields {
                var end = Self.lineEnd(octets, from: index)
                guard end - index > 2 || octets[index] != .carriageReturn else { break }
                let firstEnd = end
                while end < octets.count, octets[end].isWhitespace {
                    end = Self.lineEnd(octets, from: end)
                }
                let start = index
                index = end
                // RFC 5322 §2.2: the name stands on the first line, with its colon.
                let first = UnsafeRawBufferPointer(rebasing: octets[start..<firstEnd])
                guard let colon = first.position(of: UInt8(ascii: ":")) else { continue }
                var nameEnd = start + colon
                while nameEnd > start, octets[nameEnd - 1].isWhitespace { nameEnd -= 1 }
                fields.append(
                    Field(
                        name: header[start..<nameEnd], value: header[(start + colon + 1)..<end],
                        whole: header[start..<end]))
            }
        }
        self.fields = fields
        (lowest, above) = Self.index(fields)
    }

    private static func lineEnd(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int {
        octets.position(of: .lineFeed, from: start).map { $0 + 1 } ?? octets.count
    }

    // MARK: - Names

    private static func index(_ fields: [Field]) -> (lowest: [Int32], above: [Int32]) {
        var size = 32
        while size < fields.count * 2 { size *= 2 }
        var lowest = [Int32](repeating: -1, count: size)
        var above = [Int32](repeating: -1, count: fields.count)
        for (place, field) in fields.enumerated() {
            let slot = field.name.withUnsafeBytes { Self.slot(of: $0, lowest, fields) }
            above[place] = lowest[slot]
            lowest[slot] = Int32(place)
        }
        return (lowest, above)
    }

    /// Where a name is, or would be.
    private static func slot(
        of name: UnsafeRawBufferPointer, _ lowest: [Int32], _ fields: [Field]
    ) -> Int {
        var slot = hash(name) & (lowest.count - 1)
        while lowest[slot] >= 0, !isSame(name, fields[Int(lowest[slot])].name) {
            slot = (slot + 1) & (lowest.count - 1)
        }
        return slot
    }

    /// In any letter case; seeded, as a stranger chooses the names.
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        var word: UInt64 = 0
        for index in name.indices {
            word = word << 8 | UInt64(name[index].lowercased)
            if index & 7 == 7 {
                hasher.combine(word)
                word = 0
            }
        }
        hasher.combine(word)
        return hasher.finalize()
    }

    private static func isSame(_ name: UnsafeRawBufferPointer, _ other: ArraySlice<UInt8>) -> Bool {
        guard name.count == other.count else { return false }
        return other.withUnsafeBytes { other in
            for index in name.indices where name[index].lowercased != other[index].lowercased {
                return false
            }
            return true
        }
    }

    /// The fields of a name, from the top.
    package func all(named name: some Collection<UInt8>) -> [Field] {
        var found: [Field] = []
        forEach(named: name) { found.append(fields[$0]) }
        found.reverse()
        return found
    }

    /// How many fields have a name.
    package func count(named name: some Collection<UInt8>) -> Int {
        var count = 0
        forEach(named: name) { _ in count += 1 }
        return count
    }

    /// From the bottom.
    private func forEach(named name: some Collection<UInt8>, _ body: (Int) -> Void) {
        let slot =
            name.withContiguousStorageIfAvailable {
                Self.slot(of: UnsafeRawBufferPointer($0), lowest, fields)
            }
            ?? Array(name).withUnsafeBytes { Self.slot(of: $0, lowest, fields) }
        var place = lowest[slot]
        while place >= 0 {
            body(Int(place))
            place = above[Int(place)]
        }
    }

    /// The fields that a list of names means: of each name the lowest that is not taken yet
    /// (RFC 6376 §5.4.2); a name beyond those that there are means none.
    ///
    /// `own` is a signature that stands in this header and is being verified: the list never means
    /// it, only others of its name (§5.4).
    package func chosen(_ names: [ArraySlice<UInt8>], except own: Field? = nil) -> [Field] {
        var next = lowest
        var chosen: [Field] = []
        chosen.reserveCapacity(names.count)
        for name in names {
            let slot = name.withUnsafeBytes { Self.slot(of: $0, lowest, fields) }
            var place = next[slot]
            if let own, place >= 0, fields[Int(place)].whole.startIndex == own.whole.startIndex {
                place = above[Int(place)]
            }
            guard place >= 0 else { continue }
            chosen.append(fields[Int(place)])
            next[slot] = above[Int(place)]
        }
        return chosen
    }
}
