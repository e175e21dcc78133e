// SPDX-License-Identifier: Apache-2.0

import Foundation
import Storage
import Synchronization
import Testing

@Suite("The log is copied into the database beside commits")
struct CheckpointerTests {
    /// A row of two pages: 16 of them in a commit are 32 pages and more.
    private static let body = [UInt8](repeating: 7, count: 12_000)
    private static let rowsOfACommit = 16
    /// Copied when it is longer (32 MiB), with what is committed meanwhile.
    private static let usualLog = 56 << 20

    @Test("It begins anew while commits go on, and nothing is lost")
    func beginsAnew() async throws {
        let folder = TemporaryFolder()
        let copy = TemporaryFolder()
        let commits = 600
        try await withStore(Self.open(folder)) { store in
            var longest = 0
            for commit in 0..<commits {
                try await Self.write(commit, to: store)
                longest = max(longest, logOctets(folder))
            }
            #expect(longest > 16 << 20 && longest < Self.usualLog)
            // As a loss of power would leave it: nothing is closed.
            try copyFiles(from: folder.path, to: copy.path)
        }
        try Self.expectWhole(SQLiteStore(folder: folder.path, schema: [notes]), commits)
        try Self.expectWhole(SQLiteStore(folder: copy.path, schema: [notes]), commits)
    }

    @Test("It grows while somebody reads what was, and begins anew behind that")
    func waitsForReaders() async throws {
        let folder = TemporaryFolder()
        let commits = 900
        try await withStore(Self.open(folder)) { store in
            try await Self.write(0, to: store)
            let (begun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let (reads, goesOn) = AsyncStream.makeStream(of: Int.self)
            Thread.detachNewThread {
                let found = try? store.lookUp { transaction in
                    let before = try transaction.first("SELECT count(*) FROM note", []) {
                        $0.integer(0)
                    }
                    begun.signal()
                    mayEnd.wait()
                    let after = try transaction.first("SELECT count(*) FROM note", []) {
                        $0.integer(0)
                    }
                    return before == after ? before : nil
                }
                goesOn.yield(Int((found ?? nil) ?? -1))
                goesOn.finish()
            }
            await Task.detached { begun.waitHere() }.value
            for commit in 1..<400 { try await Self.write(commit, to: store) }
            #expect(logOctets(folder) > Self.usualLog)
            mayEnd.signal()
            for await count in reads { #expect(count == Self.rowsOfACommit) }
            var isShortAgain = false
            for commit in 400..<commits {
                try await Self.write(commit, to: store)
                isShortAgain = isShortAgain || logOctets(folder) <= 64 << 20
            }
            #expect(isShortAgain)
        }
        try Self.expectWhole(SQLiteStore(folder: folder.path, schema: [notes]), commits)
    }

    private static func open(_ folder: TemporaryFolder) throws -> SQLiteStore {
        try SQLiteStore(
            folder: folder.path, schema: [notes], writing: ThreadExecutor(),
            checkpointing: ThreadExecutor(niceness: 2), reading: ThreadExecutor())
    }

    private static func write(_ commit: Int, to store: SQLiteStore) async throws {
        try await store.write { transaction in
            for row in 0..<rowsOfACommit {
                try transaction.execute(
                    "INSERT INTO note (id, text, body) VALUES (?, '', ?)",
                    [.integer(Int64(commit * rowsOfACommit + row)), .blob(body)])
            }
        }
    }

    private static func expectWhole(_ store: SQLiteStore, _ commits: Int) throws {
        let facts = try store.lookUp { transaction in
            (
                try transaction.first("SELECT count(*), sum(length(body)) FROM note", []) {
                    ($0.integer(0), $0.integer(1))
                },
                try transaction.first("PRAGMA integrity_check", []) { $0.text(0) }
            )
        }
        #expect(facts.0?.0 == Int64(commits * rowsOfACommit))
        #expect(facts.0?.1 == Int64(commits * rowsOfACommit * body.count))
        #expect(facts.1 == "ok")
    }
}

extension DispatchSemaphore {
    fileprivate func waitHere() { wait() }
}
