// SPDX-License-Identifier: Apache-2.0

import Bytes
import SimulatedWorld
import World

/// A host that takes mail, and misbehaves as a test wishes.
final class Sink: @unchecked Sendable {
    struct Message: Hashable {
        var reversePath: String
        var recipients: [String]
        var content: String
        var isProtected: Bool
    }

    let host: SimulatedHost
    private let simulation: Simulation
    private(set) var messages: [Message] = []
    private(set) var connections = 0
    /// What it could write of floods and replies without end.
    private(set) var floodOctets = 0
    /// The greeting.
    var greeting = "220 sink ESMTP"
    /// How long it takes until the greeting.
    var greetingPause = Duration.zero
    /// What is said to a command instead of the usual; asked with the whole line.
    var reply: (String) -> String? = { _ in nil }
    /// What is said to the final dot, or done as by `reply`; nil: the connection is lost.
    var final: (Message) -> String? = { _ in "250 2.0.0 taken" }
    /// Whether STARTTLS is offered; `nil` octets make a handshake that fails.
    var offersTLS = false
    /// The names in its certificate.
    var certificate = "sink"
    /// What EHLO is answered with besides.
    var keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
    /// RFC 2033: LHLO alone, and a reply for each recipient.
    var isLMTP = false
    /// Where it listens.
    var port: UInt16 = 25
    /// Whether TLS comes before the greeting.
    var isImplicitTLS = false
    /// All lines that were commands.
    private(set) var commands: [String] = []
    var breaksHandshake = false

    init(_ host: SimulatedHost, _ simulation: Simulation) {
        self.host = host
        self.simulation = simulation
    }

    /// Until the task is cancelled; comes back after the host was stopped.
    func serve() async {
        while !Task.isCancelled {
            if host.isUp, let listener = try? await listen() {
                await listener.serve(limit: 100) { await self.handle($0) }
                await listener.close()
            }
            do { try await simulation.sleep(for: .seconds(5)) } catch { return }
        }
    }

    private func listen() async throws -> any Listener {
        try await host.network.listen(on: SocketAddress(host.addresses[0], port: port))
    }

    private func handle(_ connection: any Connection) async {
        connections += 1
        var input = InputBuffer()
        var message = Message(reversePath: "", recipients: [], content: "", isProtected: false)
        if isImplicitTLS {
            guard await startTLS(connection) else { return }
            message.isProtected = true
        }
        try? await simulation.sleep(for: greetingPause)
        guard await misbehave(greeting, connection) else { return }
        while let line = await line(&input, connection) {
            let verb = line.prefix(4).uppercased()
            commands.append(line)
            if let said = reply(line) {
                guard await misbehave(said, connection) else { return }
                if said.hasPrefix("421") { return }
                continue
            }
            switch verb {
            case isLMTP ? "LHLO" : "EHLO": say(hello, connection)
            case "EHLO", "LHLO": say("500 5.5.1 not here", connection)
            case "STAR":
                say("220 go ahead", connection)
                guard await startTLS(connection) else { return }
                message.isProtected = true
            case "MAIL":
                message.reversePath = Self.path(line)
                message.recipients = []
                say("250 2.1.0 ok", connection)
            case "RCPT":
                message.recipients.append(Self.path(line))
                say("250 2.1.5 ok", connection)
            case "DATA" where message.recipients.isEmpty: say("554 5.5.1 for nobody", connection)
            case "DATA":
                say("354 go on", connection)
                guard let content = await content(&input, connection) else { return }
                message.content = content
                guard await end(&message, connection) else { return }
            case "BDAT":
                let words = line.split(separator: " ")
                guard let chunk = await octets(Int(words[1]) ?? 0, &input, connection) else {
                    return
                }
                message.content += chunk
                if words.last != "LAST" {
                    say("250 2.0.0 more", connection)
                } else {
                    guard await end(&message, connection) else { return }
                }
            case "QUIT":
                say("221 bye", connection)
                return
            default: say("250 ok", connection)
            }
        }
    }

