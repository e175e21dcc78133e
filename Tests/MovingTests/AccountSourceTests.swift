// SPDX-License-Identifier: Apache-2.0

import Archive
import Bytes
import Crypto
import Foundation
import Testing

@testable import Moving

@Suite("An account in a file")
struct AccountSourceTests {
    private static func octets(_ json: JSON) -> [UInt8] { Array(json.description.utf8) }

    private func write(
        _ format: String, readers: JSON = .null, files: [(String, JSON)] = []
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
                        "mailbox": "INBOX", "uidvalidity": .integer(7), "uidnext": .integer(9),
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
