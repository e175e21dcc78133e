// SPDX-License-Identifier: Apache-2.0

import Directory
package import IMAP
import Mail
package import MessageStore
import SASL

/// Why an access control list is not changed as somebody wants.
package enum AccessListFailure: Error, Hashable, Sendable {
    /// Not a text that can identify anybody (RFC 4314 §3: BAD).
    case malformed
    /// Nobody is called so.
    case unknown(String)
    /// The owner may do everything, whatever is said.
    case owner(String)
}

extension AccessListFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "an identifier is a login, @DOMAIN or anyone, of at most 255 octets"
        case .unknown(let text):
            "nobody here is called \(text): an identifier is the address of an account, @DOMAIN"
                + " of a local domain, or anyone; with - in front its rights are taken away"
        case .owner(let login): "\(login) is the owner, and keeps all rights"
        }
    }
}

/// Whom the lists of mailboxes name, and what they may do (RFC 4314 §3).
extension SharedMailboxes {
    /// The list of a mailbox, its owner first.
    package func list(of mailbox: Mailbox) throws -> [Mailboxes.Grant] {
        let owner = try owner(of: mailbox)
        return try [Mailboxes.Grant(owner, .all)] + mailboxes.grants(of: mailbox.id)
    }

    private func owner(of mailbox: Mailbox) throws -> String {
        guard let owner = try registry.find(AccountID(rawValue: mailbox.account)) else {
            throw MailboxRefusal.nonexistent
        }
        return "\(owner.login)"
    }

    /// An identifier as it stands in lists: an account by its login, whatever address it is
    /// called by; in small letters.
    ///
    /// Throws `AccessListFailure`. Nobody gets rights who is not there yet.
    package func identifier(_ text: String) throws -> String {
        // RFC 4314 §3: what cannot be prepared is refused.
        guard let prepared = try? PreparedString(text) else { throw AccessListFailure.malformed }
        let isNegative = prepared.value.first == Mailboxes.negative
        let name = isNegative ? String(prepared.value.dropFirst()) : prepared.value
        guard !name.isEmpty else { throw AccessListFailure.malformed }
        guard let known = try canonical(name) else {
            throw AccessListFailure.unknown(String(name.prefix(Self.shownCharacters)))
        }
        return isNegative ? "\(Mailboxes.negative)\(known)" : known
    }

    /// Of what a client has written, that much is said again.
    private static let shownCharacters = 80

    private func canonical(_ name: String) throws -> String? {
        if name.lowercased() == Mailboxes.anyone { return Mailboxes.anyone }
        if name.first == "@" {
            guard let domain = try? Domain(name.dropFirst()),
                case .local(let local) = try registry.responsibility(for: domain)
            else { return nil }
            return "@\(local.name.name)"
        }
        guard let address = try? Address(name) else { return nil }
        return try registry.find(address: address).map { "\($0.login)" }
    }

    /// What an identifier always has, and what it may be given besides (RFC 4314 §3.7).
    package func grantable(
        to identifier: String, of mailbox: Mailbox
    ) throws -> (required: AccessRights, optional: AccessRights) {
        let name = try self.identifier(identifier)
        return try isOwner(name, of: mailbox) ? (.all, []) : ([], .all)
    }

    private func isOwner(_ identifier: String, of mailbox: Mailbox) throws -> Bool {
        let owner = try owner(of: mailbox)
        return identifier == owner || identifier == "\(Mailboxes.negative)\(owner)"
    }

    /// Changes what an identifier may do; throws `AccessListFailure` and `MailboxRefusal`.
    package func change(
        rightsOf text: String, to mailbox: Mailbox, by change: ACLChange
    ) async throws {
        let identifier = try identifier(text)
        if try isOwner(identifier, of: mailbox) {
            let isNegative = identifier.first == Mailboxes.negative
            let kept = change.applied(to: isNegative ? [] : .all)
            guard kept == (isNegative ? [] : .all) else {
                throw AccessListFailure.owner(try owner(of: mailbox))
            }
            return
        }
        try await mailboxes.change(rightsOf: identifier, to: mailbox.id, by: change)
        try signal(identifier)
    }

    /// Takes an identifier out of the list; of somebody who is not there any more, too.
    package func remove(_ text: String, from mailbox: Mailbox) async throws {
        let listed = try mailboxes.grants(of: mailbox.id).map(\.identifier)
        let identifier: String
        do {
            identifier = try self.identifier(text)
        } catch let failure as AccessListFailure {
            guard listed.contains(text) else { throw failure }
            identifier = text
        }
        if try isOwner(identifier, of: mailbox), identifier.first != Mailboxes.negative {
            throw AccessListFailure.owner(identifier)
        }
        try await mailboxes.change(
            rightsOf: identifier, to: mailbox.id, by: ACLChange(manner: .replace, rights: []))
        try signal(identifier)
    }

    /// Who is meant alone may look at once; the others when they look next.
    private func signal(_ identifier: String) throws {
        let name = identifier.first == Mailboxes.negative ? identifier.dropFirst() : identifier[...]
        guard let address = try? Address(String(name)),
            let account = try registry.find(login: address)
        else { return }
        mailboxes.changes.signal(account.id.rawValue)
    }
}
