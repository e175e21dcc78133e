// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Foundation
import LiveWorld
import Testing

@testable import DKIM

/// libopendkim by a small program, and dkimpy by a script.
private enum Peer {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Benchmarks/Peers")

    /// The compiled program; nil without the Debian package libopendkim-dev.
    static let opendkim: String? = {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "postreiter-opendkim-\(ProcessInfo.processInfo.globallyUniqueString)")
        let source = folder.appending(path: "opendkim.c").path
        let made = try? run(
            "/usr/bin/env", ["clang", "-O1", "-o", path.path, source, "-lopendkim"])
        return made?.status == 0 ? path.path : nil
    }()

    static let hasPython: Bool =
        (try? run("/usr/bin/python3", ["-c", "import dkim"]).status) == 0

    static func run(
        _ program: String, _ arguments: [String]
    ) throws -> (status: Int32, output: [UInt8]) {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let octets = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, [UInt8](octets))
    }

    static func lines(_ program: String, _ arguments: [String]) throws -> [String] {
        String(lossy: try run(program, arguments).output).split(separator: "\n").map(String.init)
    }

    static func python(_ arguments: [String]) throws -> [String] {
        try lines("/usr/bin/python3", [folder.appending(path: "dkimpy.py").path] + arguments)
    }
}

/// Messages, keys and records, in files for others to read.
private struct Exchange {
    let folder: URL
    let record: String
    let key: String
    let messages: [(header: [UInt8], body: [UInt8])]

    static let forms = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]

    /// `ending` stands behind a body that does not end in CRLF: libopendkim refuses such a body
    /// where it is relaxed (RFC 6376 §3.4.4 adds the CRLF), and dkimpy lets white space at its end
    /// count.
    init(seed: UInt64, count: Int, ending: String) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "postreiter-dkim-\(ProcessInfo.processInfo.globallyUniqueString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        record = folder.appending(path: "record").path
        key = folder.appending(path: "key").path
        try Data(Example.rsaRecord.utf8).write(to: URL(filePath: record))
        try Data((Example.rsaSecret + "\n").utf8).write(to: URL(filePath: key))
        var dice = Dice(state: seed)
        messages = (0..<count).map { _ in
            var message = Self.message(&dice)
            if let last = message.body.last, last != .lineFeed { message.body += ending.utf8 }
            return message
        }
    }

    func end() { try? FileManager.default.removeItem(at: folder) }

    private static func message(_ dice: inout Dice) -> (header: [UInt8], body: [UInt8]) {
        var header: [UInt8] = []
        for name in ["From", "to", "Subject", "DATE", "X-Other", "Cc", "Message-ID", "Received"] {
            guard name == "From" || Bool.random(using: &dice) else { continue }
            header += (name + ":").utf8
            header += dice.text(["", " ", "  ", "\t"], 1...1) + Array("<v@e.example>".utf8)
            header += dice.text(
                [
                    "word", " ", "  ", "\t", "\r\n w", "\r\n\tx", "\r\n  \t y", ";",
                    "=?utf-8?q?=41?=",
                    "longer words that fill a line", "ü", "b=x; ",
                ], 0...8)
            header += Array("e".utf8) + dice.text(["", " ", "\t "], 1...1) + Array("\r\n".utf8)
        }
        let body = dice.text(
            ["a", " ", "\t", "\r\n", "\r\n\r\n", "text ", "more of it\r\n", " \r\n", "."], 0...20)
        return (header, body)
    }

    /// A file for each message that is made.
    func write(_ name: String, _ octets: [UInt8]) throws -> String {
        let path = folder.appending(path: name)
        try Data(octets).write(to: path)
        return path.path
    }

    func files() throws -> [String] {
        try messages.enumerated().map { number, message in
            try write("\(number).eml", message.header + Array("\r\n".utf8) + message.body)
        }
    }

    /// What we sign in a form, each message once.
    func signed(_ form: String) throws -> [String] {
        let key = try #require(LiveSigningKey(pem: Example.rsaSecret))
        let parts = form.split(separator: "/").compactMap { Canonicalization(rawValue: String($0)) }
        return try messages.enumerated().map { number, message in
            var settings = Signer.Settings()
            settings.headerForm = parts[0]
            settings.bodyForm = parts[1]
            settings.time = 1_700_000_000
            settings.expiration = number.isMultiple(of: 2) ? nil : 4_000_000_000
            var signer = Signer(
                header: FieldList(message.header), settings: settings,
                cryptography: LiveMailCryptography())
            message.body.withUnsafeBytes { signer.update($0) }
            let fields = try signer.finish([
                .init(domain: "football.example.com", selector: "test", key: key)
            ])
            return try write(
                "\(number)-ours.eml",
                Array(fields.joined()) + message.header + Array("\r\n".utf8) + message.body)
        }
    }

    /// What verifying the message of a file comes to.
    func result(_ octets: [UInt8]) async throws -> [Verification.Finding] {
        let end = Array("\r\n\r\n".utf8)
        let place = octets.indices.first { octets[$0...].starts(with: end) } ?? octets.count
        var verification = Verification(
            header: FieldList(Array(octets[..<min(octets.count, place + 2)])),
            cryptography: LiveMailCryptography())
        octets.dropFirst(place + 4).withUnsafeBytes { verification.update($0) }
        return await verification.finish(resolver: try Example.keys(), now: 1_800_000_000).findings
    }
}

@Suite("DKIM both ways, with messages at random")
struct PeerTests {
    @Test(
        "libopendkim verifies what we sign, and we what it signs",
        .enabled(if: Peer.opendkim != nil, "the Debian package libopendkim-dev is not installed"),
        arguments: Exchange.forms)
    func opendkim(form: String) async throws {
        let program = try #require(Peer.opendkim)
        let exchange = try Exchange(seed: 11, count: 60, ending: "\r\n")
        defer { exchange.end() }
        let ours = try exchange.signed(form)
        let theirs = try Peer.lines(program, ["verify", exchange.record] + ours)
        #expect(theirs.count == ours.count)
        for (number, result) in theirs.enumerated() {
            #expect(result == "pass", "\(number): \(exchange.messages[number])")
        }
        for (number, file) in try exchange.files().enumerated() {
            let signed = try Peer.run(
                program, ["sign", file, exchange.key, "test", "football.example.com", form])
            let findings = try await exchange.result(signed.output)
            #expect(
                findings.map(\.result) == [.pass],
                "\(findings) \(exchange.messages[number]) \(String(lossy: signed.output))")
        }
    }

    @Test(
        "dkimpy verifies what we sign, and we what it signs, with l= and i= as well",
        .enabled(if: Peer.hasPython, "the Debian package python3-dkim is not installed"),
        arguments: Exchange.forms)
    func dkimpy(form: String) async throws {
        let exchange = try Exchange(seed: 12, count: 60, ending: "end")
        defer { exchange.end() }
        let theirs = try Peer.python(["verify", exchange.record] + exchange.signed(form))
        #expect(theirs.count == exchange.messages.count)
        for (number, result) in theirs.enumerated() {
            #expect(result == "pass", "\(number): \(exchange.messages[number])")
        }
        let files = try exchange.files()
        for options in ["none", "length,identity"] {
            _ = try Peer.python(
                ["sign", exchange.key, "test", "football.example.com", form, options] + files)
            for file in files {
                let octets = [UInt8](try Data(contentsOf: URL(filePath: file + ".signed")))
                let findings = try await exchange.result(octets)
                #expect(
                    findings.map(\.result) == [.pass],
                    "\(options) \(findings) \(String(lossy: octets))")
            }
        }
    }
}
