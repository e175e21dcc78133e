// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import IMAP
import MailFolders
package import World

/// Brings messages of a source into an account: each once, however often it is run, and whenever
/// it was interrupted.
package struct Import: Sendable {
    private let account: any AccountPort
    private let time: any Time
    private let report: @Sendable (String) -> Void
    private let options: Options

    /// What an import does and leaves undone.
    package struct Options: Sendable {
        /// Nothing is changed: what would be done is told.
        package var isDry = false
        /// Nothing is changed: everything is read again and compared.
        package var onlyVerifies = false
        /// Folders that are brought over; nil: all.
        package var isWanted: (@Sendable (SourceFolder) -> Bool)?

        package init() {}
    }

    /// Messages up to this size come over, unless told otherwise; larger ones are named.
    package static let largestOctets = MboxReader.maximumOctets
    /// Messages in a commit, and their octets: large enough that the sync behind it is nothing,
    /// small enough for memory and for a session beside it.
    private static let batchMessages = 500
    private static let batchOctets = 4 << 20
    /// Changes handed over at once.
    private static let changeLimit = 500
    /// A line of progress after so many messages.
    private static let reportEvery = 1000

    /// `report` is told how far it is, a line at a time.
    package init(
        into account: any AccountPort, options: Options = Options(), time: any Time,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.account = account
        self.options = options
        self.time = time
        self.report = report
    }

    /// Brings everything over, and compares.
    package func run(from source: inout some MailSource) async throws -> [FolderOutcome] {
        let folders = try await source.folders().filter { options.isWanted?($0) ?? true }
        guard !folders.isEmpty else {
            throw MovingFailure(.source, "there is no folder of that name")
        }
        let changes = !options.isDry && !options.onlyVerifies
        if changes { try await prepare(folders.filter { $0.obstacle == nil }) }
        let validities = try await mailboxes()
        var outcomes: [FolderOutcome] = []
        for folder in folders {
            if let obstacle = folder.obstacle {
                var outcome = FolderOutcome(folder.name.text)
                outcome.unreadable.append("\(folder.place): \(obstacle)")
                outcomes.append(outcome)
                continue
            }
            var outcome = try await bring(
                folder, from: &source, validity: validities[folder.name.text])
            if !options.isDry {
                try await Verification(account).compare(&outcome)
            }
            outcomes.append(outcome)
        }
        return outcomes
    }

    /// Those that are there, with their UIDVALIDITY.
    private func mailboxes() async throws -> [String: Int64] {
        let answer = try await account.ask("mailbox.list", [])
        return Dictionary(
            (answer["mailboxes"]?.array ?? []).compactMap { mailbox in
                mailbox["mailbox"]?.string.map { ($0, mailbox["uidvalidity"]?.integer ?? 0) }
            }, uniquingKeysWith: { $1 })
    }

    private func prepare(_ folders: [SourceFolder]) async throws {
        let wishes = folders.map { folder -> JSON in
            [
                "mailbox": .string(folder.name.text), "use": JSON(folder.use),
                "subscribed": .bool(folder.isSubscribed),
            ]
        }
        _ = try await account.ask("mailbox.prepare", [("mailboxes", .array(wishes))])
        for folder in folders { _ = try await resume(folder, isComplete: false) }
    }

    /// A mailbox that was here before goes on with its UIDs, if none were given since; says whether
    /// it does.
    private func resume(_ folder: SourceFolder, isComplete: Bool) async throws -> Bool {
        guard let past = folder.past else { return false }
        let answer = try await account.ask(
            "mailbox.resume",
            [
                ("mailbox", .string(folder.name.text)),
                ("uidvalidity", .integer(past.uidValidity)), ("keywords", JSON(past.keywords)),
                ("modseq", .integer(past.modSequence)), ("recent", .integer(past.recentUID)),
                ("uidnext", isComplete ? .integer(past.uidNext) : .null),
            ])
        return answer["same"]?.bool ?? false
    }

    /// What others had seen of it, one after another.
    private func adoptReaders(
        of folder: SourceFolder, from source: inout some MailSource
    ) async throws {
        while let reader = try await source.nextReader() {
            _ = try await account.ask(
                "mailbox.adopt-seen",
                [
                    ("mailbox", .string(folder.name.text)), ("login", .string(reader.login)),
                    ("seen", .string(reader.seen.description)),
                ])
        }
    }

    private func mark(of folder: SourceFolder) async throws -> String? {
        guard let name = folder.markName else { return nil }
        return try await account.ask(
            "mailbox.mark",
            [("mailbox", .string(folder.name.text)), ("source", .string(name))])["mark"]?.string
    }

    private func keep(_ mark: String?, of folder: SourceFolder, _ old: String?) async throws {
        guard let name = folder.markName, mark != old else { return }
        _ = try await account.ask(
            "mailbox.keep-mark",
            [
                ("mailbox", .string(folder.name.text)), ("source", .string(name)),
                ("mark", JSON(mark)),
            ])
    }

    // MARK: A folder

    private func bring(
        _ folder: SourceFolder, from source: inout some MailSource, validity: Int64?
    ) async throws -> FolderOutcome {
        let isThere = validity != nil
        let known = isThere ? try await Origins(of: folder.name.text, account) : Origins()
        let mark = isThere && !options.onlyVerifies ? try await mark(of: folder) : nil
        let opening = try await source.open(folder, since: mark)
        var work = FolderWork(
            FolderOutcome(folder.name.text), known: known, keys: opening.keys)
        if let past = folder.past, past.uidValidity == validity {
            work.present = try await Verification(account).digests(folder.name.text)
        }
        var progress = Progress(folder.name.text, of: opening.messages, from: time.now)
        let (account, mailbox) = (account, folder.name.text)
        let readsAll = options.onlyVerifies
        let changes = !options.isDry && !options.onlyVerifies
        try await withThrowingTaskGroup(of: Filed.self) { group in
            // One batch is on its way while the next one is read.
            func send(_ work: inout FolderWork) async throws {
                if let filed = try await group.next() { work.outcome.count(filed) }
                let batch = work.takeBatch()
                let large = work.takeLarge()
                guard changes else { return }
                if !batch.messages.isEmpty {
                    group.addTask { try await Self.file(batch, in: mailbox, account) }
                }
                guard let large else { return }
                // After what it follows, so that UIDs are in the order of the source.
                if let filed = try await group.next() { work.outcome.count(filed) }
                work.outcome.count(try await Self.file(large, in: mailbox, account))
            }
            while let item = try await source.next({ !readsAll && known.has($0) }) {
                try Task.checkCancellation()
                work.take(item)
                if work.batch.messages.count >= Self.batchMessages
                    || work.batch.octets >= Self.batchOctets || work.large != nil
                {
                    try await send(&work)
                }
                if changes, work.changes.count >= Self.changeLimit {
                    try await follow(&work, mailbox)
                }
                if let line = progress.line(every: Self.reportEvery, at: time.now) { report(line) }
            }
            try await send(&work)
            if let filed = try await group.next() { work.outcome.count(filed) }
        }
        if changes {
            try await follow(&work, mailbox)
            if try await resume(folder, isComplete: true) {
                try await adoptReaders(of: folder, from: &source)
            }
            // What could not be read is looked at again next time.
            try await keep(work.outcome.unreadable.isEmpty ? source.mark : nil, of: folder, mark)
        }
        if let line = progress.end(at: time.now) { report(line) }
        return work.outcome
    }

    /// What became of a batch.
    struct Filed: Sendable {
        let messages: Int
        let keywordsLeftOut: Int
    }

    private static func file(
        _ batch: FolderWork.Batch, in mailbox: String, _ account: any AccountPort
    ) async throws -> Filed {
        let answer = try await account.ask(
            "mailbox.file",
            [("mailbox", .string(mailbox)), ("messages", .array(batch.messages))],
            batch.content
        ).answer
        return Filed(
            messages: answer["uids"]?.array?.count ?? 0,
            keywordsLeftOut: Int(answer["keywords-left-out"]?.integer ?? 0))
    }

    private static func file(
        _ large: FolderWork.Large, in mailbox: String, _ account: any AccountPort
    ) async throws -> Filed {
        let answer = try await account.file(
            [("mailbox", .string(mailbox)), ("messages", .array([large.facts]))], large.content)
        return Filed(
            messages: answer["uids"]?.array?.count ?? 0,
            keywordsLeftOut: Int(answer["keywords-left-out"]?.integer ?? 0))
    }

    private func follow(_ work: inout FolderWork, _ mailbox: String) async throws {
        guard !work.changes.isEmpty else { return }
        let answer = try await account.ask(
            "mailbox.follow",
            [("mailbox", .string(mailbox)), ("changes", .array(work.changes))])
        work.changes = []
        work.outcome.changed += Int(answer["changed"]?.integer ?? 0)
    }
}

