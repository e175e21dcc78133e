// SPDX-License-Identifier: Apache-2.0

import Foundation
import MailFolders
import SimulatedWorld
import Testing
import World

@testable import Moving

@Suite("Folders on a disk, whatever they are called")
struct FolderSourceTests {
    /// Makes files, with the folders above them, and brings all over twice.
    private func move<Source: MailSource>(
        _ files: [String], links: [String: String] = [:], _ source: (String) -> Source
    ) async throws -> (outcomes: [FolderOutcome], again: [FolderOutcome], account: MemoryAccount) {
        let root = NSTemporaryDirectory() + "folders-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let manager = FileManager.default
        for (number, file) in files.enumerated() {
            let path = "\(root)/\(file)"
            try manager.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(),
                withIntermediateDirectories: true)
            let text = "From a@b Thu Jan  1 10:00:00 2015\nSubject: \(number)\n\nbody\n"
            try Data(text.utf8).write(to: URL(filePath: path))
        }
        for (name, target) in links {
            try manager.createSymbolicLink(
                atPath: "\(root)/\(name)", withDestinationPath: "\(root)/\(target)")
        }
        let account = MemoryAccount()
        func run() async throws -> [FolderOutcome] {
            var source = source("\(root)/mail")
            return try await Import(into: account, time: Simulation(seed: 1)) { _ in }
                .run(from: &source)
        }
        return (try await run(), try await run(), account)
    }

    @Test("Folders of a Maildir that have one name here, or none, are mailboxes all the same")
    func maildir() async throws {
        let folders = [
            "", ".INBOX", ".K&AOQ-se", ".Käse", "..double", ".end.", ".ctl\u{1}x", "tree/sub",
            ".tree.sub",
        ]
        // The same name of a file in each: what is in one folder says nothing of another.
        let files = folders.map { "mail/\($0)/cur/1.a.b:2,S" }
        let (outcomes, again, account) = try await move(files) { MaildirSource($0) }
        #expect(
            Set(outcomes.map(\.mailbox)) == [
                "INBOX", "INBOX_2", "Käse", "Käse_2", "double", "end", "ctl_x", "tree/sub",
                "tree/sub_2",
            ])
        #expect(outcomes.allSatisfy { $0.isComplete && $0.equal == 1 }, "\(outcomes)")
        #expect(again.allSatisfy { $0.new == 0 && $0.equal == 1 }, "\(again)")
        let counts = await account.boxes.values.map(\.messages.count)
        #expect(counts == Array(repeating: 1, count: folders.count))
    }

    @Test("A folder that is a link is named, and nothing of it is read")
    func links() async throws {
        let files = ["mail/cur/1.a.b:2,S", "other/cur/2.a.b:2,S"]
        let links = ["mail/.Other": "other", "mail/tree": "other"]
        let (outcomes, _, account) = try await move(files, links: links) { MaildirSource($0) }
        #expect(outcomes.map(\.mailbox) == ["INBOX", "Other", "tree"])
        #expect(outcomes.map(\.isComplete) == [true, false, false])
        #expect(outcomes[1].unreadable.first?.hasSuffix(SystemFiles.isLink) == true)
        #expect(await account.boxes.keys.sorted() == ["INBOX"])
    }

    @Test("A message in new and in cur was moved meanwhile: it comes once, with its flags")
    func moved() async throws {
        let files = ["mail/new/1.a.b", "mail/cur/1.a.b:2,S"]
        let (outcomes, _, account) = try await move(files) { MaildirSource($0) }
        #expect(outcomes.map(\.new) == [1])
        #expect(await account.texts("INBOX").first?.hasPrefix("\\Seen") == true)
    }

    @Test("Messages are found whose names change while they are read; what has gone is not named")
    func renamed() throws {
        let root = NSTemporaryDirectory() + "folders-\(UUID().uuidString)"
        let manager = FileManager.default
        defer { try? manager.removeItem(atPath: root) }
        for folder in ["new", "cur"] {
            try manager.createDirectory(
                atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        let names = ["cur/1.a:2,", "new/2.a", "cur/3.a:2,S", "cur/4.a:2,", "cur/5.a:2,"]
        for name in names { try Data("\n".utf8).write(to: URL(filePath: "\(root)/\(name)")) }
        func rename(_ old: String, _ new: String) throws {
            try manager.moveItem(atPath: "\(root)/\(old)", toPath: "\(root)/\(new)")
        }
        var source = MaildirSource(root)
        let folder = try #require(try source.folders().first)
        #expect(try source.open(folder, since: nil).messages == 5)
        try rename("cur/1.a:2,", "cur/1.a:2,F")
        try rename("new/2.a", "cur/2.a:2,S")
        try manager.removeItem(atPath: root + "/cur/3.a:2,S")
        var found: [String] = []
        while let item = try source.next({ _ in false }) {
            guard case .message(let message) = item else {
                Issue.record("\(item)")
                continue
            }
            found.append("\(message.key) \(message.flags.joined())")
            // Once more, behind the look that found the first.
            if message.key == "2.a" { try rename("cur/4.a:2,", "cur/4.a:2,R") }
        }
        #expect(found == ["1.a \\Flagged", "2.a \\Seen", "4.a \\Answered", "5.a "])
    }

    @Test("A message beyond the limit is named with the limit", arguments: [10, 40 << 20])
    func tooLarge(_ limit: Int) async throws {
        let root = NSTemporaryDirectory() + "folders-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(
            atPath: root + "/cur", withIntermediateDirectories: true)
        try Data(count: limit + 1).write(to: URL(filePath: root + "/cur/1.a:2,"))
        var source = MaildirSource(root, largestOctets: limit)
        let outcomes = try await Import(into: MemoryAccount(), time: Simulation(seed: 1)) { _ in }
            .run(from: &source)
        #expect(
            outcomes.map(\.unreadable) == [
                ["cur/1.a:2,: it has \(limit + 1) octets, more than \(limit)"]
            ])
    }

    @Test("A file whose name is not in UTF-8 is named")
    func unreadableName() async throws {
        let root = NSTemporaryDirectory() + "folders-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(
            atPath: root + "/cur", withIntermediateDirectories: true)
        let path = Array((root + "/cur/1.").utf8) + [0xE4] + Array(":2,S\0".utf8)
        let file = path.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer {
            fopen($0.baseAddress!, "w")
        }
        _ = try fclose(#require(file))
        var source = MaildirSource(root)
        let outcomes = try await Import(into: MemoryAccount(), time: Simulation(seed: 1)) { _ in }
            .run(from: &source)
        #expect(outcomes.map(\.unreadable.count) == [1])
        #expect(outcomes[0].unreadable[0].hasSuffix(SystemFiles.unreadableName))
    }

    @Test("What others wrote does nothing to a terminal")
    func shown() {
        #expect("a\u{1B}[31m\u{9B}m\r\nä".shown == "a?[31m?m??ä")
        #expect(String(repeating: "a", count: 501).shown.count == 502)
    }

    @Test("Each file of messages is a mailbox, however programs call it")
    func mbox() async throws {
        let files = [
            "INBOX", "Inbox", "Work.mbox/mbox", "Work/mbox", "Work.sbd/mbox", "Work.sbd/x",
            "Work.sbd/x.mbox/mbox",
        ].map { "mail/\($0)" }
        let (outcomes, again, _) = try await move(files) {
            MboxSource($0, mailbox: nil, quoting: .mboxrd)
        }
        #expect(
            Set(outcomes.map(\.mailbox)) == [
                "INBOX", "INBOX_2", "Work", "Work_2", "Work/mbox", "Work/x", "Work/x_2",
            ])
        #expect(outcomes.allSatisfy { $0.isComplete && $0.equal == 1 }, "\(outcomes)")
        #expect(again.allSatisfy { $0.new == 0 && $0.equal == 1 }, "\(again)")
    }

    @Test("Mailboxes whose files would have one name are exported into two, and come back")
    func exported() async throws {
        let root = NSTemporaryDirectory() + "folders-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let account = MemoryAccount()
        let names = [".foo", "_foo", "A/B", "A.sbd", "Work", "Work/mbox"]
        for name in names { await account.fill(name, [Array("Subject: \(name)\r\n\r\n".utf8)]) }
        var target = MboxTarget(root, quoting: .mboxrd)
        let outcomes = try await Export(from: account, time: Simulation(seed: 1)) { _ in }
            .run(into: &target)
        #expect(outcomes.count == names.count && outcomes.allSatisfy(\.isComplete))
        let back = MemoryAccount()
        var source = MboxSource(root, mailbox: nil, quoting: .mboxrd)
        _ = try await Import(into: back, time: Simulation(seed: 1)) { _ in }.run(from: &source)
        #expect(await back.boxes.count == names.count)
        #expect(await back.octets("Work/mbox") == account.octets("Work/mbox"))
    }
}
