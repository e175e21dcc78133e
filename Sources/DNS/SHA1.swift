// SPDX-License-Identifier: Apache-2.0

/// SHA-1 (RFC 3174), by which NSEC3 hashes names (RFC 5155 §11), without memory of its own.
///
/// Nothing else here trusts it: a name that collides makes a denial wrong, and no more.
enum SHA1 {
    static let octets = 20

    /// The hash of a name in wire form, its letters in lower case (RFC 5155 §5).
    static func hashName(
        _ name: UnsafeRawPointer, _ count: Int, salt: UnsafeRawBufferPointer, iterations: Int,
        into digest: UnsafeMutableRawPointer
    ) {
        let room = Name.maximumOctets + Int(UInt8.max)
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { input in
            for index in 0..<count {
                input[index] = name.load(fromByteOffset: index, as: UInt8.self)
            }
            for index in 0..<count where input[index] &- 0x41 < 26 { input[index] |= 0x20 }
            for index in 0..<salt.count { input[count + index] = salt[index] }
            hash(UnsafeRawBufferPointer(rebasing: input[..<(count + salt.count)]), into: digest)
            for _ in 0..<iterations {
                for index in 0..<octets {
                    input[index] = digest.load(fromByteOffset: index, as: UInt8.self)
                }
                for index in 0..<salt.count { input[octets + index] = salt[index] }
                hash(
                    UnsafeRawBufferPointer(rebasing: input[..<(octets + salt.count)]),
                    into: digest)
            }
        }
    }

    /// RFC 3174 §6.1.
    static func hash(_ input: UnsafeRawBufferPointer, into digest: UnsafeMutableRawPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
            var state = State()
            var offset = 0
            while offset + 64 <= input.count {
                for index in 0..<16 {
                    words[index] = UInt32(
                        bigEndian: input.loadUnaligned(
                            fromByteOffset: offset + 4 * index, as: UInt32.self))
                }
                state.take(words)
                offset += 64
            }
            let rest = input.count - offset
            for index in 0..<16 { words[index] = 0 }
            for index in 0..<rest {
                words[index / 4] |= UInt32(input[offset + index]) << UInt32(24 - 8 * (index % 4))
            }
            words[rest / 4] |= 0x80 << UInt32(24 - 8 * (rest % 4))
            // The length needs eight octets behind the padding.
            if rest >= 56 {
                state.take(words)
                for index in 0..<16 { words[index] = 0 }
            }
            let bits = UInt64(input.count) * 8
            words[14] = UInt32(bits >> 32)
            words[15] = UInt32(truncatingIfNeeded: bits)
            state.take(words)
            digest.storeBytes(of: state.a.bigEndian, as: UInt32.self)
            digest.storeBytes(of: state.b.bigEndian, toByteOffset: 4, as: UInt32.self)
            digest.storeBytes(of: state.c.bigEndian, toByteOffset: 8, as: UInt32.self)
            digest.storeBytes(of: state.d.bigEndian, toByteOffset: 12, as: UInt32.self)
            digest.storeBytes(of: state.e.bigEndian, toByteOffset: 16, as: UInt32.self)
        }
    }

    private struct State {
        var a: UInt32 = 0x6745_2301
        var b: UInt32 = 0xEFCD_AB89
        var c: UInt32 = 0x98BA_DCFE
        var d: UInt32 = 0x1032_5476
        var e: UInt32 = 0xC3D2_E1F0

        /// One block of sixteen words; the rest of the room is for the schedule.
        mutating func take(_ words: UnsafeMutableBufferPointer<UInt32>) {
            for index in 16..<80 {
                let word =
                    words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
                words[index] = Self.rotate(word, 1)
            }
            var (a, b, c, d, e) = (self.a, self.b, self.c, self.d, self.e)
            for index in 0..<80 {
                let mixed: UInt32
                switch index {
                case 0..<20: mixed = (b & c | ~b & d) &+ 0x5A82_7999
                case 20..<40: mixed = (b ^ c ^ d) &+ 0x6ED9_EBA1
                case 40..<60: mixed = (b & c | b & d | c & d) &+ 0x8F1B_BCDC
                default: mixed = (b ^ c ^ d) &+ 0xCA62_C1D6
                }
                let next = Self.rotate(a, 5) &+ mixed &+ e &+ words[index]
                (e, d, c, b, a) = (d, c, Self.rotate(b, 30), a, next)
            }
            self.a &+= a
            self.b &+= b
            self.c &+= c
            self.d &+= d
            self.e &+= e
        }

        @inline(__always)
        private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
            word << count | word >> (32 - count)
        }
    }
}
