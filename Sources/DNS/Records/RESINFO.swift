// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Information about a resolver (RFC 9606 §5).
    static let resinfo = Self("RESINFO", 261, [.strings])
}
