// SPDX-License-Identifier: Apache-2.0

import Archive
import Bytes
import Crypto
import Foundation
import SimulatedWorld
import Testing

@testable import Moving

@Suite("An account in a file")
struct AccountSourceTests {
    private static func octets(_ json: JSON) -> [UInt8] { Array(json.description.utf8) }

    private func write(
        _ format: String, validity: Int64 = 7, readers: JSON = .null,
        files: [(String, JSON)] = []
    ) throws -> String {
        let path = NSTemporaryDirectory() + "account-\(UUID().uuidString).tar"
        let message = Array("Subject: x\r\n\r\n".utf8)
        let archive = try AccountArchive.Writer(path, time: 1_800_000_000)
        try archive.add(
            AccountArchive.manifestName, Self.octets(["format": .string(format)]))
        try archive.add(
            AccountArchive.accountName,
            Self.octets([
                "login": "anna@example.org",
                "mailboxes": .array([
                    [
                        "mailbox": "INBOX", "uidvalidity": .integer(validity),
                        "uidnext": .integer(9),
                        "keywords": .array([]), "readers": readers,
                    ]
                ]),
            ]))
        try archive.add(
            "0/1.json",
            Self.octets(
                .array([
                    [
                        "uid": .integer(3), "date": .integer(1000),
                        "flags": .array(["\\Seen"]),
                        "hash": .string(
                            Hexadecimal.encode(Array(SHA256.hash(data: message)))),
                    ]
                ])))
        try archive.add("0/3.eml", message)
        for (name, json) in files { try archive.add(name, Self.octets(json)) }
        try archive.finish()
        return path
    }

    @Test("Files of the first format are read, those of an unknown one are refused")
    func formats() throws {
        let path = try write("postreiter-account-1")
        defer { try? FileManager.default.removeItem(atPath: path) }
        var source = try AccountSource(path, skippingUIDs: 100)
        let folder = try #require(try source.folders().first)
        #expect(folder.past?.uidValidity == 7 && folder.past?.uidNext == 109)
        _ = try source.open(folder, since: nil)
        guard case .message(let message)? = try source.next({ _ in false }) else {
            Issue.record("there is no message")
            return
        }
        #expect(message.uid == 3 && message.saved == nil && message.flags == ["\\Seen"])
        let end = try source.next { _ in false }
        #expect(end == nil)

        let later = try write("postreiter-account-4")
        defer { try? FileManager.default.removeItem(atPath: later) }
        let failure = #expect(throws: ArchiveFailure.self) { try AccountSource(later) }
        #expect(failure?.description.contains("the format postreiter-account-4") == true)
    }

    @Test(
        "What is in the mailbox still, with its UID, does not come twice; what is gone comes back")
    func present() async throws {
        let path = try write("postreiter-account-3")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let message = Array("Subject: x\r\n\r\n".utf8)
        let other = Array("Subject: y\r\n\r\n".utf8)
        // UID 3 is the message of the file, another one, or gone.
        for (third, new) in [(message, 0), (other, 1), (nil, 1)] {
            let account = MemoryAccount()
            await account.fill("INBOX", [other, other] + [third].compactMap(\.self))
            var source = try AccountSource(path)
            let outcomes = try await Import(into: account, time: Simulation(seed: 1)) { _ in }
                .run(from: &source)
            #expect(outcomes.map(\.new) == [new] && outcomes.map(\.equal) == [1])
            #expect(outcomes.map(\.isComplete) == [true])
            #expect(await account.octets("INBOX").count { $0 == message } == 1)
        }
    }

    @Test("A file that cannot be restored as a whole is refused before anything is")
    func incomplete() throws {
        let message: JSON = ["uid": .integer(4), "hash": "00"]
        for (validity, files, reason) in [
            (0, [], "INBOX has no UIDVALIDITY"), (-1, [], "no UIDVALIDITY"),
            (1 << 32, [], "no UIDVALIDITY"),
            (7, [("0/2.json", JSON.array([message]))], "0/4.eml is missing"),
        ] {
            let path = try write("postreiter-account-3", validity: Int64(validity), files: files)
            defer { try? FileManager.default.removeItem(atPath: path) }
            let failure = #expect(throws: ArchiveFailure.self) { try AccountSource(path) }
            #expect(failure?.description.contains(reason) == true, "\(validity)")
        }
    }

    @Test("What others had seen comes behind the messages, wherever it stands in the file")
    func readers() throws {
        let earlier: JSON = .array([
            [
                "login": "ben@example.org",
                "seen": .array([
                    .array([.integer(1), .integer(3)]), .array([.integer(5), .integer(5)]),
                    .array([.integer(9), .integer(8)]), .array([.integer(-1), .integer(1)]),
                    .array([]),
                ]),
            ],
            ["login": "cleo@example.net"],
        ])
        let now: [(String, JSON)] = [
            ("0/reader-1.json", ["login": "ben@example.org", "seen": "1:3,5"]),
            ("0/reader-2.json", ["login": "cleo@example.net", "seen": ""]),
        ]
        for path in [
            try write("postreiter-account-2", readers: earlier),
            try write("postreiter-account-3", files: now),
        ] {
            defer { try? FileManager.default.removeItem(atPath: path) }
            var source = try AccountSource(path)
            let folder = try #require(try source.folders().first)
            _ = try source.open(folder, since: nil)
            while try source.next({ _ in false }) != nil {}
            var found: [String] = []
            while let reader = try source.nextReader() {
                found.append("\(reader.login) \(reader.seen)")
            }
            #expect(found == ["ben@example.org 1:3,5", "cleo@example.net "])
        }
    }

    @Test("A damaged list of what somebody has seen is found before anything is restored")
    func damagedReader() throws {
        for json: JSON in [["login": "ben@example.org", "seen": "3:1"], ["seen": "1"], "x"] {
            let path = try write("postreiter-account-3", files: [("0/reader-1.json", json)])
            defer { try? FileManager.default.removeItem(atPath: path) }
            let failure = #expect(throws: ArchiveFailure.self) { try AccountSource(path) }
            #expect(failure?.description.contains("0/reader-1.json cannot be read") == true)
        }
    }
}
