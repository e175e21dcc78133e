// SPDX-License-Identifier: Apache-2.0

/// Searching sixteen octets at a time: every octet of every message passes here.
extension UnsafeRawBufferPointer {
    /// The first place of an octet, from `start` on; nil if there is none.
    @inlinable package func position(of octet: UInt8, from start: Int = 0) -> Int? {
        guard let base = baseAddress else { return nil }
        var index = start
        let wanted = SIMD16<UInt8>(repeating: octet)
        while index + 16 <= count {
            let octets = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            if let first = (octets .== wanted).firstLane { return index + first }
            index += 16
        }
        while index < count {
            if self[index] == octet { return index }
            index += 1
        }
        return nil
    }
}

extension SIMDMask<SIMD16<Int8>> {
    /// The first lane that is set; nil if none is.
    @inlinable package var firstLane: Int? {
        // Lanes are in the order of memory, the first in the lowest octet (little-endian).
        let halves = unsafeBitCast(self, to: SIMD2<UInt64>.self)
        let (low, high) = (UInt64(littleEndian: halves[0]), UInt64(littleEndian: halves[1]))
        if low != 0 { return low.trailingZeroBitCount >> 3 }
        return high != 0 ? 8 + high.trailingZeroBitCount >> 3 : nil
    }
}
