// SPDX-License-Identifier: Apache-2.0

package import IMAP
package import World

/// A place from which messages are brought here; used by one task.
package protocol MailSource {
    /// Its folders that can be mailboxes here.
    mutating func folders() async throws -> [SourceFolder]

    /// Turns to a folder.
    ///
    /// `mark` is what `mark` said when all of the folder was here, at an earlier run.
    mutating func open(_ folder: SourceFolder, since mark: String?) async throws -> SourceOpening

    /// The next message of the open folder, in their order; nil after the last.
    ///
    /// Octets are read only of those whose key `isKnown` denies.
    mutating func next(_ isKnown: (String) -> Bool) async throws -> SourceItem?

    /// Behind the last message: the next one of those who have seen something of the open folder
    /// that is not theirs; nil after the last.
    mutating func nextReader() async throws -> SourceReader?

    /// What is to be remembered of the open folder once all of it is here, so that less has to be
    /// listed next time; nil: nothing.
    var mark: String? { get }
}

extension MailSource {
    package var mark: String? { nil }

    /// Nobody: only a mailbox of ours has been shared here.
    package mutating func nextReader() async throws -> SourceReader? { nil }
}

/// A folder at the place that messages come from.
package struct SourceFolder: Hashable, Sendable {
    package var name: MailboxName
    /// What it is for, as `\Sent` (RFC 6154 §2).
    package var use: String?
    package var isSubscribed = true
    /// Where it is there.
    package var place: String
    /// What is kept of the mailbox if it was one here before.
    package var past: Past?
    /// Why it cannot be read, where that is seen at once; then nothing of it is.
    package var obstacle: String?
    /// Names folder and server among all; nil where nothing is remembered of it.
    package var markName: String?

    /// A mailbox as it was.
    package struct Past: Hashable, Sendable {
        package var uidValidity: Int64
        package var uidNext: Int64
        /// That of its latest change; 0 where nobody knows.
        package var modSequence: Int64
        /// The first UID that no session was told of.
        package var recentUID: Int64
        package var keywords: [String]
    }

    package init(name: MailboxName, use: String?, place: String) {
        self.name = name
        self.use = use
        self.place = place
    }
}

/// Somebody with whom a mailbox was shared.
package struct SourceReader: Hashable, Sendable {
    package var login: String
    /// The UIDs of what he has seen.
    package var seen: NumberSet
}

/// A folder that was opened.
package struct SourceOpening: Sendable {
    /// How many messages there are; nil if that is known only at the end.
    package var messages: Int?
    /// The keys of all of them, if keys can change for the same message.
    package var keys: Set<String>?

    package init(messages: Int?, keys: Set<String>?) {
        self.messages = messages
        self.keys = keys
    }
}

/// A message at the place that it comes from.
package struct SourceMessage: Sendable {
    /// Names it in its folder, whatever happens to its flags.
    package var key: String
    /// Sorted.
    package var flags: [String]
    /// When it was received; nil: nobody knows.
    package var date: Timestamp?
    /// Lines end with CRLF.
    package var octets: [UInt8]
    /// In the place of `octets`, where they are many.
    package var large: LargeContent?
    /// The UID that it had, if the mailbox was one here before.
    package var uid: UInt32?
    /// When it came into that mailbox.
    package var saved: Timestamp?

    package init(key: String, flags: [String], date: Timestamp?, octets: [UInt8]) {
        self.key = key
        self.flags = flags
        self.date = date
        self.octets = octets
    }
}

/// What a source has next.
package enum SourceItem: Sendable {
    case message(SourceMessage)
    /// One that is known, with its flags now, sorted; nil: they are as they were.
    case known(key: String, flags: [String]?)
    /// One that cannot be brought over, and why.
    case unreadable(name: String, reason: String)
}
