// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Messages made to hurt get a clear answer, in bounded memory and time", .built)
struct HardCasesContentTests {
    /// What a server of this build may take more for a hostile message, whatever its size.
    private static let memory = 24 << 10

    // MARK: The header

    /// A header, what it is answered with, and how large it is.
    private struct Bomb: Sendable {
        let name: String
        /// Said so often.
        let piece: String
        let count: Int
        let reply: String
        /// Before the first piece.
        var start = "Subject: bomb\r\n"
        /// Behind the last one.
        var end = "\r\n\r\nx\r\n"
    }

    private static let bombs = [
        Bomb(
            name: "8 MiB of fields", piece: "X-A: \(String(repeating: "a", count: 57))\r\n",
            count: 131_072, reply: "552 5.3.4"),
        Bomb(name: "100,000 fields", piece: "A: b\r\n", count: 100_000, reply: "552 5.3.4"),
        Bomb(
            name: "40,000 fields, as many as there is room for", piece: "A: b\r\n", count: 40_000,
            reply: "250 2.0.0", end: "\r\nx\r\n"),
        Bomb(
            name: "a line of 10 MB", piece: String(repeating: "b", count: 1000), count: 10_000,
            reply: "554 5.6.0", start: "Subject: "),
        Bomb(
            name: "folded for ever", piece: " and on\r\n", count: 1_000_000, reply: "552 5.3.4"),
        Bomb(
            name: "folded into empty lines", piece: " \r\n", count: 80_000, reply: "250 2.0.0",
            end: "\r\nx\r\n"),
        Bomb(
            name: "no header, and no end of it", piece: "just text without any empty line\r\n",
            count: 100_000, reply: "552 5.3.4", start: "", end: "\r\n"),
        Bomb(
            name: "a thousand hops", piece: "Received: from a by b; x\r\n", count: 1000,
            reply: "554 5.4.6"),
        Bomb(
            name: "comments in comments", piece: "(", count: 200_000, reply: "250 2.0.0",
            start: "From: a@client.test "),
        Bomb(
            name: "a list of addresses", piece: "a@b.test,\r\n ", count: 20_000,
            reply: "250 2.0.0", start: "To: ", end: "c@b.test\r\n\r\nx\r\n"),
        Bomb(
            name: "encoded words", piece: "=?utf-8?q?=41?= ", count: 15_000, reply: "250 2.0.0",
            start: "Subject: "),
        Bomb(
            name: "parts in parts",
            piece: "--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n",
            count: 20_000, reply: "250 2.0.0",
            start: "Content-Type: multipart/mixed; boundary=x\r\n\r\n"),
    ]

