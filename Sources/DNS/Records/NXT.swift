// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The next name, obsolete (RFC 2535 §5.2).
    static let nxt = Self("NXT", 30, [.oldName, .oldTypes])
}
