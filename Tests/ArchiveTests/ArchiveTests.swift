// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import MessageStore
import Storage
import Testing
import World

@testable import Archive

@Suite("Backup and restoration of a data folder")
struct ArchiveTests {
    private static let schema: [Migrations] = [.messageStore]

    /// A data folder with some small contents and some large ones, and an empty place beside it.
    private func withFolders(
        _ body: (_ data: String, _ other: String, _ archive: String) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "archive-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let data = folder + "/data"
        let store = try SQLiteStore(folder: data, schema: Self.schema)
        let bodies = try FolderBodyFiles(folder: data)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            for number in 1...20 {
                let name = "BODY\(number)"
                let isLarge = number % 4 == 0
                let octets = [UInt8](repeating: UInt8(number), count: number * 1000)
                if isLarge {
                    let file = try await bodies.create(name)
                    try await file.append(octets[...])
                    try await file.sync()
                }
                try await store.write { transaction in
                    try Content.insert(
                        Content.ID(value: Int64(number)), octets: octets.count,
                        isLarge ? .file(name) : .octets(octets), in: transaction)
                }
            }
            group.cancelAll()
        }
        try FileManager.default.createDirectory(
            atPath: data + "/zones", withIntermediateDirectories: true)
        try Data("@ SOA\n".utf8).write(to: URL(fileURLWithPath: data + "/zones/example.org.zone"))
        try await body(data, folder + "/other", folder + "/backup.tar")
    }

    private func backUp(_ data: String, _ archive: String) throws -> Backup.Summary {
        try Backup(of: data).write(
            to: archive, at: Timestamp(seconds: 1_800_000_000), version: "0.1",
            host: "mx1.example.org")
    }

    private func reason(_ error: ArchiveFailure?) -> String { error.map { "\($0)" } ?? "none" }

    @Test("What was backed up comes back octet for octet")
    func roundTrip() async throws {
        try await withFolders { data, other, archive in
            let summary = try backUp(data, archive)
            #expect(summary.bodies == 5)
            #expect(!FileManager.default.fileExists(atPath: data + "/backup"))
            let restored = try Restoration(into: other, schema: Self.schema).restore(from: archive)
            #expect(restored.bodies == 5)
            #expect(restored.manifest["host"]?.string == "mx1.example.org")
            #expect(restored.manifest["time"]?.string == "2027-01-15T08:00:00Z")
            for name in ["bodies/BODY4", "bodies/BODY20", "zones/example.org.zone"] {
                let (before, after) = (
                    FileManager.default.contents(atPath: "\(data)/\(name)"),
                    FileManager.default.contents(atPath: "\(other)/\(name)")
                )
                #expect(before != nil && before == after, "\(name)")
            }
            let store = try SQLiteStore(folder: other, schema: Self.schema)
            let count = try store.lookUp {
                try $0.first("SELECT count(*) FROM content") { $0.integer(0) }
            }
            #expect(count == 20)
        }
    }

    @Test("The archive is one that tar reads")
    func tar() async throws {
        try await withFolders { data, _, archive in
            _ = try backUp(data, archive)
            let octets = [UInt8](try #require(FileManager.default.contents(atPath: archive)))
            #expect(octets.count % 512 == 0)
            let header = try #require(TarHeader(octets[..<512]))
            #expect(header.name == "manifest.json")
            #expect(Array(octets[257..<262]) == Array("ustar".utf8))
            let attributes = try FileManager.default.attributesOfItem(atPath: archive)
            #expect((attributes[.posixPermissions] as? Int) == 0o600)
        }
    }

    @Test("A size beyond 8 GiB survives the header")
    func largeFiles() throws {
        for octets in [0, 1, 512, 1 << 33 - 1, 1 << 33, 1 << 40] {
            let header = TarHeader(name: "bodies/X", octets: octets, time: 1_800_000_000)
            #expect(TarHeader(header.encoded[...]) == header)
        }
        var damaged = TarHeader(name: "x", octets: 1, time: 1).encoded
        damaged[0] ^= 1
        #expect(TarHeader(damaged[...]) == nil)
    }

    @Test("A folder with anything in it, a damaged, cut or foreign archive: nothing is restored")
    func refused() async throws {
        try await withFolders { data, other, archive in
            _ = try backUp(data, archive)
            let restoration = Restoration(into: other, schema: Self.schema)
            try FileManager.default.createDirectory(
                atPath: other, withIntermediateDirectories: true)
            try Data().write(to: URL(fileURLWithPath: other + "/something"))
            var error = #expect(throws: ArchiveFailure.self) {
                try restoration.restore(from: archive)
            }
            #expect(
                error?.kind == .cannotCreate && reason(error).contains("not empty"))
            try FileManager.default.removeItem(atPath: other + "/something")

            let whole = try #require(FileManager.default.contents(atPath: archive))
            let file = URL(fileURLWithPath: archive + ".damaged")
            var flipped = whole
            flipped[whole.count / 2] ^= 1
            for (what, octets) in [
                ("flipped", flipped), ("cut", whole.prefix(whole.count / 2)),
                ("cut at a block", whole.prefix(whole.count / 1024 * 512)), ("empty", Data()),
                ("foreign", Data(repeating: 0x41, count: 10_000)),
            ] {
                try octets.write(to: file)
                error = #expect(throws: ArchiveFailure.self, "\(what)") {
                    try restoration.restore(from: file.path)
                }
                #expect(error?.kind == .data, "\(what): \(reason(error))")
                let left = try FileManager.default.contentsOfDirectory(atPath: other)
                #expect(left.isEmpty, "\(what) left \(left)")
            }
        }
    }

    @Test("A backup with a body missing or of another size, or of a newer format, is refused")
    func incomplete() async throws {
        try await withFolders { data, other, archive in
            let body = data + "/bodies/BODY8"
            let whole = try #require(FileManager.default.contents(atPath: body))
            try whole.dropLast().write(to: URL(fileURLWithPath: body))
            _ = try backUp(data, archive)
            var error = #expect(throws: ArchiveFailure.self) {
                try Restoration(into: other, schema: Self.schema).restore(from: archive)
            }
            #expect(reason(error).contains("BODY8 has 7999 octets instead of 8000"))
            try whole.write(to: URL(fileURLWithPath: body))
            try FileManager.default.removeItem(atPath: archive)
            _ = try backUp(data, archive)
            error = #expect(throws: ArchiveFailure.self) {
                let older = [Migrations(module: Self.schema[0].module, [])]
                _ = try Restoration(into: other, schema: older).restore(from: archive)
            }
            #expect(
                reason(error).contains("newer release"), "\(reason(error))")
            #expect(!FileManager.default.fileExists(atPath: other))
        }
    }

    @Test("A file that exists is never replaced, and a body that has gone is not waited for")
    func destination() async throws {
        try await withFolders { data, _, archive in
            try Data("precious".utf8).write(to: URL(fileURLWithPath: archive))
            let error = #expect(throws: ArchiveFailure.self) { try backUp(data, archive) }
            #expect(error?.kind == .cannotCreate)
            #expect(
                FileManager.default.contents(atPath: archive) == Data("precious".utf8))
            try FileManager.default.removeItem(atPath: archive)
            try FileManager.default.removeItem(atPath: data + "/bodies/BODY8")
            let missing = #expect(throws: ArchiveFailure.self) { try backUp(data, archive) }
            #expect(missing?.kind == .temporary)
            let left = try FileManager.default.contentsOfDirectory(
                atPath: (archive as NSString).deletingLastPathComponent)
            #expect(left == ["data"])
        }
    }
}
