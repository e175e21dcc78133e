// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import MessageStore
import SimulatedWorld
import Storage
import World

/// Looks at every disk and says which promise is broken.
final class Witness: @unchecked Sendable {
    private let sites: [Site]
    private let foreigners: [ForeignHost]
    private let ledger: Ledger
    private let town: Town
    private var memories: [String: Memory] = [:]

    init(_ town: Town) {
        self.town = town
        sites = town.sites
        foreigners = town.foreigners
        ledger = town.ledger
    }

    /// One recipient of one letter, after aliases.
    struct Key: Hashable {
        let letter: Int
        let address: String

        init(_ letter: Int, _ address: some CustomStringConvertible) {
            self.letter = letter
            self.address = address.description.lowercased()
        }
    }

    /// Where all letters are at one moment.
    struct Sightings {
        /// Copies in mailboxes and at foreign hosts.
        var copies: [Key: Int] = [:]
        var isInSpool: Set<Key> = []
        /// Failure notices about a recipient, in a mailbox, a spool or a foreign host.
        var noticed: Set<Key> = []
        /// Other notices, by what they say: `delivered`, `relayed`, `expanded`, `delayed`.
        var told: [String: Set<Key>] = [:]
        /// Given up without a notice, or with one that could not be delivered either.
        var buried: Set<Key> = []
        /// Those who may get a second copy: the journal tells of an ambiguous end.
        var ambiguous: Set<Key> = []
        var spooled = 0
        var faults: [String] = []

        func accountFor(_ key: Key) -> Bool {
            copies[key] != nil || isInSpool.contains(key) || noticed.contains(key)
                || buried.contains(key)
        }
    }
}

// MARK: - Judgement

extension Witness {
    /// What must be true at every moment.
    func check() async throws -> [String] {
        let sightings = try await look()
        var faults = sightings.faults
        for letter in ledger.letters {
            for (index, recipient) in letter.recipients.enumerated()
            where letter.answers[index] == .acknowledged {
                for target in town.targets(of: recipient) {
                    let keys = [target, recipient].map { Key(letter.number, $0) }
                    if !keys.contains(where: sightings.accountFor) {
                        faults.append("letter \(letter.number) for \(target) is lost")
                    }
                    let isWaiting = keys.contains(where: sightings.isInSpool.contains)
                    if isWaiting, town.exists(target), isLate(letter.acknowledged[index]) {
                        faults.append("letter \(letter.number) for \(target) still waits")
                    }
                }
            }
        }
        return faults
    }

    /// Whether a letter acknowledged then should have arrived by now.
    ///
    /// In fair weather at once, whoever else waits for hosts that never answer; after a storm
    /// when the longest pause is over.
    private func isLate(_ acknowledged: Instant?) -> Bool {
        guard let acknowledged, let calm = town.calmSince else { return false }
        let now = town.simulation.now
        if calm == Instant(nanoseconds: 0) { return now > acknowledged + Self.fairPatience }
        return now > max(acknowledged, calm) + Self.patience + .hours(town.hoursSetBack)
    }

    /// Far more than a delivery takes, far less than a pause in a queue.
    private static let fairPatience = Duration.minutes(5)
    /// The longest pause and its jitter, and an hour until the spool is asked.
    private static let patience = Duration.hours(6)

    /// What must be true when everything has come to rest.
    func checkEnd() async throws -> [String] {
        let sightings = try await look()
        var faults = sightings.faults
        if sightings.spooled > 0 {
            faults.append("\(sightings.spooled) recipients are still in a spool")
        }
        for letter in ledger.letters {
            for (recipient, answer) in zip(letter.recipients, letter.answers) {
                for target in town.targets(of: recipient) {
                    faults += judge(letter, target, answer, sightings)
                }
                faults += judgeNotices(letter, recipient, answer, sightings)
            }
        }
        for site in sites {
            let ways = memories[site.name]?.journal.ways ?? []
            faults += RouteJudge(site, in: town)
                .faults(of: ways, namesMayFail: town.mayNamesFail)
        }
        faults += judgeRejections()
        return faults
    }

