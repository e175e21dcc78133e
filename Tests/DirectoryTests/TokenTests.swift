// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import Directory

private let peer = IPAddress.v4(IPv4Address(192, 0, 2, 1))

/// Knows tokens by heart: `good` is Anna's, and some others are something else.
private struct Judge: TokenJudge {
    func judge(_ token: String) async -> TokenVerdict {
        switch token {
        case "good": .owner(Self.address("Anna@example.org"))
        case "bert": .owner(Self.address("bert@example.org"))
        case "alias": .owner(Self.address("info@example.org"))
        case "stranger": .owner(Self.address("x@elsewhere.example"))
        case "narrow": .insufficientScope("its scope lacks `mail`")
        case "down": .unavailable("the issuer is down")
        default: .refused("it has expired")
        }
    }

    private static func address(_ text: String) -> Address {
        guard let address = try? Address(text) else { preconditionFailure("an address") }
        return address
    }
}

@Suite("Logging in with an access token")
struct TokenTests {
    /// How it ended, and what the client was told before.
    private static func logIn(
        _ token: String, as user: String, _ registry: Registry,
        by mechanism: Mechanism = .oauthBearer
    ) async throws -> (Authentication.Progress, told: String) {
        let name = mechanism == .xoauth2 ? "user=\(user)" : "n,\(user.isEmpty ? "" : "a=\(user)"),"
        var server = Authentication(
            mechanism, registry: registry, peer: peer, service: .imap)
        var told = ""
        var progress = await server.begin(
            initialResponse: Array("\(name)\u{1}auth=Bearer \(token)\u{1}\u{1}".utf8))
        if case .challenge(let challenge) = progress {
            told = String(lossy: challenge)
            progress = await server.respond(mechanism == .xoauth2 ? [] : [1])
        }
        return (progress, told)
    }

    private static let cases: [(token: String, user: String, account: Int64?, reason: String)] = [
        ("good", "anna@example.org", 1, ""), ("good", "ANNA@Example.org", 1, ""),
        ("good", "", 1, ""),
        (
            "good", "bert@example.org", nil,
            "it belongs to Anna@example.org, not to bert@example.org"
        ),
        ("good", "nobody", nil, "it belongs to Anna@example.org, not to nobody"),
        (
            "stranger", "", nil,
            "it belongs to x@elsewhere.example, which is no account that may log in"
        ),
        (
            "alias", "", nil,
            "it belongs to info@example.org, which is no account that may log in"
        ),
        (
            "bert", "bert@example.org", nil,
            "it belongs to bert@example.org, which is no account that may log in"
        ),
        ("old", "anna@example.org", nil, "it has expired"),
        ("narrow", "anna@example.org", nil, "its scope lacks `mail`"),
    ]

    @Test(
        "It opens its owner's account, if that may log in and is who the client wants to be",
        arguments: Mechanism.withToken)
    func owner(mechanism: Mechanism) throws {
        try withRegistry { registry, _, _ in
            registry.acceptTokens(Judge(), of: TokenIssuer(scope: "mail"))
            try await registry.setEnabled(false, Address("bert@example.org"), by: "test")
            for (token, user, account, reason) in Self.cases {
                let (progress, told) = try await Self.logIn(
                    token, as: user, registry, by: mechanism)
                guard let account else {
                    #expect(progress == .refused(.tokenRefused(reason)), "\(token) \(user)")
                    let status = token == "narrow" ? "insufficient_scope" : "invalid_token"
                    #expect(
                        told.contains(mechanism == .xoauth2 ? #""status":"400""# : status),
                        "\(told)")
                    #expect(told.contains(#""scope":"mail""#))
                    continue
                }
                guard case .succeeded(let found) = progress else {
                    Issue.record("\(token) \(user): \(progress)")
                    continue
                }
                #expect(found.id.rawValue == account && told.isEmpty)
            }
        }
    }

    @Test("Bad ones count once each, even if the client hangs up; an issuer that fails is no fault")
    func counted() throws {
        try withRegistry { registry, simulation, _ in
            let seen = Mutex<[Bool]>([])
            registry.watchLogins { _, isRight in seen.withLock { $0.append(isRight) } }
            registry.acceptTokens(Judge(), of: TokenIssuer())
            _ = try await Self.logIn("good", as: "", registry)
            _ = try await Self.logIn("old", as: "anna@example.org", registry)
            let (progress, _) = try await Self.logIn("down", as: "anna@example.org", registry)
            #expect(progress == .temporarilyUnavailable("the issuer is down"))
            var leaving = Authentication(.xoauth2, registry: registry, peer: peer)
            _ = await leaving.begin(
                initialResponse: Array("user=anna@example.org\u{1}auth=Bearer old\u{1}\u{1}".utf8))
            #expect(seen.withLock { $0 } == [true, false, false])
            // In the end none is looked at, as with passwords.
            var last = progress
            for _ in 0..<100 where last != .tooManyFailures {
                last = try await Self.logIn("old", as: "anna@example.org", registry).0
            }
            #expect(last == .tooManyFailures)
            #expect(try await Self.logIn("good", as: "anna@example.org", registry).0 == last)
        }
    }

    @Test("Without a hook there are only passwords")
    func none() throws {
        try withRegistry { registry, _, _ in
            #expect(registry.mechanisms(for: .imap) == Mechanism.withPassword)
            registry.acceptTokens(Judge(), of: TokenIssuer())
            #expect(registry.mechanisms(for: .imap) == Mechanism.withPassword + Mechanism.withToken)
        }
    }
}
