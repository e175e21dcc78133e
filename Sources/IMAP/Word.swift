// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A key word of the grammar in upper case: up to 24 octets held in three integers, so that
/// looking one up allocates nothing.
struct Word: Hashable, Sendable, ExpressibleByStringLiteral {
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0

    /// nil for what is longer than any key word.
    init?(_ octets: ArraySlice<UInt8>) {
        guard octets.count <= 24 else { return nil }
        var place = 0
        for octet in octets {
            let isSmall = (0x61...0x7A).contains(octet)
            put(isSmall ? octet & 0xDF : octet, at: place)
            place += 1
        }
    }

    init(stringLiteral text: StaticString) {
        precondition(text.utf8CodeUnitCount <= 24, "no key word is so long")
        text.withUTF8Buffer { for (place, octet) in $0.enumerated() { put(octet, at: place) } }
    }

    private mutating func put(_ octet: UInt8, at place: Int) {
        let shift = UInt64(place & 7) * 8
        switch place >> 3 {
        case 0: first |= UInt64(octet) << shift
        case 1: second |= UInt64(octet) << shift
        default: third |= UInt64(octet) << shift
        }
    }
}
