// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// What the parent shall copy (RFC 7477 §2.1).
    static let csync = Self("CSYNC", 62, [.long, .short, .types])
}
