// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Testing
import World

@testable import Directory

private let peer = IPAddress.v4(IPv4Address(192, 0, 2, 1))

/// Runs a client against the directory; the account, or nil if it was refused.
private func logIn(
    _ mechanism: Mechanism, _ user: String, _ password: String, as other: String? = nil,
    _ registry: Registry
) async throws -> Account? {
    var client = ClientExchange(
        mechanism, user: try PreparedString(user), password: try PreparedString(password),
        authorization: other, nonce: [1, 2, 3])
    var server = Authentication(mechanism, registry: registry, peer: peer)
    var progress = await server.begin(initialResponse: client.initialResponse())
    while case .challenge(let challenge) = progress {
        progress = await server.respond(try client.respond(to: challenge))
    }
    guard case .succeeded(let account) = progress else { return nil }
    #expect(client.isServerAuthentic)
    return account
}

@Suite("Logging in")
struct AuthenticationTests {
    @Test("The right name and password open the account", arguments: Mechanism.allCases)
    func right(mechanism: Mechanism) throws {
        try withRegistry { registry, _, _ in
            let account = try await logIn(
                mechanism, "Anna@example.org", "correct horse", registry)
            #expect(account?.id == AccountID(rawValue: 1))
        }
    }

    @Test("To name oneself as whom to act is allowed, to name another is not")
    func authorization() throws {
        try withRegistry { registry, _, _ in
            let name = "anna@example.org"
            for mechanism in [Mechanism.plain, .scramSHA256] {
                let own = try await logIn(
                    mechanism, name, "correct horse", as: "ANNA@example.org", registry)
                #expect(own != nil)
                let other = try await logIn(
                    mechanism, name, "correct horse", as: "bert@example.org", registry)
                #expect(other == nil)
            }
        }
    }

    @Test("A wrong password, an unknown name and a disabled account are refused alike")
    func wrong() throws {
        try withRegistry { registry, _, _ in
            try await registry.setEnabled(false, Address("bert@example.org"), by: "test")
            for mechanism in [Mechanism.plain, .login, .scramSHA256] {
                for (user, password) in [
                    ("anna@example.org", "wrong horse"), ("nobody@example.org", "correct horse"),
                    ("anna", "correct horse"), ("bert@example.org", "battery staple"),
                ] {
                    let account = try await logIn(mechanism, user, password, registry)
                    #expect(account == nil)
                }
            }
        }
    }

    @Test("An unknown name gets the same salt each time, like a known one")
    func decoys() throws {
        try withRegistry { registry, _, _ in
            let first = try registry.credentials(login: "Nobody@example.org")
            let second = try registry.credentials(login: "nobody@example.org")
            #expect(first.account == nil)
            #expect(first.keys == second.keys)
            #expect(first.keys.iterations == registry.iterations)
        }
    }

    @Test("A changed password closes what the old one opened, cached or not")
    func changed() throws {
        try withRegistry { registry, _, _ in
            let name = "anna@example.org"
            for _ in 0..<2 {
                #expect(try await logIn(.plain, name, "correct horse", registry) != nil)
            }
            try await registry.setPassword("new password", of: Address(name), by: "test")
            #expect(try await logIn(.plain, name, "correct horse", registry) == nil)
            #expect(try await logIn(.plain, name, "new password", registry) != nil)
        }
    }

    @Test("A network that keeps failing waits longer and longer, up to a bound")
    func pauses() throws {
        try withRegistry { registry, simulation, _ in
            var waits: [Duration] = []
            for _ in 0..<10 {
                let start = simulation.now
                _ = try await logIn(.plain, "anna@example.org", "wrong horse", registry)
                waits.append(simulation.now - start)
            }
            #expect(waits.map(\.components.seconds) == [0, 0, 0, 1, 2, 4, 8, 15, 15, 15])
            // Who is right does not wait.
            let start = simulation.now
            #expect(
                try await logIn(.plain, "anna@example.org", "correct horse", registry) != nil)
            #expect(simulation.now == start)
        }
    }

    @Test("The count follows an IPv6 network, not its single addresses")
    func networks() throws {
        let failures = LoginFailures()
        let now = Instant(nanoseconds: 0)
        for last in 1...5 {
            let address = try #require(IPAddress("2001:db8::\(last)"))
            let expected = max(0, last - LoginFailures.freeFailures)
            #expect(failures.add(from: address, at: now) == .seconds(expected))
        }
        let other = try #require(IPAddress("2001:db8:0:1::1"))
        #expect(failures.add(from: other, at: now) == .zero)
        let later = now + LoginFailures.memory
        #expect(failures.add(from: try #require(IPAddress("2001:db8::9")), at: later) == .zero)
    }
}
