// SPDX-License-Identifier: Apache-2.0

import DKIM

/// RSA keys below 1,024 bits, which the cryptography library refuses and RFC 8301 §3.2 does not let
/// count: only who asks to see what such a signature says (`--min-rsa-bits`) gets here.
///
/// Verifying has no secrets, so plain arithmetic will do.
struct ShortRSAKey: Sendable {
    private let modulus: [UInt32]
    private let exponent: [UInt8]
    private let octets: Int

    /// Nil for a key that the library should have taken.
    init?(_ numbers: RSANumbers) {
        guard (8..<128).contains(numbers.modulus.count), numbers.modulus.last.map({ $0 & 1 }) == 1
        else { return nil }
        modulus = Self.words(numbers.modulus)
        exponent = Array(numbers.exponent)
        octets = numbers.modulus.count
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2).
    func verifies(_ signature: [UInt8], _ digest: [UInt8], _ hash: HashAlgorithm) -> Bool {
        guard signature.count == octets else { return false }
        let base = Self.words(signature[...])
        guard Self.isBelow(base, modulus) else { return false }
        var power: [UInt32] = [1] + Array(repeating: 0, count: modulus.count - 1)
        for octet in exponent {
            for bit in (0..<8).reversed() {
                power = multiply(power, power)
                if octet >> UInt8(bit) & 1 == 1 { power = multiply(power, base) }
            }
        }
        var message: [UInt8] = []
        for word in power.reversed() {
            for shift in [24, 16, 8, 0] as [UInt32] {
                message.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        // §9.2: EMSA-PKCS1-v1_5 encoding, compared with what must be there.
        let info = Self.digestInfo(hash) + digest
        let filling = octets - info.count - 3
        guard filling >= 8 else { return false }
        let expected = [0, 1] + [UInt8](repeating: 0xFF, count: filling) + [0] + info
        return Array(message.suffix(octets)) == expected
    }

    private static func digestInfo(_ hash: HashAlgorithm) -> [UInt8] {
        switch hash {
        case .sha1: [0x30, 0x21, 0x30, 0x09, 6, 5, 0x2B, 0x0E, 3, 2, 0x1A, 5, 0, 4, 0x14]
        case .sha256:
            [0x30, 0x31, 0x30, 0x0D, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20]
        }
    }

    /// The lowest word first.
    private static func words(_ octets: ArraySlice<UInt8>) -> [UInt32] {
        var words: [UInt32] = []
        var rest = Array(octets)[...]
        while !rest.isEmpty {
            words.append(rest.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
            rest = rest.dropLast(4)
        }
        return words
    }

    private static func isBelow(_ left: [UInt32], _ right: [UInt32]) -> Bool {
        for index in right.indices.reversed() where left[index] != right[index] {
            return left[index] < right[index]
        }
        return false
    }

    /// The product modulo the modulus, bit by bit: doubled, and added where the bit is set.
    private func multiply(_ left: [UInt32], _ right: [UInt32]) -> [UInt32] {
        var result = [UInt32](repeating: 0, count: modulus.count)
        for word in right.reversed() {
            for bit in (0..<32).reversed() {
                add(result, to: &result)
                if word >> UInt32(bit) & 1 == 1 { add(left, to: &result) }
            }
        }
        return result
    }

    private func add(_ summand: [UInt32], to result: inout [UInt32]) {
        var carry: UInt64 = 0
        for index in result.indices {
            carry += UInt64(result[index]) + UInt64(summand[index])
            result[index] = UInt32(truncatingIfNeeded: carry)
            carry >>= 32
        }
        guard carry > 0 || !Self.isBelow(result, modulus) else { return }
        var borrow: Int64 = 0
        for index in result.indices {
            borrow += Int64(result[index]) - Int64(modulus[index])
            result[index] = UInt32(truncatingIfNeeded: borrow)
            borrow >>= 32
        }
    }
}
