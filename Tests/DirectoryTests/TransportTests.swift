// SPDX-License-Identifier: Apache-2.0

import Mail
import SASL
import SimulatedWorld
import Storage
import Testing
import World

@testable import Directory

@Suite("Passwords at other hosts")
struct TransportTests {
    private static func smarthost(_ password: String) -> Transport {
        Transport(
            .everything, host: "smart.example:587", security: .required,
            account: .init(name: "anna", password: password))
    }

    /// Everything that the tables say of transports.
    private static func stored(_ store: SQLiteStore) async throws -> [String] {
        try await store.read { transaction in
            let rows = try transaction.all(
                """
                SELECT scope || COALESCE(host, '') || COALESCE(account, '')
                    || COALESCE(password, '') || hex(COALESCE(sealed_password, ''))
                FROM directory_transport
                """
            ) { $0.text(0) }
            let changes = try transaction.all(
                """
                SELECT COALESCE(before, '') || ' ' || COALESCE(after, '')
                FROM directory_change_entry WHERE kind = 'transport' ORDER BY change
                """
            ) { $0.text(0) }
            return rows + changes
        }
    }

    @Test("are sealed in the tables, stand in no history, and open with the same key alone")
    func sealed() throws {
        try withRegistry { registry, simulation, store in
            try await registry.set(transport: Self.smarthost("open sesame"), by: "test")
            try await registry.set(transport: Self.smarthost("open barley"), by: "test")
            let stored = try await Self.stored(store)
            #expect(stored.count == 3)
            #expect(!stored.joined().contains("open"), "\(stored)")
            let passwords = try await registry.transports().map(\.account?.password)
            #expect(passwords == ["open barley"])
            let found = try registry.transport(for: nil, isElsewhere: true)
            #expect(found?.account?.password == "open barley")

            let other = try await Registry(
                store: store, time: simulation, entropy: simulation,
                secretKey: SecretKey([UInt8](repeating: 8, count: SecretKey.octetCount)),
                iterations: SCRAMKeys.minimumIterations)
            let locked = try #require(await other.transports().first)
            #expect(locked.host == "smart.example:587" && locked.account?.name == "anna")
            #expect(locked.account != nil && locked.account?.password == nil)
        }
    }

    @Test("that somebody moves to another host or user in the tables do not open there")
    func moved() throws {
        try withRegistry { registry, simulation, store in
            try await registry.set(transport: Self.smarthost("open sesame"), by: "test")
            try await store.write { transaction in
                try transaction.execute(
                    "UPDATE directory_transport SET host = 'elsewhere.example:587'", [])
            }
            let moved = try #require(await registry.transports().first)
            #expect(moved.host == "elsewhere.example:587" && moved.account?.password == nil)
        }
    }

    @Test("come back by undoing only if they are still there")
    func undo() throws {
        try withRegistry { registry, _, _ in
            try await registry.set(transport: Self.smarthost("open sesame"), by: "test")
            var weaker = Self.smarthost("open sesame")
            weaker.security = .implicit
            try await registry.set(transport: weaker, by: "test")
            let change = try #require(await registry.changes(limit: 1).first)
            try await registry.undo(change: change.id, by: "test")
            let back = try #require(await registry.transports().first)
            #expect(back == Self.smarthost("open sesame"))

            try await registry.set(transport: Self.smarthost("open barley"), by: "test")
            let setting = try #require(await registry.changes(limit: 1).first)
            await #expect(throws: DirectoryFailure.passwordNotKept(setting.id)) {
                try await registry.undo(change: setting.id, by: "test")
            }
            try await registry.remove(transport: .everything, by: "test")
            let removal = try #require(await registry.changes(limit: 1).first)
            await #expect(
                throws: DirectoryFailure.transportPasswordNotKept(removal.id, .everything)
            ) {
                try await registry.undo(change: removal.id, by: "test")
            }
            #expect(try await registry.transports().isEmpty)
        }
    }

    @Test("that an older release has left in clear are sealed, and taken out of its history")
    func migration() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let disk = MemoryDisk()
            let old = Migrations(
                module: "Directory", Array(Migrations.directory.scripts.prefix(3)))
            let fields = "*\u{1F}smtp\u{1F}smart.example:587\u{1F}required\u{1F}anna\u{1F}"
            let store = try SQLiteStore(on: disk, schema: [old])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                try await store.write { transaction in
                    try transaction.execute(
                        """
                        INSERT INTO directory_transport VALUES
                            ('*', 'smtp', 'smart.example:587', 'required', 'anna', 'sésame 1', 0)
                        """, [])
                    try transaction.execute(
                        """
                        INSERT INTO directory_change_entry
                            (change, position, kind, key, before, after)
                        VALUES (1, 0, 'transport', '*', ?, ?)
                        """,
                        [
                            .text(fields + "barley 0\u{1F}1"), .text(fields + "sésame 1\u{1F}0"),
                        ])
                }
                group.cancelAll()
            }
            let new = try SQLiteStore(on: disk, schema: [.directory])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await new.run() }
                let registry = try await Registry(
                    store: new, time: simulation, entropy: simulation, secretKey: Fixture.key,
                    iterations: SCRAMKeys.minimumIterations)
                let transports = try await registry.transports()
                #expect(transports == [Self.smarthost("sésame 1")])
                let stored = try await Self.stored(new)
                #expect(stored.last == fields + "1 " + fields + "0")
                #expect(!stored.joined().contains("same"), "\(stored)")
                group.cancelAll()
            }
        }
    }
}
