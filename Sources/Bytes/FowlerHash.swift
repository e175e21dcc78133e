// SPDX-License-Identifier: Apache-2.0

/// FNV-1a of 64 bits: the same for the same octets, at any time and anywhere.
///
/// Against accidents only: who may choose the octets finds two with the same hash.
package struct FowlerHash: Hashable, Sendable {
    package private(set) var value: UInt64

    /// `basis`: another one gives another hash of the same octets.
    package init(basis: UInt64 = 0xCBF2_9CE4_8422_2325) { value = basis }

    package init(_ octets: some Sequence<UInt8>) {
        self.init()
        add(octets)
    }

    /// Goes on with octets, one after the other.
    package mutating func add(_ octets: some Sequence<UInt8>) {
        for octet in octets { add(octet) }
    }

    /// Goes on with one octet.
    package mutating func add(_ octet: UInt8) { value = (value ^ UInt64(octet)) &* 0x100_0000_01B3 }

    /// As many octets as are wanted that look random and are not: for simulated cryptography.
    package func stretched(_ count: Int) -> [UInt8] {
        var state = value
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }
}
