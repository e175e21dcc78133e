// SPDX-License-Identifier: Apache-2.0

package import Directory
import Mail
package import MessageStore
package import Storage
import Synchronization

/// What accounts may keep, and whether they do.
///
/// Where nothing bounds an account nothing is read.
package final class Quotas: Sendable {
    let registry: Registry
    package let mailboxes: Mailboxes
    /// Up to which share it was warned, by root: the store knows it a moment later.
    private let warned = Mutex<[String: Int]>([:])

    /// Shares, in percent, at which somebody is told.
    package static let thresholds = [80, 95]
    /// Roots whose warnings are remembered; a full memory starts anew, and the store remembers.
    private static let rememberedRoots = 10_000

    package init(registry: Registry, mailboxes: Mailboxes) {
        self.registry = registry
        self.mailboxes = mailboxes
    }

    /// What bounds an account and how much it keeps; nil: nothing bounds it.
    ///
    /// Who is asked for the first time is counted from now on.
    package func standing(of id: AccountID) async throws -> QuotaStanding? {
        guard let rules = try registry.effectiveRules(of: id), rules.hasQuota else { return nil }
        let pool = rules.domainQuota?.domain.name
        var usage = try mailboxes.usage(counted: id.rawValue)
        if usage == nil || usage?.pool?.name != pool {
            var members = [id.rawValue]
            if let domain = rules.domainQuota?.domain {
                members = try await registry.accounts(in: domain).map(\.id.rawValue)
            }
            try await mailboxes.count(members, pool: pool)
            usage = try mailboxes.usage(counted: id.rawValue)
        }
        guard let usage else { return nil }
        var roots: [QuotaStanding.Root] = []
        if !rules.quota.isUnlimited {
            roots.append(
                .init(name: rules.login.description, quota: rules.quota, usage: usage.account))
        }
        if let whole = rules.domainQuota, let pool = usage.pool {
            roots.append(
                .init(
                    name: whole.domain.name, quota: whole.quota, usage: pool.usage, isShared: true)
            )
        }
        return QuotaStanding(account: id, login: rules.login, roots: roots)
    }

    /// Thresholds that are crossed when so much more is there, each told once.
    ///
    /// Told again after the share has been below the lowest threshold.
    package func crossings(
        of standing: QuotaStanding, adding octets: Int64, messages: Int64 = 1
    ) -> [QuotaCrossing] {
        standing.roots.compactMap { root in
            let percent = root.percent(adding: octets, messages: messages)
            let reached = Self.thresholds.last { percent >= $0 } ?? 0
            let isNew = warned.withLock { warned in
                let known = warned[root.name] ?? root.usage.warned
                guard reached > known || reached == 0 && known > 0 else { return false }
                if warned.count >= Self.rememberedRoots { warned = [:] }
                warned[root.name] = reached
                return true
            }
            return isNew
                ? QuotaCrossing(account: standing.account, root: root, threshold: reached) : nil
        }
    }
}

/// A quota is used up to a share at which somebody is told, or is not any more.
package struct QuotaCrossing: Hashable, Sendable {
    package let account: AccountID
    /// Before.
    package let root: QuotaStanding.Root
    /// In percent; 0: there is room again, and nothing is told.
    package let threshold: Int

    /// Keeps that it was told; part of the transaction that tells it.
    package func note(in transaction: any Transaction) throws(StorageFailure) {
        if root.isShared {
            try Mailboxes.note(warned: threshold, ofPool: root.name, in: transaction)
        } else {
            try Mailboxes.note(warned: threshold, of: account.rawValue, in: transaction)
        }
    }
}
