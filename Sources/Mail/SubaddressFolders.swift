// SPDX-License-Identifier: Apache-2.0

/// Whether `user+folder@domain` leads into the mailbox `folder`.
package enum SubaddressFolders: String, Hashable, Sendable, CaseIterable {
    case no
    /// If there is one of that name; else into INBOX.
    case existing
    /// One is made.
    case create
}

extension LocalPart {
    /// What stands behind the first `+` (RFC 5233 §4); nil if there is none, or nothing behind it.
    package var detail: String? {
        guard let plus = value.firstIndex(of: "+"), plus != value.startIndex else { return nil }
        let detail = value[value.index(after: plus)...]
        return detail.isEmpty ? nil : String(detail)
    }
}
