// SPDX-License-Identifier: Apache-2.0

package import Directory
import IMAP
package import Mail
import MessageStore

/// As whom accounts may write.
package struct SendingRights: Sendable {
    let registry: Registry
    let sharing: SharedMailboxes?

    /// Without `quotas`, by which mailboxes are known, everybody writes as himself alone.
    package init(registry: Registry, quotas: Quotas?) {
        self.registry = registry
        sharing = quotas.map { SharedMailboxes(registry: registry, mailboxes: $0.mailboxes) }
    }

    /// Whether an account may write as `sender`: as itself, or as an account of several to whose
    /// INBOX it has the right `p`.
    ///
    /// RFC 4314 §2.1 says that with `p` one sends mail to a mailbox's address; who answers what
    /// came to all of them has to write from it. That of a person lets nobody write as that person.
    package func mayUse(_ account: Account, as sender: Address) async -> Bool {
        if await registry.mayUse(account.id, as: sender) { return true }
        guard let sharing, case .local(let targets) = await registry.judge(sender),
            let id = targets.first?.account, await registry.mayUse(id, as: sender)
        else { return false }
        do {
            guard let owner = try registry.find(id), owner.isShared,
                let inbox = try sharing.mailboxes.find(Mailboxes.inbox, of: id.rawValue)
            else { return false }
            return try sharing.rights(to: inbox, for: account).contains(.post)
        } catch {
            // As where it is not known who has an address.
            return false
        }
    }
}
