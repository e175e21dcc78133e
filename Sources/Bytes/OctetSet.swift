// SPDX-License-Identifier: Apache-2.0

/// A set of ASCII octets, asked octet by octet.
package struct OctetSet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// The octets of a text; those beyond ASCII do not count.
    package init(_ text: StaticString) {
        text.withUTF8Buffer { for octet in $0 { insert(octet) } }
    }

    /// All in a range, but for those of another set.
    package init(_ range: ClosedRange<UInt8>, without other: OctetSet) {
        for octet in range where !other.contains(octet) { insert(octet) }
    }

    private mutating func insert(_ octet: UInt8) {
        switch octet {
        case ..<64: low |= 1 << UInt64(octet)
        case ..<128: high |= 1 << UInt64(octet - 64)
        default: break
        }
    }

    /// Whether an octet is in it; none beyond ASCII is.
    package func contains(_ octet: UInt8) -> Bool {
        switch octet {
        case ..<64: low >> UInt64(octet) & 1 == 1
        case ..<128: high >> UInt64(octet - 64) & 1 == 1
        default: false
        }
    }
}
