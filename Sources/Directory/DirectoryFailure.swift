// SPDX-License-Identifier: Apache-2.0

package import Mail
package import Storage

/// Why a change to the directory was refused; each says what to do about it.
package enum DirectoryFailure: Error, Hashable, Sendable {
    case unknownDomain(Domain)
    case domainExists(Domain)
    case isRelayDomain(Domain)
    case isLocalDomain(Domain)
    /// What still stands in the domain: how many accounts, addresses and aliases, and the first.
    case domainInUse(Domain, count: Int, first: [String])
    case unknownAccount(Address)
    case unknownAlias(Address)
    case unknownAddress(Address)
    case unknownRelay(Domain)
    case relayExists(Domain)
    /// The address belongs to this account or alias.
    case addressTaken(Address, by: Address)
    /// Others lead to it: aliases, or a domain's postmaster or catch-all.
    case stillNeeded(Address, by: [String])
    /// The first address of an account goes only with the account.
    case isLogin(Address)
    case noTargets(Address)
    case tooMany(String, limit: Int)
    /// An alias would lead back to itself.
    case loop(Address)
    /// A target in one of our domains that nobody has.
    case unknownTarget(Address)
    /// A name, a password or a host is not fit for use: which, and why.
    case unfit(String, reason: String)
    case unknownChange(Int64)
    /// The change set a password; old ones are not kept.
    case passwordNotKept(Int64)
    /// Undoing it would need the old password of a transport.
    case transportPasswordNotKept(Int64, Transport.Scope)
    /// The entry has changed again since: undo the later change first.
    case changedSince(Int64)
    case storage(StorageFailure)
}

extension DirectoryFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownDomain(let domain):
            "\(domain) is not a local domain; add it with `domain add \(domain)`"
        case .domainExists(let domain): "\(domain) is a local domain already"
        case .isRelayDomain(let domain):
            "\(domain) is a relay domain; remove it with `relay remove \(domain)` first"
        case .isLocalDomain(let domain):
            "\(domain) is a local domain; remove it with `domain remove \(domain)` first"
        case .domainInUse(let domain, let count, let first):
            "\(domain) is still used by \(first.joined(separator: ", "))"
                + (count > first.count ? " and \(count - first.count) more" : "")
                + "; remove them first"
        case .unknownAccount(let address): "there is no account \(address)"
        case .unknownAlias(let address): "there is no alias \(address)"
        case .unknownAddress(let address): "no account has the address \(address)"
        case .unknownRelay(let domain): "\(domain) is not a relay domain"
        case .relayExists(let domain): "\(domain) is a relay domain already"
        case .addressTaken(let address, let owner):
            address == owner
                ? "\(address) exists already" : "\(address) belongs to \(owner) already"
        case .stillNeeded(let address, let others):
            "\(address) is still needed by \(others.joined(separator: ", ")); change that first"
        case .isLogin(let address):
            "\(address) is the login of its account; remove the account instead"
        case .noTargets(let address): "the alias \(address) needs at least one target"
        case .tooMany(let what, let limit): "there can be at most \(limit) \(what)"
        case .loop(let address): "the alias \(address) would lead back to itself"
        case .unknownTarget(let address):
            "\(address) is in one of our domains, but nobody has that address"
        case .unfit(let what, let reason): "\(what) cannot be used: \(reason)"
        case .unknownChange(let id): "there is no change \(id)"
        case .passwordNotKept(let id):
            "change \(id) set a password, and old ones are not kept;"
                + " set a new one"
        case .transportPasswordNotKept(let id, let scope):
            "change \(id) replaced a transport with a password, and old ones are not kept;"
                + " set the transport of \(scope) again with `transport add`"
        case .changedSince(let id):
            "what change \(id) touched has been changed again; undo the later change first"
        case .storage(let failure): failure.description
        }
    }
}
