// SPDX-License-Identifier: Apache-2.0

import Mail
import Storage

/// From an address to all the places its mail goes.
struct Expansion {
    /// Aliases of aliases: deeper than this nobody builds on purpose.
    static let maximumDepth = 10
    /// Beyond this an alias is a mailing list, which wants more than an alias offers.
    static let maximumTargets = 1000

    private let directory: Lookup
    private let original: Address
    private var visited: Set<AddressKey> = []
    private var reached: Set<AddressKey> = []
    private var targets: [Target] = []
    private var foundDisabled = false

    private init(of original: Address, in directory: Lookup) {
        self.original = original
        self.directory = directory
    }

    /// The verdict on `address`, from one snapshot.
    static func judge(
        _ address: Address, in directory: Lookup
    ) throws(StorageFailure) -> RecipientVerdict {
        guard let key = AddressKey(address) else { return .notOurs }
        switch try directory.responsibility(for: key.domain) {
        case .elsewhere: return .notOurs
        case .relay(let relay):
            return try directory.isKnown(key, to: relay) ? .relay(relay) : .unknownUser
        case .local(let domain):
            var expansion = Expansion(of: address, in: directory)
            try expansion.follow(address, key, in: domain, by: .address, depth: 0)
            return try expansion.verdict(key)
        }
    }

    private func verdict(_ key: AddressKey) throws(StorageFailure) -> RecipientVerdict {
        if !targets.isEmpty { return .local(targets) }
        if foundDisabled { return .mailboxDisabled }
        // A domain without anyone to read its postmaster's mail is not finished yet.
        if key.isPostmaster { return .temporarilyUnknown }
        return .unknownUser
    }

    /// Follows an address in a local domain: itself, without subaddress, postmaster, catch-all.
    private mutating func follow(
        _ address: Address, _ key: AddressKey, in domain: LocalDomain, by path: Target.Path,
        depth: Int
    ) throws(StorageFailure) {
        guard depth <= Self.maximumDepth, visited.insert(key).inserted else { return }
        for candidate in [key, key.base].compactMap(\.self) {
            if let account = try directory.account(at: candidate) {
                add(address, key, account, by: path)
                return
            }
            let aliasTargets = try directory.targets(of: candidate)
            guard aliasTargets.isEmpty else {
                let path = path == .address ? Target.Path.alias : path
                for target in aliasTargets { try follow(target, by: path, depth: depth + 1) }
                return
            }
        }
        if key.isPostmaster {
            let common = try directory.postmaster()
            guard let postmaster = domain.postmaster ?? common else { return }
            try follow(postmaster, by: .postmaster, depth: depth + 1)
        } else if let catchAll = domain.catchAll {
            try follow(catchAll, by: .catchAll, depth: depth + 1)
        }
    }

    /// Follows an address that may be anywhere.
    private mutating func follow(
        _ address: Address, by path: Target.Path, depth: Int
    ) throws(StorageFailure) {
        guard let key = AddressKey(address) else { return }
        if case .local(let domain) = try directory.responsibility(for: key.domain) {
            try follow(address, key, in: domain, by: path, depth: depth)
        } else {
            add(address, key, nil, by: path)
        }
    }

    private mutating func add(
        _ address: Address, _ key: AddressKey, _ account: Lookup.AccountState?,
        by path: Target.Path
    ) {
        if let account, !account.isEnabled {
            foundDisabled = true
            return
        }
        guard targets.count < Self.maximumTargets, reached.insert(key).inserted,
            account == nil || !targets.contains(where: { $0.account == account?.id })
        else { return }
        targets.append(
            Target(
                account: account?.id, address: address,
                original: address == original ? nil : original, path: path))
    }
}
