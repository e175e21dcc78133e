// SPDX-License-Identifier: Apache-2.0

import Bytes
import SimulatedWorld
import World

/// A mail host that is not ours, with moods; it keeps whatever it has taken.
final class ForeignHost: @unchecked Sendable {
    let simulation: Simulation
    let name: String
    /// Envelope and content of each message taken, duplicates and all.
    private(set) var messages: [Message] = []
    /// How often it kept a message and did not say so.
    private(set) var ambiguousEnds = 0
    /// How likely it refuses, or hangs up, at any command.
    var moodiness = 0.0
    /// How likely it keeps a message and hangs up instead of saying so.
    var treachery = 0.0
    /// How long it thinks about a message before it says that it has kept it.
    var slowness = Duration.zero

    struct Message: Sendable {
        let reversePath: String
        let recipients: [String]
        let octets: [UInt8]
        let client: IPAddress
        let time: Instant
    }

    init(_ simulation: Simulation, name: String) {
        self.simulation = simulation
        self.name = name
    }

    func run(_ network: any Network, at address: SocketAddress, limit: Int = 50) async throws {
        let listener = try await network.listen(on: address)
        await listener.serve(limit: limit) { await self.handle($0) }
    }

    private enum End: Error {
        case hangUp
    }

    private func handle(_ connection: any Connection) async {
        do {
            var dialogue = Dialogue(connection, simulation)
            try await dialogue.say("220 \(name) ESMTP")
            try await serve(&dialogue)
        } catch {
            // Gone, or in a mood to be.
        }
    }

    private func serve(_ dialogue: inout Dialogue) async throws {
        var reversePath: String?
        var recipients: [String] = []
        while true {
            let line = try await dialogue.line()
            let verb = line.prefix(4).uppercased()
            if verb != "QUIT", simulation.faults.happens(moodiness) {
                if simulation.faults.happens(0.3) { throw End.hangUp }
                try await dialogue.say("451 4.3.0 not in the mood")
                continue
            }
            switch verb {
            case "EHLO": try await dialogue.say("250-\(name)\r\n250-PIPELINING\r\n250 8BITMIME")
            case "HELO", "NOOP": try await dialogue.say("250 \(name)")
            case "RSET":
                (reversePath, recipients) = (nil, [])
                try await dialogue.say("250 2.0.0 forgotten")
            case "MAIL":
                (reversePath, recipients) = (Self.path(line), [])
                try await dialogue.say("250 2.1.0 sender")
            case "RCPT":
                if reversePath != nil { recipients.append(Self.path(line)) }
                try await dialogue.say(
                    reversePath == nil ? "503 5.5.1 whose?" : "250 2.1.5 recipient")
            case "DATA":
                guard let sender = reversePath, !recipients.isEmpty else {
                    try await dialogue.say("503 5.5.1 for whom?")
                    continue
                }
                try await dialogue.say("354 go on")
                try await take(sender, recipients, &dialogue)
                (reversePath, recipients) = (nil, [])
            case "QUIT":
                try await dialogue.say("221 bye")
                return
            default: try await dialogue.say("500 5.5.1 what?")
            }
        }
    }

    private func take(
        _ reversePath: String, _ recipients: [String], _ dialogue: inout Dialogue
    ) async throws {
        let octets = try await dialogue.content()
        if simulation.faults.happens(moodiness) {
            try await dialogue.say("452 4.3.1 no room")
            return
        }
        if slowness > .zero { try await simulation.sleep(for: slowness) }
        messages.append(
            Message(
                reversePath: reversePath, recipients: recipients, octets: octets,
                client: dialogue.connection.remoteAddress.host, time: simulation.now))
        if simulation.faults.happens(treachery) {
            ambiguousEnds += 1
            simulation.tell("\(name) keeps a message and hangs up")
            throw End.hangUp
        }
        try await dialogue.say("250 2.0.0 kept")
    }

    /// What stands between the angle brackets.
    private static func path(_ line: String) -> String {
        guard let open = line.firstIndex(of: "<"), let close = line.firstIndex(of: ">"),
            open < close
        else { return "" }
        return String(line[line.index(after: open)..<close])
    }
}

/// Lines in and out.
private struct Dialogue {
    let connection: any Connection
    private let simulation: Simulation
    private var input = InputBuffer()

    init(_ connection: any Connection, _ simulation: Simulation) {
        self.connection = connection
        self.simulation = simulation
    }

    struct Closed: Error {}

    func say(_ text: String) async throws {
        connection.write(Array((text + "\r\n").utf8))
        try await connection.flush(deadline: simulation.now + .minutes(5))
    }

    mutating func line() async throws -> String {
        String(decoding: try await next(), as: UTF8.self)
    }

    /// The message up to its final dot, dots undone.
    mutating func content() async throws -> [UInt8] {
        var octets: [UInt8] = []
        while true {
            let line = try await next()
            if line == [.dot] { return octets }
            octets += line.first == .dot ? line[1...] : line[...]
            octets += [.carriageReturn, .lineFeed]
        }
    }

    private mutating func next() async throws -> [UInt8] {
        while true {
            switch input.nextLine(limit: 10_000) {
            case .line(let line): return line
            case nil: break
            default: throw Closed()
            }
            let deadline = simulation.now + .minutes(10)
            guard let octets = try await connection.receive(deadline: deadline) else {
                throw Closed()
            }
            input.append(octets)
        }
    }
}
