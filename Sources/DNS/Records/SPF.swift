// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A sender policy in its own type, obsolete (RFC 7208 §3.1).
    static let spf = Self("SPF", 99, [.strings])
}
