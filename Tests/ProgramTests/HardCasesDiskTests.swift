// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("A full disk loses nothing", .built)
struct HardCasesDiskTests {
    @Test(
        "While the disk is full senders are told to come back; with room again all goes on by itself",
        .canMount, .installed("curl"))
    func full() async throws {
        try await withSmallDisk { stage, folder in
            let server = try await Postreiter(stage, dataFolder: folder + "/data")
            let sender = Sender(server.address)
            var kept = try await sender.send(numbers: 1...20, lines: 100, until: nil).accepted

            let filler = folder + "/filler"
            fill(filler)
            // What the log of the database has in reserve is used up first.
            let small = try await sender.send(numbers: 100...5000, lines: 100, until: "452 4.3.1")
            #expect(small.refusal.hasPrefix("452 4.3.1"), "\(small.refusal)\n\(server.log)")
            let large = try await sender.send(numbers: 9000...9000, lines: 20_000, until: nil)
            #expect(large.refusal.hasPrefix("452 4.3.1"), "\(large.refusal)\n\(server.log)")
            kept += small.accepted
            // The server lives, and still answers for what it knows.
            try await play(
                """
                S: 220
                C: EHLO client.test
                C: MAIL FROM:<a@client.test>
                C: RCPT TO:<nobody@own.test>
                C: RCPT TO:<alice@own.test>
                S: 250
                S: 250 2.1.0
                S: 550 5.1.1
                S: 250 2.1.5
                """, server.address, Postreiter.Port.smtp)

            try FileManager.default.removeItem(atPath: filler)
            let after = try await sender.send(numbers: 10_000...10_009, lines: 100, until: nil)
            #expect(after.accepted.count == 10, "\(after.refusal)\n\(server.log)")
            kept += after.accepted
            let waiting = try await server.waitUntilDelivered(within: .seconds(90))
            #expect(waiting == "", "\(server.log)")
            let found = try await server.wholeMailbox().map { NumberedMessage.recognise(Array($0)) }
            #expect(found.compactMap { $0?.number }.sorted() == kept.sorted())
            #expect(found.allSatisfy { $0?.isWhole == true })
            let bodies = {
                (try? FileManager.default.contentsOfDirectory(atPath: folder + "/data/bodies"))
                    ?? ["?"]
            }
            #expect(
                await isTrue(within: .seconds(10)) { bodies().isEmpty },
                "half a message is left: \(bodies())")
        }
    }

    @Test(
        "A server that cannot start on a full disk says so, and loses nothing",
        .canMount, .installed("curl"))
    func startedFull() async throws {
        try await withSmallDisk { stage, folder in
            let server = try await Postreiter(stage, dataFolder: folder + "/data")
            let kept = try await Sender(server.address)
                .send(numbers: 1...50, lines: 100, until: nil).accepted
            await server.crash()
            let filler = folder + "/filler"
            fill(filler)
            let process = try server.launch()
            #expect(await process.status(within: .seconds(10)) == 75, "\(process.output)")
            #expect(process.output.contains("no space left"), "\(process.output)")
            #expect(process.output.contains(folder), "\(process.output)")
            try FileManager.default.removeItem(atPath: filler)
            try await server.start()
            #expect(try await server.waitUntilDelivered() == "")
            let found = try await server.wholeMailbox().map { NumberedMessage.recognise(Array($0)) }
            #expect(found.compactMap { $0?.number }.sorted() == kept.sorted())
        }
    }

    /// A file system of 16 MiB for the body, unmounted afterwards.
    private func withSmallDisk(_ body: (Stage, String) async throws -> Void) async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("small")
            let mounted = try await stage.run(
                "mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder])
            try #require(mounted.status == 0, "\(mounted.output)")
            var failure: (any Error)?
            do { try await body(stage, folder) } catch { failure = error }
            _ = try await stage.run("umount", ["-l", folder])
            if let failure { throw failure }
        }
    }

    /// Writes a file until nothing more fits.
    private func fill(_ path: String) {
        let file = open(path, O_WRONLY | O_CREAT, 0o600)
        defer { close(file) }
        for size in [1 << 16, 4096, 512, 1] {
            let zeros = [UInt8](repeating: 0, count: size)
            while write(file, zeros, size) > 0 {}
        }
    }
}

/// Sends numbered messages to the one account.
private struct Sender {
    let address: String

    init(_ address: String) { self.address = address }

    /// The numbers that were acknowledged, and the last other answer to a message.
    ///
    /// Ends at an answer that begins with `stop`.
    func send(
        numbers: ClosedRange<Int>, lines: Int, until stop: String?
    ) async throws -> (accepted: [Int], refusal: String) {
        let address = address
        return try await onThread {
            let wire = try Wire(address, Postreiter.Port.smtp)
            _ = try wire.readReply()
            _ = try wire.ask("EHLO client.test")
            var accepted: [Int] = []
            var refusal = ""
            for number in numbers {
                _ = try wire.ask("MAIL FROM:<a@client.test>")
                _ = try wire.ask("RCPT TO:<alice@own.test>")
                var reply = try wire.ask("DATA")
                if reply.hasPrefix("354") {
                    let message = NumberedMessage(
                        number: number, lines: lines, isLocal: true, isRemote: false)
                    try wire.write(message.octets[...])
                    reply = try wire.ask(".")
                }
                if reply.hasPrefix("250") {
                    accepted.append(number)
                } else {
                    refusal = reply
                    if let stop, reply.hasPrefix(stop) { break }
                    _ = try wire.ask("RSET")
                }
            }
            return (accepted, refusal)
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test where no file system of its own can be made for it.
    static var canMount: Self {
        .enabled("needs the right to mount a small file system (root)") {
            let stage = try Stage()
            let folder = try stage.makeFolder("mount")
            let mounted = try await stage.run(
                "mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder])
            if mounted.status == 0 { _ = try await stage.run("umount", [folder]) }
            await stage.end()
            return mounted.status == 0
        }
    }
}
