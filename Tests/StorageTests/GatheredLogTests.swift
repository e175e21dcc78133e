// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("The pages of a commit are written at once")
struct GatheredLogTests {
    /// From a few pages, through what gathers at once, to more than the page cache (16 MiB) holds,
    /// so that SQLite writes pages before the commit and reads them back.
    @Test("What is committed is whole after a loss of power", arguments: [10, 300, 3_000])
    func wholeAfterACrash(rows: Int) async throws {
        let folder = TemporaryFolder()
        let copy = TemporaryFolder()
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        try await withStore(store) { store in
            for round in 0..<3 { try await Self.write(rows, round, to: store) }
            // The files as a crash would leave them: nothing is closed, nothing folded in.
            try copyFiles(from: folder.path, to: copy.path)
        }
        let again = try SQLiteStore(folder: copy.path, schema: [notes])
        let found = try again.lookUp { transaction in
            try transaction.all("SELECT id, body FROM note ORDER BY id", []) {
                ($0.integer(0), $0.blob(1))
            }
        }
        #expect(found.map(\.0) == (0..<Int64(3 * rows)).map { $0 })
        #expect(found.allSatisfy { $0.1 == Self.body($0.0) })
        let verdict = try again.lookUp { transaction in
            try transaction.first("PRAGMA integrity_check", []) { $0.text(0) }
        }
        #expect(verdict == "ok")
    }

    /// Else each sync would have to keep the file's new length, too.
    @Test("Commits find their place in the log: it grows once for many of them")
    func growsInSteps() async throws {
        let folder = TemporaryFolder()
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        try await withStore(store) { store in
            var lengths: Set<Int> = []
            for round in 0..<20 {
                try await Self.write(1, round, to: store)
                lengths.insert(logOctets(folder))
            }
            #expect(lengths.count <= 2 && lengths.allSatisfy { $0 > 1 << 20 })
        }
    }

    @Test("One write's failure undoes only its own statements, whoever shares the commit")
    func failureStaysAlone() async throws {
        struct Refusal: Error {}
        let folder = TemporaryFolder()
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        try await withStore(store) { store in
            await withTaskGroup(of: Void.self) { group in
                for id in 0..<40 {
                    group.addTask {
                        do {
                            try await store.write { transaction in
                                try transaction.execute(
                                    "INSERT INTO note (id, text) VALUES (?, '')",
                                    [.integer(Int64(id))])
                                if id.isMultiple(of: 3) { throw Refusal() }
                            }
                            #expect(!id.isMultiple(of: 3))
                        } catch {
                            #expect(error is Refusal && id.isMultiple(of: 3))
                        }
                    }
                }
            }
            let ids = try await store.noteIDs()
            #expect(ids == (0..<40).filter { !$0.isMultiple(of: 3) })
        }
    }

    private static func write(_ rows: Int, _ round: Int, to store: SQLiteStore) async throws {
        try await store.write { transaction in
            for id in (round * rows)..<((round + 1) * rows) {
                try transaction.execute(
                    "INSERT INTO note (id, text, body) VALUES (?, '', ?)",
                    [.integer(Int64(id)), .blob(body(Int64(id)))])
            }
        }
    }

    private static func body(_ id: Int64) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: id &* 17), count: 10_240)
    }
}
