// SPDX-License-Identifier: Apache-2.0

import Mail
import SASL
import SimulatedWorld
import Storage
import World

@testable import Directory

/// A fresh directory with two domains, two accounts, some aliases and a relay domain, in a
/// simulation whose clock stands still unless somebody sleeps.
@discardableResult
func withRegistry<Result: Sendable>(
    empty: Bool = false,
    _ body: @escaping @Sendable (Registry, Simulation, SQLiteStore) async throws -> Result
) throws -> Result {
    let simulation = Simulation(seed: 1)
    return try simulation.run {
        let store = try SQLiteStore(on: MemoryDisk(), schema: [.directory])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            let registry = try await Registry(
                store: store, time: simulation, entropy: simulation, secretKey: Fixture.key,
                iterations: SCRAMKeys.minimumIterations)
            if !empty { try await fill(registry) }
            let result = try await body(registry, simulation, store)
            group.cancelAll()
            return result
        }
    }
}

enum Fixture {
    static let key = SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount))
}

private func fill(_ registry: Registry) async throws {
    try await registry.add(domain: LocalDomain(try Domain("example.org")), by: "test")
    try await registry.add(domain: LocalDomain(try Domain("example.net")), by: "test")
    try await registry.addAccount(
        Address("Anna@example.org"), displayName: "Anna", password: "correct horse", by: "test")
    try await registry.addAccount(
        Address("bert@example.org"), displayName: "Bert", password: "battery staple", by: "test")
    try await registry.add(
        address: Address("anna@example.net"), to: Address("anna@example.org"), by: "test")
    try await registry.addAlias(
        Address("info@example.org"), to: [Address("anna@example.org")], by: "test")
    try await registry.addAlias(
        Address("team@example.org"),
        to: [
            Address("info@example.org"), Address("bert@example.org"),
            Address("Carol@elsewhere.example"), Address("anna@example.net"),
        ], by: "test")
    try await registry.add(
        relay: RelayDomain(try Domain("held.example"), lifetimeSeconds: 172_800),
        recipients: [Address("known@held.example")], by: "test")
    try await registry.add(
        relay: RelayDomain(try Domain("open.example"), acceptsAllRecipients: true), by: "test")
}

extension Registry {
    func judge(_ text: String) async throws -> RecipientVerdict {
        await judge(try Address(text))
    }

    /// Where mail goes, one line for each target: `address (account, path)`.
    func targets(of text: String) async throws -> [String] {
        guard case .local(let targets) = try await judge(text) else { return [] }
        return targets.map { "\($0.address) \($0.account?.rawValue ?? 0) \($0.path)" }
    }
}