/// What is at hand of a folder that is brought over.
struct FolderWork {
    var outcome: FolderOutcome
    var batch = Batch()
    /// A message that is filed alone, after the batch.
    private(set) var large: Large?
    /// Changes of messages that were brought over earlier.
    var changes: [JSON] = []
    private let known: Origins
    /// Of a mailbox that still is what the source was made of: hashes of what is in it, by UIDs.
    var present: [Int64: [UInt8]] = [:]
    /// Of messages that are under another name now: their old keys by their hashes.
    private var orphans: [[UInt8]: [String]] = [:]

    /// Messages that are filed together.
    struct Batch: Sendable {
        var messages: [JSON] = []
        var content: [UInt8] = []
        var octets: Int { content.count }
    }

    struct Large: Sendable {
        let facts: JSON
        let content: LargeContent
    }

    init(_ outcome: FolderOutcome, known: Origins, keys: Set<String>?) {
        self.outcome = outcome
        self.known = known
        guard let keys else { return }
        for (key, origin) in known.all.sorted(by: { $0.key < $1.key }) where !keys.contains(key) {
            orphans[origin.hash, default: []].append(key)
        }
    }

    mutating func takeBatch() -> Batch {
        defer { batch = Batch() }
        return batch
    }

    mutating func takeLarge() -> Large? {
        defer { large = nil }
        return large
    }

