// SPDX-License-Identifier: Apache-2.0

import Access
import MessageStore
import SimulatedWorld
import Storage
import Testing
import World

/// What a mail program believes of the mailbox it has open, from nothing but what it was told.
private struct Picture {
    struct Message {
        var uid: UInt32?
        var flags: Set<String>?
        var emailID: String?
    }

    var messages: [Message] = []
    /// What was told and cannot be.
    var faults: [String] = []
    var uidValidity = ""
    /// UIDs of messages that were told to be recent.
    var recent = Set<UInt32>()
    var highestModSequence: UInt64 = 0
    /// Of the changes that were told since the last tagged response.
    private var toldModSequence: UInt64 = 0
    private var hasHighest = false

    init(after other: Picture? = nil) {
        faults = other?.faults ?? []
        recent = other?.recent ?? []
    }

    /// RFC 7162 §6: with the tagged response it is known how far everything is.
    mutating func end(_ line: String) {
        if line.contains("[HIGHESTMODSEQ ") { note(line) }
        if !hasHighest { highestModSequence = max(highestModSequence, toldModSequence) }
        (hasHighest, toldModSequence) = (false, 0)
    }

    mutating func take(_ line: String) {
        guard line.hasPrefix("* ") else { return }
        let words = line.split(separator: " ")
        if let number = Int(words[1]), words.count > 2 {
            take(number, String(words[2]), line)
        } else if line.hasPrefix("* VANISHED ") {
            vanish(String(words[words.count - 1]), isEarlier: words[2] == "(EARLIER)")
        } else if line.hasPrefix("* OK [UIDVALIDITY ") {
            uidValidity = words[3].filter { $0 != "]" }
        } else if line.contains("[HIGHESTMODSEQ ") {
            note(line)
        }
    }

    mutating func note(_ line: String) {
        guard let start = line.firstRange(of: "HIGHESTMODSEQ ")?.upperBound else { return }
        highestModSequence = UInt64(line[start...].prefix { $0.isNumber }) ?? 0
        hasHighest = true
    }

    private mutating func take(_ number: Int, _ word: String, _ line: String) {
        switch word {
        case "EXISTS":
            if number < messages.count { faults.append("fewer than before: \(line)") }
            while messages.count < number { messages.append(Message()) }
        case "EXPUNGE":
            guard messages.indices.contains(number - 1) else {
                return faults.append("nothing there: \(line)")
            }
            messages.remove(at: number - 1)
        case "FETCH":
            guard messages.indices.contains(number - 1) else {
                return faults.append("nothing there: \(line)")
            }
            fetched(number - 1, line)
        default: break
        }
    }

    private mutating func fetched(_ index: Int, _ line: String) {
        if let uid = UInt32(value("UID ", in: line)) {
            if let known = messages[index].uid, known != uid {
                faults.append("number \(index + 1) was \(known): \(line)")
            }
            if index > 0, let before = messages[index - 1].uid, before >= uid {
                faults.append("UIDs do not rise: \(line)")
            }
            messages[index].uid = uid
        }
        if let start = line.firstRange(of: "FLAGS (")?.upperBound {
            let names = line[start...].prefix { $0 != ")" }.split(separator: " ")
            var flags = Set(names.map { $0.lowercased() })
            if flags.remove("\\recent") != nil, let uid = messages[index].uid {
                recent.insert(uid)
            }
            messages[index].flags = flags
        }
        let identifier = value("EMAILID (", in: line)
        if !identifier.isEmpty {
            if let known = messages[index].emailID, known != identifier {
                faults.append("number \(index + 1) was another message: \(line)")
            }
            messages[index].emailID = identifier
        }
        if let number = UInt64(value("MODSEQ (", in: line)) {
            toldModSequence = max(toldModSequence, number)
        }
    }

    private func value(_ name: String, in line: String) -> String {
        guard let start = line.firstRange(of: name)?.upperBound else { return "" }
        return String(line[start...].prefix { $0.isNumber || $0.isLetter })
    }

    private mutating func vanish(_ set: String, isEarlier: Bool) {
        for part in set.split(separator: ",") {
            let bounds = part.split(separator: ":").compactMap { UInt32($0) }
            guard let first = bounds.first, let last = bounds.last else { continue }
            for uid in first...last {
                if let index = messages.firstIndex(where: { $0.uid == uid }) {
                    messages.remove(at: index)
                } else if isEarlier {
                    continue
                } else if let index = messages.indices.first(where: { isPlace($0, of: uid) }) {
                    // RFC 7162 §3.2.10.2: one less, of those that are not known yet.
                    messages.remove(at: index)
                } else {
                    faults.append("\(uid) vanished and was not there")
                }
            }
        }
    }

    /// Whether the message there, whose UID is not known, may be that one.
    private func isPlace(_ index: Int, of uid: UInt32) -> Bool {
        messages[index].uid == nil
            && messages[..<index].compactMap(\.uid).last ?? 0 < uid
            && messages[index...].compactMap(\.uid).first ?? .max > uid
    }

