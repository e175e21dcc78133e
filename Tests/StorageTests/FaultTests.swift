// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("Faults of the disk")
struct FaultTests {
    @Test("a crash before a commit loses the batch, one after it keeps it untold")
    func crash() async throws {
        for isBefore in [true, false] {
            let disk = MemoryDisk()
            let store = try SQLiteStore(on: disk, schema: [notes])
            try await withStore(store) { store in
                try await store.add(0)
                let fault: MemoryDisk.Fault = { disk.crash() }
                disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
                await withTaskGroup(of: Void.self) { group in
                    for id in 1...10 {
                        group.addTask {
                            await #expect(throws: StorageFailure.closed) {
                                try await store.add(id)
                            }
                        }
                    }
                }
            }
            disk.setFaults()
            let again = try SQLiteStore(on: disk, schema: [notes])
            let ids = try await again.noteIDs()
            #expect(ids.count == (isBefore ? 1 : ids.count))
            #expect(ids.count >= (isBefore ? 1 : 2))
            #expect(throws: StorageFailure.closed) { try store.lookUp { _ in } }
        }
    }

    @Test("an injected failure reaches every writer, and passes")
    func injected() async throws {
        let disk = MemoryDisk()
        try await withStore(SQLiteStore(on: disk, schema: [notes])) { store in
            for failure in [StorageFailure.full, .inputOutput("the disk is broken")] {
                disk.fail(with: failure)
                await withTaskGroup(of: Void.self) { group in
                    for id in 0..<20 {
                        group.addTask {
                            await #expect(throws: failure) { try await store.add(id) }
                        }
                    }
                }
                disk.fail(with: nil)
            }
            try await store.add(1)
            let ids = try await store.noteIDs()
            #expect(ids == [1])
        }
    }

    @Test("a database that may not grow says so, lets small writes through, and recovers")
    func full() async throws {
        let folder = TemporaryFolder()
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        try await withStore(store) { store in
            try await store.add(1)
            try await store.limitPages(40)
            let large = [UInt8](repeating: 1, count: 1 << 20)
            // Together they do not fit, the small ones alone do.
            await withTaskGroup(of: Void.self) { group in
                for id in 10..<14 {
                    group.addTask {
                        await #expect(throws: StorageFailure.full) {
                            try await store.write { transaction in
                                try transaction.execute(
                                    "INSERT INTO note (id, text, body) VALUES (?, '', ?)",
                                    [.integer(Int64(id)), .blob(large)])
                            }
                        }
                    }
                }
                for id in 2..<8 {
                    group.addTask { await #expect(throws: Never.self) { try await store.add(id) } }
                }
            }
            let kept = try await store.noteIDs()
            #expect(kept == Array(1..<8))
            try await store.limitPages(100_000)
            try await store.write { transaction in
                try transaction.execute(
                    "INSERT INTO note (id, text, body) VALUES (10, '', ?)", [.blob(large)])
            }
            let more = try await store.noteIDs()
            #expect(more == Array(1..<8) + [10])
        }
    }

    @Test("a writer who overlooks that the disk is full commits nothing on the side")
    func overlooked() async throws {
        let folder = TemporaryFolder()
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        try await withStore(store) { store in
            try await store.limitPages(40)
            let large = [UInt8](repeating: 1, count: 1 << 20)
            await #expect(throws: StorageFailure.self) {
                try await store.write { transaction in
                    let sql: StaticString = "INSERT INTO note (id, text, body) VALUES (?, '', ?)"
                    _ = try? transaction.execute(sql, [.integer(1), .blob(large)])
                    _ = try? transaction.execute(sql, [.integer(2), .blob([1])])
                    throw StorageFailure.closed
                }
            }
            let ids = try await store.noteIDs()
            #expect(ids == [])
        }
    }

    @Test("a data folder is held by one server at a time")
    func locked() throws {
        let folder = TemporaryFolder()
        let first = try SQLiteStore(folder: folder.path, schema: [notes])
        #expect {
            try SQLiteStore(folder: folder.path, schema: [notes])
        } throws: { error in
            if case StorageFailure.locked(let text) = error {
                text.contains(folder.path)
            } else {
                false
            }
        }
        withExtendedLifetime(first) {}
    }

    @Test("a lock left behind does not matter")
    func staleLock() throws {
        let folder = TemporaryFolder()
        for _ in 0..<3 { _ = try SQLiteStore(folder: folder.path, schema: [notes]) }
    }
}

