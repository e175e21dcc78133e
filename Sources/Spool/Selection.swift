// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Journal
package import Mail
import Storage
package import World

/// Which recipients in the queue an operator means: those for which every condition holds.
package struct Selection: Hashable, Sendable {
    /// Of these messages; nil: of any.
    package var messages: [QueueID]?
    /// In the queue for this domain (A-labels) or address literal.
    package var destination: String?
    /// Tried last at this exchanger: a name or an address.
    package var host: String?
    package var sender: Pattern?
    /// As addressed now, or as the sender wrote it.
    package var recipient: Pattern?
    /// Accepted before this moment.
    package var acceptedBefore: Timestamp?
    /// Accepted at this moment or later.
    package var acceptedSince: Timestamp?
    package var state: QueueEntry.State?

    /// Whose mail.
    package enum Pattern: Hashable, Sendable {
        case address(String)
        /// Of a domain.
        case domain(String)
        /// The null reverse-path: notifications (RFC 5321 §4.5.5).
        case null
    }

    package init() {}

    /// One message.
    package init(_ message: QueueID) { messages = [message] }

    /// Whether it means everything there is.
    package var isEverything: Bool { self == Selection() }
}

extension Selection.Pattern {
    /// `<>`, `@example.org`, `example.org` or an address; letter case does not count.
    package init(_ text: String) {
        let text = text.asciiLowercased
        if text.isEmpty || text == "<>" {
            self = .null
        } else if let at = text.lastIndex(of: "@"), at != text.startIndex {
            self = .address(text)
        } else {
            self = .domain(text.hasPrefix("@") ? String(text.dropFirst()) : text)
        }
    }

    /// For LIKE with the escape `!`, in lower case.
    fileprivate var like: String {
        switch self {
        case .null: ""
        case .address(let address): address.likeEscaped
        case .domain(let domain): "%@" + domain.likeEscaped
        }
    }

    fileprivate func matches(_ address: String) -> Bool {
        let address = address.asciiLowercased
        return switch self {
        case .null: address.isEmpty
        case .address(let wanted): address == wanted
        case .domain(let domain): address.hasSuffix("@" + domain)
        }
    }

    /// As a person would write it.
    package var text: String {
        switch self {
        case .null: "<>"
        case .address(let address): address
        case .domain(let domain): "@" + domain
        }
    }

    /// Whether it means this sender.
    package func matches(_ path: ReversePath) -> Bool { matches(path.description) }
}

extension Selection {
    /// Whether it means a recipient that is in memory.
    ///
    /// Where it was tried last is not known there: with `host` nothing in memory is meant.
    package func matches(_ recipient: DueRecipient) -> Bool {
        let message = recipient.message
        return host == nil && state != .held
            && messages?.contains(message.id) ?? true
            && destination.map { $0 == recipient.destination } ?? true
            && sender.map { $0.matches(message.reversePath) } ?? true
            && self.recipient.map {
                $0.matches(recipient.address.description)
                    || $0.matches(recipient.original?.description ?? "")
            } ?? true
            && acceptedBefore.map { message.accepted < $0 } ?? true
            && acceptedSince.map { message.accepted >= $0 } ?? true
    }

    /// The parameters of the conditions, as `Spooler`'s queries have them.
    var values: [Value] {
        let state = state?.rawValue
        return [
            .text(optional: destination), .text(optional: destination),
            .text(optional: hostPattern), .text(optional: hostPattern),
            .text(optional: sender?.like), .text(optional: sender?.like),
            .text(optional: recipient?.like), .text(optional: recipient?.like),
            .text(optional: recipient?.like),
            .integer(optional: acceptedBefore?.milliseconds),
            .integer(optional: acceptedBefore?.milliseconds),
            .integer(optional: acceptedSince?.milliseconds),
            .integer(optional: acceptedSince?.milliseconds),
            .text(optional: state), .text(optional: state),
        ]
    }

    /// Hosts stand as `mx.example.org [192.0.2.1]`, some with a port behind.
    private var hostPattern: String? {
        guard let host else { return nil }
        if let address = IPAddress(host) { return "%[" + address.description.likeEscaped + "]%" }
        return host.asciiLowercased.likeEscaped + " [%"
    }
}

extension String {
    /// So that `%` and `_` stand for themselves behind LIKE … ESCAPE '!'.
    fileprivate var likeEscaped: String {
        var text = ""
        for character in self {
            if "!%_".contains(character) { text.append("!") }
            text.append(character)
        }
        return text
    }
}