    /// What a silent STORE leaves the client to believe.
    mutating func believe(_ index: Int, _ sign: String, _ names: [String]) {
        guard messages.indices.contains(index), let old = messages[index].flags else { return }
        let names = Set(names.map { $0.lowercased() })
        messages[index].flags =
            switch sign {
            case "+": old.union(names)
            case "-": old.subtracting(names)
            default: names
            }
    }
}

/// A mail program that does what comes to its mind.
private struct Visitor {
    enum Kind: CaseIterable { case plain, revision2, condstore, qresync }

    let kind: Kind
    let client: IMAPClient
    let site: IMAPSite
    var chance: Chance
    var picture = Picture()
    var story: [String] = []

    static let names = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "Own", "$Junk"]

    /// Adopts what it is told, and says how the command ended.
    @discardableResult
    mutating func ask(_ command: String) async throws -> String {
        let lines = try await client.ask(command)
        for line in lines { picture.take(line) }
        let last = lines.last ?? ""
        picture.end(last)
        story.append("\(command) -> \(lines.joined(separator: " | "))")
        if last.contains(" BAD ") { picture.faults.append("refused: \(command): \(last)") }
        return last
    }

    mutating func enter() async throws {
        switch kind {
        case .plain: break
        case .revision2: try await ask("ENABLE IMAP4rev2")
        case .condstore: try await ask("ENABLE CONDSTORE")
        case .qresync: try await ask("ENABLE QRESYNC")
        }
        try await ask("SELECT INBOX")
        try await look()
    }

    /// Learns all that is not known yet.
    mutating func look() async throws {
        if !picture.messages.isEmpty { try await ask("UID FETCH 1:* (UID FLAGS EMAILID)") }
    }

    mutating func act() async throws {
        let count = picture.messages.count
        guard count > 0 else {
            try await ask(chance.happens(0.5) ? "NOOP" : "APPEND INBOX {8+}\r\na: b\r\n\r\n")
            return
        }
        let first = chance.below(count) + 1
        let last = min(count, first + chance.below(4))
        let numbers = first == last ? "\(first)" : "\(first):\(last)"
        switch chance.below(18) {
        case 0: try await ask("NOOP")
        case 1: try await ask("FETCH \(numbers) (UID FLAGS)")
        case 2: try await ask("FETCH \(numbers) (UID EMAILID)")
        case 3: try await look()
        case 4...7: try await store(first...last)
        case 8: try await ask("EXPUNGE")
        case 9: try await ask("APPEND INBOX (\\Flagged Own) {8+}\r\na: b\r\n\r\n")
        case 10: try await ask("COPY \(numbers) INBOX")
        case 11: try await ask("MOVE \(numbers) \(chance.happens(0.5) ? "INBOX" : "Trash")")
        case 12: try await search()
        case 13: try await idle()
        case 14: try await reopen()
        case 15: try await site.deliver("Subject: delivered\r\n\r\nbody\r\n")
        case 16:
            if let uid = picture.messages[first - 1].uid { try await ask("UID EXPUNGE \(uid)") }
        default: try await ask("FETCH \(numbers) (UID FLAGS BODY[TEXT]<0.1>)")
        }
    }

    private mutating func store(_ range: ClosedRange<Int>) async throws {
        let sign = ["+", "-", ""][chance.below(3)]
        var names = Self.names.filter { _ in chance.happens(0.3) }
        if names.isEmpty { names = ["\\Deleted"] }
        let isSilent = chance.happens(0.5)
        let isUID = chance.happens(0.5)
        let uids = range.compactMap { picture.messages[$0 - 1].uid }
        guard !isUID || uids.count == range.count else { return try await look() }
        let set =
            isUID
            ? uids.map { "\($0)" }.joined(separator: ",")
            : "\(range.lowerBound):\(range.upperBound)"
        // The client believes this before it hears what else has happened.
        if isSilent { for number in range { picture.believe(number - 1, sign, names) } }
        try await ask(
            (isUID ? "UID " : "")
                + "STORE \(set) \(sign)FLAGS\(isSilent ? ".SILENT" : "")"
                + " (\(names.joined(separator: " ")))")
    }

    /// A search by numbers finds what this client calls so.
    private mutating func search() async throws {
        let lines = try await client.ask("SEARCH RETURN (COUNT) ALL")
        story.append(lines.joined(separator: " | "))
        for line in lines { picture.take(line) }
        picture.end(lines.last ?? "")
    }

    private mutating func idle() async throws {
        client.write("i IDLE\r\n")
        let patience = Duration.milliseconds(chance.below(3000))
        let end = site.simulation.now + patience
        story.append("IDLE")
        while site.simulation.now < end {
            guard let line = try? await client.line(within: .milliseconds(200)) else { continue }
            story.append(line)
            picture.take(line)
        }
        client.write("DONE\r\n")
        while true {
            let line = try await client.line()
            story.append(line)
            picture.take(line)
            if line.hasPrefix("i ") { return picture.end(line) }
        }
    }

    /// Away for a while; with QRESYNC it goes on from what it knew.
    private mutating func reopen() async throws {
        let isComplete = picture.messages.allSatisfy { $0.uid != nil && $0.flags != nil }
        try await ask("UNSELECT")
        try await site.simulation.sleep(for: .milliseconds(chance.below(1000)))
        guard kind == .qresync, isComplete else {
            picture = Picture(after: picture)
            try await ask("SELECT INBOX")
            return try await look()
        }
        let known = picture
        picture = Picture(after: known)
        let lines = try await client.ask(
            "SELECT INBOX (QRESYNC (\(known.uidValidity) \(known.highestModSequence)))")
        story.append(lines.joined(separator: " | "))
        try rebuild(from: known, lines)
        try await look()
    }

    /// RFC 7162 §3.2.5: what was known, less what vanished, and what is told by UID.
    private mutating func rebuild(from known: Picture, _ lines: [String]) throws {
        var old = known
        for line in lines where line.hasPrefix("* VANISHED (EARLIER)") { old.take(line) }
        for line in lines where !line.hasPrefix("* VANISHED") { picture.take(line) }
        picture.end(lines.last ?? "")
        // Those that have come since are told by FETCH, and are behind the others.
        if old.messages.count > picture.messages.count {
            picture.faults.append("some that are gone were not told: \(lines)")
        }
        for (index, message) in zip(picture.messages.indices, old.messages) {
            let told = picture.messages[index]
            if let uid = told.uid, uid != message.uid {
                picture.faults.append("number \(index + 1) was \(uid): \(lines)")
            }
            picture.messages[index].uid = message.uid
            picture.messages[index].flags = told.flags ?? message.flags
        }
        let unknown = picture.messages.contains { $0.uid == nil || $0.flags == nil }
        if unknown { picture.faults.append("a new message was not told: \(lines)") }
    }
}

