// SPDX-License-Identifier: Apache-2.0

import Foundation
import Properties
import Testing

/// Dovecot, asked what it would send of messages in a Maildir.
struct Dovecot {
    private static let program = "/usr/bin/doveadm"
    static var isThere: Bool { FileManager.default.isExecutableFile(atPath: program) }

    /// What it tells of one message.
    struct Answer {
        let envelope: ResponseTree
        let structure: ResponseTree
    }

    /// Its answers, in the order of the messages; nil where it writes what is no list.
    static func ask(about messages: [[UInt8]]) throws -> [Answer?] {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "summary-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let isRoot = getuid() == 0
        let owner: [FileAttributeKey: Any] =
            isRoot ? [.ownerAccountName: "nobody", .groupOwnerAccountName: "nogroup"] : [:]
        for name in ["", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"] {
            let path = folder.appending(path: name).path
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            try FileManager.default.setAttributes(owner, ofItemAtPath: path)
        }
        for (index, message) in messages.enumerated() {
            // Maildir's order is that of the names.
            let file = folder.appending(path: "Maildir/cur/\(1_000_000 + index).x:2,")
            try Data(message).write(to: file)
            try FileManager.default.setAttributes(owner, ofItemAtPath: file.path)
        }
        try Data(
            """
            log_path = \(folder.path)/log
            base_dir = \(folder.path)
            mail_location = maildir:\(folder.path)/Maildir
            \(isRoot ? "mail_uid = nobody\nmail_gid = nogroup" : "")
            first_valid_uid = 1
            ssl = no

            """.utf8
        ).write(to: folder.appending(path: "dovecot.conf"))
        return try answers(in: run(folder), count: messages.count)
    }

    private static func run(_ folder: URL) throws -> [UInt8] {
        let output = folder.appending(path: "output")
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = [
            "-c", folder.appending(path: "dovecot.conf").path, "fetch",
            "uid imap.envelope imap.bodystructure", "all",
        ]
        process.environment = ["USER": NSUserName(), "HOME": folder.path, "PATH": "/usr/bin:/bin"]
        process.currentDirectoryURL = folder
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return [UInt8](try Data(contentsOf: output))
    }

    /// A form feed on a line stands between records.
    private static func answers(in output: [UInt8], count: Int) throws -> [Answer?] {
        let text = Data(output)
        var answers: [Answer?] = []
        var rest = text[...]
        while let end = rest.range(of: Data("\n\u{C}\n".utf8)) {
            answers.append(answer(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        // The last one ends with a line end alone.
        if !rest.isEmpty { answers.append(answer(rest.dropLast())) }
        try #require(answers.count == count, "\(answers.count) of \(count) answers")
        return answers
    }

    private static func answer(_ record: Data) -> Answer? {
        guard let envelope = record.range(of: Data("imap.envelope: ".utf8)),
            let structure = record.range(
                of: Data("\nimap.bodystructure: ".utf8), options: .backwards)
        else { return nil }
        let first = record[envelope.upperBound..<structure.lowerBound]
        let second = record[structure.upperBound...]
        guard let envelope = tree(first), let structure = tree(second) else { return nil }
        return Answer(envelope: envelope, structure: structure)
    }

    /// Lists come without their parentheses, and in whatever charset.
    private static func tree(_ octets: Data) -> ResponseTree? {
        try? ResponseTree([0x28] + octets + [0x29], isUTF8: false)
    }
}
