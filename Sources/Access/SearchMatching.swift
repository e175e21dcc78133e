// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import SearchIndex
import Summary
import World

/// Finds the messages that a key of SEARCH means, as they are read (RFC 9051 §6.4.4).
///
/// Pure but for the rows it is handed. A message that must be read whole to be judged, and is not
/// in a row, stops it.
struct SearchMatching: Sendable {
    /// A key whose sets of messages and texts are made ready once, not for each message.
    private indirect enum Criterion: Sendable {
        case uids(NumberSet)
        case text(SearchedText)
        case indexed(IndexedMatches, SearchedText)
        case other(SearchKey)
        case not(Criterion)
        case or(Criterion, Criterion)
        case and([Criterion])

        init(
            _ key: SearchKey, _ view: SelectedMailbox, _ known: [SearchedText: IndexedMatches]
        ) {
            switch key {
            case .uid(let set): self = .uids(view.matches(set, isUID: true))
            case .numbers(let set): self = .uids(view.matches(set, isUID: false))
            case .recent: self = .uids(view.recent)
            case .text(let field, let text):
                let text = SearchedText(field, text)
                self = known[text].map { .indexed($0, text) } ?? .text(text)
            case .not(let key): self = .not(Criterion(key, view, known))
            case .or(let left, let right):
                self = .or(Criterion(left, view, known), Criterion(right, view, known))
            case .and(let keys): self = .and(keys.map { Criterion($0, view, known) })
            default: self = .other(key)
            }
        }

        /// Messages outside of it do not match, without a look at them; nil: any may match.
        var possible: NumberSet? {
            switch self {
            case .uids(let uids): uids
            case .indexed(let matches, _): matches.possible
            case .or(let left, let right):
                if let left = left.possible, let right = right.possible {
                    left.union(right)
                } else {
                    nil
                }
            case .and(let criteria):
                criteria.compactMap(\.possible).reduce(nil) { $0?.intersection($1) ?? $1 }
            case .text, .other, .not: nil
            }
        }

        /// How much of messages has to be read for it; what is indexed needs no reading up to `uid`.
        func depth(upTo uid: UInt32) -> Mailboxes.FetchDepth {
            switch self {
            case .text(let text): text.field.isKept ? .facts : .octets
            case .indexed(let matches, _): uid <= matches.indexedUID ? .row : .octets
            case .other(.date(.sent, _, _)), .other(.threadID): .facts
            case .not(let criterion): criterion.depth(upTo: uid)
            case .or(let left, let right): max(left.depth(upTo: uid), right.depth(upTo: uid))
            case .and(let criteria): criteria.map { $0.depth(upTo: uid) }.max() ?? .row
            case .uids, .other: .row
            }
        }

        /// The messages of a view that match, where none need be looked at to say so; nil elsewhere.
        func settled(in view: SelectedMailbox) -> NumberSet? {
            switch self {
            case .uids(let uids): return view.uids.uids(in: uids)
            case .other(.all): return view.uids.uids
            case .and(let criteria):
                var all = view.uids.uids
                for criterion in criteria {
                    guard let uids = criterion.settled(in: view) else { return nil }
                    all = all.intersection(uids)
                }
                return all
            case .other, .text, .indexed, .not, .or: return nil
            }
        }

        /// The facts that are compared besides the date; nil: none, and no date either.
        var facts: MessageFacts.Wanted? {
            switch self {
            case .other(.date(.sent, _, _)): []
            case .other(.threadID): .thread
            case .not(let criterion): criterion.facts
            case .or(let left, let right): Self.union([left, right])
            case .and(let criteria): Self.union(criteria)
            case .other, .uids, .text, .indexed: nil
            }
        }

        private static func union(_ criteria: [Criterion]) -> MessageFacts.Wanted? {
            let facts = criteria.compactMap(\.facts)
            return facts.isEmpty ? nil : MessageFacts.Wanted(facts)
        }
    }