    @Test("Header bombs by DATA and BDAT, and the session goes on behind each", .installed("curl"))
    func headers() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            try await Self.warmUp(server)
            let before = try server.memory("VmHWM")
            let clock = ContinuousClock()
            for isChunked in [false, true] {
                for bomb in Self.bombs {
                    let begin = clock.now
                    let (reply, after) = try await onThread {
                        try Self.send(bomb, isChunked: isChunked, server)
                    }
                    let way = "\(bomb.name), \(isChunked ? "BDAT" : "DATA")"
                    #expect(reply.hasPrefix(bomb.reply), "\(way): \(reply)")
                    #expect(after.hasPrefix("250 2.0.0 queued"), "\(way): \(after)")
                    #expect(clock.now - begin < .seconds(20), "\(way)")
                }
            }
            #expect(
                try await server.waitUntilDelivered(within: .seconds(60)) == "", "\(server.log)")
            let after = try server.memory("VmHWM")
            print("header bombs: \(before) KiB before, \(after) after")
            #expect(after - before < Self.memory, "KiB: \(before), then \(after)")
            let taken = Self.bombs.count { $0.reply.hasPrefix("250") }
            let mailbox = try await server.wholeMailbox()
            #expect(mailbox.count == 2 * (taken + Self.bombs.count) + 1)
            #expect(server.server?.isRunning == true)
        }
    }

    /// Sends it and, on the same connection, a small message; returns both last replies.
    private static func send(
        _ bomb: Bomb, isChunked: Bool, _ server: Postreiter
    ) throws -> (String, String) {
        let wire = try Wire(server.address, Postreiter.Port.smtp, timeoutSeconds: 60)
        _ = try wire.readReply()
        _ = try wire.ask("EHLO client.test")
        _ = try wire.ask("MAIL FROM:<a@own.test>")
        _ = try wire.ask("RCPT TO:<\(server.account)>")
        let many = Array(
            String(
                repeating: bomb.piece,
                count: max(1, min(bomb.count, 60_000 / bomb.piece.utf8.count))
            )
            .utf8)
        let repetitions = bomb.count * bomb.piece.utf8.count / many.count
        var octets = Array(bomb.start.utf8)
        octets.reserveCapacity(repetitions * many.count + 1000)
        for _ in 0..<repetitions { octets += many }
        octets += Array(bomb.end.utf8)
        let reply: String
        if isChunked {
            try wire.write("BDAT \(octets.count) LAST\r\n")
            try wire.write(octets[...])
            reply = try wire.readReply() ?? ""
        } else {
            _ = try wire.ask("DATA")
            try wire.write(octets[...])
            reply = try wire.ask(".")
        }
        return (reply, try finish(wire, server, "after \(bomb.name)"))
    }

    private static func finish(
        _ wire: Wire, _ server: Postreiter, _ subject: String
    ) throws -> String {
        _ = try wire.ask("MAIL FROM:<a@own.test>")
        _ = try wire.ask("RCPT TO:<\(server.account)>")
        _ = try wire.ask("DATA")
        return try wire.ask("Subject: \(subject)\r\n\r\nx\r\n.")
    }

    /// A message of some size, so that what is made only once is made.
    private static func warmUp(_ server: Postreiter) async throws {
        let reply = try await onThread {
            let wire = try Wire(server.address, Postreiter.Port.smtp)
            _ = try wire.readReply()
            _ = try wire.ask("EHLO client.test")
            return try finish(wire, server, "first")
        }
        #expect(reply.hasPrefix("250"), "\(reply)")
        #expect(try await server.waitUntilDelivered() == "")
        _ = try await server.wholeMailbox()
    }

    // MARK: Recipients

    @Test("100,000 recipients: a thousand are taken and served, the others are told to wait")
    func recipients() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            try await Self.warmUp(server)
            let before = try server.memory("VmHWM")
            let (counts, reply, after) = try await onThread {
                let wire = try Wire(server.address, Postreiter.Port.smtp, timeoutSeconds: 120)
                _ = try wire.readReply()
                _ = try wire.ask("EHLO client.test")
                _ = try wire.ask("MAIL FROM:<a@own.test>")
                var counts: [String: Int] = [:]
                for group in 0..<100 {
                    try wire.write(
                        (0..<1000).map { "RCPT TO:<alice+\(group * 1000 + $0)@own.test>\r\n" }
                            .joined())
                    for _ in 0..<1000 {
                        counts[String((try wire.readReply() ?? "").prefix(9)), default: 0] += 1
                    }
                }
                _ = try wire.ask("DATA")
                let reply = try wire.ask("Subject: to a thousand\r\n\r\nx\r\n.")
                return (counts, reply, try Self.finish(wire, server, "after them"))
            }
            #expect(counts == ["250 2.1.5": 1000, "452 4.5.3": 99_000])
            #expect(reply.hasPrefix("250 2.0.0 queued"), "\(reply)")
            #expect(after.hasPrefix("250 2.0.0 queued"), "\(after)")
            #expect(
                try await server.waitUntilDelivered(within: .seconds(90)) == "", "\(server.log)")
            let grown = try server.memory("VmHWM") - before
            print("100,000 recipients: \(grown) KiB more")
            #expect(grown < Self.memory, "KiB")
            let list = try await stage.curl(
                "pop3s", server: server.address, port: Postreiter.Port.pop3s, user: server.account,
                password: server.password)
            #expect(list.output.split(whereSeparator: \.isNewline).count == 1002)
        }
    }

    @Test("Whoever asks for a hundred people who do not exist is sent away")
    func guessing() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let replies = try await onThread {
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                _ = try wire.readReply()
                _ = try wire.ask("EHLO client.test")
                _ = try wire.ask("MAIL FROM:<a@own.test>")
                var replies: [String] = []
                try? wire.write(
                    (0..<1000).map { "RCPT TO:<nobody\($0)@own.test>\r\n" }.joined())
                while let reply = try? wire.readReply() { replies.append(String(reply.prefix(9))) }
                return replies
            }
            #expect(replies.prefix(99).allSatisfy { $0 == "550 5.1.1" })
            #expect(replies.count == 100 && replies.last == "421 4.7.0", "\(replies.suffix(3))")
        }
    }

    // MARK: Octets that are no text

    /// Overlong, cut short, surrogates, beyond Unicode, and octets that UTF-8 never has.
    private static let nonsense: [[UInt8]] = [
        [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
        [0xFF, 0xFE], [0x80, 0xBF], [0xF0, 0x9F], [0xE9], [0xC2, 0x85], [0xEF, 0xBF, 0xBE],
    ]

    @Test(
        "Headers that are no UTF-8 go in, on, out and into notifications octet by octet",
        .installed("curl"))
    func nonsense() async throws {
        try await withStage { stage in
            let elsewhere = stage.address()
            let kept = Mailbag()
            let sink = try WireListener(elsewhere, Postreiter.Port.smtp) { try kept.serve($0) }
            let zones = ["sink.test", "refused.test"].map {
                ($0, Postreiter.zone($0, exchanger: elsewhere))
            }
            let server = try await Postreiter(
                stage, zones: Dictionary(uniqueKeysWithValues: zones))
            for domain in ["sink.test", "refused.test"] {
                #expect(try await server.command("relay", "add", domain, "--all").status == 0)
            }
            for (number, octets) in Self.nonsense.enumerated() {
                let reply = try await onThread {
                    try Self.send(
                        octets, number, to: [server.account, "b@sink.test", "b@refused.test"],
                        server)
                }
                #expect(reply.hasPrefix("250 2.0.0"), "\(octets): \(reply)")
            }
            let count = Self.nonsense.count
            #expect(
                await isTrue(within: .seconds(60)) {
                    ((try? await server.wholeMailbox().count) ?? 0) >= 2 * count
                }, "\(server.log)")
            let mailbox = try await server.wholeMailbox().map { Array($0) }
            for (number, octets) in Self.nonsense.enumerated() {
                let line = Self.field(octets, number)
                #expect(kept.messages.count { $0.holds(line) } == 1, "\(octets)")
                #expect(mailbox.count { $0.holds(line) } == 1, "\(octets)")
                let notices = mailbox.filter { $0.holds(Array("multipart/report".utf8)) }
                #expect(notices.count { $0.quotedPrintableUndone.holds(line) } == 1, "\(octets)")
                #expect(notices.allSatisfy { $0.allSatisfy { $0 < 0x80 } })
            }
            #expect(try await server.waitUntilDelivered() == "")
            // What operators see is text in any case, and JSON is JSON.
            for arguments in [
                ["trace", "b@sink.test", "--json"], ["trace", server.account, "--json"],
                ["queue", "list", "--json"],
            ] {
                let answer = try await server.command(arguments)
                #expect(answer.status == 0, "\(answer.output)")
                for line in answer.output.split(separator: "\n") {
                    #expect(throws: Never.self) {
                        try JSONSerialization.jsonObject(with: Data(line.utf8))
                    }
                }
            }
            withExtendedLifetime(sink) {}
        }
    }

    @Test("What says it is UTF-8 and is not is refused, in commands and in the header")
    func falseUTF8() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            for octets in Self.nonsense.prefix(9) {
                let replies = try await onThread {
                    let wire = try Wire(server.address, Postreiter.Port.smtp)
                    _ = try wire.readReply()
                    var replies: [String] = []
                    func ask(_ before: String, _ after: String) throws {
                        try wire.write(before)
                        try wire.write(octets[...])
                        replies.append(try wire.ask(after))
                    }
                    try ask("EHLO a", ".test")
                    _ = try wire.ask("EHLO client.test")
                    try ask("MAIL FROM:<a", "@own.test> SMTPUTF8")
                    replies.append(try wire.ask("MAIL FROM:<a@own.test> SMTPUTF8"))
                    try ask("RCPT TO:<alice", "@own.test>")
                    replies.append(try wire.ask("RCPT TO:<alice@own.test>"))
                    _ = try wire.ask("DATA")
                    try ask("Subject: ", "\r\n\r\nx\r\n.")
                    replies.append(try Self.finish(wire, server, "still there"))
                    return replies.map { String($0.prefix(3)) }
                }
                #expect(
                    replies == ["501", "501", "250", "501", "250", "554", "250"], "\(octets)")
            }
            #expect(try await server.waitUntilDelivered() == "")
            let subjects = try await server.mailbox().filter { $0.contains("still there") }
            #expect(subjects.count == 9)
        }
    }

    private static func field(_ octets: [UInt8], _ number: Int) -> [UInt8] {
        Array("Subject: <".utf8) + octets + Array("> \(number) of these\r\n".utf8)
    }

    private static func send(
        _ octets: [UInt8], _ number: Int, to recipients: [String], _ server: Postreiter
    ) throws -> String {
        let wire = try Wire(server.address, Postreiter.Port.smtp)
        _ = try wire.readReply()
        _ = try wire.ask("EHLO client.test")
        _ = try wire.ask("MAIL FROM:<\(server.account)>")
        for recipient in recipients {
            let reply = try wire.ask("RCPT TO:<\(recipient)>")
            guard reply.hasPrefix("250") else { return reply }
        }
        _ = try wire.ask("DATA")
        try wire.write(field(octets, number)[...])
        return try wire.ask("\r\nx\r\n.")
    }

    // MARK: Peers that do not read

    @Test(
        "Who asks for much and reads nothing costs little and disturbs nobody, by SMTP and POP3",
        .installed("curl"))
    func neverReads() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            try await Self.warmUp(server)
            let before = try server.memory("VmHWM")
            let crowd = try await onThread {
                try (0..<40).map { number in
                    let isSMTP = number % 2 == 0
                    let wire = try Wire(
                        server.address, isSMTP ? Postreiter.Port.smtp : Postreiter.Port.pop3,
                        timeoutSeconds: 1)
                    // As much as it takes; from then on it waits for us.
                    let flood = String(repeating: isSMTP ? "HELP\r\n" : "CAPA\r\n", count: 10_000)
                    for _ in 0..<100 { if (try? wire.write(flood)) == nil { break } }
                    return wire
                }
            }
            let first = try await server.submit(to: server.account, subject: "in between")
            #expect(first.status == 0, "\(first.output)")
            #expect(
                await isTrue(within: .seconds(20)) {
                    (try? await server.wholeMailbox().count) == 2
                })
            let grown = try server.memory("VmHWM") - before
            print("40 that never read: \(grown) KiB more")
            #expect(grown < 40 << 10, "KiB")
            withExtendedLifetime(crowd) {}
        }
    }
}

