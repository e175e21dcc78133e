// SPDX-License-Identifier: Apache-2.0

package import Mail

/// What somebody has set for mailboxes; what is nil is inherited.
package struct MailboxRules: Hashable, Sendable {
    /// Octets that may be kept.
    package var octets: Bound?
    /// Messages that may be kept.
    package var messages: Bound?
    /// Not of a domain as a whole.
    package var retention: [Retention]?
    /// Not of a domain as a whole.
    package var subaddressFolders: SubaddressFolders?

    package init() {}

    /// Whether nothing is set.
    package var isEmpty: Bool { self == Self() }

    /// For whom something is set.
    package enum Scope: Hashable, Sendable, CustomStringConvertible {
        case account(AccountID)
        /// Each account of a domain that has nothing of its own.
        case accounts(of: Domain)
        /// All accounts of a domain together: a bound on what they keep.
        case domain(Domain)

        package var description: String {
            switch self {
            case .account(let id): "#\(id.rawValue)"
            case .accounts(let domain): "*@\(domain.name)"
            case .domain(let domain): domain.name
            }
        }

        init?(_ text: String) {
            if text.hasPrefix("#") {
                guard let number = Int64(text.dropFirst()) else { return nil }
                self = .account(AccountID(rawValue: number))
            } else if text.hasPrefix("*@") {
                guard let domain = try? Domain(text.dropFirst(2)) else { return nil }
                self = .accounts(of: domain)
            } else {
                guard let domain = try? Domain(text) else { return nil }
                self = .domain(domain)
            }
        }
    }
}

/// What holds for one account, with all that it inherits.
package struct EffectiveRules: Hashable, Sendable {
    package var login: Address
    package var quota = Quota()
    /// What its domain keeps altogether; nil where that is not bound.
    package var domainQuota: DomainQuota?
    package var retention: [Retention] = []
    package var subaddressFolders = SubaddressFolders.no

    /// The bound of all accounts of a domain together.
    package struct DomainQuota: Hashable, Sendable {
        package let domain: Domain
        package let quota: Quota
    }

    /// Whether anything bounds what it keeps.
    package var hasQuota: Bool { !quota.isUnlimited || domainQuota != nil }

    mutating func inherit(_ rules: [MailboxRules]) {
        quota = Quota(
            octets: rules.lazy.compactMap(\.octets).first?.value,
            messages: rules.lazy.compactMap(\.messages).first?.value)
        retention = rules.lazy.compactMap(\.retention).first ?? []
        subaddressFolders = rules.lazy.compactMap(\.subaddressFolders).first ?? .no
    }
}
