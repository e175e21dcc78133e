// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A trust anchor, in the form of DS.
    static let ta = Self("TA", 32768, [.short, .algorithm, .octet, .hex])
}
