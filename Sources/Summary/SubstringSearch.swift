// SPDX-License-Identifier: Apache-2.0

import Bytes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension UnsafeRawBufferPointer {
    /// Whether these octets stand somewhere in it; an empty key stands everywhere.
    ///
    /// Sixteen places at a time are compared with the key's first and last octet; where both
    /// agree, the whole key is.
    func holds(_ key: [UInt8]) -> Bool {
        guard !key.isEmpty else { return true }
        guard let base = baseAddress, key.count <= count else { return false }
        return key.withUnsafeBytes { key in
            guard let wanted = key.baseAddress else { return true }
            let first = SIMD16<UInt8>(repeating: key[0])
            let last = SIMD16<UInt8>(repeating: key[key.count - 1])
            let end = count - key.count + 1
            var index = 0
            while index + 16 <= end {
                let heads = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                let tails = base.loadUnaligned(
                    fromByteOffset: index + key.count - 1, as: SIMD16<UInt8>.self)
                var lanes = (heads .== first) .& (tails .== last)
                while let lane = lanes.firstLane {
                    if memcmp(base + index + lane, wanted, key.count) == 0 { return true }
                    lanes[lane] = false
                }
                index += 16
            }
            while index < end {
                if memcmp(base + index, wanted, key.count) == 0 { return true }
                index += 1
            }
            return false
        }
    }
}

extension [UInt8] {
    /// Whether these octets stand somewhere in it; an empty key stands everywhere.
    func holds(_ key: [UInt8]) -> Bool { withUnsafeBytes { $0.holds(key) } }
}
