// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import Directory
import IMAP
import Mail
import MessageStore
import Spool
import Storage
import Tenancy
import World

/// `mailbox.…`: what an account's mailboxes hold, and messages on their way in and out.
struct MailboxCommands {
    let mailboxes: Mailboxes
    let intake: Intake
    let registry: Registry
    let time: any Time

    static let prefix = "mailbox."

    /// Of messages handed out at once; one that is larger is asked for in pieces.
    private static let answerOctets = 4 << 20
    /// Rows looked at for one answer.
    private static let rowLimit = 1000
    /// Origins told in one answer.
    private static let originLimit = 5000
    /// Content that is read for one answer about it.
    private static let digestOctets = 32 << 20

    private func account(_ arguments: Arguments) async throws -> Int64 {
        let login = try arguments.address("account")
        guard let account = try await registry.account(login: login)?.id.rawValue else {
            throw DirectoryFailure.unknownAccount(login)
        }
        return account
    }

    /// `mailbox.file` of one message that comes in pieces.
    func file(
        _ arguments: Arguments, _ pieces: some AsyncSequence<[UInt8], any Error>
    ) async throws -> JSON {
        let account = try await account(arguments)
        do {
            return try await fileLarge(arguments, mailbox(arguments, account), pieces)
        } catch let refusal as MailboxRefusal {
            throw ControlFailure.data(Self.text(refusal, arguments))
        }
    }

    func perform(
        _ name: String, _ arguments: Arguments, _ octets: [UInt8]
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        let account = try await account(arguments)
        do {
            switch name {
            case "mailbox.list": return (try await list(account), [])
            case "mailbox.prepare": return (try await prepare(arguments, account), [])
            case "mailbox.origins":
                return (try await origins(arguments, mailbox(arguments, account)), [])
            case "mailbox.file":
                return (try await file(arguments, mailbox(arguments, account), octets), [])
            case "mailbox.follow":
                return (try await follow(arguments, mailbox(arguments, account)), [])
            case "mailbox.mark": return (try mark(arguments, mailbox(arguments, account)), [])
            case "mailbox.keep-mark":
                return (try await keepMark(arguments, mailbox(arguments, account)), [])
            case "mailbox.resume":
                return (try await resume(arguments, mailbox(arguments, account)), [])
            case "mailbox.adopt-seen":
                return (try await adoptSeen(arguments, mailbox(arguments, account)), [])
            case "mailbox.digests":
                return (try await digests(arguments, mailbox(arguments, account)), [])
            case "mailbox.rights":
                return (try await rights(arguments, mailbox(arguments, account)), [])
            case "mailbox.read": return try await read(arguments, mailbox(arguments, account))
            case "mailbox.piece": return try await piece(arguments, mailbox(arguments, account))
            default: throw ControlFailure.usage("the command \(name) is unknown")
            }
        } catch let refusal as MailboxRefusal {
            throw ControlFailure.data(Self.text(refusal, arguments))
        } catch let failure as AccessListFailure {
            throw ControlFailure.data(failure.description)
        }
    }

    private static func text(_ refusal: MailboxRefusal, _ arguments: Arguments) -> String {
        let name = arguments.json["mailbox"]?.string ?? ""
        return switch refusal {
        case .exists: "there is a mailbox `\(name)` already"
        case .nonexistent: "there is no mailbox `\(name)`"
        case .inbox: "INBOX stays"
        case .useTaken: "another mailbox has this use"
        case .limit: "the mailbox `\(name)` takes no more of this"
        case .overQuota: "the account keeps as much as it may"
        case .messageGone: "the message has gone"
        case .tooManyAnnotations: "the mailbox `\(name)` takes no more annotations"
        case .notPermitted: "the account may not do that with the mailbox `\(name)`"
        case .tooManyGrants:
            "\(Mailboxes.grantLimit) have rights to the mailbox `\(name)` already;"
                + " for a whole domain there is @DOMAIN"
        case .annotationTooLarge(let limit): "an annotation takes \(limit) octets at most"
        }
    }

