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
    /// Somebody of a domain with which the owner's, which is named, does not share.
    case outOfReach(of: String)
}

extension AccessListFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "an identifier is a login, @DOMAIN or anyone, of at most 255 octets"
        case .unknown(let text):
            "nobody here is called \(text): an identifier is the address of an account, @DOMAIN"
                + " of a local domain, or anyone; with - in front its rights are taken away"
        case .owner(let login): "\(login) is the owner, and keeps all rights"
        case .outOfReach(let domain):
            "rights to this mailbox can be given to accounts of \(domain), and to all of them as"
                + " @\(domain); the administrator gives rights to others"
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
        "\(try ownerAddress(of: mailbox))"
    }

    private func ownerAddress(of mailbox: Mailbox) throws -> Address {
        guard let owner = try registry.find(AccountID(rawValue: mailbox.account)) else {
            throw MailboxRefusal.nonexistent
        }
        return owner.login
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

    /// As `identifier`, if who changes the list of this mailbox may name it there.
    ///
    /// Throws `AccessListFailure.outOfReach` also where nobody is called so: who is at home in
    /// other domains is not told.
    private func identifier(_ text: String, in mailbox: Mailbox) throws -> String {
        let owner = try ownerAddress(of: mailbox).domain
        do {
            let identifier = try self.identifier(text)
            guard isWithinReach(identifier, of: owner) else {
                throw AccessListFailure.outOfReach(of: owner?.name ?? "")
            }
            return identifier
        } catch AccessListFailure.unknown(let name) {
            guard isWithinReach(name, of: owner) else {
                throw AccessListFailure.outOfReach(of: owner?.name ?? "")
            }
            throw AccessListFailure.unknown(name)
        }
    }

    /// Whether it means people with whom those of a domain may share by themselves.
    private func isWithinReach(_ identifier: String, of owner: Domain?) -> Bool {
        guard let reach = reach?.domains, let owner else { return true }
        let name = Self.positive(identifier)
        if name == Mailboxes.anyone { return reach.areAllTogether }
        let domain =
            name.first == "@" ? try? Domain(name.dropFirst()) : (try? Address(name))?.domain
        return domain.map { reach.mayShare(owner, with: $0) } ?? true
    }

    private static func positive(_ identifier: String) -> String {
        identifier.first == Mailboxes.negative ? String(identifier.dropFirst()) : identifier
    }

    /// What an identifier always has, and what it may be given besides (RFC 4314 §3.7).
    package func grantable(
        to identifier: String, of mailbox: Mailbox
    ) throws -> (required: AccessRights, optional: AccessRights) {
        let name = try self.identifier(identifier, in: mailbox)
        return try isOwner(name, of: mailbox) ? (.all, []) : ([], .all)
    }

    private func isOwner(_ identifier: String, of mailbox: Mailbox) throws -> Bool {
        let owner = try owner(of: mailbox)
        return identifier == owner || identifier == "\(Mailboxes.negative)\(owner)"
    }

    /// Changes what an identifier may do; throws `AccessListFailure` and `MailboxRefusal`.
    ///
    /// A line that stands there, of whomever, may lose rights; it gets none that it could not be
    /// made with.
    package func change(
        rightsOf text: String, to mailbox: Mailbox, by change: ACLChange
    ) async throws {
        let identifier: String
        do {
            identifier = try self.identifier(text, in: mailbox)
        } catch AccessListFailure.outOfReach(let domain) {
            guard let known = try listed(text, in: mailbox),
                known.rights.isSuperset(of: change.applied(to: known.rights))
            else { throw AccessListFailure.outOfReach(of: domain) }
            identifier = known.identifier
        }
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
        try await forgetReaders(of: mailbox)
    }

    /// Takes an identifier out of the list; of somebody who is not there any more, too.
    package func remove(_ text: String, from mailbox: Mailbox) async throws {
        let identifier: String
        do {
            identifier = try self.identifier(text, in: mailbox)
        } catch let failure as AccessListFailure {
            guard let known = try listed(text, in: mailbox) else { throw failure }
            identifier = known.identifier
        }
        if try isOwner(identifier, of: mailbox), identifier.first != Mailboxes.negative {
            throw AccessListFailure.owner(identifier)
        }
        try await mailboxes.change(
            rightsOf: identifier, to: mailbox.id, by: ACLChange(manner: .replace, rights: []))
        try signal(identifier)
        try await forgetReaders(of: mailbox)
    }

    /// What those have seen who may not read the mailbox any more.
    private func forgetReaders(of mailbox: Mailbox) async throws {
        for id in try mailboxes.readers(of: mailbox.id) {
            if let account = try registry.find(AccountID(rawValue: id)),
                try rights(to: mailbox, for: account).contains(.read)
            {
                continue
            }
            try await mailboxes.forgetReader(id, of: mailbox.id)
        }
    }

    /// The line of a list that means somebody, be he there or not.
    private func listed(_ text: String, in mailbox: Mailbox) throws -> Mailboxes.Grant? {
        let name = (try? identifier(text)) ?? text
        return try mailboxes.grants(of: mailbox.id).first { $0.identifier == name }
    }

    /// Who is meant alone may look at once; the others when they look next.
    private func signal(_ identifier: String) throws {
        guard let address = try? Address(Self.positive(identifier)),
            let account = try registry.find(login: address)
        else { return }
        mailboxes.changes.signal(account.id.rawValue)
    }
}