    mutating func take(_ item: SourceItem) {
        switch item {
        case .unreadable(let name, let reason):
            outcome.unreadable.append("\(name): \(reason)")
        case .known(let key, let flags):
            guard let origin = known.all[key] else { return }
            outcome.expect(key, origin.hash)
            outcome.known += 1
            if let flags, origin.flags != flags { change(key, nil, flags) }
        case .message(let message): take(message)
        }
    }

    private mutating func take(_ message: SourceMessage) {
        let hash = message.large?.hash ?? Array(SHA256.hash(data: message.octets))
        if let origin = known.all[message.key] {
            // Only when everything is read again.
            outcome.expect(message.key, hash)
            outcome.known += 1
            if origin.flags != message.flags { change(message.key, nil, message.flags) }
            return
        }
        if let uid = message.uid.map(Int64.init), present[uid] == hash {
            outcome.expect(message.key, hash, at: uid)
            outcome.known += 1
            return
        }
        if var keys = orphans[hash], let old = keys.popLast() {
            orphans[hash] = keys
            outcome.expect(message.key, hash)
            outcome.known += 1
            return change(old, message.key, message.flags)
        }
        outcome.expect(message.key, hash)
        outcome.new += 1
        let facts: JSON = [
            "key": .string(message.key),
            "octets": .integer(Int64(message.large?.octets ?? message.octets.count)),
            "flags": JSON(message.flags),
            "date": message.date.map { .integer($0.milliseconds) } ?? .null,
            "uid": message.uid.map { .integer(Int64($0)) } ?? .null,
            "saved": message.saved.map { .integer($0.milliseconds) } ?? .null,
        ]
        if let content = message.large {
            large = Large(facts: facts, content: content)
        } else {
            batch.messages.append(facts)
            batch.content += message.octets
        }
    }

    private mutating func change(_ key: String, _ newKey: String?, _ flags: [String]) {
        outcome.flagsDiffer += 1
        changes.append([
            "key": .string(key), "new-key": JSON(newKey), "flags": JSON(flags),
        ])
    }
}

/// What is remembered of earlier imports into a mailbox.
struct Origins: Sendable {
    struct Origin: Sendable {
        let uid: Int64
        let hash: [UInt8]
        let flags: [String]
        let isThere: Bool
    }

    private(set) var all: [String: Origin] = [:]

    init() {}

    init(of mailbox: String, _ account: any AccountPort) async throws {
        var last = ""
        while true {
            let answer = try await account.ask(
                "mailbox.origins", [("mailbox", .string(mailbox)), ("after", .string(last))])
            for origin in answer["origins"]?.array ?? [] {
                let key = origin["key"]?.string ?? ""
                last = key
                all[key] = Origin(
                    uid: origin["uid"]?.integer ?? 0,
                    hash: Hexadecimal.decode((origin["hash"]?.string ?? "").utf8) ?? [],
                    flags: (origin["flags"]?.array ?? []).compactMap(\.string),
                    isThere: origin["there"]?.bool ?? false)
            }
            if answer["end"]?.bool != false { return }
        }
    }

    func has(_ key: String) -> Bool { all[key] != nil }
}
