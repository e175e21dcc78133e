// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Storage
import Testing
import World

@testable import Directory

private let peer = Fixture.peer
private let anna = "anna@example.org"

/// Whether a client gets in as anna.
private func isIn(
    _ mechanism: Mechanism, _ user: String, _ password: String, _ service: LoginService?,
    _ registry: Registry
) async throws -> Bool {
    let account = try await logIn(mechanism, user, password, for: service, registry)
    return account?.login.description == anna
}

@Suite("App passwords")
struct AppPasswordTests {
    @Test("A text is five groups of four, read in any case, with or without hyphens")
    func texts() throws {
        let secret = AppSecret(entropy: (0..<20).map { UInt8($0 * 13) })
        #expect(secret.text.count == 24)
        #expect(secret.text.split(separator: "-").map(\.count) == [4, 4, 4, 4, 4])
        #expect(AppSecret(typed: secret.text) == secret)
        let bare = secret.text.uppercased().filter { $0 != "-" }
        #expect(AppSecret(typed: bare) == secret)
        for text in [
            "", "correct horse", bare + "a", String(bare.dropLast()), "l" + bare.dropFirst(),
        ] {
            #expect(AppSecret(typed: text) == nil, "\(text)")
        }
    }

    @Test("It opens the account beside its own password, with each mechanism that can carry it")
    func opens() throws {
        try withRegistry { registry, _, _ in
            let login = try Address(anna)
            let phone = try await registry.addAppPassword(
                "phone", for: [], of: login, by: "test")
            let tablet = try await registry.addAppPassword(
                "tablet", for: [.imap], of: login, by: "test")
            #expect(phone != tablet)
            for mechanism in [Mechanism.plain, .login] {
                #expect(try await isIn(mechanism, anna, phone, .imap, registry))
                #expect(
                    try await isIn(
                        mechanism, anna, phone.uppercased().replacing("-", with: ""), nil, registry)
                )
                #expect(try await isIn(mechanism, anna, "correct horse", .imap, registry))
                #expect(try await !isIn(mechanism, "bert@example.org", phone, .imap, registry))
            }
            // Its keys have to be chosen before it is seen.
            for mechanism in [Mechanism.scramSHA256, .scramSHA1] {
                #expect(try await isIn(mechanism, "\(anna)/phone", phone, .imap, registry))
                #expect(try await isIn(mechanism, anna, "correct horse", .imap, registry))
                #expect(try await !isIn(mechanism, anna, phone, .imap, registry))
                #expect(try await !isIn(mechanism, "\(anna)/phone", tablet, .imap, registry))
            }
            #expect(try await !isIn(.plain, "\(anna)/phone", "correct horse", .imap, registry))
            #expect(try await !isIn(.plain, "\(anna)/none", "correct horse", .imap, registry))
            #expect(try await isIn(.plain, "\(anna)/tablet", tablet, .imap, registry))
        }
    }

    @Test("It opens only what it is for, and nothing once it is revoked or the account disabled")
    func bounds() throws {
        try withRegistry { registry, _, _ in
            let login = try Address(anna)
            let text = try await registry.addAppPassword(
                "my phone", for: [.imap, .smtp], of: login, by: "test")
            for service in LoginService.allCases {
                let isAllowed = service == .imap || service == .smtp
                for (mechanism, user) in [
                    (Mechanism.plain, anna), (.scramSHA256, "\(anna)/my phone"),
                    (.scramSHA1, "\(anna)/my phone"),
                ] {
                    let isIn = try await isIn(mechanism, user, text, service, registry)
                    #expect(isIn == isAllowed, "\(service) \(mechanism)")
                }
            }
            #expect(try await !isIn(.plain, anna, text, nil, registry))
            try await registry.setEnabled(false, login, by: "test")
            #expect(try await !isIn(.plain, anna, text, .imap, registry))
            try await registry.setEnabled(true, login, by: "test")
            #expect(try await isIn(.plain, anna, text, .imap, registry))
            try await registry.removeAppPassword("my phone", of: login, by: "test")
            #expect(try await !isIn(.plain, anna, text, .imap, registry))
            #expect(try await !isIn(.scramSHA256, "\(anna)/my phone", text, .imap, registry))
            #expect(try await registry.appPasswords(of: login).isEmpty)
        }
    }

    @Test("Names are once and modest; there is an end of them")
    func names() throws {
        try withRegistry { registry, _, _ in
            let login = try Address(anna)
            for name in ["", "a/b", " a", "a\nb", String(repeating: "x", count: 61)] {
                await #expect(throws: DirectoryFailure.self) {
                    try await registry.addAppPassword(name, for: [], of: login, by: "test")
                }
            }
            for number in 1...AppPassword.maximumCount {
                _ = try await registry.addAppPassword(
                    "d\(number)", for: [], of: login, by: "test")
            }
            await #expect(throws: DirectoryFailure.self) {
                try await registry.addAppPassword("more", for: [], of: login, by: "test")
            }
            try await registry.removeAppPassword("d1", of: login, by: "test")
            await #expect(throws: DirectoryFailure.self) {
                try await registry.addAppPassword("d2", for: [], of: login, by: "test")
            }
        }
    }

    @Test("The last use is shown at once, and written by and by")
    func lastUse() throws {
        try withRegistry { registry, simulation, store in
            let login = try Address(anna)
            let text = try await registry.addAppPassword(
                "phone", for: [], of: login, by: "test")
            #expect(try await registry.appPasswords(of: login).first?.lastUse == nil)
            _ = try await isIn(.plain, anna, text, .pop3, registry)
            try await simulation.sleep(for: .seconds(5))
            let time = simulation.timestamp
            let mechanism = Mechanism.scramSHA1
            #expect(try await isIn(mechanism, "\(anna)/phone", text, .managesieve, registry))
            let use = try #require(try await registry.appPasswords(of: login).first?.lastUse)
            #expect(use == AppPassword.Use(time: time, service: .managesieve, peer: peer))
            let stored = { @Sendable () async throws -> Int64? in
                try await store.read { transaction in
                    try transaction.first("SELECT last_used FROM directory_app_password") {
                        $0.optionalInteger(0)
                    } ?? nil
                }
            }
            #expect(try await stored() == nil)
            try await registry.writeUses()
            #expect(try await stored() == time.milliseconds)
        }
    }
}
