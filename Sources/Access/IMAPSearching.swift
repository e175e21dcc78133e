// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Logging
import MessageStore
import SearchIndex
import Summary
import World

/// SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
extension IMAPVisit {
    mutating func search(_ search: Search) async throws -> Completion {
        let matching: SearchMatching
        do {
            matching = try await find(search.key)
        } catch {
            if search.returns?.options.contains(.save) == true { selected?.view.forgetSaved() }
            throw error
        }
        guard var open = selected else { return .ok() }
        let number = search.key.hasModificationSequence ? matching.highestModSequence : nil
        let treated = treated(of: matching.found)
        let results = search.isUID ? treated.uids : open.view.uids.numbers(of: treated.uids)
        if let returns = search.returns {
            if returns.options.contains(.save) { open.view.save(treated.uids, returns) }
            writer.extendedSearch(
                tag: session.currentTag, isUID: search.isUID, returns, results,
                highestModificationSequence: number.map { _ in matching.modSequence(for: returns) })
        } else if session.enabled.contains(.imap4rev2) {
            // RFC 9051 §7.3.4: there is no other response any more.
            writer.extendedSearch(
                tag: session.currentTag, isUID: search.isUID, SearchReturn(.all), results,
                highestModificationSequence: number)
        } else {
            writer.search(results, highestModificationSequence: number)
        }
        selected = open
        return treated.completion
    }

    mutating func sort(_ sort: Sort) async throws -> Completion {
        let matching = try await find(sort.key, trusting: true)
        guard let open = selected else { return .ok() }
        let (uids, isUID) = (open.view.uids, sort.isUID)
        let table = try await gather(
            matching.found, of: open, hasFacts: sort.comparesFacts, into: SortTable(sort.criteria)
        ) { table, message in
            table.add(isUID ? message.uid : uids.number(of: message.uid) ?? 0) { criterion in
                message.value(criterion)
            }
        } merge: {
            $0.add($1)
        }
        writer.sort(
            table.order(),
            highestModificationSequence: sort.key.hasModificationSequence
                ? matching.highestModSequence : nil)
        return .ok()
    }

    mutating func thread(_ thread: Thread) async throws -> Completion {
        let matching = try await find(thread.key, trusting: true)
        guard let open = selected else { return .ok() }
        let (uids, isUID) = (open.view.uids, thread.isUID)
        let records = try await gather(
            matching.found, of: open, hasFacts: true, into: [ThreadRecord]()
        ) { records, message in
            guard let octets = message.stored,
                let facts = MessageFacts(stored: octets, [.subject, .thread])
            else { return false }
            records.append(
                ThreadRecord(
                    number: isUID ? message.uid : uids.number(of: message.uid) ?? 0,
                    date: message.date, subject: facts.subject, isReply: facts.isReplyOrForward,
                    messageID: facts.messageID, references: facts.references))
            return true
        } merge: {
            $0 += $1
        }
        writer.threads(thread.algorithm.threads(records))
        return .ok()
    }

    /// The messages that a key means.
    ///
    /// With `trusting` those that are gone already may be among them, where no message need be
    /// looked at to say which are meant.
    private mutating func find(
        _ key: SearchKey, trusting: Bool = false
    ) async throws -> SearchMatching {
        guard let open = selected else { throw Completion.bad(nil, "select a mailbox first") }
        guard let last = open.view.uids.last else {
            return SearchMatching(
                key, open.view, now: service.surroundings.time.timestamp, known: [:])
        }
        let known = await lookUp(key, in: open)
        var matching = SearchMatching(
            key, open.view, now: service.surroundings.time.timestamp, known: known)
        if trusting, matching.findAtOnce() { return matching }
        let all = NumberSet(1...last)
        let possible = matching.possible?.intersection(all) ?? all
        // A gap that is not worth a question of its own is read through.
        let gap = max(16, last / 256)
        let indexedUID = known.values.map(\.indexedUID).min() ?? last
        for span in Self.spans(possible, joining: gap) {
            for part in Self.parts(span, endingAt: indexedUID) {
                matching.depth = matching.depth(upTo: part.upperBound)
                try await look(through: part, of: open, &matching)
            }
        }
        return matching
    }

    /// What the index knows of the key's texts.
    ///
    /// Without it, or where it fails, the messages themselves are read: it is only faster.
    private func lookUp(
        _ key: SearchKey, in open: OpenMailbox
    ) async -> [SearchedText: IndexedMatches] {
        var known: [SearchedText: IndexedMatches] = [:]
        guard let index = service.index else { return known }
        for text in key.wholeTexts.prefix(Self.indexedTexts) where known[text] == nil {
            do {
                known[text] = try await index.matches(
                    text.field, text.folded, in: open.id, uidValidity: open.uidValidity)
            } catch {
                logger.warning("the index of texts cannot be read: \(error)")
                break
            }
        }
        return known
    }

    /// Judges the messages of a range.
    private mutating func look(
        through range: ClosedRange<UInt32>, of open: OpenMailbox, _ matching: inout SearchMatching
    ) async throws {
        var next = range.lowerBound
        var summarized: UInt32 = 0
        while next <= range.upperBound {
            matching.stop = nil
            matching.rows = 0
            let limit = matching.depth == .octets ? Self.readTogether : Self.comparedTogether
            let (state, taken) = try await service.mailboxes.fetch(
                next...range.upperBound, of: open.id, matching.depth, limit: limit,
                onThread: range.count < 100, by: open.reader, into: matching
            ) { message, matching in matching.take(message) }
            matching = state
            if let taken { next = taken + 1 }
            if let row = matching.stop, matching.depth == .facts, row.uid > summarized {
                try await summarize(row, andTo: range.upperBound, of: open.id)
                summarized = row.uid
            } else if let row = matching.stop {
                matching.judge(row, try await octets(of: row))
                next = row.uid + 1
            } else if matching.rows < limit {
                break
            }
            try await tellProgress(next, of: open)
        }
    }