    /// Who forges is refused, whoever is who he says is not, and the journal knows of each message
    /// that was refused.
    private func judgeClaims(
        _ letter: Letter, _ target: Address, _ answer: Letter.Answer, copies: Int
    ) -> [String] {
        let what = "letter \(letter.number) for \(target)"
        switch letter.claim {
        case .none: return []
        case .forged:
            let isTaken = copies > 0 || answer == .acknowledged
            return isTaken ? ["\(what) is forged, and was accepted"] : []
        case .authentic, .odd:
            return answer == .refused ? ["\(what) is from who it says, and was refused"] : []
        case .returned:
            return answer == .refused ? ["\(what) returns to its sender, and was refused"] : []
        }
    }

    private func judgeRejections() -> [String] {
        let known = sites.reduce(into: Set<String>()) { known, site in
            for letter in memories[site.name]?.journal.refused ?? [] {
                known.formUnion(site.host.addresses.map { "\(letter) \($0)" })
            }
        }
        let withoutMishap = sites.filter { $0.mishaps == 0 }.flatMap(\.host.addresses)
            .map { "\($0)" }
        return ledger.rejections.filter {
            withoutMishap.contains($0.server) && !known.contains("\($0.letter) \($0.server)")
        }.map { "the journal of \($0.server) does not know that it refused letter \($0.letter)" }
    }

    /// What was found out about who sent it, of each message, as the journals have it.
    var examinations: [String] {
        sites.flatMap { memories[$0.name]?.journal.examinations ?? [] }
    }

    /// RFC 3461 §4.1: what the author wanted to hear he heard, and nothing else.
    private func judgeNotices(
        _ letter: Letter, _ recipient: Address, _ answer: Letter.Answer, _ sightings: Sightings
    ) -> [String] {
        let key = Key(letter.number, recipient)
        let what = "letter \(letter.number) for \(recipient)"
        // An alias with one target is told of by either name.
        let targets = town.targets(of: recipient)
        let keys = targets.count == 1 ? [key, Key(letter.number, targets[0])] : [key]
        let isToldOfSuccess = ["delivered", "relayed", "expanded"].contains { action in
            keys.contains { sightings.told[action]?.contains($0) == true }
        }
        var faults: [String] = []
        for (end, isTold) in [
            (Envelope.Notify.success, isToldOfSuccess),
            (.failure, sightings.noticed.contains(key)),
            (.delay, sightings.told["delayed"]?.contains(key) == true),
        ] where isTold && !letter.wants(end, of: recipient.description) {
            faults.append("of \(what) \(end) was told, which nobody wanted")
        }
        let isReachable = letter.reversePath.address.map(town.hasMailbox) ?? false
        let hasSucceeded = town.targets(of: recipient).allSatisfy { target in
            sightings.copies[Key(letter.number, target)] != nil
        }
        if answer == .acknowledged, isReachable, hasSucceeded, !isToldOfSuccess,
            letter.wants(.success, of: recipient.description)
        {
            faults.append("\(what) was delivered, and its author was not told as he wanted")
        }
        return faults
    }

    private func judge(
        _ letter: Letter, _ target: Address, _ answer: Letter.Answer, _ sightings: Sightings
    ) -> [String] {
        let key = Key(letter.number, target)
        let what = "letter \(letter.number) for \(target)"
        let copies = sightings.copies[key] ?? 0
        let isNoticed = sightings.noticed.contains(key)
        var faults = judgeClaims(letter, target, answer, copies: copies)
        switch answer {
        case .waiting, .refused:
            if copies > 0 { faults.append("\(what) was never acknowledged, and is there") }
        case .ambiguous: break
        case .acknowledged where town.exists(target):
            if copies == 0 { faults.append("\(what) was not delivered") }
        case .acknowledged:
            // Buried is also what failed and was not to be told of.
            let isDone = letter.reversePath == .null || isNoticed || sightings.buried.contains(key)
            if !isDone { faults.append("\(what) failed and nobody was told") }
        }
        if town.exists(target), isNoticed {
            faults.append("\(what) was given up although its recipient exists")
        }
        if letter.reversePath == .null, isNoticed {
            faults.append("\(what) is a notification and was answered by one")
        }
        if copies > 1, !sightings.ambiguous.contains(key), !town.wereMishaps {
            faults.append("\(what) is there \(copies) times without an ambiguous end")
        }
        if letter.isFromStranger, answer != .refused, answer != .waiting, !isForUs(letter, target) {
            faults.append("\(what) was relayed for a stranger")
        }
        return faults
    }
}

