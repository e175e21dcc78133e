// SPDX-License-Identifier: Apache-2.0

package import Mail
import Storage

/// An address that leads to others, here or elsewhere.
package struct Alias: Hashable, Sendable {
    package let address: Address
    /// In the order they were given; at least one.
    package let targets: [Address]
}

/// Aliases: listed, set, removed.
extension Registry {
    /// Aliases in order of their addresses; of one domain or of all.
    package func aliases(in domain: Domain? = nil) async throws(DirectoryFailure) -> [Alias] {
        try await read { try $0.aliases(in: domain) }
    }

    /// Makes an address lead to others; it must be free and in a domain of ours.
    package func addAlias(
        _ address: Address, to targets: [Address], by author: String
    ) async throws(DirectoryFailure) {
        let key = try Self.localKey(address)
        try await change(by: author, "added alias \(address)") { lookup, revision in
            try lookup.checkIsFree(key, address)
            try Self.write(key, address, targets, replacing: nil, lookup, &revision)
        }
    }

    /// Replaces all targets.
    package func setTargets(
        of address: Address, to targets: [Address], by author: String
    ) async throws(DirectoryFailure) {
        let key = try Self.localKey(address)
        try await change(by: author, "changed alias \(address)") { lookup, revision in
            let before = try lookup.targets(of: key)
            guard !before.isEmpty else { throw DirectoryFailure.unknownAlias(address) }
            try Self.write(key, address, targets, replacing: before, lookup, &revision)
        }
    }

    /// Removes an alias; what it led to is not touched.
    package func remove(alias address: Address, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "removed alias \(address)") { lookup, revision in
            guard let key = AddressKey(address) else {
                throw DirectoryFailure.unknownAlias(address)
            }
            let targets = try lookup.targets(of: key)
            guard !targets.isEmpty else { throw DirectoryFailure.unknownAlias(address) }
            try lookup.checkIsNotNeeded(key, address)
            try revision.remove(.alias(key, targets))
        }
    }

    private static func write(
        _ key: AddressKey, _ address: Address, _ targets: [Address], replacing before: [Address]?,
        _ lookup: Lookup, _ revision: inout Revision
    ) throws {
        guard !targets.isEmpty else { throw DirectoryFailure.noTargets(address) }
        guard targets.count <= Expansion.maximumTargets else {
            throw DirectoryFailure.tooMany(
                "targets of one alias", limit: Expansion.maximumTargets)
        }
        try revision.replace(before.map { .alias(key, $0) }, with: .alias(key, targets))
        for target in targets {
            guard try !lookup.leads(target, to: key, depth: 0) else {
                throw DirectoryFailure.loop(address)
            }
            try lookup.checkLeadsSomewhere(target)
        }
    }
}

extension Lookup {
    func aliases(in domain: Domain?) throws(StorageFailure) -> [Alias] {
        var found: [(key: String, targets: [Address])] = []
        let collect = { (row: any Row) in
            guard let target = try? Address(row.text(1)) else { return }
            if found.last?.key == row.text(0) {
                found[found.count - 1].targets.append(target)
            } else {
                found.append((row.text(0), [target]))
            }
        }
        if let domain {
            try transaction.query(
                """
                SELECT address, target FROM directory_alias WHERE domain = ?
                ORDER BY address, position
                """, [.text(domain.name)], collect)
        } else {
            try transaction.query(
                "SELECT address, target FROM directory_alias ORDER BY domain, address, position",
                [], collect)
        }
        return found.compactMap { entry in
            AddressKey(stored: entry.key)?.address.map {
                Alias(address: $0, targets: entry.targets)
            }
        }
    }

    /// Whether following `address` from alias to alias comes to `goal`.
    func leads(_ address: Address, to goal: AddressKey, depth: Int) throws(StorageFailure) -> Bool {
        guard let key = AddressKey(address), depth <= Expansion.maximumDepth else { return false }
        if key == goal || key.base == goal { return true }
        for candidate in [key, key.base].compactMap(\.self) {
            for target in try targets(of: candidate)
            where try leads(target, to: goal, depth: depth + 1) { return true }
        }
        return false
    }
}
