// SPDX-License-Identifier: Apache-2.0

/// GETMETADATA (RFC 5464 §4.2).
package struct GetMetadata: Hashable, Sendable {
    /// How far below the entry to look (RFC 5464 §4.2.2).
    package enum Depth: Hashable, Sendable { case entry, children, infinity }
    /// nil: the server's own.
    package var mailbox: MailboxName?
    /// In lower case: `/shared/comment`.
    package var entries: [String]
    package var maximumOctets: UInt64?
    package var depth = Depth.entry

    package init(mailbox: MailboxName?, entries: [String]) {
        self.mailbox = mailbox
        self.entries = entries
    }

    /// An entry with its value; nil where there is none.
    package typealias Answer = (entry: String, value: [UInt8]?)

    /// What is answered of annotations that are there, in the order asked for; `longest` is the
    /// size of the largest value that MAXSIZE left out.
    ///
    /// An entry that is named itself and is not there has NIL (RFC 9590 §4), unless what is below
    /// it is wanted as well.
    package func answers(
        _ all: [(entry: String, value: [UInt8])]
    ) -> (entries: [Answer], longest: UInt64?) {
        var answers: [Answer] = []
        var told = Set<String>()
        var longest: UInt64?
        for wanted in entries {
            let found = all.filter { includes($0.entry, of: wanted) }
            for annotation in found where told.insert(annotation.entry).inserted {
                let octets = UInt64(annotation.value.count)
                if let maximumOctets, octets > maximumOctets {
                    longest = max(longest ?? 0, octets)
                } else {
                    answers.append((annotation.entry, annotation.value))
                }
            }
            if found.isEmpty, depth == .entry, told.insert(wanted).inserted {
                answers.append((wanted, nil))
            }
        }
        return (answers, longest)
    }

    private func includes(_ entry: String, of wanted: String) -> Bool {
        if entry == wanted { return true }
        guard depth != .entry, entry.hasPrefix(wanted + "/") else { return false }
        return depth == .infinity || !entry.dropFirst(wanted.utf8.count + 1).contains("/")
    }
}
