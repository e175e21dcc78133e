// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

@Suite("Body files")
struct BodyFilesTests {
    /// Runs `body` with files of each kind.
    private func withFiles(
        in room: Room, _ body: (any BodyFiles) async throws -> Void
    ) async throws {
        switch room {
        case .memory: try await body(MemoryBodyFiles())
        case .folder:
            let folder = TemporaryFolder()
            let executor = ThreadExecutor()
            try await body(FolderBodyFiles(folder: folder.path, on: executor))
            withExtendedLifetime((folder, executor)) {}
        }
    }

    @Test("a file is written, synced, read in pieces, listed and removed", arguments: Room.allCases)
    func life(room: Room) async throws {
        try await withFiles(in: room) { files in
            let octets = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let file = try await files.create("B1")
            try await file.append(octets[..<100_000])
            try await file.append(octets[100_000...])
            try await file.sync()
            let other = try await files.create("A1")
            try await other.sync()
            var read: [UInt8] = []
            while true {
                let piece = try await files.read("B1", at: read.count, count: 65_536)
                #expect(piece.count <= 65_536)
                if piece.isEmpty { break }
                read += piece
            }
            #expect(read == octets)
            let both = try await files.list()
            #expect(both == ["A1", "B1"])
            try await files.remove("B1")
            try await files.remove("B1")
            let one = try await files.list()
            #expect(one == ["A1"])
        }
    }

    @Test("a name is never written twice", arguments: Room.allCases)
    func twice(room: Room) async throws {
        try await withFiles(in: room) { files in
            let file = try await files.create("A")
            await #expect(throws: StorageFailure.self) { _ = try await files.create("A") }
            await file.discard()
            let names = try await files.list()
            #expect(names == [])
        }
    }

    @Test("a missing file is a damaged store", arguments: Room.allCases)
    func missing(room: Room) async throws {
        try await withFiles(in: room) { files in
            await #expect {
                _ = try await files.read("A", at: 0, count: 1)
            } throws: { error in
                if case StorageFailure.corrupt = error { true } else { false }
            }
        }
    }

    @Test("a crash keeps what was synced, and at most a part of the rest")
    func crash() async throws {
        let files = MemoryBodyFiles()
        let kept = try await files.create("A")
        try await kept.append([1, 2, 3])
        try await kept.sync()
        let even = try await files.create("B")
        try await even.append([1, 2, 3, 4])
        let odd = try await files.create("C")
        try await odd.append([1, 2, 3])
        files.crash()
        await #expect(throws: StorageFailure.closed) { try await odd.append([4]) }
        await #expect(throws: StorageFailure.closed) { try await even.sync() }
        let names = try await files.list()
        let whole = try await files.read("A", at: 0, count: 10)
        let part = try await files.read("C", at: 0, count: 10)
        #expect(names == ["A", "C"])
        #expect(whole == [1, 2, 3])
        #expect(part == [1, 2])
    }
}