    /// So many texts of one command are looked up in the index; further ones in the messages.
    private static let indexedTexts = 16

    /// A range in two, if it goes beyond `end`.
    private static func parts(
        _ range: ClosedRange<UInt32>, endingAt end: UInt32
    ) -> [ClosedRange<UInt32>] {
        guard range.contains(end), end < range.upperBound else { return [range] }
        return [range.lowerBound...end, (end + 1)...range.upperBound]
    }

    /// Takes messages by rising UID with what SORT and THREAD compare, batch by batch into a table
    /// like `empty`; `add` says no where the facts are damaged.
    private mutating func gather<Table: Sendable>(
        _ uids: NumberSet, of open: OpenMailbox, hasFacts: Bool, into empty: Table,
        _ add: @escaping @Sendable (inout Table, Comparison) -> Bool,
        merge: (inout Table, Table) -> Void
    ) async throws -> Table {
        var all = empty
        var summarized: UInt32 = 0
        for span in Self.spans(uids) {
            var next: UInt32? = span.lowerBound
            while let first = next {
                let (batch, last) = try await service.mailboxes.compare(
                    first...span.upperBound, of: open.id, hasFacts: hasFacts,
                    limit: Self.comparedTogether, onThread: span.count < 100,
                    into: Batch(table: empty)
                ) { message, batch in
                    guard uids.contains(message.uid) else { return true }
                    let isAdded = message.withComparison(hasFacts) { add(&batch.table, $0) }
                    if isAdded != true { batch.unknown = message.uid }
                    return isAdded == true
                }
                merge(&all, batch.table)
                if let uid = batch.unknown {
                    next = uid
                    guard let row = try await row(uid, of: open) else {
                        next = uid < span.upperBound ? uid + 1 : nil
                        continue
                    }
                    if uid > summarized {
                        try await summarize(row, andTo: span.upperBound, of: open.id)
                        summarized = uid
                        continue
                    }
                    var one = empty
                    let facts = try await summarize(row).facts.encoded
                    _ = facts.withUnsafeBytes { add(&one, Comparison(row, $0)) }
                    merge(&all, one)
                    next = uid < span.upperBound ? uid + 1 : nil
                } else {
                    next = last.flatMap { $0 < span.upperBound ? $0 + 1 : nil }
                }
                if let next { try await tellProgress(next, of: open) }
            }
        }
        return all
    }

    /// One message of which more is needed.
    private func row(_ uid: UInt32, of open: OpenMailbox) async throws -> MessageRow? {
        try await service.mailboxes.fetch(
            uid...uid, of: open.id, .row, limit: 1, onThread: true, into: MessageRow?.none
        ) { message, row in
            row = message.row
            return true
        }.state
    }
}

/// Messages of one look into the store.
private struct Batch<Table: Sendable>: Sendable {
    var table: Table
    /// Where it ended: a message whose facts are not stored.
    var unknown: UInt32?
}

/// What is compared of a message; its facts are lent for the call.
private struct Comparison {
    let uid: UInt32
    private let octets: Int
    private let internalDate: Timestamp
    let stored: UnsafeRawBufferPointer?
    private let facts: StoredFacts?

    init(_ message: ComparedMessage, _ stored: UnsafeRawBufferPointer?) {
        (uid, octets, internalDate) = (message.uid, message.octets, message.internalDate)
        self.stored = stored
        facts = stored.flatMap { StoredFacts($0) }
    }

    init(_ row: MessageRow, _ stored: UnsafeRawBufferPointer) {
        (uid, octets, internalDate) = (row.uid, row.octets, row.internalDate)
        self.stored = stored
        facts = StoredFacts(stored)
    }

    /// RFC 5256 §2.2: a message without a date was sent when it came.
    var date: Timestamp {
        facts?.sentDate.map { Timestamp(seconds: $0.seconds) } ?? internalDate
    }

    /// Nil where it is not known.
    func value(_ criterion: Sort.Criterion) -> SortTable.Value? {
        switch criterion {
        case .arrival: .signed(internalDate.milliseconds)
        case .size: .number(UInt64(octets))
        case .date: facts == nil ? nil : .signed(date.milliseconds)
        case .subject: facts?.key(.subject).map { .text($0) }
        case .from: facts?.key(.from).map { .text($0) }
        case .to: facts?.key(.to).map { .text($0) }
        case .cc: facts?.key(.cc).map { .text($0) }
        case .displayFrom: facts?.key(.displayFrom).map { .text($0) }
        case .displayTo: facts?.key(.displayTo).map { .text($0) }
        }
    }
}

extension ComparedMessage {
    /// Nil if the facts are wanted and not stored, or by another release.
    fileprivate func withComparison<Result>(
        _ hasFacts: Bool, _ body: (Comparison) -> Result
    ) -> Result? {
        guard hasFacts else { return body(Comparison(self, nil)) }
        guard summaryFormat == MessageSummary.format else { return nil }
        return withFacts { body(Comparison(self, $0)) }
    }
}

extension Sort {
    /// Whether its criteria need more than what mailboxes know of their messages.
    fileprivate var comparesFacts: Bool {
        criteria.contains { $0.criterion != .arrival && $0.criterion != .size }
    }
}