extension Witness {
    /// Whether an address of ours leads to the target, wherever that is.
    private func isForUs(_ letter: Letter, _ target: Address) -> Bool {
        letter.recipients.contains { town.isOurs($0) && town.targets(of: $0).contains(target) }
    }
}

// MARK: - Coverage

extension Witness {
    /// How much of what may happen has happened.
    struct Coverage {
        var acknowledged = 0
        /// Recipients whose success was told.
        var succeeded = 0
        var refused = 0
        /// Submissions whose end the client could not know.
        var ambiguous = 0
        /// Recipients with more than one copy.
        var doubled = 0
        var noticed = 0
        var buried = 0
        var bodyFiles = 0
        var mishaps = 0
        /// Forged letters that were refused, sealed ones that passed, notifications that came back.
        var forgeriesRefused = 0
        var claimsDelivered = 0
        var returned = 0
        var examinations: [String] = []
        /// Attempts of delivery elsewhere, and how often which of two equals came first.
        var ways = 0
        var firstOfEquals: [String: Int] = [:]

        mutating func add(_ other: Coverage) {
            acknowledged += other.acknowledged
            succeeded += other.succeeded
            refused += other.refused
            ambiguous += other.ambiguous
            doubled += other.doubled
            noticed += other.noticed
            buried += other.buried
            bodyFiles += other.bodyFiles
            mishaps += other.mishaps
            ways += other.ways
            forgeriesRefused += other.forgeriesRefused
            claimsDelivered += other.claimsDelivered
            returned += other.returned
            examinations += other.examinations
            firstOfEquals.merge(other.firstOfEquals) { $0 + $1 }
        }
    }

    func coverage() async throws -> Coverage {
        let sightings = try await look()
        let answers = ledger.letters.flatMap(\.answers)
        var files = 0
        for site in sites { files += try await site.disk.bodies.list().count }
        let ways = sites.flatMap { memories[$0.name]?.journal.ways ?? [] }
        let equals = ways.filter { $0.route.count > 1 && $0.route[0].preference == 5 }
            .map { ($0.route[0].host, 1) }
        let arrived = Set(sightings.copies.keys.map(\.letter))
        var coverage = Coverage(
            acknowledged: answers.count { $0 == .acknowledged },
            succeeded: ["delivered", "relayed", "expanded"].reduce(0) {
                $0 + (sightings.told[$1]?.count ?? 0)
            },
            refused: answers.count { $0 == .refused },
            ambiguous: answers.count { $0 == .ambiguous },
            doubled: sightings.copies.count { $0.value > 1 },
            noticed: sightings.noticed.count, buried: sightings.buried.count,
            bodyFiles: files, mishaps: sites.reduce(0) { $0 + $1.mishaps }, ways: ways.count,
            firstOfEquals: Dictionary(equals, uniquingKeysWith: +))
        for letter in ledger.letters where letter.claim != .none {
            switch letter.claim {
            case .forged where letter.answers == [.refused]: coverage.forgeriesRefused += 1
            case .returned where arrived.contains(letter.number): coverage.returned += 1
            case .authentic where arrived.contains(letter.number): coverage.claimsDelivered += 1
            default: break
            }
        }
        coverage.examinations = examinations
        return coverage
    }
}

// MARK: - Looking

extension Witness {
    /// Reads every disk and asks every foreign host.
    func look() async throws -> Sightings {
        var sightings = Sightings()
        for site in sites { try await look(at: site, &sightings) }
        for host in foreigners {
            for (number, message) in host.messages.enumerated() {
                let summary = summary(of: number, at: host)
                for recipient in message.recipients {
                    see(summary, for: recipient, at: host.name, &sightings)
                }
            }
        }
        return sightings
    }

