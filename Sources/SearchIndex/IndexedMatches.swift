// SPDX-License-Identifier: Apache-2.0

import IMAP
package import MessageStore
import Summary

/// What the index knows of one key in one mailbox, of one moment.
///
/// It is exact: what it cannot know it says, and then the message itself tells.
package struct IndexedMatches: Sendable {
    let field: SearchKey.TextField
    let key: [UInt8]
    /// Messages with greater UIDs are not indexed yet.
    let indexedUID: UInt32
    /// Contents that have the key.
    let found: Set<Int64>
    /// Contents that are indexed in part.
    let incomplete: Set<Int64>

    /// Whether a message has the key; nil if only the message can tell.
    ///
    /// `prefix` holds the fields that stand before the content in the mailbox: they are not
    /// indexed, and looked at here.
    package func verdict(uid: UInt32, content: Content.ID, prefix: String) -> Bool? {
        if found.contains(content.value) { return true }
        guard uid <= indexedUID, !incomplete.contains(content.value) else { return nil }
        guard field == .text, !prefix.isEmpty else { return false }
        return SearchText.header(prefix, has: key)
    }
}
