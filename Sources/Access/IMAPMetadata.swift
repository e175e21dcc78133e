// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore

/// Annotations of mailboxes and of the server (RFC 5464).
extension IMAPVisit {
    /// Tied to the attribute that LIST shows (RFC 6154 §5.4).
    private static let specialUseEntry = "/private/specialuse"

    mutating func getMetadata(_ get: GetMetadata) throws -> Completion {
        let all: [(entry: String, value: [UInt8])]
        if let name = get.mailbox {
            guard let mailbox = try service.mailboxes.find(name.text, of: owner) else {
                return Completion(.nonexistent)
            }
            all = try annotations(of: mailbox)
        } else {
            all = try service.mailboxes.annotations(of: nil, for: owner).map {
                ($0.entry, $0.value)
            }
        }
        let (entries, longest) = get.answers(all)
        if !entries.isEmpty { writer.metadata(get.mailbox, entries) }
        return .ok(longest.map { .metadataLongEntries($0) })
    }

    /// Those of a mailbox, by entry.
    func annotations(of mailbox: Mailbox) throws -> [(entry: String, value: [UInt8])] {
        var all = try service.mailboxes.annotations(of: mailbox.id, for: owner).map {
            (entry: $0.entry, value: $0.value)
        }
        if let use = mailbox.specialUse {
            all.append((Self.specialUseEntry, Array(use.utf8)))
            all.sort { $0.entry < $1.entry }
        }
        return all
    }

    mutating func setMetadata(
        _ name: MailboxName?, _ changes: [MetadataChange]
    ) async throws -> Completion {
        guard !changes.contains(where: { ["/private", "/shared"].contains($0.entry) }) else {
            return .bad(nil, "an entry has a name below /private or /shared")
        }
        guard !changes.contains(where: { $0.entry == Self.specialUseEntry }) else {
            return .no(.cannot, "the use of a mailbox is set when it is made")
        }
        guard let name else {
            // RFC 5464 §3.3: what everybody sees of the server is its operator's to say.
            guard changes.allSatisfy({ !$0.entry.hasPrefix("/shared/") }) else {
                return .no(.noPerm, "annotations of the server for everybody are not yours to set")
            }
            try await service.mailboxes.annotate(
                nil, changes.map { ($0.entry, $0.value) }, for: owner)
            return .ok()
        }
        guard let mailbox = try service.mailboxes.find(name.text, of: owner) else {
            return Completion(.nonexistent)
        }
        try await service.mailboxes.annotate(
            mailbox.id, changes.map { ($0.entry, $0.value) }, for: owner, owner: mailbox.account)
        return .ok()
    }
}
