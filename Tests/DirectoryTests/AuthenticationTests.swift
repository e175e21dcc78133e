// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import Directory

private let peer = Fixture.peer

@Suite("Logging in")
struct AuthenticationTests {
    @Test(
        "The right name and password open the account",
        arguments: Mechanism.withPassword + [.scramSHA1])
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
            for mechanism in [Mechanism.plain, .scramSHA256, .scramSHA1] {
                let own = try await logIn(
                    mechanism, name, "correct horse", as: "ANNA@example.org", registry)
                #expect(own != nil)
                let other = try await logIn(
                    mechanism, name, "correct horse", as: "bert@example.org", registry)
                #expect(other == nil)
            }
        }
    }

    @Test(
        "The three hundred thousandth login costs no more than the first", .timeLimit(.minutes(1)))
    func manyLogins() throws {
        try withRegistry { registry, _, _ in
            let told = Atomic(0)
            registry.watchLogins { _, _ in told.add(1, ordering: .relaxed) }
            for _ in 0..<300_000 { await registry.noteLogin(from: peer, hasSucceeded: false) }
            #expect(told.load(ordering: .relaxed) == 300_000)
        }
    }

    @Test("A wrong password, an unknown name and a disabled account are refused alike")
    func wrong() throws {
        try withRegistry { registry, _, _ in
            try await registry.setEnabled(false, Address("bert@example.org"), by: "test")
            for mechanism in [Mechanism.plain, .login, .scramSHA256, .scramSHA1] {
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
            #expect(first.account == nil && first.keys == nil)
            let decoy = registry.decoy(for: first.name, .sha256)
            #expect(decoy == registry.decoy(for: second.name, .sha256))
            #expect(decoy.iterations == registry.iterations)
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
        var throttle = LoginThrottle()
        let now = Instant(nanoseconds: 0)
        for last in 1...5 {
            let address = try #require(IPAddress("2001:db8::\(last)"))
            let pause = throttle.add(nil, from: address, at: now)
            #expect(pause == .seconds(max(0, last - LoginThrottle.freeFailures)))
        }
        let other = throttle.add(nil, from: try #require(IPAddress("2001:db8:0:1::1")), at: now)
        #expect(other == .zero)
        let later = now + LoginThrottle.memory
        let same = throttle.add(nil, from: try #require(IPAddress("2001:db8::9")), at: later)
        #expect(same == .zero)
    }

    @Test("A thousand wrong passwords: slowed, then refused, while the owner logs in elsewhere")
    func thousand() throws {
        var throttle = LoginThrottle()
        let attacker = try #require(IPAddress("192.0.2.1"))
        let owner = try #require(IPAddress("198.51.100.1"))
        var now = Instant(nanoseconds: 0)
        var listened = 0
        for _ in 0..<1000 {
            if !throttle.isRefused("anna@example.org", from: attacker, at: now) { listened += 1 }
            now = now + throttle.add("Anna@example.org", from: attacker, at: now)
            let isOwnerRefused = throttle.isRefused("anna@example.org", from: owner, at: now)
            let isOtherRefused = throttle.isRefused("bert@example.org", from: attacker, at: now)
            #expect(!isOwnerRefused && !isOtherRefused)
        }
        // 1,000 answers take four hours, and in a quarter of an hour 20 are looked at.
        #expect(now > Instant(nanoseconds: 0) + .hours(4))
        #expect(listened > 20 && listened < 20 * 17)
        #expect(throttle.count == 2)
        // It ends by itself, and knowing the password ends it for good.
        let isRefusedLater = throttle.isRefused(
            "anna@example.org", from: attacker, at: now + .minutes(15))
        #expect(!isRefusedLater)
        throttle.succeed("anna@example.org", from: attacker)
        #expect(throttle.count == 1)
    }

    @Test("Names and networks without number are not remembered without number")
    func bounded() throws {
        var throttle = LoginThrottle()
        let now = Instant(nanoseconds: 0)
        for number in 0..<50_000 as Range<UInt32> {
            let name = String(repeating: "x", count: 1000) + "\(number)"
            let peer = IPAddress.v4(IPv4Address(rawValue: number))
            _ = throttle.add(name, from: peer, at: now)
        }
        #expect(throttle.count <= 2 * LoginThrottle.limit)
    }

    @Test("Who is refused hears so, whatever the password, until a quarter of an hour has passed")
    func refusal() throws {
        try withRegistry { registry, simulation, _ in
            let peer = try #require(IPAddress("192.0.2.1"))
            func attempt(_ password: String) async -> Authentication.Progress {
                var attempt = Authentication(.plain, registry: registry, peer: peer)
                let response = "\0anna@example.org\0\(password)"
                return await attempt.begin(initialResponse: Array(response.utf8))
            }
            for _ in 0..<LoginThrottle.maximumFailures {
                #expect(await attempt("wrong horse") == .refused(.refused))
            }
            #expect(await attempt("correct horse") == .tooManyFailures)
            try await simulation.sleep(for: .minutes(15))
            guard case .succeeded = await attempt("correct horse") else {
                Issue.record("the owner is locked out")
                return
            }
        }
    }
}