@Suite("Sessions that share a mailbox see the same in the end")
struct IMAPModelTests {
    @Test("Whatever two or three sessions do, each can tell from what it hears", arguments: 1...60)
    func sessions(seed: UInt64) throws {
        try IMAPSite.run(seed: seed) { site in
            for _ in 0..<5 { try await site.deliver("Subject: first\r\n\r\nbody\r\n") }
            var visitors: [Visitor] = []
            for number in 0..<(2 + seed % 2) {
                var visitor = Visitor(
                    kind: Visitor.Kind.allCases[Int((seed + number) % 4)],
                    client: try await site.logIn(), site: site,
                    chance: Chance(seed: seed, stream: 100 + number))
                try await visitor.enter()
                visitors.append(visitor)
            }
            var after: [Visitor] = []
            try await withThrowingTaskGroup(of: (Int, Visitor).self) { group in
                for (index, visitor) in visitors.enumerated() {
                    group.addTask {
                        var visitor = visitor
                        for _ in 0..<40 {
                            try await visitor.act()
                            let pause = visitor.chance.below(300)
                            try await site.simulation.sleep(for: .milliseconds(pause))
                        }
                        return (index, visitor)
                    }
                }
                for try await (index, visitor) in group { visitors[index] = visitor }
            }
            #expect(try await site.countersAreRight())
            for var visitor in visitors {
                try await visitor.ask("NOOP")
                try await Self.compare(visitor, site)
                after.append(visitor)
            }
            Self.compareRecent(after)
        }
    }

    /// RFC 3501 §2.3.2: \Recent in one session alone; never for who knows IMAP4rev2.
    private static func compareRecent(_ visitors: [Visitor]) {
        var taken = Set<UInt32>()
        for visitor in visitors {
            let recent = visitor.picture.recent
            let story = visitor.story.joined(separator: "\n")
            #expect(taken.isDisjoint(with: recent), "\(visitor.kind)\n\(story)")
            #expect(visitor.kind != .revision2 || recent.isEmpty, "\(story)")
            taken.formUnion(recent)
        }
        #expect(!taken.isEmpty || visitors.allSatisfy { $0.kind == .revision2 })
    }

    private static func compare(_ visitor: Visitor, _ site: IMAPSite) async throws {
        let story = visitor.story.joined(separator: "\n")
        #expect(visitor.picture.faults.isEmpty, "\(visitor.kind)\n\(story)")
        let mailbox = try #require(try site.mailboxes.find("INBOX", of: site.account))
        let rows = try await site.mailboxes.rows(1...UInt32.max, of: mailbox.id, limit: 10_000)
        let keywords = try site.mailboxes.keywords(of: mailbox.id)
        let messages = visitor.picture.messages
        #expect(messages.count == rows.count, "\(visitor.kind)\n\(story)")
        for (message, row) in zip(messages, rows) {
            let flags = Set(keywords.names(of: row.flags).map { $0.lowercased() })
            let isRight =
                message.uid.map { $0 == row.uid } ?? true
                && message.flags.map { $0 == flags } ?? true
                && message.emailID.map { $0 == "e\(row.content.value)" } ?? true
            #expect(isRight, "\(message) is \(row.uid) \(flags)\n\(visitor.kind)\n\(story)")
            guard isRight else { return }
        }
    }
}
