// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("A backup of the running server holds all that was acknowledged up to its instant", .built)
struct BackupTests {
    @Test(
        "Taken under load and restored elsewhere, nothing is missing and nothing is there twice",
        .installed("curl", "tar"))
    func underLoad() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_LOG_LEVEL": "warning"])
            let load = Generator(
                server.address, Postreiter.Port.smtp, local: server.account,
                remote: server.account, connections: 6, seed: 7)
            for _ in 0..<300 where load.acknowledgedSoFar.count <= 20 {
                try await Task.sleep(for: .milliseconds(100))
            }
            let before = load.acknowledgedSoFar
            let file = stage.path("backup.tar")
            let made = try await server.command("backup", file)
            #expect(made.status == 0, "\(made.output)")
            let after = load.acknowledgedSoFar.count
            await load.stop()
            #expect(before.count > 20, "\(before.count) messages prove little")
            #expect(after > before.count, "mail flowed meanwhile")
            #expect(try await server.waitUntilDelivered(within: .seconds(60)) == "")
            await server.stop()
            let listed = try await stage.run("tar", ["-tf", file])
            #expect(listed.status == 0 && listed.output.hasPrefix("manifest.json\n"))

            // Beside the old folder, as on another machine.
            let old = server.data + ".old"
            try FileManager.default.moveItem(atPath: server.data, toPath: old)
            let restored = try await server.command("restore", file, "--json")
            #expect(restored.status == 0, "\(restored.output)")
            let again = try await server.command("restore", file)
            #expect(again.status == 73, "\(again.output)")
            try await server.start()
            #expect(try await server.waitUntilDelivered(within: .seconds(60)) == "")
            let found = try await server.wholeMailbox().map { NumberedMessage.recognise(Array($0)) }
            let numbers = found.compactMap { $0?.number }
            #expect(Set(numbers).count == numbers.count, "a message came twice")
            #expect(found.allSatisfy { $0?.isWhole == true })
            let missing = Set(before.map(\.number)).subtracting(numbers)
            #expect(missing.isEmpty, "\(missing.count) of \(before.count) are missing")
        }
    }

    @Test("A backup without a running server is as good", .installed("curl"))
    func withoutServer() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            #expect(try await server.submit(to: server.account, subject: "kept").status == 0)
            #expect(try await server.mailbox(count: 1).count == 1)
            await server.stop()
            let file = stage.path("backup.tar")
            #expect(try await server.command("backup", file).status == 0)
            try FileManager.default.removeItem(atPath: server.data)
            let restored = try await server.command("restore", file)
            #expect(restored.status == 0, "\(restored.output)")
            #expect(restored.output.contains("the database is sound"), "\(restored.output)")
            try await server.start()
            #expect(try await server.mailbox().first?.contains("Subject: kept") == true)
        }
    }
}