// MARK: - Walking through the queue

/// A stretch of the queue, in the order of acceptance: looked at in one transaction, so that who
/// reads a long queue lets others read in between.
struct Stretch: Sendable {
    /// The first message that may belong to it.
    let first: Int64
    /// The last one.
    let last: Int64
    /// Whether it reaches to the end of the queue.
    let isEnd: Bool

    /// About so many in one: they take some ten milliseconds.
    static let recipients = 5_000

    /// The next one behind a message; ends with a whole message.
    init(
        after: Int64, size: Int, in transaction: any Transaction
    ) throws(StorageFailure) {
        let last = try transaction.first(
            """
            SELECT message_id FROM recipient WHERE message_id > ?
            ORDER BY message_id, ordinal LIMIT 1 OFFSET ?
            """,
            [.integer(after), .integer(Int64(size))]
        ) { $0.integer(0) }
        first = after == .max ? after : after + 1
        self.last = last ?? .max
        isEnd = last == nil
    }

    /// One message alone.
    init(_ id: QueueID) {
        first = id.value
        last = id.value
        isEnd = false
    }
}

extension Selection {
    /// Calls `row` with each recipient meant: message, ordinal.
    func walk(
        _ stretch: Stretch, in transaction: any Transaction, _ row: (any Row) -> Void
    ) throws(StorageFailure) {
        try transaction.query(
            """
            SELECT r.message_id, r.ordinal, r.claim
            FROM recipient r JOIN message m ON m.id = r.message_id
            WHERE r.message_id BETWEEN ? AND ?
                AND (? IS NULL OR r.destination = ?)
                AND (? IS NULL OR lower(r.last_host) LIKE ? ESCAPE '!')
                AND (? IS NULL OR lower(m.reverse_path) LIKE ? ESCAPE '!')
                AND (? IS NULL OR lower(r.address) LIKE ? ESCAPE '!'
                    OR lower(r.original) LIKE ? ESCAPE '!')
                AND (? IS NULL OR m.accepted < ?)
                AND (? IS NULL OR m.accepted >= ?)
                AND (? IS NULL OR ? = CASE WHEN r.next_attempt IS NULL THEN 'held'
                    WHEN r.claim IS NULL THEN 'waiting' ELSE 'active' END)
            ORDER BY r.message_id, r.ordinal
            """,
            [.integer(stretch.first), .integer(stretch.last)] + values, row)
    }
}

extension Spooler {
    /// How much a selection means.
    package struct Tally: Hashable, Sendable {
        package var messages = 0
        package var recipients = 0
        /// Of the recipients, those being tried at the moment.
        package var active = 0

        package init(messages: Int = 0, recipients: Int = 0, active: Int = 0) {
            self.messages = messages
            self.recipients = recipients
            self.active = active
        }
    }

    /// Counts what a selection means, without changing anything.
    package func count(_ selection: Selection) async throws -> Tally {
        var tally = Tally()
        try await stretches(selection) { transaction, stretch in
            var part = Tally()
            var last: Int64?
            try selection.walk(stretch, in: transaction) { row in
                part.recipients += 1
                if !row.isNull(2) { part.active += 1 }
                if row.integer(0) != last { part.messages += 1 }
                last = row.integer(0)
            }
            return part
        } each: { part in
            tally.messages += part.messages
            tally.recipients += part.recipients
            tally.active += part.active
            return true
        }
        return tally
    }

    /// Reads stretch by stretch, behind `after`, until `each` returns false.
    func stretches<Part: Sendable>(
        _ selection: Selection, after: QueueID? = nil, size: Int = Stretch.recipients,
        _ read: @escaping @Sendable (any Transaction, Stretch) throws -> Part,
        each: (Part) async throws -> Bool
    ) async throws {
        if let messages = selection.messages {
            for id in messages.sorted() where id.value > after?.value ?? .min {
                let part = try await store.read { try read($0, Stretch(id)) }
                guard try await each(part) else { return }
            }
            return
        }
        var place = after?.value ?? .min
        while true {
            let from = place
            let (part, stretch) = try await store.read { transaction in
                let stretch = try Stretch(after: from, size: size, in: transaction)
                return (try read(transaction, stretch), stretch)
            }
            guard try await each(part), !stretch.isEnd else { return }
            place = stretch.last
        }
    }
}
