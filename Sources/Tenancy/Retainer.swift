// SPDX-License-Identifier: Apache-2.0

package import Directory
package import Logging
package import Mail
package import MessageStore
package import World

/// Removes messages whose time in their mailbox is over.
package struct Retainer: Sendable {
    private let registry: Registry
    private let mailboxes: Mailboxes
    private let time: any Time
    private let log: Logger

    package init(registry: Registry, mailboxes: Mailboxes, time: any Time, log: Logger) {
        self.registry = registry
        self.mailboxes = mailboxes
        self.time = time
        self.log = log
    }

    /// What a rule means for one mailbox.
    package struct Case: Sendable {
        package let login: Address
        package let rule: Retention
        package let mailbox: Mailbox
        /// What came before is to go.
        package let limit: Timestamp
    }

    /// Removes what is due everywhere; returns how many messages.
    ///
    /// Now and then; in bounded transactions, so that mail flows meanwhile.
    @discardableResult
    package func run() async throws -> Int {
        guard try registry.hasRules() else { return 0 }
        var total = 0
        for account in try await registry.accounts() {
            for one in try cases(of: account) {
                let gone = try await mailboxes.remove(olderThan: one.limit, in: one.mailbox.id)
                guard gone.messages > 0 else { continue }
                total += gone.messages
                log.info(
                    """
                    removed \(gone.messages) messages (\(gone.octets) octets) from \
                    \(one.mailbox.name) of \(one.login): they were there for more than \
                    \(one.rule.days) days
                    """)
            }
            try Task.checkCancellation()
        }
        return total
    }

    /// The mailboxes of an account that rules apply to.
    package func cases(of account: Account) throws -> [Case] {
        guard let rules = try registry.effectiveRules(of: account.id), !rules.retention.isEmpty
        else { return [] }
        let all = try mailboxes.all(of: account.id.rawValue)
        let now = time.timestamp
        return rules.retention.compactMap { rule in
            guard rule.days > 0,
                let mailbox = all.first(where: { rule.applies(to: $0) })
            else { return nil }
            return Case(
                login: account.login, rule: rule, mailbox: mailbox,
                limit: now + (.zero - .days(rule.days)))
        }
    }
}

extension Retention {
    /// By name or, of a name such as `\Trash`, by use.
    fileprivate func applies(to other: Mailbox) -> Bool {
        mailbox.hasPrefix("\\") ? other.specialUse == mailbox : other.name == mailbox
    }
}
