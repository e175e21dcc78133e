// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SASL
import SimulatedWorld
import Storage
import Testing
import World

@testable import Directory

private let anna = "anna@example.org"
private let password = "correct horse"

/// What a client is told of salt and iterations, without the nonce.
private func told(
    _ user: String, _ registry: Registry, by mechanism: Mechanism = .scramSHA1
) async throws -> String {
    var client = ClientExchange(
        mechanism, user: try PreparedString(user), password: try PreparedString("any"),
        nonce: [1, 2, 3])
    var server = Authentication(mechanism, registry: registry, peer: Fixture.peer)
    guard
        case .challenge(let challenge) = await server.begin(
            initialResponse: client.initialResponse())
    else { return "" }
    return String(String(lossy: challenge).drop { $0 != "," })
}

private func isIn(
    _ mechanism: Mechanism, _ user: String, _ password: String, _ registry: Registry
) async throws -> Bool {
    try await logIn(mechanism, user, password, for: .managesieve, registry) != nil
}

/// A directory whose accounts and an app password `phone` of anna's have no keys for SHA-1, with
/// its text.
private func withOldPasswords(
    _ body: @escaping @Sendable (Registry, Simulation, String) async throws -> Void
) throws {
    try withRegistry { registry, simulation, _ in
        registry.offersSCRAMSHA1 = false
        try await registry.setPassword(password, of: Address(anna), by: "test")
        let phone = try await registry.addAppPassword(
            "phone", for: [], of: Address(anna), by: "test")
        registry.offersSCRAMSHA1 = true
        try await body(registry, simulation, phone)
    }
}

