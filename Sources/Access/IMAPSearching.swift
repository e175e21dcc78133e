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
                highestModificationSequence: number)
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
        let matching = try await find(sort.key)
        guard let open = selected else { return .ok() }
        let (view, isUID) = (open.view, sort.isUID)
        let records = try await records(of: matching.found, open, sort.facts) { row, facts in
            SortRecord(
                number: isUID ? row.uid : view.uids.number(of: row.uid) ?? 0,
                arrival: row.internalDate, date: facts.date(row), size: UInt64(row.octets),
                from: facts.from, to: facts.to, cc: facts.cc, displayFrom: facts.displayFrom,
                displayTo: facts.displayTo, subject: facts.subject)
        }
        writer.sort(
            sort.order(records),
            highestModificationSequence: sort.key.hasModificationSequence
                ? matching.highestModSequence : nil)
        return .ok()
    }

    mutating func thread(_ thread: Thread) async throws -> Completion {
        let matching = try await find(thread.key)
        guard let open = selected else { return .ok() }
        let (view, isUID) = (open.view, thread.isUID)
        let records = try await records(
            of: matching.found, open, [.subject, .thread]
        ) { row, facts in
            ThreadRecord(
                number: isUID ? row.uid : view.uids.number(of: row.uid) ?? 0,
                date: facts.date(row), subject: facts.subject, isReply: facts.isReplyOrForward,
                messageID: facts.messageID, references: facts.references)
        }
        writer.threads(thread.algorithm.threads(records))
        return .ok()
    }

    /// The messages that a key means.
    private mutating func find(_ key: SearchKey) async throws -> SearchMatching {
        guard let open = selected else { throw Completion.bad(nil, "select a mailbox first") }
        guard let last = open.view.uids.last else {
            return SearchMatching(
                key, open.view, now: service.surroundings.time.timestamp, known: [:])
        }
        let known = await lookUp(key, in: open)
        var matching = SearchMatching(
            key, open.view, now: service.surroundings.time.timestamp, known: known)
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

    /// What SORT and THREAD compare, of messages by rising UID, as `make` has it.
    ///
    /// It is handed the facts that are wanted; nil: none are, but the rows.
    private mutating func records<Record: Sendable>(
        of uids: NumberSet, _ open: OpenMailbox, _ wanted: MessageFacts.Wanted?,
        _ make: @escaping @Sendable (MessageRow, MessageFacts) -> Record
    ) async throws -> [Record] {
        var all: [Record] = []
        all.reserveCapacity(uids.count)
        var summarized: UInt32 = 0
        for span in Self.spans(uids) {
            var next = span.lowerBound
            while next <= span.upperBound {
                let (read, last) = try await service.mailboxes.fetch(
                    next...span.upperBound, of: open.id, wanted == nil ? .row : .facts,
                    limit: Self.comparedTogether, onThread: span.count < 100,
                    by: open.reader, into: [(row: MessageRow, record: Record?)]()
                ) { message, read in
                    if uids.contains(message.row.uid) {
                        let facts = message.facts(wanted)
                        read.append((message.row, facts.map { make(message.row, $0) }))
                    }
                    return true
                }
                let unknown = read.first { $0.record == nil }
                if let unknown, unknown.row.uid > summarized {
                    try await summarize(unknown.row, andTo: span.upperBound, of: open.id)
                    summarized = unknown.row.uid
                    continue
                }
                for (row, record) in read {
                    if let record {
                        all.append(record)
                    } else {
                        all.append(make(row, try await summarize(row).facts))
                    }
                }
                guard let last, last < span.upperBound else { break }
                next = last + 1
                try await tellProgress(next, of: open)
            }
        }
        return all
    }
}

extension Sort {
    /// What its criteria compare of messages; nil: only what their mailbox knows of them.
    fileprivate var facts: MessageFacts.Wanted? {
        criteria.reduce(nil) { wanted, step in
            let facts: MessageFacts.Wanted? =
                switch step.criterion {
                case .arrival, .size: nil
                case .date: []
                case .subject: .subject
                case .from: .from
                case .to: .to
                case .cc: .cc
                case .displayFrom: .displayFrom
                case .displayTo: .displayTo
                }
            return facts.map { $0.union(wanted ?? []) } ?? wanted
        }
    }
}

extension FetchedMessage {
    /// Nil if they were not computed yet; without a wish nothing is read.
    fileprivate func facts(_ wanted: MessageFacts.Wanted?) -> MessageFacts? {
        guard let wanted else { return MessageFacts() }
        guard summaryFormat == MessageSummary.format else { return nil }
        return withFacts { MessageFacts(stored: $0, wanted) }
    }
}

extension MessageFacts {
    /// RFC 5256 §2.2: a message without a date was sent when it came.
    fileprivate func date(_ row: MessageRow) -> Timestamp {
        sentDate.map { Timestamp(seconds: $0.seconds) } ?? row.internalDate
    }
}
