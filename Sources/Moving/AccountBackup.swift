// SPDX-License-Identifier: Apache-2.0

import Archive
import Bytes
import Crypto
package import World

/// Writes an account into one file: messages with flags, dates and UIDs, mailboxes, scripts, and
/// what is kept of its password.
///
/// The mailboxes are those of one moment, while mail flows: contents never change, and should one
/// have gone before it was read, all begins anew.
package struct AccountBackup: Sendable {
    private let account: any AccountPort
    private let time: any Time
    private let report: @Sendable (String) -> Void

    /// Somebody may empty mailboxes just then.
    private static let attempts = 5
    /// Messages of a list.
    private static let listMessages = 200
    private static let reportEvery = 1000

    /// What was kept.
    package struct Summary: Sendable {
        package var mailboxes = 0
        package var messages = 0
        package var octets = 0
    }

    /// `report` is told how far it is, a line at a time.
    package init(
        of account: any AccountPort, time: any Time, report: @escaping @Sendable (String) -> Void
    ) {
        self.account = account
        self.time = time
        self.report = report
    }

    /// Writes the file, which must not exist; `version` is the program's.
    package func write(to path: String, version: String) async throws -> Summary {
        for _ in 0..<Self.attempts {
            if let summary = try await attempt(path, version) { return summary }
            report("a message was removed meanwhile: once more")
        }
        throw MovingFailure(
            .temporary, "messages go too fast; try again in a quieter moment")
    }

    /// Nil if a content has gone.
    private func attempt(_ path: String, _ version: String) async throws -> Summary? {
        let now = time.timestamp
        let archive = try AccountArchive.Writer(path, time: now.seconds)
        let snapshot = try await account.ask("account.snapshot", [])
        let mailboxes = snapshot["mailboxes"]?.array ?? []
        try archive.add(
            AccountArchive.manifestName,
            Self.octets([
                "format": .string(AccountArchive.format), "version": .string(version),
                "time": .string(CalendarDate(now).internetFormat),
                "login": snapshot["login"] ?? .null,
            ]))
        let settings = (snapshot.object ?? []).filter { $0.0 != "mailboxes" }
        let listed = mailboxes.map { mailbox in
            JSON.object((mailbox.object ?? []).filter { !["messages", "id"].contains($0.0) })
        }
        try archive.add(
            AccountArchive.accountName,
            Self.octets(.object(settings + [("mailboxes", .array(listed))])))
        var summary = Summary()
        for (index, mailbox) in mailboxes.enumerated() {
            summary.mailboxes += 1
            let name = mailbox["mailbox"]?.string ?? ""
            let messages = mailbox["messages"]?.array ?? []
            var progress = Progress(name, of: messages.count, from: time.now)
            var rest = messages[...]
            var number = 0
            while !rest.isEmpty {
                guard let batch = try await next(&rest) else { return nil }
                number += 1
                try archive.add("\(index)/\(number).json", Self.octets(.array(batch.map(\.facts))))
                for (facts, octets) in batch {
                    try archive.add("\(index)/\(facts["uid"]?.integer ?? 0).eml", octets)
                    summary.messages += 1
                    summary.octets += octets.count
                    if let line = progress.line(every: Self.reportEvery, at: time.now) {
                        report(line)
                    }
                }
            }
            try await addReaders(of: mailbox, at: index, to: archive)
        }
        try archive.finish()
        return summary
    }

    /// What others have seen of a mailbox: a file for each of them.
    private func addReaders(
        of mailbox: JSON, at index: Int, to archive: AccountArchive.Writer
    ) async throws {
        var last = JSON.integer(0)
        var number = 0
        while true {
            let answer = try await account.ask(
                "account.readers", [("mailbox", mailbox["id"] ?? .null), ("after", last)])
            guard let next = answer["next"] else { return }
            last = next
            // Somebody who has gone meanwhile has no login.
            guard let login = answer["login"]?.string, let seen = answer["seen"]?.string else {
                continue
            }
            number += 1
            try archive.add(
                AccountArchive.readerName(of: index, number),
                Self.octets(["login": .string(login), "seen": .string(seen)]))
        }
    }

    private static func octets(_ json: JSON) -> [UInt8] {
        var octets: [UInt8] = []
        json.write(to: &octets)
        octets.append(UInt8(ascii: "\n"))
        return octets
    }

    /// The next messages with their octets, at least one; nil if one has gone.
    private func next(
        _ rest: inout ArraySlice<JSON>
    ) async throws -> [(facts: JSON, octets: [UInt8])]? {
        let wanted = rest.prefix(Self.listMessages)
        let (answer, octets) = try await account.ask(
            "account.contents", [("contents", .array(wanted.map { $0["content"] ?? .null }))], [])
        guard answer["gone"]?.bool != true else { return nil }
        let counts = (answer["counts"]?.array ?? []).compactMap { $0.integer.map { Int($0) } }
        guard !counts.isEmpty, counts.reduce(0, +) == octets.count else {
            throw MovingFailure(.temporary, "the server answers incompletely")
        }
        var left = octets[...]
        let batch = zip(wanted, counts).map { facts, count -> (JSON, [UInt8]) in
            let message = Array((facts["prefix"]?.string ?? "").utf8) + left.prefix(count)
            left = left.dropFirst(count)
            let known = (facts.object ?? []).filter { !["content", "prefix"].contains($0.0) }
            let hash = Hexadecimal.encode(Array(SHA256.hash(data: message)))
            return (.object(known + [("hash", .string(hash))]), message)
        }
        rest = rest.dropFirst(batch.count)
        return batch
    }
}
