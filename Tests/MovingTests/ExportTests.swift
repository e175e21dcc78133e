// SPDX-License-Identifier: Apache-2.0

import Foundation
import MailFolders
import SimulatedWorld
import Testing
import World

@testable import Moving

@Suite("Messages on their way out")
struct ExportTests {
    /// The second is larger than an answer, and than what is read of a file at once.
    private static let messages: [[UInt8]] = {
        let line = "From 0123456789 0123456789\r\n>From 0123456789\r\n\r\n"
        let header = "Return-Path: <a@b>\r\nStatus: X\r\nSubject: x\r\n\r\n"
        return [
            header + "one\r\n", header + String(repeating: line, count: 60_000),
            // With ends of lines that no other form could give back.
            header + String(repeating: "a\r\r\n", count: 400_000) + "end", "Subject: x",
        ].map { Array($0.utf8) }
    }()

    private func export(
        into target: inout some MailTarget, _ answerOctets: Int
    ) async throws -> [ExportOutcome] {
        let account = MemoryAccount(answerOctets: answerOctets)
        await account.fill("INBOX", Self.messages)
        return try await Export(from: account, time: Simulation(seed: 1)) { _ in }
            .run(into: &target)
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "export-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    @Test("A Maildir holds messages of any size as they are", arguments: [Int.max, 700_000])
    func maildir(_ answerOctets: Int) async throws {
        try await withFolder { path in
            for written in [Self.messages.count, 0] {
                var target = MaildirTarget(path, layout: .maildir)
                let outcomes = try await export(into: &target, answerOctets)
                #expect(outcomes.map(\.written) == [written])
                #expect(outcomes.allSatisfy { $0.isComplete }, "\(outcomes)")
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: path + "/cur").sorted {
                $0.localizedStandardCompare($1) == .orderedAscending
            }
            let files = try names.map { try Self.read("\(path)/cur/\($0)") }
            #expect(files == Self.messages.map { LineEnds.bare($0) ?? $0 })
            for (name, file) in zip(names, files) { #expect(name.contains("S=\(file.count):")) }
        }
    }

    @Test(
        "A file of messages holds messages of any size",
        arguments: MboxReader.Quoting.allCases, [Int.max, 700_000])
    func mbox(_ quoting: MboxReader.Quoting, _ answerOctets: Int) async throws {
        try await withFolder { path in
            var target = MboxTarget(path, quoting: quoting)
            let outcomes = try await export(into: &target, answerOctets)
            // mboxo cannot tell a line that was quoted from one that begins so.
            #expect(outcomes.map(\.equal) == [quoting == .mboxo ? 3 : 4], "\(outcomes)")
            var expected: [UInt8] = []
            for message in Self.messages {
                expected += MboxWriter(quoting: quoting).entry(
                    message, sender: message.starts(with: "Return-Path".utf8) ? "a@b" : "",
                    date: .init(milliseconds: 1_700_000_000_000), flags: ["\\Seen"])
            }
            let file = try Self.read(path + "/INBOX")
            #expect(file == expected)
        }
    }
}
