// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Memory stays flat, whatever the size of a message", .built)
struct MemoryTests {
    @Test(
        "50 MiB pass in, on to another server, and out by POP3 in little memory",
        .installed("curl"))
    func largeMessage() async throws {
        try await withStage { stage in
            let elsewhere = stage.address()
            let sink = try RecordingSink(elsewhere, Postreiter.Port.smtp)
            let server = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: elsewhere)])
            let relay = try await server.command("relay", "add", "sink.test", "--all")
            try #require(relay.status == 0, "\(relay.output)")
            // Once around with a small one, so that what is made only once is made.
            try await send(lines: 10, number: 1, to: server)
            #expect(try await server.waitUntilDelivered() == "")
            _ = try await server.wholeMailbox()
            let before = try server.memory("VmHWM")
            try await send(lines: 49 << 14, number: 2, to: server)
            let received = try server.memory("VmHWM")
            let waiting = try await server.waitUntilDelivered(within: .seconds(60))
            #expect(waiting == "", "\(server.log)")
            let delivered = try server.memory("VmHWM")
            let mailbox = try await server.wholeMailbox()
            let read = try server.memory("VmHWM")
            print(
                """
                memory: \(before) KiB at most before a message of 49 MiB, \(received) after \
                taking it, \(delivered) after passing it on, \(read) after reading it by POP3
                """)
            #expect(mailbox.map(\.count).max() ?? 0 > 49 << 20)
            #expect(sink.arrivals.counts == [1: 1, 2: 1] && sink.arrivals.damaged == 0)
            #expect(read - before < 20 << 10, "KiB")
        }
    }

    @Test("A hundred idle sessions cost little")
    func idleSessions() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            try await send(lines: 10, number: 1, isRelayed: false, to: server)
            let before = try server.memory("VmRSS")
            let address = server.address
            let process = try #require(server.server).id
            let during = try await onThread {
                let wires = try (0..<100).map { _ in try Wire(address, Postreiter.Port.smtp) }
                for wire in wires {
                    _ = try wire.readReply()
                    _ = try wire.ask("EHLO client.test")
                    _ = try wire.ask("MAIL FROM:<a@client.test>")
                    _ = try wire.ask("RCPT TO:<alice@own.test>")
                }
                defer { withExtendedLifetime(wires) {} }
                return try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
            }
            let pages = during.split(separator: " ")[1]
            let after = try #require(Int(pages)) * 4
            print("memory: \(before) KiB alone, \(after) with 100 sessions")
            #expect(after - before < 20 << 10, "KiB")
        }
    }

    private func send(
        lines: Int, number: Int, isRelayed: Bool = true, to server: Postreiter
    ) async throws {
        let address = server.address
        let reply = try await onThread {
            let wire = try Wire(address, Postreiter.Port.smtp, timeoutSeconds: 60)
            _ = try wire.readReply()
            _ = try wire.ask("EHLO client.test")
            _ = try wire.ask("MAIL FROM:<a@client.test>")
            _ = try wire.ask("RCPT TO:<alice@own.test>")
            if isRelayed { _ = try wire.ask("RCPT TO:<b@sink.test>") }
            _ = try wire.ask("DATA")
            let message = NumberedMessage(
                number: number, lines: lines, isLocal: true, isRemote: true)
            try wire.write(message.octets[...])
            return try wire.ask(".")
        }
        try #require(reply.hasPrefix("250"), "\(reply)")
    }
}
