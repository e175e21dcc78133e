// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An OSI address (RFC 1706 §5).
    static let nsap = Self("NSAP", 22, [.prefixedHex])
}
