// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A route-through binding (RFC 1183 §3.3).
    static let rt = Self("RT", 21, [.short, .oldName])
}