@Suite("Formats")
struct FormatTests {
    static let second = Migrations(
        module: "notes",
        notes.scripts + [
            "ALTER TABLE note ADD COLUMN colour TEXT; UPDATE note SET colour = 'grey'"
        ])

    @Test("an older format is migrated forward, with what it holds")
    func forward() async throws {
        let folder = TemporaryFolder()
        try await withStore(SQLiteStore(folder: folder.path, schema: [notes])) { store in
            try await store.add(1, "old")
        }
        for _ in 0..<2 {
            let store = try SQLiteStore(folder: folder.path, schema: [Self.second])
            let rows = try store.lookUp {
                try $0.all("SELECT text, colour FROM note") { [$0.text(0), $0.text(1)] }
            }
            #expect(rows == [["old", "grey"]])
        }
    }

    @Test("a newer format is refused, and says which module and what to do")
    func newer() throws {
        let folder = TemporaryFolder()
        _ = try SQLiteStore(folder: folder.path, schema: [Self.second])
        #expect(throws: StorageFailure.newerFormat(module: "notes", found: 2, known: 1)) {
            try SQLiteStore(folder: folder.path, schema: [notes])
        }
        let text = StorageFailure.newerFormat(module: "notes", found: 2, known: 1).description
        #expect(text.contains("newer release"))
    }

    @Test("a migration that fails changes nothing")
    func failing() throws {
        let folder = TemporaryFolder()
        let broken = Migrations(
            module: "notes", notes.scripts + ["DROP TABLE note", "CREATE NONSENSE"])
        _ = try SQLiteStore(folder: folder.path, schema: [notes])
        #expect(throws: StorageFailure.self) {
            try SQLiteStore(folder: folder.path, schema: [broken])
        }
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        let count = try store.lookUp {
            try $0.first("SELECT count(*) FROM note") { $0.integer(0) }
        }
        #expect(count == 0)
    }

    /// How a database file can be damaged.
    enum Damage: CaseIterable, Sendable {
        case text, shorter, empty, missing
    }

    @Test("what is no database, or a damaged one, is refused", arguments: Damage.allCases)
    func damaged(damage: Damage) async throws {
        let folder = TemporaryFolder()
        let file = folder.path + "/postreiter.sqlite"
        try await withStore(SQLiteStore(folder: folder.path, schema: [notes])) { store in
            for id in 0..<200 { try await store.add(id, String(repeating: "x", count: 2_000)) }
        }
        switch damage {
        case .text: overwrite(file, "This is a letter to my aunt, not a database, and a long one.")
        case .shorter: #expect(truncate(file, 40_960) == 0)
        case .empty: #expect(truncate(file, 0) == 0)
        case .missing: #expect(unlink(file) == 0)
        }
        for name in ["-wal", "-shm"] { unlink(file + name) }
        #expect {
            try SQLiteStore(folder: folder.path, schema: [notes])
        } throws: { error in
            if case StorageFailure.corrupt(let text) = error {
                text.contains("backup")
            } else {
                false
            }
        }
    }

    private func overwrite(_ path: String, _ text: String) {
        let file = open(path, O_WRONLY | O_TRUNC)
        let long = String(repeating: text, count: 100)
        #expect(write(file, long, long.utf8.count) == long.utf8.count)
        close(file)
    }
}

extension SQLiteStore {
    /// Lets the database grow to so many pages of 4 KiB.
    fileprivate func limitPages(_ count: Int) async throws {
        try await write { transaction in
            if count == 40 {
                try transaction.query("PRAGMA max_page_count = 40", []) { _ in }
            } else {
                try transaction.query("PRAGMA max_page_count = 100000", []) { _ in }
            }
        }
    }
}
