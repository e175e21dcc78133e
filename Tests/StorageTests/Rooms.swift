// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/postreiter-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, let made = mkdtemp(start) else { return "" }
            return String(cString: made)
        }
        precondition(!path.isEmpty)
    }

    deinit { remove(path) }

    private func remove(_ folder: String) {
        guard let listing = opendir(folder) else { return }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            if unlink(folder + "/" + name) != 0 { remove(folder + "/" + name) }
        }
        closedir(listing)
        rmdir(folder)
    }
}

/// Where a store can live.
enum Room: CaseIterable, Sendable, CustomTestStringConvertible {
    case folder
    case memory

    var testDescription: String { self == .folder ? "in a folder" : "in memory" }
}

let notes = Migrations(
    module: "notes",
    ["CREATE TABLE note (id INTEGER NOT NULL PRIMARY KEY, text TEXT NOT NULL, body BLOB)"])

/// Opens a store in a fresh place, runs its committer beside `body`, and ends it.
func withStore<Result: Sendable>(
    in room: Room, schema: [Migrations] = [notes],
    _ body: @escaping @Sendable (SQLiteStore) async throws -> Result
) async throws -> Result {
    switch room {
    case .memory: return try await withStore(SQLiteStore(on: MemoryDisk(), schema: schema), body)
    case .folder:
        let folder = TemporaryFolder()
        let executor = ThreadExecutor()
        let result = try await withStore(
            SQLiteStore(folder: folder.path, schema: schema, writing: executor, reading: executor),
            body)
        withExtendedLifetime((folder, executor)) {}
        return result
    }
}

func withStore<Result: Sendable>(
    _ store: SQLiteStore, _ body: @escaping @Sendable (SQLiteStore) async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await store.run() }
        let result = try await body(store)
        group.cancelAll()
        return result
    }
}

extension SQLiteStore {
    func add(_ id: Int, _ text: String = "") async throws {
        try await write { transaction in
            try transaction.execute(
                "INSERT INTO note (id, text) VALUES (?, ?)", [.integer(Int64(id)), .text(text)])
        }
    }

    func noteIDs() async throws -> [Int] {
        try await read { try $0.all("SELECT id FROM note ORDER BY id") { Int($0.integer(0)) } }
    }
}

/// How long the write-ahead log is.
func logOctets(_ folder: TemporaryFolder) -> Int {
    var facts = stat()
    return stat(folder.path + "/postreiter.sqlite-wal", &facts) == 0 ? Int(facts.st_size) : 0
}

func copyFiles(from source: String, to target: String) throws {
    for name in ["postreiter.sqlite", "postreiter.sqlite-wal"] {
        let from = try #require(fopen(source + "/" + name, "r"))
        let to = try #require(fopen(target + "/" + name, "w"))
        defer {
            fclose(from)
            fclose(to)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = fread(&buffer, 1, buffer.count, from)
            guard count > 0 else { break }
            try #require(fwrite(buffer, 1, count, to) == count)
        }
    }
}
