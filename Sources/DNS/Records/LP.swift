// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A locator pointer (RFC 6742 §2.4).
    static let lp = Self("LP", 107, [.short, .name])
}
