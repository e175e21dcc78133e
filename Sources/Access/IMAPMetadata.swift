// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Tenancy

/// Annotations of mailboxes and of the server (RFC 5464).
extension IMAPVisit {
    /// Tied to the attribute that LIST shows (RFC 6154 §5.4).
    private static let specialUseEntry = "/private/specialuse"

    mutating func getMetadata(_ get: GetMetadata) throws -> Completion {
        let all: [(entry: String, value: [UInt8])]
        if let name = get.mailbox {
            let seen = try service.sharing.require(.lookup, of: name, for: reader)
            guard seen.rights.allowsAnnotations else { return Completion(.notPermitted) }
            all = try annotations(of: seen)
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
    func annotations(
        of seen: SharedMailboxes.Seen
    ) throws -> [(entry: String, value: [UInt8])] {
        var all = try service.mailboxes.annotations(of: seen.mailbox.id, for: owner).map {
            (entry: $0.entry, value: $0.value)
        }
        if let use = seen.uses.first {
            all.append((Self.specialUseEntry, Array(use.rawValue.utf8)))
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
        let seen = try service.sharing.require(.lookup, of: name, for: reader)
        // RFC 5464 §3.3; what everybody sees is for those to say who may write there.
        let isShared = changes.contains { $0.entry.hasPrefix("/shared/") }
        guard seen.rights.allowsAnnotations, !isShared || seen.rights.contains(.write) else {
            return Completion(.notPermitted)
        }
        try await service.mailboxes.annotate(
            seen.mailbox.id, changes.map { ($0.entry, $0.value) }, for: owner,
            owner: seen.mailbox.account)
        return .ok()
    }
}
