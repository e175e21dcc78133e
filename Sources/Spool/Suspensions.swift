// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Journal
package import Mail
import Storage
package import World

/// An operator's word that nothing is to be delivered to a destination, over an exchanger or for
/// a sender until it is taken back.
package struct Suspension: Hashable, Sendable {
    package var scope: Scope
    /// A domain in A-labels or an address literal; a host name or address; a sender's address,
    /// `@domain` or `<>`; in lower case.
    package var subject: String
    package var since: Timestamp
    package var author: String
    package var reason: String?

    /// What is suspended.
    ///
    /// The raw values are stored: never change one.
    package enum Scope: String, CaseIterable, Sendable {
        case destination, host, sender
    }

    package init(
        _ scope: Scope, _ subject: String, since: Timestamp, author: String, reason: String? = nil
    ) {
        self.scope = scope
        self.subject = subject.asciiLowercased
        self.since = since
        self.author = author
        self.reason = reason
    }

    /// Why something waits, without a final dot.
    package var sentence: String {
        let diagnosis: Diagnosis =
            switch scope {
            case .destination: .destinationSuspended
            case .host: .hostSuspended
            case .sender: .senderSuspended
            }
        let by = author + (reason.map { " (\($0))" } ?? "")
        return diagnosis.text(subject, CalendarDate(since).internetFormat, by)
    }

    /// What waits because of it, as far as the queue knows.
    package var selection: Selection {
        var selection = Selection()
        switch scope {
        case .destination: selection.destination = subject
        case .host: selection.host = subject
        case .sender: selection.sender = Selection.Pattern(subject)
        }
        return selection
    }
}

/// All suspensions in force: the scheduler asks before anything is put on its way.
///
/// A value without I/O.
package struct Suspensions: Hashable, Sendable {
    package let all: [Suspension]
    private var destinations: [String: Suspension] = [:]
    private var hosts: [String: Suspension] = [:]
    private var senders: [Suspension] = []

    package static let none = Self([])
    /// Far more than anyone can oversee.
    package static let limit = 1_000

    package init(_ all: [Suspension]) {
        self.all = all
        for suspension in all {
            switch suspension.scope {
            case .destination: destinations[suspension.subject] = suspension
            case .host: hosts[suspension.subject] = suspension
            case .sender: senders.append(suspension)
            }
        }
    }

    package var isEmpty: Bool { all.isEmpty }
    package var coversHosts: Bool { !hosts.isEmpty }

    /// Why nothing goes from this sender to this destination; nil if it may.
    package func covering(_ sender: ReversePath, to destination: String) -> Suspension? {
        if let found = destinations[destination.asciiLowercased] { return found }
        return senders.first { Selection.Pattern($0.subject).matches(sender) }
    }

    /// Why a recipient is not tried; nil if it may be.
    package func covering(_ recipient: DueRecipient) -> Suspension? {
        guard !destinations.isEmpty || !senders.isEmpty else { return nil }
        return covering(recipient.message.reversePath, to: recipient.destination)
    }

    /// Why a host is not connected to, by its name; nil if it may be.
    package func covering(host name: String) -> Suspension? { hosts[name.asciiLowercased] }

    /// Why an address is not connected to; nil if it may be.
    package func covering(_ address: IPAddress) -> Suspension? { hosts[address.description] }
}

extension Spooler {
    /// The suspensions in force, by scope and subject.
    package func suspensions() async throws -> Suspensions {
        try await store.read { transaction in
            let all = try transaction.all(
                """
                SELECT scope, subject, since, author, reason FROM suspension
                ORDER BY scope, subject LIMIT ?
                """,
                [.integer(Int64(Suspensions.limit))]
            ) { row in
                Suspension.Scope(rawValue: row.text(0)).map {
                    Suspension(
                        $0, row.text(1), since: Timestamp(milliseconds: row.integer(2)),
                        author: row.text(3), reason: row.optionalText(4))
                }
            }
            return Suspensions(all.compactMap(\.self))
        }
    }

    /// Delivers nothing more of what a suspension covers; says whether that is new.
    ///
    /// It outlasts restarts. Throws `.constraint` beyond `Suspensions.limit`.
    package func suspend(_ suspension: Suspension) async throws -> Bool {
        let id = ids.next()
        return try await store.write { transaction in
            let count = try transaction.first("SELECT count(*) FROM suspension") { $0.integer(0) }
            guard count ?? 0 < Suspensions.limit else {
                throw StorageFailure.constraint("there are \(Suspensions.limit) suspensions")
            }
            let changed = try transaction.execute(
                """
                INSERT INTO suspension (scope, subject, since, author, reason)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, subject) DO NOTHING
                """,
                [
                    .text(suspension.scope.rawValue), .text(suspension.subject),
                    .integer(suspension.since.milliseconds), .text(suspension.author),
                    .text(optional: suspension.reason),
                ])
            guard changed == 1 else { return false }
            try Trace.record([suspension.fact(.suspended, id)], in: transaction)
            return true
        }
    }

    /// Takes a suspension back, and makes due what waited because of it; returns how many
    /// recipients, or nil if there was none.
    package func resume(
        _ scope: Suspension.Scope, _ subject: String, by author: String
    ) async throws -> Int? {
        let (id, now) = (ids.next(), time.timestamp)
        let ended = Suspension(scope, subject, since: now, author: author)
        let wasThere = try await store.write { transaction in
            let changed = try transaction.execute(
                "DELETE FROM suspension WHERE scope = ? AND subject = ?",
                [.text(scope.rawValue), .text(ended.subject)])
            guard changed == 1 else { return false }
            try Trace.record([ended.fact(.resumed, id)], in: transaction)
            return true
        }
        guard wasThere else { return nil }
        var covered = ended.selection
        covered.state = .waiting
        return try await makeDue(covered, at: now)
    }

    /// As `intervene(.retry, …)`, but not a fact for each.
    private func makeDue(_ selection: Selection, at now: Timestamp) async throws -> Int {
        var count = 0
        try await stretches(selection) { transaction, stretch in
            var keys: [RecipientKey] = []
            try selection.walk(stretch, in: transaction) { row in
                keys.append(
                    RecipientKey(
                        message: QueueID(value: row.integer(0)), ordinal: Int(row.integer(1))))
            }
            return keys
        } each: { keys in
            var rest = keys[...]
            while !rest.isEmpty {
                let batch = Array(rest.prefix(Self.changedTogether))
                rest = rest.dropFirst(batch.count)
                count += try await store.write { transaction in
                    try batch.reduce(0) { count, key in
                        count
                            + (try transaction.execute(
                                """
                                UPDATE recipient SET next_attempt = ?
                                WHERE message_id = ? AND ordinal = ? AND claim IS NULL
                                    AND next_attempt > ?
                                """,
                                [
                                    .integer(now.milliseconds), .integer(key.message.value),
                                    .integer(Int64(key.ordinal)), .integer(now.milliseconds),
                                ]))
                    }
                }
            }
            return true
        }
        return count
    }
}

extension Suspension {
    fileprivate func fact(_ kind: Fact.Kind, _ id: QueueID) -> Fact {
        Fact(
            kind, of: id, at: since, text: reason,
            fields: [
                .init(.scope, scope.rawValue), .init(.subject, subject), .init(.author, author),
            ])
    }
}