    private func mailbox(_ arguments: Arguments, _ account: Int64) throws -> Mailbox {
        guard let mailbox = try mailboxes.find(try arguments.text("mailbox"), of: account) else {
            throw MailboxRefusal.nonexistent
        }
        return mailbox
    }

    private func list(_ account: Int64) async throws -> JSON {
        [
            "mailboxes": .array(
                try mailboxes.all(of: account).map {
                    [
                        "mailbox": .string($0.name), "messages": .integer(Int64($0.messages)),
                        "unseen": .integer(Int64($0.unseen)), "octets": .integer($0.octets),
                        "uidvalidity": .integer(Int64($0.uidValidity)),
                        "uidnext": .integer(Int64($0.uidNext)), "use": JSON($0.specialUse),
                        "subscribed": .bool($0.isSubscribed),
                    ]
                })
        ]
    }

    /// Shows who has which rights to a mailbox, after giving them or taking them away.
    private func rights(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        let sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes)
        let identifier = arguments.json["identifier"]?.string
        if let text = arguments.json["rights"]?.string {
            guard let identifier else { throw ControlFailure.usage("`identifier` is missing") }
            if text == "none" {
                try await sharing.remove(identifier, from: mailbox)
            } else {
                guard let change = try? ACLChange(text: Array(text.utf8)) else {
                    throw ControlFailure.data(
                        "`\(text)` is none of: letters of lrswipkxtea, with + or - in front to"
                            + " add them or to take them away, or none")
                }
                try await sharing.change(rightsOf: identifier, to: mailbox, by: change)
            }
        }
        let wanted = identifier.map { try? sharing.identifier($0) }
        return [
            "mailbox": .string(mailbox.name),
            "rights": .array(
                try sharing.list(of: mailbox).compactMap { grant in
                    guard wanted.map({ $0 == grant.identifier }) ?? true else { return nil }
                    return [
                        "identifier": .string(grant.identifier),
                        "rights": .string(grant.rights.text),
                    ]
                }),
        ]
    }

    // MARK: In

    /// Makes the mailboxes that are not there; what they are for goes to them, too.
    private func prepare(_ arguments: Arguments, _ account: Int64) async throws -> JSON {
        try await mailboxes.furnish(account)
        var made: [String] = []
        for wish in arguments.json["mailboxes"]?.array ?? [] {
            guard let name = wish["mailbox"]?.string, !name.isEmpty,
                name.utf8.count <= Mailboxes.nameLimitOctets
            else { throw ControlFailure.usage("a mailbox without a name") }
            guard try mailboxes.find(name, of: account) == nil else { continue }
            let use = try await free(wish["use"]?.string, of: account)
            try await mailboxes.create(name, use: use, of: account)
            if wish["subscribed"]?.bool == false {
                try await mailboxes.subscribe(false, to: name, of: account)
            }
            made.append(name)
        }
        return ["made": JSON(made)]
    }

    /// The use, if a mailbox can have it: one of those that each account begins with gives it up
    /// as long as nothing was ever in it, and goes.
    private func free(_ use: String?, of account: Int64) async throws -> String? {
        guard let use else { return nil }
        let holder = try mailboxes.all(of: account).first { $0.specialUse == use }
        guard let holder else { return use }
        let isInitial = Mailboxes.initial.contains { $0.name == holder.name }
        guard isInitial, holder.uidNext == 1, holder.messages == 0 else { return nil }
        try await mailboxes.remove(holder.name, of: account)
        return use
    }

    private func origins(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        let origins = try await mailboxes.imported(
            into: mailbox.id, after: arguments.json["after"]?.string ?? "",
            limit: Self.originLimit)
        return [
            "origins": .array(
                origins.map {
                    [
                        "key": .string($0.origin.key), "uid": .integer(Int64($0.uid)),
                        "hash": .string(Hexadecimal.encode($0.origin.hash)),
                        "flags": JSON($0.origin.flags), "there": .bool($0.isThere),
                    ]
                }), "end": .bool(origins.count < Self.originLimit),
        ]
    }

    /// Files messages, all in one commit with their summaries and origins.
    private func file(
        _ arguments: Arguments, _ mailbox: Mailbox, _ octets: [UInt8]
    ) async throws -> JSON {
        let now = time.timestamp
        let room = KeywordRoom(try mailboxes.keywords(of: mailbox.id))
        var (messages, origins) = ([Filed](), [Mailboxes.Origin]())
        var rest = octets[...]
        do {
            for message in arguments.json["messages"]?.array ?? [] {
                guard let count = message["octets"]?.integer.flatMap({ Int(exactly: $0) }),
                    count >= 0, count <= rest.count
                else { throw ControlFailure.usage("there are fewer octets than announced") }
                let content = rest.prefix(count)
                rest = rest.dropFirst(count)
                messages.append(try await filed(message, try await finished(content), room, now))
                if let origin = try Self.origin(message, { SHA256.hash(data: content) }) {
                    origins.append(origin)
                }
            }
            guard origins.isEmpty || origins.count == messages.count, rest.isEmpty else {
                throw ControlFailure.usage("keys and octets do not fit the messages")
            }
        } catch {
            await intake.discard(messages.map(\.message))
            throw error
        }
        return try await file(messages, origins, mailbox, now, room)
    }

    private func filed(
        _ message: JSON, _ finished: Draft.Finished, _ room: KeywordRoom, _ now: Timestamp
    ) async throws -> Filed {
        var finished = finished
        finished.uid = message["uid"]?.integer.flatMap { UInt32(exactly: $0) }
        finished.saved = message["saved"]?.integer.map { Timestamp(milliseconds: $0) }
        let flags = (message["flags"]?.array ?? []).compactMap(\.string)
        let date = message["date"]?.integer.map { Timestamp(milliseconds: $0) } ?? now
        return (finished, room.fitting(flags), date)
    }

    /// Nil for a message that has none.
    private static func origin(
        _ message: JSON, _ hash: () -> SHA256Digest
    ) throws -> Mailboxes.Origin? {
        guard let key = message["key"]?.string, !key.isEmpty else { return nil }
        guard key.utf8.count <= Mailboxes.Origin.keyLimitOctets else {
            throw ControlFailure.usage("a key is too long")
        }
        return Mailboxes.Origin(
            key: key, hash: Array(hash()),
            flags: (message["flags"]?.array ?? []).compactMap(\.string).sorted())
    }

    /// Files one message whose octets do not fit into memory.
    private func fileLarge(
        _ arguments: Arguments, _ mailbox: Mailbox,
        _ pieces: some AsyncSequence<[UInt8], any Error>
    ) async throws -> JSON {
        let now = time.timestamp
        guard let message = arguments.json["messages"]?.array?.first,
            let announced = message["octets"]?.integer
        else { throw ControlFailure.usage("`messages` is missing") }
        var hash = SHA256()
        var draft = intake.open()
        do {
            for try await piece in pieces {
                guard draft.octets + piece.count <= announced else {
                    throw ControlFailure.usage("there are more octets than announced")
                }
                hash.update(data: piece)
                try await draft.append(piece[...])
            }
            guard draft.octets == announced else {
                throw ControlFailure.usage("there are fewer octets than announced")
            }
        } catch {
            await draft.discard()
            throw error
        }
        let finished = try await draft.finish()
        let room = KeywordRoom(try mailboxes.keywords(of: mailbox.id))
        let filed = try await filed(message, finished, room, now)
        let origin = try Self.origin(message) { hash.finalize() }
        return try await file([filed], [origin].compactMap(\.self), mailbox, now, room)
    }

    private func file(
        _ messages: [Filed], _ origins: [Mailboxes.Origin], _ mailbox: Mailbox,
        _ now: Timestamp, _ room: KeywordRoom
    ) async throws -> JSON {
        let uids: [UInt32]
        do {
            uids = try await intake.file(messages, in: mailbox, at: now) {
                [origins] uids, transaction in
                try Mailboxes.remember(
                    zip(origins, uids).map { ($0, $1) }, in: mailbox.id, transaction)
            }
        } catch StorageFailure.constraint where !origins.isEmpty {
            throw ControlFailure.temporary(
                "another run brings the same messages into `\(mailbox.name)` just now;"
                    + " none came twice; run this once more when it has ended")
        }
        return [
            "uids": .array(uids.map { .integer(Int64($0)) }),
            "keywords-left-out": .integer(Int64(room.leftOut)),
        ]
    }

    private typealias Filed = (message: Draft.Finished, flags: [String], internalDate: Timestamp)

    private func finished(_ content: ArraySlice<UInt8>) async throws -> Draft.Finished {
        var draft = intake.open()
        try await draft.append(content)
        var finished = try await draft.finish()
        // So that nobody has to read it for that.
        if content.count > Content.rowLimitOctets {
            finished.summary = StoredSummary(of: Array(content))
        }
        return finished
    }

    private func follow(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        let room = KeywordRoom(try mailboxes.keywords(of: mailbox.id))
        let changes = (arguments.json["changes"]?.array ?? []).map { change in
            Mailboxes.OriginChange(
                key: change["key"]?.string ?? "", newKey: change["new-key"]?.string,
                flags: room.fitting((change["flags"]?.array ?? []).compactMap(\.string)).sorted())
        }
        return [
            "changed": .integer(Int64(try await mailboxes.follow(changes, in: mailbox.id)))
        ]
    }

    private static func source(_ arguments: Arguments) throws -> String {
        let source = try arguments.text("source")
        guard source.utf8.count <= Mailboxes.markNameLimitOctets else {
            throw ControlFailure.usage("the name of a source is too long")
        }
        return source
    }

    /// How far a source was when all of it was here.
    private func mark(_ arguments: Arguments, _ mailbox: Mailbox) throws -> JSON {
        ["mark": JSON(try mailboxes.mark(of: try Self.source(arguments), in: mailbox.id))]
    }

    private func keepMark(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        let mark = arguments.json["mark"]?.string
        guard mark?.utf8.count ?? 0 <= Mailboxes.markLimitOctets else {
            throw ControlFailure.usage("a mark is too long")
        }
        try await mailboxes.keep(mark: mark, of: Self.source(arguments), in: mailbox.id)
        return [:]
    }

    /// Lets an empty mailbox be the one that it was, or says up to where UIDs were given.
    private func resume(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        guard let validity = arguments.number("uidvalidity").flatMap({ UInt32(exactly: $0) }),
            validity > 0
        else { throw ControlFailure.usage("`uidvalidity` is missing") }
        let isSame = try await mailboxes.resume(
            mailbox.id,
            as: Mailboxes.Past(
                uidValidity: validity, highestModSequence: arguments.number("modseq") ?? 0,
                keywords: (arguments.json["keywords"]?.array ?? []).compactMap(\.string)))
        if isSame, let next = arguments.number("uidnext").flatMap({ UInt32(exactly: $0) }) {
            try await mailboxes.complete(
                mailbox.id, uidNext: next,
                recentUID: arguments.number("recent").flatMap { UInt32(exactly: $0) } ?? 1)
        }
        return ["same": .bool(isSame)]
    }

    /// What somebody else had seen, if he is there and may read the mailbox.
    private func adoptSeen(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        guard let uids = NumberSet(try arguments.text("seen")) else {
            throw ControlFailure.usage("`seen` is no set of UIDs")
        }
        let sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes)
        guard let login = try? Address(arguments.text("login")),
            let account = try await registry.account(login: login),
            account.id.rawValue != mailbox.account,
            try sharing.rights(to: mailbox, for: account).contains(.read)
        else { return [:] }
        try await mailboxes.adoptSeen(uids, in: mailbox.id, by: account.id.rawValue)
        return [:]
    }

    // MARK: Out

    /// What the content of messages hashes to, as they are in the store now.
    private func digests(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> JSON {
        var digests: [JSON] = []
        var octets = 0
        let rows = try await rows(arguments, mailbox)
        for row in rows {
            guard octets < Self.digestOctets else { break }
            var hash = SHA256()
            hash.update(data: Array(row.prefix.utf8))
            var reader = mailboxes.read(row.content, from: 0)
            while let piece = try await reader.next() { hash.update(data: piece) }
            octets += row.octets
            digests.append([
                "uid": .integer(Int64(row.uid)), "octets": .integer(Int64(row.octets)),
                "hash": .string(Hexadecimal.encode(Array(hash.finalize()))),
            ])
        }
        return ["digests": .array(digests), "end": .bool(rows.isEmpty)]
    }

    private func rows(_ arguments: Arguments, _ mailbox: Mailbox) async throws -> [MessageRow] {
        let after = arguments.number("after") ?? 0
        guard let first = UInt32(exactly: after + 1) else { return [] }
        return try await mailboxes.rows(
            first...UInt32.max, of: mailbox.id, limit: Self.rowLimit)
    }

    /// The next messages with what is known of them.
    private func read(
        _ arguments: Arguments, _ mailbox: Mailbox
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        let keywords = try mailboxes.keywords(of: mailbox.id)
        let rows = try await rows(arguments, mailbox)
        var (messages, octets) = ([JSON](), [UInt8]())
        for row in rows {
            let isLarge = row.octets > Self.answerOctets
            if !isLarge {
                guard octets.count + row.octets <= Self.answerOctets else { break }
                octets += row.prefix.utf8
                var reader = mailboxes.read(row.content, from: 0)
                while let piece = try await reader.next() { octets += piece }
            }
            messages.append([
                "uid": .integer(Int64(row.uid)),
                "octets": .integer(isLarge ? 0 : Int64(row.octets)),
                "larger": isLarge ? .integer(Int64(row.octets)) : .null,
                "date": .integer(row.internalDate.milliseconds),
                "flags": JSON(keywords.names(of: row.flags)),
            ])
        }
        return (["messages": .array(messages), "end": .bool(rows.isEmpty)], octets)
    }

    /// Octets of one message from an offset on.
    private func piece(
        _ arguments: Arguments, _ mailbox: Mailbox
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        guard let uid = arguments.number("uid").flatMap({ UInt32(exactly: $0) }),
            let offset = arguments.number("offset").flatMap({ Int(exactly: $0) }), offset >= 0
        else { throw ControlFailure.usage("`uid` or `offset` is missing") }
        guard let row = try await mailboxes.rows(uid...uid, of: mailbox.id, limit: 1).first else {
            return (["gone": true], [])
        }
        var octets = Array(row.prefix.utf8.dropFirst(offset))
        var reader = mailboxes.read(row.content, from: max(0, offset - row.prefix.utf8.count))
        while octets.count < Self.answerOctets, let piece = try await reader.next() {
            octets += piece
        }
        return (["gone": false], octets)
    }
}

/// Leaves out keywords for which a mailbox has no room, so that their messages come all the same.
private final class KeywordRoom {
    private var known: Set<String>
    private var rest: Int
    private(set) var leftOut = 0

    init(_ keywords: Keywords) {
        known = Set(
            (keywords.names + MessageFlags.common.map(\.name)).map { $0.lowercased() })
        rest = Keywords.limit - keywords.names.count
    }

    func fitting(_ flags: [String]) -> [String] {
        flags.filter { flag in
            let name = flag.lowercased()
            if known.contains(name) { return true }
            guard rest > 0, !flag.hasPrefix("\\") else {
                leftOut += 1
                return false
            }
            rest -= 1
            known.insert(name)
            return true
        }
    }
}
