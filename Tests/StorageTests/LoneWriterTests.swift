// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization
import Testing
import World

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("Who is alone commits on its own thread")
struct LoneWriterTests {
    @Test("After sixteen commits of nobody else, each on a quick disk")
    func alone() async throws {
        try await withQuickStore { store, _ in
            let writer = WriterIdentity()
            let first = try await store.addUntilHere(from: 0, by: writer)
            #expect(first >= 16)
            for id in first + 1..<first + 40 {
                #expect(try await store.addHere(id, by: writer), "\(id)")
            }
            #expect(try await store.noteIDs() == Array(0..<first + 40))
            #expect(store.commitCounts.commits == first + 40)
        }
    }

    @Test("Whoever else writes sends it back to the committer, with or without a name")
    func others() async throws {
        try await withQuickStore { store, _ in
            let (writer, other) = (WriterIdentity(), WriterIdentity())
            var last = try await store.addUntilHere(from: 0, by: writer)
            for disturber in [nil, other] {
                let isHere = try await store.addHere(last + 1, by: disturber)
                #expect(!isHere)
                let next = try await store.addUntilHere(from: last + 2, by: writer)
                #expect(next >= last + 2 + 16)
                last = next
            }
        }
    }

    @Test("Two by turns are never alone, nor is one without a name")
    func turns() async throws {
        try await withQuickStore { store, _ in
            let writers = [WriterIdentity(), WriterIdentity()]
            for id in 0..<60 {
                for (id, writer) in [(id, writers[id % 2]), (100 + id, nil)] {
                    let isHere = try await store.addHere(id, by: writer)
                    #expect(!isHere)
                }
            }
        }
    }

    @Test("A slow disk leaves all to the committer, until it is quick again")
    func slow() async throws {
        try await withQuickStore { store, clock in
            let writer = WriterIdentity()
            let first = try await store.addUntilHere(from: 0, by: writer)
            clock.step.store(2_000_000, ordering: .relaxed)
            // Nobody knows it before.
            #expect(try await store.addHere(first + 1, by: writer))
            for id in 2..<40 {
                let isHere = try await store.addHere(first + id, by: writer)
                #expect(!isHere)
            }
            clock.step.store(100_000, ordering: .relaxed)
            let next = try await store.addUntilHere(from: first + 40, by: writer)
            #expect(next >= first + 40 + 16)
        }
    }

    @Test("An error undoes what was written, and the next write goes on")
    func errors() async throws {
        struct Refused: Error {}
        try await withQuickStore { store, _ in
            let writer = WriterIdentity()
            let first = try await store.addUntilHere(from: 1, by: writer)
            await #expect(throws: Refused.self) {
                try await store.write(by: writer, meanwhile: {}) { transaction -> Void in
                    try transaction.execute("INSERT INTO note (id, text) VALUES (0, '')", [])
                    throw Refused()
                }
            }
            await #expect(throws: StorageFailure.self) { try await store.addHere(1, by: writer) }
            #expect(try await store.addHere(first + 1, by: writer))
            #expect(try await store.noteIDs() == Array(1...first + 1))
        }
    }

    @Test("What comes from others meanwhile waits, and nothing is lost")
    func together() async throws {
        try await withQuickStore { store, _ in
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    let writer = WriterIdentity()
                    var here = 0
                    for id in 0..<2000 {
                        if try await store.addHere(id, by: writer) { here += 1 }
                    }
                    return here
                }
                group.addTask {
                    for burst in 0..<20 {
                        for id in 0..<5 { try await store.add(2000 + burst * 5 + id) }
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    return 0
                }
                let here = try await group.reduce(0, +)
                #expect(here > 100)
            }
            #expect(try await store.noteIDs() == Array(0..<2100))
        }
    }

    @Test("The log is still copied into the database, and begins anew")
    func checkpoints() async throws {
        let folder = TemporaryFolder()
        try await withQuickStore(in: folder) { store, _ in
            let writer = WriterIdentity()
            let body = [UInt8](repeating: 7, count: 60_000)
            var (longest, here) = (0, 0)
            for id in 0..<2500 {
                if try await store.addHere(id, body, by: writer) { here += 1 }
                longest = max(longest, logOctets(folder))
            }
            #expect(here > 1000)
            #expect(longest > 16 << 20 && longest < 80 << 20)
        }
        let store = try SQLiteStore(folder: folder.path, schema: [notes])
        let octets = try store.lookUp {
            try $0.first("SELECT sum(length(body)) FROM note") { Int($0.integer(0)) }
        }
        #expect(octets == 2500 * 60_000)
    }

    @Test("A store that has ended takes nothing from it")
    func ended() async throws {
        let folder = TemporaryFolder()
        let writer = WriterIdentity()
        let store = try await withQuickStore(in: folder) { store, _ in
            _ = try await store.addUntilHere(from: 1, by: writer)
            return store
        }
        await #expect(throws: StorageFailure.closed) { try await store.addHere(0, by: writer) }
    }

    /// A store of the live world on a disk that seems to take 0.1 ms for a commit.
    @discardableResult
    private func withQuickStore<Result: Sendable>(
        in folder: TemporaryFolder = TemporaryFolder(),
        _ body: @escaping @Sendable (SQLiteStore, SteadyClock) async throws -> Result
    ) async throws -> Result {
        let clock = SteadyClock()
        let store = try SQLiteStore(
            folder: folder.path, schema: [notes], writing: ThreadExecutor(),
            checkpointing: ThreadExecutor(niceness: 2), reading: ThreadExecutor(), time: clock)
        return try await withStore(store) { try await body($0, clock) }
    }
}

/// A clock that goes on by one step whenever somebody looks at it.
private final class SteadyClock: Time {
    /// In nanoseconds.
    let step = Atomic<Int64>(100_000)
    private let reading = Atomic<Int64>(0)

    var now: Instant {
        Instant(
            nanoseconds: reading.add(step.load(ordering: .relaxed), ordering: .relaxed).newValue)
    }
    var timestamp: Timestamp { Timestamp(seconds: 0) }
    func sleep(until deadline: Instant) async throws(CancellationError) {
        throw CancellationError()
    }
}

extension SQLiteStore {
    /// Adds a note; says whether it was committed on the caller's thread.
    @discardableResult
    fileprivate func addHere(
        _ id: Int, _ body: [UInt8] = [], by writer: WriterIdentity?
    ) async throws -> Bool {
        var caller: pthread_t?
        let committer = try await write(by: writer, meanwhile: { caller = pthread_self() }) {
            try $0.execute(
                "INSERT INTO note (id, text, body) VALUES (?, '', ?)",
                [.integer(Int64(id)), .blob(body)])
            return pthread_self()
        }
        return caller == committer
    }

    /// Adds notes until the first that is committed on the caller's thread, and returns its number.
    ///
    /// The committer that made the one before may not wait for the next one yet; then it takes it.
    fileprivate func addUntilHere(from first: Int, by writer: WriterIdentity) async throws -> Int {
        for id in first..<first + 200 {
            if try await addHere(id, by: writer) { return id }
        }
        throw StorageFailure.inputOutput("the committer takes them all")
    }
}
