// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A service binding (RFC 9460 §2).
    static let svcb = Self("SVCB", 64, [.short, .name, .serviceParameters])
}
