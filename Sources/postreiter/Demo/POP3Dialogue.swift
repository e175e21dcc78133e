// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// The client's side of POP3 (RFC 1939), as far as a reader needs it.
struct POP3Dialogue {
    private let connection: any Connection
    private let time: any Time
    private var input = InputBuffer()

    /// RFC 5322 §2.1.1 allows 998.
    private static let maximumLineOctets = 4096

    init(_ connection: any Connection, time: any Time) {
        self.connection = connection
        self.time = time
    }

    mutating func logIn(_ name: String, _ password: String) async throws {
        _ = try await reply()
        try await command("USER \(name)")
        try await command("PASS \(password)")
    }

    /// `STAT` (§5): `+OK 2 320`.
    mutating func count() async throws -> Int {
        let words = try await command("STAT").split(separator: " ")
        guard words.count > 1, let count = Int(words[1]) else {
            throw DemoFailure("POP3: STAT: \(words.joined(separator: " "))")
        }
        return count
    }

    /// `RETR` for each message; none is removed.
    mutating func retrieveAll() async throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        let count = try await count()
        while messages.count < count {
            try await command("RETR \(messages.count + 1)")
            messages.append(try await content())
        }
        return messages
    }

    mutating func quit() async throws { try await command("QUIT") }

    @discardableResult
    private mutating func command(_ text: String) async throws -> String {
        connection.write(Array((text + "\r\n").utf8))
        return try await reply()
    }

    private mutating func reply() async throws -> String {
        let line = String(lossy: try await line())
        guard line.hasPrefix("+OK") else { throw DemoFailure("POP3: \(line)") }
        return line
    }

    /// Lines up to a single dot, one dot taken from those that begin with one (§3).
    private mutating func content() async throws -> [UInt8] {
        var octets: [UInt8] = []
        while true {
            let line = try await line()
            if line == [.dot] { return octets }
            octets += line.first == .dot ? line.dropFirst() : line[...]
            octets += [.carriageReturn, .lineFeed]
        }
    }

    private mutating func line() async throws -> [UInt8] {
        while true {
            switch input.nextLine(limit: Self.maximumLineOctets) {
            case .line(let octets): return octets
            case nil: break
            case let fault?: throw DemoFailure("POP3: \(fault)")
            }
            let deadline = time.now + .seconds(10)
            guard let octets = try await connection.receive(deadline: deadline) else {
                throw DemoFailure("POP3: the connection was lost")
            }
            input.append(octets)
        }
    }
}
