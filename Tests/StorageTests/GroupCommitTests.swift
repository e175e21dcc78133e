// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization
import Testing

@Suite("Group commit")
struct GroupCommitTests {
    @Test("what is written is read back, every kind of value", arguments: Room.allCases)
    func values(room: Room) async throws {
        try await withStore(in: room) { store in
            let body: [UInt8] = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
            try await store.write { transaction in
                let sql: StaticString = "INSERT INTO note (id, text, body) VALUES (?, ?, ?)"
                try transaction.execute(sql, [.integer(.max), .text("Grüße 🐎"), .blob(body)])
                try transaction.execute(sql, [.integer(.min), .text(""), .null])
                try transaction.execute(sql, [.integer(0), .text("a"), .blob([])])
            }
            let rows = try await store.read {
                try $0.all("SELECT id, text, body FROM note ORDER BY id") { row -> [Value] in
                    [
                        .integer(row.integer(0)), .text(row.text(1)),
                        row.isNull(2) ? .null : .blob(row.blob(2)),
                    ]
                }
            }
            #expect(
                rows == [
                    [.integer(.min), .text(""), .null], [.integer(0), .text("a"), .blob([])],
                    [.integer(.max), .text("Grüße 🐎"), .blob(body)],
                ])
        }
    }

    @Test("writers who wait at the same moment share a commit", arguments: Room.allCases)
    func shared(room: Room) async throws {
        try await withStore(in: room) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<200 { group.addTask { try await store.add(id) } }
                try await group.waitForAll()
            }
            let ids = try await store.noteIDs()
            #expect(ids == Array(0..<200))
            #expect(store.commitCounts.writes == 200)
            #expect(store.commitCounts.commits < 100)
        }
    }

    @Test("what a write needs may be made while it waits in line", arguments: Room.allCases)
    func meanwhile(room: Room) async throws {
        try await withStore(in: room) { store in
            let made = Mutex<Int64?>(nil)
            try await store.write(
                by: nil, meanwhile: { made.withLock { $0 = $0 ?? 7 } }
            ) { transaction in
                // Whoever is first makes it.
                let id = made.withLock { made in
                    made = made ?? 7
                    return made ?? 0
                }
                try transaction.execute(
                    "INSERT INTO note (id, text) VALUES (?, '')", [.integer(id)])
            }
            #expect(made.withLock { $0 } == 7)
            #expect(try await store.noteIDs() == [7])
        }
    }

    @Test("an error undoes only what its own writer did", arguments: Room.allCases)
    func savepoints(room: Room) async throws {
        struct Refused: Error {}
        try await withStore(in: room) { store in
            await withTaskGroup(of: Bool.self) { group in
                for id in 0..<100 {
                    group.addTask {
                        do {
                            try await store.write { transaction in
                                try transaction.execute(
                                    "INSERT INTO note (id, text) VALUES (?, '')",
                                    [.integer(Int64(id))])
                                if id % 2 == 1 { throw Refused() }
                            }
                            return true
                        } catch {
                            #expect(error is Refused)
                            return false
                        }
                    }
                }
                let kept = await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                #expect(kept == 50)
            }
            let ids = try await store.noteIDs()
            #expect(ids == Array(stride(from: 0, to: 100, by: 2)))
        }
    }

    @Test("a constraint that refuses is named, and the store goes on", arguments: Room.allCases)
    func constraint(room: Room) async throws {
        try await withStore(in: room) { store in
            try await store.add(1)
            await #expect {
                try await store.add(1)
            } throws: { error in
                if case StorageFailure.constraint(let text) = error {
                    text.contains("note.id")
                } else {
                    false
                }
            }
            try await store.add(2)
            let ids = try await store.noteIDs()
            #expect(ids == [1, 2])
        }
    }

    @Test("a query may ask the same question within its rows", arguments: Room.allCases)
    func nested(room: Room) async throws {
        try await withStore(in: room) { store in
            for id in 1...3 { try await store.add(id) }
            let sums = try await store.read { transaction in
                var counts: [Int] = []
                let sql: StaticString = "SELECT id FROM note WHERE id > ? ORDER BY id"
                try transaction.query(sql, [.integer(0)]) { row in
                    var count = 0
                    try? transaction.query(sql, [.integer(row.integer(0))]) { _ in count += 1 }
                    counts.append(count)
                }
                return counts
            }
            #expect(sums == [2, 1, 0])
        }
    }

    @Test("after the committer has ended, every call is refused", arguments: Room.allCases)
    func closed(room: Room) async throws {
        let store = try await withStore(in: room) { store in
            try await store.add(1)
            return store
        }
        await #expect(throws: StorageFailure.closed) { try await store.add(2) }
        await #expect(throws: StorageFailure.closed) { try await store.noteIDs() }
        #expect(throws: StorageFailure.closed) { try store.lookUp { _ in } }
    }

    @Test("what waits when the committer is told to end is still written")
    func ending() async throws {
        let disk = MemoryDisk()
        let store = try SQLiteStore(on: disk, schema: [notes])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in 0..<20 { group.addTask { try await store.add(id) } }
            await Task.yield()
            while store.waitingCount < 20 { await Task.yield() }
            group.addTask {
                withUnsafeCurrentTask { $0?.cancel() }
                await store.run()
            }
            try await group.waitForAll()
        }
        let again = try SQLiteStore(on: disk, schema: [notes])
        let ids = try await again.noteIDs()
        #expect(ids.count == 20)
    }
}