/// What a mail server of a test has taken, octet by octet; nobody at refused.test exists.
private final class Mailbag: @unchecked Sendable {
    private let lock = NSLock()
    private var taken: [[UInt8]] = []

    var messages: [[UInt8]] { lock.withLock { taken } }

    func serve(_ wire: Wire) throws {
        try wire.write("220 sink.test\r\n")
        while let line = try wire.readLine() {
            let text = String(decoding: line, as: UTF8.self)
            switch text.prefix(4).uppercased() {
            case "EHLO": try wire.write("250-sink.test\r\n250 8BITMIME\r\n")
            case "RCPT" where text.contains("@refused.test"):
                try wire.write("550 5.1.1 nobody\r\n")
            case "DATA":
                try wire.write("354 go on\r\n")
                var message: [UInt8] = []
                while let line = try wire.readLine(), !line.elementsEqual([0x2E]) {
                    message += line + [0x0D, 0x0A]
                }
                lock.withLock { taken.append(message) }
                try wire.write("250 taken\r\n")
            case "QUIT": return try wire.write("221 bye\r\n")
            default: try wire.write("250 yes\r\n")
            }
        }
    }
}

extension [UInt8] {
    /// As if all of it were quoted-printable.
    fileprivate var quotedPrintableUndone: [UInt8] {
        var result: [UInt8] = []
        var rest = self[...]
        while let octet = rest.popFirst() {
            let code = String(decoding: rest.prefix(2), as: UTF8.self)
            if octet == UInt8(ascii: "="), code == "\r\n" {
                rest.removeFirst(2)
            } else if octet == UInt8(ascii: "="), let value = UInt8(code, radix: 16) {
                rest.removeFirst(2)
                result.append(value)
            } else {
                result.append(octet)
            }
        }
        return result
    }

    fileprivate func holds(_ octets: [UInt8]) -> Bool {
        Data(self).range(of: Data(octets)) != nil
    }
}
