// SPDX-License-Identifier: Apache-2.0

/// Whether `user+folder@domain` leads into the mailbox `folder`.
package enum SubaddressFolders: String, Hashable, Sendable, CaseIterable {
    case no
    /// If there is one of that name; else into INBOX.
    case existing
    /// One is made.
    case create
}
