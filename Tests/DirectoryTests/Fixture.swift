// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Storage
import Testing
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
    /// From where clients log in.
    static let peer = IPAddress.v4(IPv4Address(192, 0, 2, 1))
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

/// Runs a client against the directory, to the end.
func attempt(
    _ mechanism: Mechanism, _ user: String, _ password: String, as other: String? = nil,
    for service: LoginService? = nil, _ registry: Registry
) async throws -> Authentication.Progress {
    var client = ClientExchange(
        mechanism, user: try PreparedString(user), password: try PreparedString(password),
        authorization: other, nonce: [1, 2, 3])
    var server = Authentication(
        mechanism, registry: registry, peer: Fixture.peer, service: service)
    var progress = await server.begin(initialResponse: client.initialResponse())
    while case .challenge(let challenge) = progress {
        progress = await server.respond(try client.respond(to: challenge))
    }
    if case .succeeded = progress { #expect(client.isServerAuthentic) }
    return progress
}

/// The account that a client opens, or nil if it was refused.
func logIn(
    _ mechanism: Mechanism, _ user: String, _ password: String, as other: String? = nil,
    for service: LoginService? = nil, _ registry: Registry
) async throws -> Account? {
    let progress = try await attempt(
        mechanism, user, password, as: other, for: service, registry)
    guard case .succeeded(let account) = progress else { return nil }
    return account
}