    /// Says it, or does what `(closes)`, `(hangs)`, `(drips)`, `(floods)` and `(endless)` say;
    /// false at an end.
    private func misbehave(_ said: String, _ connection: any Connection) async -> Bool {
        switch said {
        case "(closes)": return false
        case "(hangs)":
            try? await simulation.sleep(for: .days(1))
            return false
        case "(drips)":
            // A line of a reply, an octet a minute, for a day.
            for index in 0..<1440 {
                connection.write(index < 4 ? [Array("250-".utf8)[index]] : [0x78])
                let deadline = simulation.now + .minutes(1)
                guard (try? await connection.flush(deadline: deadline)) != nil else { break }
                try? await simulation.sleep(for: .minutes(1))
            }
            return false
        case "(floods)":
            return await flood([UInt8](repeating: 0x32, count: 20_000), connection)
        case "(endless)":
            let lines = String(repeating: "250-and so on\r\n", count: 1000)
            return await flood(Array(lines.utf8), connection)
        default:
            say(said, connection)
            return true
        }
    }

    /// The same again and again, as long as somebody takes it; false, as this is an end.
    private func flood(_ octets: [UInt8], _ connection: any Connection) async -> Bool {
        for _ in 0..<100 {
            connection.write(octets)
            floodOctets += octets.count
            let deadline = simulation.now + .minutes(1)
            guard (try? await connection.flush(deadline: deadline)) != nil else { break }
        }
        return false
    }

    private var hello: String {
        let lines = ["sink"] + keywords + (offersTLS ? ["STARTTLS"] : [])
        return lines.dropLast().map { "250-\($0)\r\n" }.joined() + "250 " + (lines.last ?? "")
    }

    /// Takes the message or not; false if the connection is lost.
    private func end(_ message: inout Message, _ connection: any Connection) async -> Bool {
        var taken = message
        if isLMTP { taken.recipients = [] }
        for recipient in isLMTP ? message.recipients : [""] {
            var one = message
            if isLMTP { one.recipients = [recipient] }
            guard let said = final(one) else { return false }
            if said.hasPrefix("2"), isLMTP { taken.recipients.append(recipient) }
            if said.hasPrefix("2"), !isLMTP { messages.append(message) }
            guard await misbehave(said, connection) else { return false }
        }
        if isLMTP, !taken.recipients.isEmpty { messages.append(taken) }
        message.content = ""
        return true
    }

    private func startTLS(_ connection: any Connection) async -> Bool {
        if breaksHandshake {
            try? await connection.flush(deadline: simulation.now + .seconds(10))
            return false
        }
        guard
            let identity = try? host.network.identity(
                certificateChain: Array(certificate.utf8), privateKey: [])
        else { return false }
        let deadline = simulation.now + .minutes(1)
        return (try? await connection.startTLS(.server(identity), deadline: deadline)) != nil
    }

    private func say(_ text: String, _ connection: any Connection) {
        connection.write(Array((text + "\r\n").utf8))
    }

    private func line(_ input: inout InputBuffer, _ connection: any Connection) async -> String? {
        while true {
            if case .line(let line)? = input.nextLine(limit: 10_000) { return String(lossy: line) }
            let deadline = simulation.now + .minutes(10)
            guard let octets = try? await connection.receive(deadline: deadline) else { return nil }
            input.append(octets)
        }
    }

    private func octets(
        _ count: Int, _ input: inout InputBuffer, _ connection: any Connection
    ) async -> String? {
        while input.count < count {
            let deadline = simulation.now + .minutes(10)
            guard let octets = try? await connection.receive(deadline: deadline) else { return nil }
            input.append(octets)
        }
        let octets = input.unread.prefix(count)
        input.consume(count)
        return String(lossy: octets)
    }

    private func content(
        _ input: inout InputBuffer, _ connection: any Connection
    ) async -> String? {
        var content = ""
        while let line = await line(&input, connection) {
            if line == "." { return content }
            content += (line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\r\n"
        }
        return nil
    }

    private static func path(_ line: String) -> String {
        let start = line.firstIndex(of: "<").map(line.index(after:)) ?? line.startIndex
        return String(line[start...].prefix { $0 != ">" })
    }
}