    private let criterion: Criterion
    private let view: SelectedMailbox
    private let now: Timestamp
    private let wantedFacts: MessageFacts.Wanted?
    /// The messages that have to be looked at; nil: all.
    let possible: NumberSet?
    /// How much is read of them at the moment.
    var depth = Mailboxes.FetchDepth.row
    private(set) var found = NumberSet()
    /// The latest change among those found (RFC 7162 §3.1.5).
    private(set) var highestModSequence: UInt64 = 0
    /// The changes of the first and of the last of them.
    private var firstModSequence: UInt64 = 0
    private var lastModSequence: UInt64 = 0
    /// Has to be handed to `judge` with its octets; a nil answer of `take` was about it.
    var stop: MessageRow?
    var rows = 0

    /// `known` is what the index knows of the key's texts.
    init(
        _ key: SearchKey, _ view: SelectedMailbox, now: Timestamp,
        known: [SearchedText: IndexedMatches]
    ) {
        criterion = Criterion(key, view, known)
        self.view = view
        self.now = now
        wantedFacts = criterion.facts
        possible = criterion.possible
    }

    /// How much of messages has to be read to judge those up to `uid`.
    func depth(upTo uid: UInt32) -> Mailboxes.FetchDepth { criterion.depth(upTo: uid) }

    /// Finds what the key means without a look at any message, if that is possible: messages that
    /// are gone since they were told of are found, too.
    mutating func findAtOnce() -> Bool {
        guard let uids = criterion.settled(in: view) else { return false }
        found = uids
        return true
    }

    mutating func take(_ message: FetchedMessage) -> Bool {
        rows += 1
        guard view.uids.number(of: message.row.uid) != nil else { return true }
        var subject = Subject(row: message.row)
        if depth != .row, message.summaryFormat == MessageSummary.format {
            if let wantedFacts {
                subject.facts = message.withFacts { MessageFacts(stored: $0, wantedFacts) }
            }
            subject.hasFields = true
        }
        subject.message = message
        subject.hasOctets = depth == .octets && message.hasOctets
        guard let isFound = matches(criterion, &subject) else {
            stop = message.row
            return false
        }
        note(message.row, isFound)
        return true
    }

    /// Judges a message by all its octets.
    mutating func judge(_ row: MessageRow, _ octets: [UInt8]) {
        var subject = Subject(row: row)
        if wantedFacts != nil { subject.facts = MessageSummary(octets).facts }
        subject.octets = octets
        note(row, matches(criterion, &subject) ?? false)
    }

    private mutating func note(_ row: MessageRow, _ isFound: Bool) {
        guard isFound else { return }
        lastModSequence = UInt64(row.modSequence)
        if found.isEmpty { firstModSequence = lastModSequence }
        found.append(row.uid)
        highestModSequence = max(highestModSequence, lastModSequence)
    }

    /// What ESEARCH tells as MODSEQ: of the messages that it returns (RFC 4731 §3.2).
    func modSequence(for wanted: SearchReturn) -> UInt64 {
        guard wanted.partial == nil else { return highestModSequence }
        switch wanted.options.subtracting(.save) {
        case .min: return firstModSequence
        case .max: return lastModSequence
        case [.min, .max]: return max(firstModSequence, lastModSequence)
        default: return highestModSequence
        }
    }

    /// A message, with what was needed of it so far.
    private struct Subject {
        let row: MessageRow
        var facts: MessageFacts?
        /// As it is read; nil where it is judged by its octets alone.
        var message: FetchedMessage?
        /// Whether fields were kept of it.
        var hasFields = false
        /// Whether its octets can be read.
        var hasOctets = false
        var octets: [UInt8]?
        private var read: SearchText?

        init(row: MessageRow) { self.row = row }

        /// Whether a field that was kept has the text; nil if that cannot say.
        func holds(_ text: SearchedText) -> Bool? {
            guard hasFields, let message else { return nil }
            return message.withFields {
                SearchFields.matches(stored: $0, text.field, text.folded)
            }
        }

        mutating func text() -> SearchText? {
            if let read { return read }
            if octets == nil, hasOctets, let message {
                var all: [UInt8] = []
                message.appendOctets(0..<message.contentOctets, to: &all)
                octets = all
            }
            guard let octets else { return nil }
            let text = SearchText(octets, prefix: Array(row.prefix.utf8))
            read = text
            return text
        }
    }

