// SPDX-License-Identifier: Apache-2.0

/// SipHash-2-4, a short keyed hash (as DNS cookies use it: RFC 9018 §4.4).
package struct SipHash: Sendable {
    let low: UInt64
    let high: UInt64

    /// The key in the order of its octets; precisely sixteen.
    package init(key: [UInt8]) {
        precondition(key.count == 16, "a SipHash key has 16 octets")
        low = key[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        high = key[8...].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The hash of some octets as a number.
    package func hash(of octets: [UInt8]) -> UInt64 { octets.withUnsafeBytes { hash($0) } }

    /// The hash of `octets`, its least significant octet first on the wire.
    func hash(_ octets: UnsafeRawBufferPointer) -> UInt64 {
        var state = State(low: low, high: high)
        let whole = octets.count & ~7
        var index = 0
        while index < whole {
            state.absorb(
                UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
            index += 8
        }
        var last = UInt64(truncatingIfNeeded: octets.count) << 56
        while index < octets.count {
            last |= UInt64(octets[index]) << UInt64(8 * (index - whole))
            index += 1
        }
        state.absorb(last)
        return state.finish()
    }

    private struct State {
        var v0, v1, v2, v3: UInt64

        init(low: UInt64, high: UInt64) {
            v0 = 0x736f_6d65_7073_6575 ^ low
            v1 = 0x646f_7261_6e64_6f6d ^ high
            v2 = 0x6c79_6765_6e65_7261 ^ low
            v3 = 0x7465_6462_7974_6573 ^ high
        }

        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = Self.rotate(v1, 13) ^ v0
            v0 = Self.rotate(v0, 32)
            v2 &+= v3
            v3 = Self.rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotate(v1, 17) ^ v2
            v2 = Self.rotate(v2, 32)
        }

        private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
            word << count | word >> (64 - count)
        }
    }
}
