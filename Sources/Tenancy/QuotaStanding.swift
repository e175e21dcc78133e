// SPDX-License-Identifier: Apache-2.0

package import Directory
package import Mail
package import MessageStore

/// How much an account keeps, and how much it may.
package struct QuotaStanding: Hashable, Sendable {
    /// One bound: the account's own, or that of all accounts of its domain.
    package struct Root: Hashable, Sendable {
        /// The login of the account, or the domain (RFC 9208 §3.2: a quota root's name).
        package let name: String
        package let quota: Quota
        package var usage: Mailboxes.Usage
        package let isShared: Bool

        package init(name: String, quota: Quota, usage: Mailboxes.Usage, isShared: Bool = false) {
            self.name = name
            self.quota = quota
            self.usage = usage
            self.isShared = isShared
        }

        /// How much of it is used, in percent, once this much more is there.
        package func percent(adding octets: Int64 = 0, messages: Int64 = 0) -> Int {
            let octetShare = Self.share(usage.octets + octets, of: quota.octets)
            return max(octetShare, Self.share(usage.messages + messages, of: quota.messages))
        }

        private static func share(_ used: Int64, of limit: Int64?) -> Int {
            guard let limit else { return 0 }
            guard limit > 0 else { return 100 }
            return Int(clamping: Int64(Double(used) / Double(limit) * 100))
        }
    }

    /// What is said of one more message.
    package enum Verdict: Hashable, Sendable {
        case fits
        /// Not now (452 4.2.2).
        case full
        /// Never: it is larger than all that may be kept (552 5.2.2).
        case neverFits
    }

    package let account: AccountID
    package let login: Address
    /// The account's own first; at least one.
    package var roots: [Root]

    package init(account: AccountID, login: Address, roots: [Root]) {
        self.account = account
        self.login = login
        self.roots = roots
    }

    /// Whether messages of so many octets in all fit; `largest` is the largest of them.
    package func verdict(
        adding octets: Int64, messages: Int64 = 1, largest: Int64? = nil
    ) -> Verdict {
        var verdict = Verdict.fits
        for root in roots {
            if let limit = root.quota.octets, (largest ?? octets) > limit { return .neverFits }
            if root.quota.messages == 0 { return .neverFits }
            var usage = root.usage
            // A client may name any size.
            usage.octets = usage.octets.addingReportingOverflow(octets).partialValue
            usage.messages += messages
            if usage.octets < 0 || !usage.fits(root.quota) { verdict = .full }
        }
        return verdict
    }

    /// What a transaction that adds something asks.
    package var allowance: Mailboxes.Allowance {
        Mailboxes.Allowance(
            account: account.rawValue, quota: roots.first { !$0.isShared }?.quota ?? Quota(),
            shared: roots.first(where: \.isShared)?.quota)
    }
}
