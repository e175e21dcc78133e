// SPDX-License-Identifier: Apache-2.0

/// Hashes and compares names in wire form, eight octets at a time and without regard to case.
///
/// A name's hash is made from its parent's: reading a name from its end gives those of all its
/// ancestors on the way.
enum NameHash {
    /// Differs from run to run, so that nobody can choose names that collide.
    private static let seed = UInt64(bitPattern: Int64(Hasher().finalize()))

    /// The hash of the root.
    static var root: UInt64 { seed }

    static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }

    /// The hash of the name that a label (with its length octet, in lower case) makes below a name.
    ///
    /// Reads up to eight octets beyond the label, and forgets them.
    static func child(of parent: UInt64, _ label: UnsafeRawPointer) -> UInt64 {
        let count = 1 + Int(label.load(as: UInt8.self))
        var hash = parent
        var index = 0
        while index + 8 <= count {
            let word = label.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ word, 0xA076_1D64_78BD_642F)
            index += 8
        }
        let word =
            label.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
            & mask(count - index)
        return mix(hash ^ word, 0xE703_7ED1_A0B4_28DB)
    }

    /// The lowest `count` octets of a word, less than eight.
    static func mask(_ count: Int) -> UInt64 { 1 << UInt64(8 * count) - 1 }

    /// Eight octets with the letters A to Z in lower case.
    static func lowercased(_ word: UInt64) -> UInt64 {
        let rest = word & 0x7F7F_7F7F_7F7F_7F7F
        let isAboveZ = rest &+ 0x2525_2525_2525_2525
        let isFromA = rest &+ 0x3F3F_3F3F_3F3F_3F3F
        let isLetter = ~word & 0x8080_8080_8080_8080 & (isFromA ^ isAboveZ)
        return word | isLetter >> 2
    }

    /// Whether two wire forms of one length name the same; the second is in lower case already.
    ///
    /// Reads up to eight octets beyond both, and forgets them.
    static func areEqual(
        _ name: UnsafeRawPointer, lowercased other: UnsafeRawPointer, count: Int
    ) -> Bool {
        var index = 0
        while index + 8 <= count {
            let word = name.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard
                lowercased(word) == other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index += 8
        }
        let left = name.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        let right = other.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        return (lowercased(left) ^ right) & mask(count - index) == 0
    }
}
