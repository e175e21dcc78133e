// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("A server that cannot start says why, where and what to do, and changes nothing", .built)
struct HardCasesStartTests {
    @Test("An unknown key is named with its line and the key that was probably meant")
    func unknownKey() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let text = try String(contentsOfFile: server.configuration, encoding: .utf8)
            try Data(text.replacingOccurrences(of: "submissions:", with: "submisions:").utf8)
                .write(to: URL(fileURLWithPath: server.configuration))
            let line = text.components(separatedBy: "\n")
                .firstIndex { $0.contains("submissions:") }
            let ended = try await server.refusal()
            #expect(ended.status == 78)
            #expect(
                ended.output.contains("\(server.configuration):\(try #require(line) + 1):3: "),
                "\(ended.output)")
            #expect(ended.output.contains("did you mean `listen.submissions`?"), "\(ended.output)")
        }
    }

    @Test("A wrong value, a broken file and a missing file are configuration errors too")
    func unusableConfiguration() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            for (text, complaint) in [
                ("host-name: mx1.own.test\nlimits:\n  recipients: many\n", ":3:3: `limits.rec"),
                ("host-name: mx1.own.test\nlisten: [", "postreiter.yaml"),
                ("data-folder: /nonexistent\n", "`host-name` is missing"),
            ] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: server.configuration))
                let ended = try await server.refusal()
                #expect(ended.status == 78, "\(ended.output)")
                #expect(ended.output.contains(complaint), "\(ended.output)")
            }
            try FileManager.default.removeItem(atPath: server.configuration)
            let ended = try await server.refusal()
            #expect(ended.status == 78)
            #expect(ended.output.contains("is not there"), "\(ended.output)")
        }
    }

    @Test("A port that another program holds is named")
    func portInUse() async throws {
        try await withStage { stage in
            let address = stage.address()
            let first = try await Postreiter(stage, address: address)
            let second = try await Postreiter(stage, address: address, serving: false)
            let ended = try await second.refusal()
            #expect(ended.status == 69)
            #expect(ended.output.contains("\(address):2525"), "\(ended.output)")
            #expect(ended.output.contains("in use"), "\(ended.output)")
            #expect(ended.output.split(separator: "\n").count == 1, "\(ended.output)")
            #expect(first.server?.isRunning == true)
        }
    }

    @Test("A data folder that another server holds is left to it")
    func folderInUse() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            try await server.start()
            let first = try #require(server.server)
            let ended = try await server.refusal()
            #expect(ended.status == 75)
            #expect(
                ended.output.contains("\(server.data) is in use by another server"),
                "\(ended.output)")
            #expect(first.isRunning)
        }
    }

    @Test("A command waits while a server starts or ends, which hears none and holds the folder")
    func folderInUseForAMoment() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let lock = open(server.data + "/lock", O_RDWR | O_CLOEXEC)
            defer { close(lock) }
            #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
            async let listed = server.command("account", "list")
            try await Task.sleep(for: .milliseconds(500))
            #expect(flock(lock, LOCK_UN) == 0)
            let ended = try await listed
            #expect(ended.status == 0 && ended.output.contains(server.account), "\(ended.output)")
        }
    }

    @Test("A database of a newer release is not touched", .installed("sqlite3"))
    func newerDatabase() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let raise = "UPDATE schema_version SET version = version + 1 WHERE module = 'Spool'"
            try await sqlite(stage, server, raise)
            let ended = try await server.refusal()
            #expect(ended.status == 65)
            #expect(ended.output.contains("written by a newer release"), "\(ended.output)")
            try await sqlite(
                stage, server,
                "UPDATE schema_version SET version = version - 1 WHERE module = 'Spool'")
            try await server.start()
        }
    }

    @Test(
        "A database that was cut short, emptied, removed or overwritten is not made anew",
        .installed("sqlite3"))
    func damagedDatabase() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            try await server.start()
            await server.stop()
            // Everything into the one file, as after a night in which nothing happened.
            try await sqlite(stage, server, "PRAGMA wal_checkpoint(TRUNCATE)")
            let file = URL(fileURLWithPath: server.data + "/postreiter.sqlite")
            let whole = try Data(contentsOf: file)
            #expect(whole.count > 40_960)
            for (what, damaged) in [
                ("half", whole.prefix(whole.count / 8192 * 4096)),
                ("one page less", whole.dropLast(4096)), ("one octet less", whole.dropLast()),
                ("emptied", Data()),
                ("overwritten", Data(repeating: 0x55, count: 4096) + whole.dropFirst(4096)),
            ] {
                try damaged.write(to: file)
                let ended = try await server.refusal()
                #expect(ended.status == 65, "\(what): \(ended.output)")
                #expect(ended.output.contains("backup"), "\(what): \(ended.output)")
                #expect(try Data(contentsOf: file).count <= max(damaged.count, 1), "\(what)")
            }
            try FileManager.default.removeItem(at: file)
            let ended = try await server.refusal()
            #expect(ended.status == 65, "\(ended.output)")
            #expect(!FileManager.default.fileExists(atPath: file.path))
            try whole.write(to: file)
            try await server.start()
        }
    }

    private func sqlite(_ stage: Stage, _ server: Postreiter, _ statement: String) async throws {
        let done = try await stage.run(
            "sqlite3", [server.data + "/postreiter.sqlite", statement])
        try #require(done.status == 0, "\(done.output)")
    }
}
