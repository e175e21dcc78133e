// SPDX-License-Identifier: Apache-2.0

package import IMAP

/// What the index knows of one key in one mailbox, of one moment.
///
/// It is exact: what it cannot know it says, and then the message itself tells.
package struct IndexedMatches: Hashable, Sendable {
    /// Messages with greater UIDs are not indexed yet.
    package let indexedUID: UInt32
    /// Messages that have the key, and some that have gone.
    let found: NumberSet
    /// Messages that are indexed in part: nothing is known of them.
    let incomplete: NumberSet

    /// Whether a message has the key; nil if only the message can tell.
    package func verdict(uid: UInt32) -> Bool? {
        guard uid <= indexedUID, !incomplete.contains(uid) else { return nil }
        return found.contains(uid)
    }

    /// The messages that may have the key.
    package var possible: NumberSet {
        let indexed = found.union(incomplete)
        guard indexedUID < .max else { return indexed }
        return indexed.union(NumberSet((indexedUID + 1)...(.max)))
    }
}