    private func look(at site: Site, _ sightings: inout Sightings) async throws {
        var memory = memories[site.name] ?? Memory()
        let rows = try site.inspect { try Self.read($0, factsAfter: memory.lastFact) }
        for row in rows.mailboxes {
            let summary = try await summary(of: row.content, file: row.file, at: site, &memory)
            see(summary, for: row.login, at: site.name, &sightings)
        }
        var contents: Set<String> = []
        for row in rows.mailboxes where !contents.insert("\(row.login) \(row.content)").inserted {
            sightings.faults.append("\(site.name) delivered \(row.content) twice to \(row.login)")
        }
        for row in rows.spool {
            sightings.spooled += 1
            let summary = try await summary(of: row.content, file: row.file, at: site, &memory)
            if let letter = summary.letter { sightings.isInSpool.insert(Key(letter, row.address)) }
            note(summary.notice, at: site.name, &sightings)
            if summary.notice != nil, !row.reversePath.isEmpty {
                sightings.faults.append("a notification at \(site.name) has a sender")
            }
        }
        for counter in rows.counters {
            let before = memory.counters[counter.mailbox] ?? counter
            if counter.validity != before.validity || counter.next < before.next {
                sightings.faults.append("a UID of mailbox \(counter.mailbox) may be given twice")
            }
            memory.counters[counter.mailbox] = counter
        }
        memory.journal.learn(rows.facts)
        memory.lastFact = rows.facts.last?.id ?? memory.lastFact
        judge(memory.journal, &sightings)
        memories[site.name] = memory
    }

    private func see(
        _ summary: Summary, for address: String, at place: String, _ sightings: inout Sightings
    ) {
        note(summary.notice, at: place, &sightings)
        guard let letter = summary.letter else { return }
        sightings.copies[Key(letter, address), default: 0] += 1
        if !summary.isIntact {
            sightings.faults.append("letter \(letter) is damaged at \(place)")
        }
    }

    private func note(
        _ notice: Summary.Notice?, at place: String, _ sightings: inout Sightings
    ) {
        guard let notice else { return }
        guard let letter = notice.letter else {
            sightings.faults.append("a notification at \(place) is about no letter")
            return
        }
        for (address, action) in notice.told {
            if action == "failed" {
                sightings.noticed.insert(Key(letter, address))
            } else {
                sightings.told[action, default: []].insert(Key(letter, address))
            }
        }
    }

    private func judge(_ journal: JournalMemory, _ sightings: inout Sightings) {
        for (id, recipient) in journal.ambiguous {
            guard let letter = journal.letters[id], let address = try? Address(recipient) else {
                continue
            }
            for target in town.targets(of: address) {
                sightings.ambiguous.insert(Key(letter, target))
            }
        }
        for (id, recipient) in journal.bounced {
            guard let letter = journal.letters[id] else { continue }
            let isNull = ledger.letters[letter].reversePath == .null
            let isUnwanted = town.writtenAs(recipient).allSatisfy {
                !ledger.letters[letter].wants(.failure, of: $0)
            }
            // The notice was given up as well, or is one of several that were.
            let notices = journal.notices[id] ?? []
            let areNoticesBounced = notices.contains { notice in
                journal.bounced.contains { $0.id == notice }
            }
            if isNull || isUnwanted || areNoticesBounced {
                sightings.buried.insert(Key(letter, recipient))
            }
        }
    }
}

// MARK: - What has been read before

extension Witness {
    /// What is known of one site and does not change any more.
    private struct Memory {
        var summaries: [Int64: Summary] = [:]
        /// By mailbox.
        var counters: [Int64: CounterRow] = [:]
        var lastFact: Int64 = 0
        var journal = JournalMemory()
    }

    /// What a site's journal has told so far.
    private struct JournalMemory {
        var letters: [Int64: Int] = [:]
        var bounced: [(id: Int64, recipient: String)] = []
        var ambiguous: [(id: Int64, recipient: String)] = []
        var notices: [Int64: [Int64]] = [:]
        /// What was tried elsewhere.
        var ways: [RouteJudge.Way] = []
        /// The message of the last way as long as facts about it follow.
        private var travelling: Int64?
        /// Letters that were refused when they had come.
        var refused: Set<Int> = []
        /// What was found out about their senders.
        var examinations: [String] = []