    /// Nil: more of the message is needed to say.
    private func matches(_ criterion: Criterion, _ subject: inout Subject) -> Bool? {
        switch criterion {
        case .uids(let uids): return uids.contains(subject.row.uid)
        case .text(let text):
            if let isMatch = subject.holds(text) { return isMatch }
            return subject.text().map { $0.matches(text.field, text.folded) }
        case .indexed(let matches, let text):
            if let isMatch = matches.verdict(uid: subject.row.uid) { return isMatch }
            return subject.text().map { $0.matches(text.field, text.folded) }
        case .other(let key): return matches(key, subject)
        case .not(let criterion): return matches(criterion, &subject).map { !$0 }
        case .or(let left, let right):
            let isLeft = matches(left, &subject)
            if isLeft == true { return true }
            let isRight = matches(right, &subject)
            if isRight == true { return true }
            return isLeft == nil || isRight == nil ? nil : false
        case .and(let criteria):
            var isKnown = true
            for criterion in criteria {
                switch matches(criterion, &subject) {
                case false?: return false
                case nil: isKnown = false
                case true?: break
                }
            }
            return isKnown ? true : nil
        }
    }

    private func matches(_ key: SearchKey, _ subject: Subject) -> Bool? {
        let row = subject.row
        switch key {
        case .all, .saveDateSupported: return true
        case .flag(let flags, let isSet):
            let has = FlagSet(row.flags)
            return isSet ? has.isSuperset(of: flags) : has.isDisjoint(with: flags)
        case .keyword(let name, let isSet):
            let flag = view.keywords.flag(named: name)
            return (flag.map { FlagSet(row.flags).isSuperset(of: $0) } ?? false) == isSet
        case .date(let field, let comparison, let day):
            return date(field, subject).map { comparison.holds($0, day.number) }
        case .age(let seconds, let isOlder):
            let isOld = row.internalDate.seconds <= now.seconds - Int64(seconds)
            return isOld == isOlder
        case .larger(let octets): return UInt64(row.octets) > octets
        case .smaller(let octets): return UInt64(row.octets) < octets
        case .modificationSequence(let number): return UInt64(row.modSequence) >= number
        case .emailID(let identifier): return identifier == row.emailID
        case .threadID(let identifier):
            return subject.facts.map { identifier == row.threadID($0) }
        case .none: return false
        case .text, .recent, .uid, .numbers, .not, .or, .and:
            preconditionFailure("a criterion of its own")
        }
    }

    /// Days since 1970 on the calendar that counts; a message without Date was sent when it came.
    private func date(_ field: SearchKey.DateField, _ subject: Subject) -> Int? {
        switch field {
        case .internal: return subject.row.internalDate.day
        case .saved: return subject.row.saved.day
        case .sent:
            guard let facts = subject.facts else { return nil }
            return facts.sentDate?.day ?? subject.row.internalDate.day
        }
    }
}

extension SearchKey.DateComparison {
    fileprivate func holds(_ day: Int, _ limit: Int) -> Bool {
        switch self {
        case .before: day < limit
        case .on: day == limit
        case .since: day >= limit
        }
    }
}

extension CalendarDay {
    /// Counted from 1 January 1970.
    fileprivate var number: Int { start.day }
}

extension Timestamp {
    fileprivate var day: Int {
        seconds >= 0 ? Int(seconds / 86400) : Int((seconds + 1) / 86400 - 1)
    }
}

/// A text that messages are searched for, folded.
struct SearchedText: Hashable, Sendable {
    let field: SearchKey.TextField
    let folded: [UInt8]

    init(_ field: SearchKey.TextField, _ text: String) {
        self.field = field
        folded = SearchText.key(text)
    }
}

extension SearchKey {
    /// The texts that are looked for in whole messages.
    var wholeTexts: [SearchedText] {
        switch self {
        case .text(let field, let text) where field == .body || field == .text:
            [SearchedText(field, text)]
        case .not(let key): key.wholeTexts
        case .or(let left, let right): left.wholeTexts + right.wholeTexts
        case .and(let keys): keys.flatMap(\.wholeTexts)
        default: []
        }
    }
}

extension SearchKey.TextField {
    /// Whether it is kept with what was computed of a message.
    fileprivate var isKept: Bool {
        switch self {
        case .from, .to, .cc, .bcc, .subject: true
        case .body, .text, .header: false
        }
    }
}
