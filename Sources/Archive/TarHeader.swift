// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The block before each file of an archive, in the POSIX.1-1988 form (ustar) that every tar reads.
struct TarHeader: Equatable {
    static let blockOctets = 512

    var name: String
    var octets: Int
    /// Seconds since 1970.
    var time: Int64

    init(name: String, octets: Int, time: Int64) {
        precondition(name.utf8.count <= 100, "names in an archive are short")
        self.name = name
        self.octets = octets
        self.time = time
    }

    /// Octets that fill the last block of the file.
    var padding: Int { (Self.blockOctets - octets % Self.blockOctets) % Self.blockOctets }

    /// Where each field stands, and how long it is.
    private enum Field {
        static let name = 0..<100
        static let mode = 100..<108
        static let user = 108..<116
        static let group = 116..<124
        static let size = 124..<136
        static let time = 136..<148
        static let checksum = 148..<156
        static let kind = 156
        static let magic = 257..<265
    }

    var encoded: [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockOctets)
        block.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        Self.put(octal: 0o600, Field.mode, &block)
        Self.put(octal: 0, Field.user, &block)
        Self.put(octal: 0, Field.group, &block)
        Self.put(size: octets, &block)
        Self.put(octal: Int(max(0, time)), Field.time, &block)
        block[Field.kind] = UInt8(ascii: "0")
        block.replaceSubrange(Field.magic, with: Array("ustar\u{0}00".utf8))
        block.replaceSubrange(Field.checksum, with: repeatElement(.space, count: 8))
        let sum = block.reduce(0) { $0 + Int($1) }
        let digits = Array(String(sum, radix: 8).utf8)
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 6 - digits.count)
        block.replaceSubrange(Field.checksum, with: zeros + digits + [0, .space])
        return block
    }

    /// Nil for a block that is no header of a plain file.
    init?(_ block: ArraySlice<UInt8>) {
        let block = Array(block)
        guard block.count == Self.blockOctets,
            block[Field.magic].starts(with: Array("ustar".utf8)),
            block[Field.kind] == UInt8(ascii: "0") || block[Field.kind] == 0,
            let checksum = Self.octal(block[Field.checksum]),
            let octets = Self.size(block[Field.size]), let time = Self.octal(block[Field.time])
        else { return nil }
        var blank = block
        blank.replaceSubrange(Field.checksum, with: repeatElement(.space, count: 8))
        guard blank.reduce(0, { $0 + Int($1) }) == checksum else { return nil }
        name = String(decoding: block[Field.name].prefix { $0 != 0 }, as: UTF8.self)
        self.octets = octets
        self.time = Int64(time)
    }

    private static func put(octal value: Int, _ field: Range<Int>, _ block: inout [UInt8]) {
        let digits = Array(String(value, radix: 8).utf8)
        let zeros = [UInt8](
            repeating: UInt8(ascii: "0"), count: max(0, field.count - 1 - digits.count))
        block.replaceSubrange(field, with: (zeros + digits).suffix(field.count - 1) + [0])
    }

    /// 11 octal digits reach to 8 GiB; beyond, the number itself stands there (GNU tar).
    private static func put(size: Int, _ block: inout [UInt8]) {
        guard size >= 1 << 33 else { return put(octal: size, Field.size, &block) }
        let octets = withUnsafeBytes(of: UInt64(size).bigEndian) { Array($0) }
        block.replaceSubrange(Field.size, with: [0x80, 0, 0, 0] + octets)
    }

    private static func size(_ field: ArraySlice<UInt8>) -> Int? {
        guard field.first == 0x80 else { return octal(field) }
        return Int(exactly: field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == .space }.prefix { $0 != 0 && $0 != .space }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}
