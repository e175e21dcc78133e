// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import MessageStore
import Spool
import Storage
import Synchronization
import Testing
import World

@Suite("The instant of acceptance")
struct DraftTests {
    @Test(
        "what is appended is read back, small in a row and large in a file",
        arguments: [(0, 0), (100, 0), (1 << 20, 0), (1 << 20 + 1, 1), (3_000_000, 1)])
    func content(octets: Int, files: Int) async throws {
        try await Post.run { post in
            let id = try await post.accept(octets)
            let due = try await post.claimAll()
            #expect(due.map(\.message.id) == [id])
            #expect(due.first?.message.octets == octets)
            guard let message = due.first?.message else { return }
            var reader = post.spooler.read(message)
            let read = try await reader.readAll()
            #expect(read.octets == Post.content(octets))
            #expect(read.largestPiece <= ContentReader.pieceOctets)
            let names = try await post.bodies.list()
            #expect(names.count == files)
        }
    }

    @Test(
        "fields put above a message at its end are read first, wherever its octets are",
        arguments: [0, 100, 1 << 20 - 3, 1 << 20, 1 << 20 + 1, 3_000_000])
    func prepended(octets: Int) async throws {
        try await Post.run { post in
            var draft = post.intake.open()
            try await draft.append(Post.content(octets)[...])
            draft.prepend(Array("B: 2\r\n".utf8))
            draft.prepend(Array("A: 1\r\n".utf8))
            #expect(draft.octets == octets + 12)
            let envelope = Envelope(
                from: .null, to: [Envelope.Recipient(try Address("ben@example.net"))])
            try await draft.commit(Acceptance(envelope))
            let due = try await post.claimAll()
            guard let message = due.first?.message else { return }
            #expect(message.octets == octets + 12)
            var reader = post.spooler.read(message)
            let read = try await reader.readAll().octets
            #expect(read == Array("A: 1\r\nB: 2\r\n".utf8) + Post.content(octets))
        }
    }

    @Test("a large message reaches its file in pieces, and memory stays flat")
    func flat() async throws {
        final class Watch: BodyFiles {
            let inner = MemoryBodyFiles()
            let largest = Mutex(0)
            func create(_ name: String) async throws(StorageFailure) -> any BodyFile {
                Watched(try await inner.create(name), self)
            }
            func read(
                _ name: String, at offset: Int, count: Int
            ) async throws(StorageFailure) -> [UInt8] {
                try await inner.read(name, at: offset, count: count)
            }
            func remove(_ name: String) async throws(StorageFailure) {
                try await inner.remove(name)
            }
            func list() async throws(StorageFailure) -> [String] { try await inner.list() }
        }
        final class Watched: BodyFile {
            let inner: any BodyFile
            let watch: Watch
            init(_ inner: any BodyFile, _ watch: Watch) {
                self.inner = inner
                self.watch = watch
            }
            func append(_ octets: ArraySlice<UInt8>) async throws(StorageFailure) {
                watch.largest.withLock { $0 = max($0, octets.count) }
                try await inner.append(octets)
            }
            func sync() async throws(StorageFailure) { try await inner.sync() }
            func discard() async { await inner.discard() }
        }
        let store = try SQLiteStore(on: MemoryDisk(), schema: Post.schema)
        let watch = Watch()
        let post = Post(store, watch)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            try await post.accept(20_000_000, piece: 65_536)
            group.cancelAll()
        }
        let largest = watch.largest.withLock { $0 }
        #expect(largest <= Content.rowLimitOctets + 65_536)
    }

    @Test("a discarded draft leaves nothing")
    func discarded() async throws {
        try await Post.run { post in
            var draft = post.intake.open()
            try await draft.append(Post.content(2_000_000)[...])
            await draft.discard()
            let names = try await post.bodies.list()
            let messages = try await post.count("SELECT count(*) FROM message")
            #expect(names == [])
            #expect(messages == 0)
        }
    }

    @Test("a full disk refuses, loses nothing, and is forgotten when there is room again")
    func full() async throws {
        let disk = MemoryDisk()
        try await Post.run(on: disk) { post in
            let first = try await post.accept()
            disk.fail(with: .full)
            await #expect(throws: StorageFailure.full) { try await post.accept() }
            await #expect(throws: StorageFailure.full) { try await post.accept(2_000_000) }
            disk.fail(with: nil)
            let second = try await post.accept(2_000_000)
            let due = try await post.claimAll()
            #expect(due.map(\.message.id) == [first, second])
            let names = try await post.bodies.list()
            #expect(names == [second.description])
        }
    }

    @Test(
        "a crash before the commit leaves no message, after it the whole message",
        arguments: [(true, 100), (true, 2_000_000), (false, 100), (false, 2_000_000)])
    func crash(isBefore: Bool, octets: Int) async throws {
        let disk = MemoryDisk()
        try await Post.run(on: disk) { post in
            let fault: MemoryDisk.Fault = { disk.crash() }
            disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
            await #expect(throws: StorageFailure.closed) { try await post.accept(octets) }
            await #expect(throws: StorageFailure.closed) { try await post.accept(octets) }
        }
        disk.setFaults()
        try await Post.run(on: disk) { post in
            try await post.intake.collectOrphans()
            let due = try await post.claimAll()
            let names = try await post.bodies.list()
            let journal = try await post.trace.queueIDs(messageID: "m1@example.org")
            if isBefore {
                #expect(due == [] && names == [] && journal == [])
                return
            }
            #expect(due.count == 1)
            #expect(journal == due.map(\.message.id))
            #expect(names.count == (octets > 1 << 20 ? 1 : 0))
            guard let message = due.first?.message else { return }
            var reader = post.spooler.read(message)
            let read = try await reader.readAll()
            #expect(read.octets == Post.content(octets))
        }
    }

    @Test("a draft under way is no orphan; what it leaves at a crash is one")
    func orphans() async throws {
        let disk = MemoryDisk()
        try await Post.run(on: disk) { post in
            let kept = try await post.accept(2_000_000)
            var draft = post.intake.open()
            try await draft.append(Post.content(2_000_001)[...])
            let collected = try await post.intake.collectOrphans()
            #expect(collected == 0)
            disk.crash()
            // What a crash loses is decided by the disk; here the half-written file stays.
            let names = try await post.bodies.list()
            #expect(names == [kept, draft.id].map(\.description).sorted())
            await draft.discard()
        }
        try await Post.run(on: disk) { post in
            let collected = try await post.intake.collectOrphans()
            let names = try await post.bodies.list()
            #expect(collected == 1)
            #expect(names.count == 1)
        }
    }

    @Test("what is accepted goes straight to delivery while that has room, else it waits")
    func handover() async throws {
        let arrivals = Arrivals(limit: 3)
        try await Post.run(handover: arrivals) { post in
            let first = try await post.accept(to: ["a@example.net", "b@example.net"])
            let second = try await post.accept(to: ["c@example.net", "d@example.net"])
            let waiting = try await post.claimAll()
            #expect(waiting.map(\.message.id) == [second, second])
            let arrived = await arrivals.next() ?? []
            #expect(arrived.map(\.message.id) == [first, first])
            let settled = try await post.spooler.settle([
                Conclusion(arrived.map { Settlement($0, .done) })
            ])
            #expect(settled.lost == [])
            let left = try await post.spooler.entries().entries
            #expect(left.map(\.id) == [second])
        }
    }
}
