// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Reads the octets of a message or of RDATA (RFC 1035 §4), which may say anything.
package struct WireReader: Sendable {
    /// The whole message: names may point back into it.
    let octets: [UInt8]
    /// How far it has been read.
    package private(set) var offset: Int
    /// Where reading stops; at most the message's length.
    private(set) var end: Int

    package init(_ octets: [UInt8]) {
        self.octets = octets
        offset = 0
        end = octets.count
    }

    package var isAtEnd: Bool { offset == end }
    package var remaining: Int { end - offset }

    func error(_ expected: String) -> SyntaxError { SyntaxError(at: offset, expected: expected) }

    /// The next octet.
    package mutating func octet() throws(SyntaxError) -> UInt8 {
        guard offset < end else { throw error("one more octet") }
        defer { offset += 1 }
        return octets[offset]
    }

    /// Two octets in network order.
    package mutating func short() throws(SyntaxError) -> UInt16 {
        guard remaining >= 2 else { throw error("two more octets") }
        defer { offset += 2 }
        return UInt16(octets[offset]) << 8 | UInt16(octets[offset + 1])
    }

    /// Four octets in network order.
    package mutating func long() throws(SyntaxError) -> UInt32 {
        UInt32(try short()) << 16 | UInt32(try short())
    }

    /// The next `count` octets.
    package mutating func take(_ count: Int) throws(SyntaxError) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw error("\(count) more octets") }
        defer { offset += count }
        return octets[offset..<offset + count]
    }

    /// Everything up to the end.
    package mutating func takeRest() -> ArraySlice<UInt8> {
        defer { offset = end }
        return octets[offset..<end]
    }

    /// `<character-string>`: a length and that many octets (RFC 1035 §3.3).
    mutating func string() throws(SyntaxError) -> ArraySlice<UInt8> {
        try take(Int(try octet()))
    }

    /// The next `count` octets as a reader of their own, which may still follow pointers.
    package mutating func part(_ count: Int) throws(SyntaxError) -> WireReader {
        guard count <= remaining else { throw error("\(count) more octets") }
        var part = self
        part.end = offset + count
        offset += count
        return part
    }

    /// A name, its pointers followed.
    ///
    /// A pointer may lead only backwards, before the labels already read
    /// (RFC 1035 §4.1.4 "a prior occurrence"), so that no circle is possible.
    package mutating func name(compression: Bool = true) throws(SyntaxError) -> Name {
        var wire: [UInt8] = []
        var index = offset
        var limit = end
        /// Where the part being read began: the next pointer must lead before it.
        var start = offset
        var resume: Int?
        while true {
            guard index < limit else {
                throw SyntaxError(at: index, expected: "the rest of a name")
            }
            let length = Int(octets[index])
            switch length {
            case 0:
                wire.append(0)
                offset = resume ?? index + 1
                return Name(uncheckedWire: wire)
            case 1...Name.maximumLabelOctets:
                guard index + length < limit, wire.count + length + 2 <= Name.maximumOctets else {
                    throw SyntaxError(at: index, expected: "a name of at most 255 octets")
                }
                wire += octets[index...index + length]
                index += length + 1
            case 0xC0...:
                guard compression, index + 1 < limit else {
                    throw SyntaxError(at: index, expected: "a name without compression")
                }
                let target = (length & 0x3F) << 8 | Int(octets[index + 1])
                guard target < start else {
                    throw SyntaxError(at: index, expected: "a pointer to an earlier name")
                }
                resume = resume ?? index + 2
                limit = start
                start = target
                index = target
            default: throw SyntaxError(at: index, expected: "a label or a pointer")
            }
        }
    }
}