        mutating func learn(_ facts: [FactRow]) {
            for fact in facts {
                learnWay(fact)
                switch fact.kind {
                case "refused":
                    learnExamination(fact)
                    if let letter = Summary.letter(in: Array(fact.fields.utf8)[...]) {
                        refused.insert(letter)
                    }
                case "accepted":
                    learnExamination(fact)
                    letters[fact.queueID] = Summary.letter(in: Array(fact.fields.utf8)[...])
                case "bounced": bounced.append((fact.queueID, fact.recipient ?? ""))
                case "notified":
                    let fields = [Fact.Field](stored: fact.fields)
                    let id = fields.first { $0.key == .notification }
                        .flatMap { QueueID($0.value) }
                    if let id { notices[fact.queueID, default: []].append(id.value) }
                default:
                    if fact.isAmbiguous { ambiguous.append((fact.queueID, fact.recipient ?? "")) }
                }
            }
        }

        private mutating func learnExamination(_ fact: FactRow) {
            let fields = [Fact.Field](stored: fact.fields)
            guard let results = fields.first(where: { $0.key == .results })?.value else { return }
            let verdict = fields.first { $0.key == .verdict }?.value ?? ""
            examinations.append("\(fact.kind) \(fact.recipient ?? ""): \(results) \(verdict)")
        }

        /// A way, who was asked on it, and the first outcome: they stand one after another.
        private mutating func learnWay(_ fact: FactRow) {
            let name = fact.host.flatMap { $0.split(separator: " ").first.map(String.init) }
            switch fact.kind {
            case "routed":
                travelling = nil
                let fields = [Fact.Field](stored: fact.fields)
                guard let destination = fields.first(where: { $0.key == .destination })?.value,
                    let route = fields.first(where: { $0.key == .route })?.value
                else { return }
                travelling = fact.queueID
                ways.append(
                    RouteJudge.Way(
                        time: fact.time, destination: destination,
                        route: [Signposts.Post](journal: route)))
            case "attempted" where travelling == fact.queueID:
                if let name { ways[ways.count - 1].tried.append(name) }
            default:
                if travelling == fact.queueID { ways[ways.count - 1].last = name }
                travelling = nil
            }
        }
    }
}

// MARK: - Rows

extension Witness {
    struct MailboxRow: Sendable {
        let login: String
        let content: Int64
        let file: String?
    }

    struct SpoolRow: Sendable {
        let reversePath: String
        let address: String
        let content: Int64
        let file: String?
    }

    struct FactRow: Sendable {
        let id: Int64
        let queueID: Int64
        let time: Timestamp
        let kind: String
        let host: String?
        let recipient: String?
        let fields: String
        let isAmbiguous: Bool
    }

    /// Whence a mailbox gives its UIDs, which only rise (RFC 9051 §2.3.1.1).
    struct CounterRow: Sendable {
        let mailbox: Int64
        let validity: Int64
        let next: Int64
    }

    struct Rows: Sendable {
        var counters: [CounterRow]
        var mailboxes: [MailboxRow]
        var spool: [SpoolRow]
        var facts: [FactRow]
    }

    private static func read(
        _ transaction: any Transaction, factsAfter last: Int64
    ) throws -> Rows {
        Rows(
            counters: try transaction.all(
                "SELECT id, uid_validity, uid_next FROM mailbox ORDER BY id"
            ) {
                CounterRow(
                    mailbox: $0.integer(0), validity: $0.integer(1), next: $0.integer(2))
            },
            mailboxes: try transaction.all(
                """
                SELECT account.login, message.content_id, content.file
                FROM mailbox_message message
                JOIN mailbox ON mailbox.id = message.mailbox_id
                JOIN directory_account account ON account.id = mailbox.account_id
                LEFT JOIN content ON content.id = message.content_id
                ORDER BY account.login, message.uid
                """
            ) {
                MailboxRow(
                    login: $0.text(0), content: $0.integer(1), file: $0.optionalText(2))
            },
            spool: try transaction.all(
                """
                SELECT message.reverse_path, recipient.address, message.content_id, content.file
                FROM recipient JOIN message ON message.id = recipient.message_id
                LEFT JOIN content ON content.id = message.content_id
                ORDER BY recipient.message_id, recipient.ordinal
                """
            ) {
                SpoolRow(
                    reversePath: $0.text(0), address: $0.text(1), content: $0.integer(2),
                    file: $0.optionalText(3))
            },
            facts: try transaction.all(
                """
                SELECT id, queue_id, time, kind, host, recipient, fields,
                    text LIKE '%may arrive twice%'
                FROM fact
                WHERE id > ? AND kind IN ('accepted', 'bounced', 'notified', 'deferred', 'routed',
                    'attempted', 'delivered', 'refused')
                ORDER BY id
                """,
                [.integer(last)]
            ) { row in
                FactRow(
                    id: row.integer(0), queueID: row.integer(1),
                    time: Timestamp(milliseconds: row.integer(2)), kind: row.text(3),
                    host: row.optionalText(4), recipient: row.optionalText(5),
                    fields: row.text(6), isAmbiguous: row.integer(7) != 0)
            })
    }
}

