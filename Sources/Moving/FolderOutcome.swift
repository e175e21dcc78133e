// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What became of a folder, and whether both sides hold the same.
package struct FolderOutcome: Sendable {
    package let mailbox: String
    /// Brought over now.
    package internal(set) var new = 0
    /// Brought over earlier.
    package internal(set) var known = 0
    /// Of those, messages whose flags are different at the source.
    package internal(set) var flagsDiffer = 0
    /// Of those, messages whose flags were changed here, too.
    package internal(set) var changed = 0
    /// Messages that were filed, as the server says.
    package internal(set) var filed = 0
    /// Messages that are at the source and whose hash is the same here.
    package internal(set) var equal = 0
    /// Brought over earlier, and removed or moved away here since.
    package internal(set) var removedHere = 0
    /// Keywords of messages for which the mailbox had no room.
    package internal(set) var keywordsLeftOut = 0
    /// What could not be read, and why.
    package internal(set) var unreadable: [String] = []
    /// Messages that are not here, or are different: their names at the source.
    package internal(set) var differences: [String] = []
    package internal(set) var isVerified = false
    /// Hashes by keys.
    private(set) var expected: [String: [UInt8]] = [:]
    /// UIDs by keys, of messages that were here before anything was brought.
    private(set) var present: [String: Int64] = [:]

    init(_ mailbox: String) { self.mailbox = mailbox }

    /// Messages at the source.
    package var messages: Int { new + known + unreadable.count }
    /// Whether all of the source is here, as it is there.
    package var isComplete: Bool { differences.isEmpty && unreadable.isEmpty }

    mutating func expect(_ key: String, _ hash: [UInt8], at uid: Int64? = nil) {
        expected[key] = hash
        present[key] = uid
    }

    /// Once all is compared.
    mutating func forgetExpected() { (expected, present) = ([:], [:]) }

    mutating func count(_ filed: Import.Filed) {
        self.filed += filed.messages
        keywordsLeftOut += filed.keywordsLeftOut
    }

    package var json: JSON {
        [
            "mailbox": .string(mailbox), "messages": .integer(Int64(messages)),
            "new": .integer(Int64(new)), "known": .integer(Int64(known)),
            "changed": .integer(Int64(changed)), "equal": .integer(Int64(equal)),
            "removed-here": .integer(Int64(removedHere)),
            "keywords-left-out": .integer(Int64(keywordsLeftOut)),
            "verified": .bool(isVerified), "complete": .bool(isComplete),
            "unreadable": JSON(unreadable), "differences": JSON(differences),
        ]
    }
}
