// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import IMAP
import MailFolders
package import World

/// Writes an account's messages where other programs read them, and reads them again to compare.
///
/// Nothing here is changed, and what is there already stays; run again, it adds what is new.
package struct Export: Sendable {
    private let account: any AccountPort
    private let time: any Time
    private let report: @Sendable (String) -> Void
    private let isWanted: @Sendable (MailboxName) -> Bool

    /// A line of progress after so many messages.
    private static let reportEvery = 1000

    /// `report` is told how far it is, a line at a time.
    package init(
        from account: any AccountPort, time: any Time,
        isWanted: @escaping @Sendable (MailboxName) -> Bool = { _ in true },
        report: @escaping @Sendable (String) -> Void
    ) {
        self.account = account
        self.time = time
        self.isWanted = isWanted
        self.report = report
    }

    /// Writes all mailboxes into a target, which is closed then.
    package func run(into target: inout some MailTarget) async throws -> [ExportOutcome] {
        let answer = try await account.ask("mailbox.list", [])
        let mailboxes = (answer["mailboxes"]?.array ?? []).compactMap(TargetMailbox.init)
            .filter { isWanted($0.name) }
        guard !mailboxes.isEmpty else {
            throw MovingFailure(.source, "the account has no mailbox of that name")
        }
        try target.begin(mailboxes)
        var outcomes: [ExportOutcome] = []
        for mailbox in mailboxes {
            var outcome = ExportOutcome(mailbox.name.text)
            try target.open(mailbox)
            try await write(mailbox, to: &target, &outcome)
            try target.close(&outcome)
            outcomes.append(outcome)
        }
        try target.end()
        return outcomes
    }

    private func write(
        _ mailbox: TargetMailbox, to target: inout some MailTarget, _ outcome: inout ExportOutcome
    ) async throws {
        var progress = Progress(mailbox.name.text, of: mailbox.messages, from: time.now)
        var last: Int64 = 0
        while true {
            let (answer, octets) = try await account.ask(
                "mailbox.read",
                [("mailbox", .string(mailbox.name.text)), ("after", .integer(last))], [])
            var rest = octets[...]
            for message in answer["messages"]?.array ?? [] {
                let count = Int(message["octets"]?.integer ?? 0)
                guard let uid = message["uid"]?.integer.flatMap({ UInt32(exactly: $0) }),
                    count >= 0, count <= rest.count
                else { throw MovingFailure(.temporary, "the server answers incompletely") }
                last = Int64(uid)
                let content: MessageContent
                if let total = message["larger"]?.integer.flatMap({ Int(exactly: $0) }) {
                    guard let large = try await large(uid, total, of: mailbox) else { continue }
                    content = .file(large)
                } else {
                    content = .memory(Array(rest.prefix(count)))
                }
                outcome.messages += 1
                try target.put(
                    TargetMessage(
                        uid: uid,
                        flags: (message["flags"]?.array ?? []).compactMap(\.string).sorted(),
                        date: Timestamp(milliseconds: message["date"]?.integer ?? 0),
                        content: content), &outcome)
                rest = rest.dropFirst(count)
                if let line = progress.line(every: Self.reportEvery, at: time.now) { report(line) }
            }
            if answer["end"]?.bool != false { break }
        }
        if let line = progress.end(at: time.now) { report(line) }
    }
}

extension Export {
    /// A message that is handed out in pieces; nil if it goes meanwhile.
    private func large(
        _ uid: UInt32, _ octets: Int, of mailbox: TargetMailbox
    ) async throws -> LargeContent? {
        let writer = try LargeContent.Writer(isCanonical: true)
        while writer.octets < octets {
            let (answer, piece) = try await account.ask(
                "mailbox.piece",
                [
                    ("mailbox", .string(mailbox.name.text)), ("uid", .integer(Int64(uid))),
                    ("offset", .integer(Int64(writer.octets))),
                ], [])
            if answer["gone"]?.bool == true { return nil }
            guard !piece.isEmpty, writer.octets + piece.count <= octets else {
                throw MovingFailure(.temporary, "the server answers incompletely")
            }
            try writer.write(piece)
        }
        return writer.finish()
    }
}

/// A place into which mailboxes are written; used by one task.
package protocol MailTarget {
    /// Prepares for these mailboxes.
    mutating func begin(_ mailboxes: [TargetMailbox]) throws
    /// Turns to a mailbox.
    mutating func open(_ mailbox: TargetMailbox) throws
    /// Writes the next message of the open mailbox, unless it is there, by rising UID.
    mutating func put(_ message: TargetMessage, _ outcome: inout ExportOutcome) throws
    /// Ends the mailbox, and compares what can be compared only then.
    mutating func close(_ outcome: inout ExportOutcome) throws
    /// All is written: returns once it is on the disk.
    mutating func end() throws
}

/// A mailbox of an account that is written elsewhere.
package struct TargetMailbox: Sendable {
    package let name: MailboxName
    let messages: Int
    let uidValidity: Int64
    let uidNext: Int64
    let isSubscribed: Bool

    init?(_ json: JSON) {
        guard let name = json["mailbox"]?.string.flatMap({ try? MailboxName($0) }) else {
            return nil
        }
        self.name = name
        messages = Int(json["messages"]?.integer ?? 0)
        uidValidity = json["uidvalidity"]?.integer ?? 1
        uidNext = json["uidnext"]?.integer ?? 1
        isSubscribed = json["subscribed"]?.bool ?? true
    }
}

/// A message that is written elsewhere.
package struct TargetMessage: Sendable {
    let uid: UInt32
    /// Sorted.
    let flags: [String]
    let date: Timestamp
    let content: MessageContent
}

/// What became of a mailbox, and whether the place holds the same.
package struct ExportOutcome: Sendable {
    package let mailbox: String
    package internal(set) var messages = 0
    /// Written now.
    package internal(set) var written = 0
    /// There already, now with other flags.
    package internal(set) var changed = 0
    /// Read again, with the same hash.
    package internal(set) var equal = 0
    package internal(set) var keywordsLeftOut = 0
    /// Messages that are not there, or different.
    package internal(set) var differences: [String] = []

    init(_ mailbox: String) { self.mailbox = mailbox }

    package var isComplete: Bool { differences.isEmpty && equal == messages }

    package var json: JSON {
        [
            "mailbox": .string(mailbox), "messages": .integer(Int64(messages)),
            "written": .integer(Int64(written)), "changed": .integer(Int64(changed)),
            "equal": .integer(Int64(equal)),
            "keywords-left-out": .integer(Int64(keywordsLeftOut)),
            "complete": .bool(isComplete), "differences": JSON(differences),
        ]
    }
}