// MARK: - Contents

extension Witness {
    /// What a content is.
    struct Summary {
        /// The letter it is a copy of.
        var letter: Int?
        /// Whether its body is what was written.
        var isIntact = true
        var notice: Notice?

        struct Notice {
            var letter: Int?
            /// Those who are named, and what became of them.
            var told: [(address: String, action: String)]
        }
    }

    private func summary(
        of content: Int64, file: String?, at site: Site, _ memory: inout Memory
    ) async throws -> Summary {
        if let summary = memory.summaries[content] { return summary }
        let summary = summarize(try await site.body(of: content, file: file), at: site.name)
        memory.summaries[content] = summary
        return summary
    }

    private func summary(of number: Int, at host: ForeignHost) -> Summary {
        let key = Int64(number)
        if let summary = memories[host.name]?.summaries[key] { return summary }
        let summary = summarize(host.messages[number].octets, at: host.name)
        memories[host.name, default: Memory()].summaries[key] = summary
        return summary
    }

    private func summarize(_ octets: [UInt8], at place: String) -> Summary {
        guard let end = Self.endOfHeader(octets) else { return Summary() }
        let header = octets[..<end]
        if String(decoding: header, as: UTF8.self).contains("multipart/report") {
            let body = octets[end...]
            return Summary(
                notice: Summary.Notice(
                    letter: Summary.letter(in: body), told: Self.told(in: body)))
        }
        guard let letter = Summary.letter(in: header), letter < ledger.letters.count else {
            return Summary()
        }
        let isIntact = Array(octets[end...]) == ledger.letters[letter].body
        return Summary(letter: letter, isIntact: isIntact)
    }

    private static func endOfHeader(_ octets: [UInt8]) -> Int? {
        var index = octets.startIndex
        while let end = octets[index...].firstIndex(of: .lineFeed) {
            index = end + 1
            if octets[index...].starts(with: [.carriageReturn, .lineFeed]) { return index + 2 }
        }
        return nil
    }

    /// Final-Recipient and Action of each group (RFC 3464 §2.3).
    private static func told(
        in body: ArraySlice<UInt8>
    ) -> [(address: String, action: String)] {
        var told: [(address: String, action: String)] = []
        var recipient: String?
        for line in body.split(separator: .lineFeed) {
            let text = String(decoding: line, as: UTF8.self).filter { $0 != "\r" }
            if text.hasPrefix("Final-Recipient:") {
                recipient = text.split(separator: ";").last
                    .map { $0.filter { $0 != " " } }
            } else if text.hasPrefix("Action:"), let found = recipient {
                told.append((found, text.dropFirst("Action:".count).filter { $0 != " " }))
                recipient = nil
            }
        }
        return told
    }
}

extension Witness.Summary {
    /// The number in the first mark of a letter.
    static func letter(in octets: ArraySlice<UInt8>) -> Int? {
        let mark = Array("<letter-".utf8)
        var rest = octets
        while let start = rest.firstIndex(of: mark[0]) {
            rest = rest[start...]
            if rest.starts(with: mark) {
                let digits = rest.dropFirst(mark.count).prefix { (0x30...0x39).contains($0) }
                return Int(String(decoding: digits, as: UTF8.self))
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
