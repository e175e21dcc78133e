// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
package import IMAP
import Mail
package import MessageStore

/// Mailboxes of others into which an account's messages are delivered.
///
/// RFC 5490 §3.1: who has `i` or `p` there may do that. `p` is the right to have something
/// delivered, `i` that to put it there oneself, which comes to the same.
extension SharedMailboxes {
    /// Where a message goes that is meant for a mailbox.
    package enum Destination: Sendable {
        /// The name means none of others.
        case own
        /// A mailbox as the account calls it, and the flags that it may set there.
        case others(Mailbox, name: String, permitted: MessageFlags)
        /// Not there, and why.
        case refused(String)
    }

    private static let deliveringRights: AccessRights = [.insert, .post]

    /// What the name of a mailbox means for messages to an account.
    package func destination(_ text: String, for account: Account) throws -> Destination {
        guard let name = try? MailboxName(text), Space(of: name) != nil else { return .own }
        do {
            let seen = try require(anyOf: Self.deliveringRights, of: name, for: account)
            guard !seen.isOwn else { return .own }
            return .others(
                seen.mailbox, name: seen.name.text,
                permitted: MessageFlags(changeableWith: seen.rights))
        } catch MailboxRefusal.nonexistent {
            // RFC 4314 §6: in the same words, whether it is there or not.
            return .refused("there is no such mailbox, or messages may not be put there")
        }
    }

    /// Tells of names whether they are those of others' mailboxes into which an account may have
    /// messages delivered, as of this moment.
    package func destinations(for id: AccountID) throws -> @Sendable (String) -> Bool {
        guard let account = try registry.find(id) else { return { _ in false } }
        let names = Set(
            try others(for: account, anyOf: Self.deliveringRights).map {
                Self.canonical($0.name.text)
            })
        return { names.contains(Self.canonical($0)) }
    }

    /// Names that mean the same are the same: addresses in any case, INBOX with or without its name.
    private static func canonical(_ text: String) -> String {
        let parts = text.split(separator: Mailboxes.delimiter, maxSplits: 2)
        guard parts.count > 1 else { return text }
        let rest = parts.count > 2 ? (try? MailboxName(String(parts[2])))?.text : nil
        let place = "\(parts[0])/\(parts[1].lowercased())"
        return rest == nil || rest == Mailboxes.inbox ? place : "\(place)/\(rest ?? "")"
    }
}

extension MessageFlags {
    /// The bits mean the same in protocol and store.
    package init(_ flags: FlagSet) { self.init(rawValue: Int64(bitPattern: flags.rawValue)) }

    /// What of flags somebody may set and clear; one's own mailbox knows no bounds.
    package init(changeableWith rights: AccessRights) {
        self = rights == .all ? .all : Self(rights.changeableFlags)
    }
}
