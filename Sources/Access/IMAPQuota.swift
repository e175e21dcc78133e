// SPDX-License-Identifier: Apache-2.0

import Directory
import IMAP
import Mail
import MessageStore
import Tenancy

/// What an account keeps and may keep (RFC 9208).
extension IMAPVisit {
    /// RFC 9208 §4.1.1: only roots of the account itself are shown.
    mutating func getQuota(_ name: String) async throws -> Completion {
        guard let standing = try await standing(),
            let root = standing.roots.first(where: { $0.name == name })
        else { return .no(.nonExistent, "there is no such quota root") }
        try write(root, of: owner)
        return .ok()
    }

    /// RFC 9208 §4.1.2: the mailbox need not be there, if it is one's own.
    mutating func getQuotaRoots(of mailbox: MailboxName) async throws -> Completion {
        var account = owner
        if SharedMailboxes.Space(of: mailbox) != nil {
            // RFC 9208 §6: of another's mailbox it is what its messages take.
            account = try service.sharing.require(.read, of: mailbox, for: reader).mailbox.account
        }
        let standing = try await service.quotas?.standing(of: AccountID(rawValue: account))
        let roots = standing?.roots ?? []
        writer.quotaRoots(of: mailbox, roots.map(\.name))
        for root in roots { try write(root, of: account) }
        return .ok()
    }

    private mutating func write(_ root: QuotaStanding.Root, of account: Int64) throws {
        var uses: [QuotaUse] = []
        if let limit = root.quota.octets {
            // RFC 9208 §5.1: in units of 1024 octets.
            uses.append(
                QuotaUse(
                    resource: "STORAGE", used: UInt64(max(0, root.usage.octets) + 1023) / 1024,
                    limit: UInt64(limit) / 1024))
        }
        if let limit = root.quota.messages {
            uses.append(
                QuotaUse(
                    resource: "MESSAGE", used: UInt64(max(0, root.usage.messages)),
                    limit: UInt64(limit)))
        }
        if !root.isShared {
            uses.append(
                QuotaUse(
                    resource: "MAILBOX", used: UInt64(try service.mailboxes.count(of: account)),
                    limit: UInt64(Mailboxes.mailboxLimit)))
        }
        writer.quota(root: root.name, uses)
    }

    private func standing() async throws -> QuotaStanding? {
        try await service.quotas?.standing(of: AccountID(rawValue: owner))
    }

    /// Of whoever a mailbox belongs to.
    func standing(of mailbox: Mailbox) async throws -> QuotaStanding? {
        try await service.quotas?.standing(of: AccountID(rawValue: mailbox.account))
    }
}