@Suite("Keys for SCRAM-SHA-1 beside those for SCRAM-SHA-256")
struct WeakerKeysTests {
    @Test("Only ManageSieve offers it, behind the better one, and not if the operator says no")
    func offered() throws {
        try withRegistry { registry, _, _ in
            for service in LoginService.allCases {
                let mechanisms = registry.mechanisms(for: service)
                #expect(
                    mechanisms
                        == (service == .managesieve
                            ? [.scramSHA256, .scramSHA1, .plain, .login]
                            : [.scramSHA256, .plain, .login]))
            }
            registry.offersSCRAMSHA1 = false
            #expect(registry.mechanisms(for: .managesieve) == Mechanism.withPassword)
        }
    }

    @Test("A new password has both, each with its salt, the weaker hash with more iterations")
    func made() throws {
        try withRegistry { registry, _, _ in
            let keys = try #require(try registry.credentials(login: anna).keys)
            let sha1 = try #require(keys.sha1)
            #expect(sha1.salt != keys.sha256.salt)
            #expect(sha1.iterations == keys.sha256.iterations * 5 / 2)
            #expect(try await told(anna, registry).hasSuffix(",i=\(sha1.iterations)"))
        }
    }

    @Test(
        "A login by PLAIN or LOGIN makes those that are missing, a wrong password does not",
        arguments: [Mechanism.plain, .login])
    func lazily(mechanism: Mechanism) throws {
        try withOldPasswords { registry, _, phone in
            let names = [(anna, password), ("\(anna)/phone", phone)]
            let before = [
                try await told(anna, registry), try await told("\(anna)/phone", registry),
            ]
            for (user, password) in names {
                #expect(
                    try await attempt(.scramSHA1, user, password, registry)
                        == .refused(.lacksKeys))
                #expect(try await isIn(.scramSHA256, user, password, registry))
                #expect(try await !isIn(mechanism, user, "wrong horse", registry))
                #expect(try await !isIn(.scramSHA1, user, password, registry))
            }
            // The account's own first; the name of the device is not needed with PLAIN.
            #expect(try await isIn(mechanism, anna, password, registry))
            #expect(try await isIn(.scramSHA1, anna, password, registry))
            #expect(try await !isIn(.scramSHA1, "\(anna)/phone", phone, registry))
            #expect(try await isIn(mechanism, anna, phone, registry))
            for (user, password) in names {
                #expect(try await isIn(.scramSHA1, user, password, registry))
                #expect(
                    try await attempt(.scramSHA1, user, "wrong horse", registry)
                        == .refused(.refused))
            }
            // From outside nobody sees the difference.
            #expect(try await told(anna, registry) == before[0])
            #expect(try await told("Anna@Example.org/phone", registry) == before[1])
        }
    }

    @Test("A password that is known to be right from an earlier login makes them as well, once")
    func remembered() throws {
        try withOldPasswords { registry, _, _ in
            registry.offersSCRAMSHA1 = false
            #expect(try await isIn(.plain, anna, password, registry))
            #expect(try registry.credentials(login: anna).keys?.sha1 == nil)
            registry.offersSCRAMSHA1 = true
            #expect(try await isIn(.plain, anna, password, registry))
            let keys = try registry.credentials(login: anna).keys
            #expect(keys?.sha1 != nil)
            let changes = try await registry.changes(limit: 100).count
            #expect(try await isIn(.plain, anna, password, registry))
            #expect(try registry.credentials(login: anna).keys == keys)
            // No change that anybody made.
            #expect(try await registry.changes(limit: 100).count == changes)
        }
    }

    @Test("A password that is changed meanwhile does not get keys of the old one")
    func overtaken() throws {
        try withOldPasswords { registry, _, _ in
            let before = try registry.credentials(login: anna)
            let (account, keys) = (try #require(before.account), try #require(before.keys))
            try await registry.setPassword("another horse", of: account.login, by: "test")
            let after = try registry.credentials(login: anna).keys
            await registry.addMissingKeys(
                of: try PreparedString(password), .init(account: account.id), keys, name: anna)
            #expect(try registry.credentials(login: anna).keys == after)
            #expect(try await isIn(.scramSHA1, anna, "another horse", registry))
            #expect(try await !isIn(.scramSHA1, anna, password, registry))
        }
    }

    @Test("Nobody learns by asking who exists: unknown, disabled, shared, or without keys")
    func alike() throws {
        try withOldPasswords { registry, _, _ in
            try await registry.addSharedAccount(Address("all@example.org"), by: "test")
            try await registry.setEnabled(false, Address("bert@example.org"), by: "test")
            var salts: Set<String> = []
            let names = [
                anna, "nobody@example.org", "bert@example.org", "all@example.org", "anna",
                "\(anna)/phone", "\(anna)/none", "nobody@example.org/phone",
            ]
            for name in names {
                let first = try await told(name, registry)
                #expect(try await told(name.uppercased(), registry) == first, "\(name)")
                #expect(first.hasSuffix(",i=\(SCRAMKeys.minimumIterations * 5 / 2)"), "\(name)")
                #expect(try await told(name, registry, by: .scramSHA256) != first)
                salts.insert(first)
            }
            #expect(salts.count == names.count)
            #expect(
                try await attempt(.scramSHA1, "nobody@example.org", password, registry)
                    == .refused(.refused))
        }
    }

    @Test("Wrong proofs are counted as wrong passwords are")
    func throttled() throws {
        try withRegistry { registry, _, _ in
            for _ in 0..<LoginThrottle.maximumFailures {
                let progress = try await attempt(.scramSHA1, anna, "wrong horse", registry)
                #expect(progress == .refused(.refused))
            }
            #expect(
                try await attempt(.scramSHA1, anna, password, registry) == .tooManyFailures)
            #expect(try await attempt(.plain, anna, password, registry) == .tooManyFailures)
        }
    }

    @Test("Without the mechanism none are made, and those that are there go with their password")
    func switchedOff() throws {
        try withRegistry { registry, _, _ in
            let login = try Address(anna)
            registry.offersSCRAMSHA1 = false
            #expect(try registry.credentials(login: anna).keys?.sha1 != nil)
            try await registry.setPassword("another horse", of: login, by: "test")
            #expect(try await isIn(.plain, anna, "another horse", registry))
            let phone = try await registry.addAppPassword(
                "phone", for: [], of: login, by: "test")
            #expect(try await isIn(.plain, anna, phone, registry))
            for name in [anna, "\(anna)/phone"] {
                let keys = try #require(try registry.credentials(login: name).keys)
                #expect(keys.sha1 == nil)
            }
        }
    }

    @Test("What is changed and undone leaves them; an account that comes back opens to nobody")
    func undone() throws {
        try withRegistry { registry, _, _ in
            let login = try Address(anna)
            let keys = try registry.credentials(login: anna).keys
            try await registry.setDisplayName("Anna B.", of: login, by: "test")
            let change = try #require(try await registry.changes(limit: 1).first)
            try await registry.undo(change: change.id, by: "test")
            #expect(try registry.credentials(login: anna).keys == keys)
            let bert = "bert@example.org"
            try await registry.remove(
                alias: Address("team@example.org"), by: "test")
            try await registry.remove(account: Address(bert), by: "test")
            let removal = try #require(try await registry.changes(limit: 1).first)
            try await registry.undo(change: removal.id, by: "test")
            for mechanism in [Mechanism.plain, .scramSHA256, .scramSHA1] {
                #expect(try await !isIn(mechanism, bert, "battery staple", registry))
            }
        }
    }

    @Test("A backup brings them back, if they are wanted there; an older one has none")
    func copied() throws {
        let copy = try withRegistry { registry, _, _ in
            let login = try Address("anna@example.org")
            let phone = try await registry.addAppPassword(
                "phone", for: [], of: login, by: "test")
            return (try await registry.copy(of: login), phone)
        }
        for isWanted in [true, false] {
            try withRegistry(empty: true) { registry, _, _ in
                let (copy, phone) = copy
                try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
                registry.offersSCRAMSHA1 = isWanted
                _ = try await registry.addAccount(copy, by: "test")
                for (name, password) in [(anna, password), ("\(anna)/phone", phone)] {
                    #expect(try await isIn(.scramSHA256, name, password, registry))
                    #expect(try await isIn(.scramSHA1, name, password, registry) == isWanted)
                }
            }
        }
        try withRegistry(empty: true) { registry, _, _ in
            var copy = copy.0
            try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
            for damage in [copy.verifier, "SCRAM-SHA-1$1$AAAA$AAAA$AAAA", ""] {
                copy.sha1Verifier = damage
                await #expect(throws: DirectoryFailure.self) {
                    try await registry.addAccount(copy, by: "test")
                }
            }
            copy.sha1Verifier = nil
            copy.appPasswords[0].sha1Verifier = nil
            _ = try await registry.addAccount(copy, by: "test")
            #expect(try await isIn(.plain, anna, password, registry))
            #expect(try await isIn(.scramSHA1, anna, password, registry))
        }
    }

    @Test("A directory of an older release opens as before, and its passwords get keys by and by")
    func migration() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let disk = MemoryDisk()
            let scripts = Migrations.directory.scripts
            let index = try #require(scripts.firstIndex { $0.contains("sha1_verifier") })
            let old = try SQLiteStore(
                on: disk,
                schema: [Migrations(module: "Directory", Array(scripts.prefix(index)))])
            let keys = SCRAMKeys(
                password: try PreparedString(password), salt: [UInt8](repeating: 1, count: 16),
                iterations: SCRAMKeys.minimumIterations)
            let values: [Value] = [
                .blob(keys.salt), .integer(Int64(keys.iterations)), .blob(keys.storedKey),
                .blob(keys.serverKey),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await old.run() }
                try await old.write { transaction in
                    try transaction.execute(
                        """
                        INSERT INTO directory_account (id, login, domain, display_name, is_enabled,
                            salt, iterations, stored_key, server_key, language)
                        VALUES (1, 'anna@example.org', 'example.org', 'Anna', 1, ?, ?, ?, ?, 'de')
                        """, values)
                    try transaction.execute(
                        """
                        INSERT INTO directory_app_password (id, account, name, selector, services,
                            created, salt, iterations, stored_key, server_key)
                        VALUES (1, 1, 'phone', 'abcd', 'imap', 0, ?, ?, ?, ?)
                        """, values)
                }
                group.cancelAll()
            }
            let new = try SQLiteStore(on: disk, schema: [.directory])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await new.run() }
                let registry = try await Registry(
                    store: new, time: simulation, entropy: simulation, secretKey: Fixture.key,
                    iterations: SCRAMKeys.minimumIterations)
                let account = try #require(try registry.find(login: Address(anna)))
                #expect(account.displayName == "Anna" && account.language == .german)
                #expect(!account.isShared)
                #expect(try await isIn(.scramSHA256, anna, password, registry))
                #expect(try await !isIn(.scramSHA1, anna, password, registry))
                #expect(try await isIn(.plain, anna, password, registry))
                #expect(try await isIn(.scramSHA1, anna, password, registry))
                #expect(
                    try await registry.appPasswords(of: Address(anna)).map(\.services)
                        == [[.imap]])
                group.cancelAll()
            }
        }
    }
}
