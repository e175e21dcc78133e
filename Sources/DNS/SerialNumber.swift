// SPDX-License-Identifier: Apache-2.0

/// Serials of zones, which are counted in a circle (RFC 1982).
package enum SerialNumber {
    /// Whether a serial is greater than another (§3.2); of two that are half the circle apart
    /// neither is.
    package static func isNewer(_ serial: UInt32, than other: UInt32) -> Bool {
        Int32(bitPattern: serial &- other) > 0
    }

    /// The newer of two; the first if neither is.
    package static func latest(_ one: UInt32, _ other: UInt32) -> UInt32 {
        isNewer(other, than: one) ? other : one
    }
}
