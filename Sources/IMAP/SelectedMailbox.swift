// SPDX-License-Identifier: Apache-2.0

/// What one session knows of the mailbox it has selected (RFC 9051 §2.3.1, §5.2, §5.5).
///
/// Sequence numbers are the session's own: a message that another session removed keeps its
/// number here until the client has been told. No I/O: the store says what changed, this says
/// what the client hears of it, and when.
package struct SelectedMailbox: Sendable {
    /// A message or its flags as the store has them.
    package struct Message: Hashable, Sendable {
        package var uid: UInt32
        package var flags: FlagSet
        package var modificationSequence: UInt64

        package init(uid: UInt32, flags: FlagSet, modificationSequence: UInt64) {
            self.uid = uid
            self.flags = flags
            self.modificationSequence = modificationSequence
        }
    }

    /// What happened in the mailbox since a modification sequence, as the store tells it.
    package struct Changes: Hashable, Sendable {
        /// New messages in the order of their UIDs, those removed again left out.
        package var arrived: NumberSet
        /// Messages that were there before and have other flags now.
        package var changed: [Message]
        package var expunged: NumberSet
        /// The highest of the mailbox now.
        package var modificationSequence: UInt64

        package init(
            arrived: NumberSet = NumberSet(), changed: [Message] = [],
            expunged: NumberSet = NumberSet(), modificationSequence: UInt64
        ) {
            self.arrived = arrived
            self.changed = changed
            self.expunged = expunged
            self.modificationSequence = modificationSequence
        }
    }

    /// What may be told now (RFC 9051 §7.5.1).
    package enum Occasion: Hashable, Sendable {
        /// Everything: the answer to NOOP, IDLE, UID commands and those that name no messages.
        case anything
        /// No EXPUNGE: during FETCH, STORE and SEARCH by sequence numbers.
        case withoutExpunge
    }

    /// What the client has been told is there.
    package private(set) var uids: UIDRuns
    package var keywords: KeywordTable
    package let isReadOnly: Bool
    /// Up to here the client knows of everything, but for `pending`.
    package private(set) var modificationSequence: UInt64
    /// Up to here the client knows of everything, those in `pending` as well
    /// (RFC 7162 §6).
    package private(set) var settledModificationSequence: UInt64
    /// Removed messages the client has not been told of.
    package private(set) var pending = NumberSet()
    /// UIDs that `$` stands for (RFC 5182 §2.1).
    package private(set) var saved = NumberSet()
    /// UIDs that this session alone was told of first (RFC 3501 §2.3.2 \Recent); none for who
    /// knows IMAP4rev2.
    package private(set) var recent = NumberSet()
    /// Changes of flags that this session made and its client knows of already.
    private var own = Set<UInt64>()

    package init(
        uids: NumberSet, keywords: KeywordTable, modificationSequence: UInt64, isReadOnly: Bool
    ) {
        self.uids = UIDRuns(uids)
        self.keywords = keywords
        self.modificationSequence = modificationSequence
        settledModificationSequence = modificationSequence
        self.isReadOnly = isReadOnly
    }

    package var count: UInt32 { uids.count }

    /// These messages, of those that are there, nobody was told of before.
    package mutating func noteRecent(from uid: UInt32) {
        recent = recent.union(uids.uids(in: NumberSet(uid...UInt32.max)))
    }

    /// Which messages a command means, as UIDs that this session knows of.
    ///
    /// A sequence number that no message has is an error (RFC 9051 §9, `seq-number`), a UID that
    /// no message has is none (§6.4.9).
    package func resolve(
        _ set: SequenceSet, isUID: Bool
    ) throws(Completion) -> NumberSet {
        if set == .saved { return uids.uids(in: saved) }
        if isUID { return uids.uids(in: set.resolve(largest: uids.last ?? 0)) }
        let numbers = set.resolve(largest: uids.count)
        guard !numbers.isEmpty, (numbers.max ?? 0) <= uids.count else {
            throw .bad(
                nil,
                uids.isEmpty
                    ? "the mailbox is empty"
                    : "there are only \(uids.count) messages")
        }
        return uids.uids(ofNumbers: numbers)
    }

    /// Which messages a key of SEARCH names: numbers beyond the last name none.
    package func matches(_ set: SequenceSet, isUID: Bool) -> NumberSet {
        if set == .saved { return uids.uids(in: saved) }
        if isUID { return uids.uids(in: set.resolve(largest: uids.last ?? 0)) }
        return uids.uids(ofNumbers: set.resolve(largest: uids.count))
    }

    /// What SEARCH with SAVE found, as UIDs (RFC 9051 §6.4.4.1, RFC 9394 §3.2).
    package mutating func save(_ results: NumberSet, _ wanted: SearchReturn) {
        saved = wanted.saved(of: results)
    }

    /// A search with SAVE that failed leaves nothing (RFC 9051 §6.4.4.1).
    package mutating func forgetSaved() { saved = NumberSet() }

    /// This session changed flags by that modification sequence, and has told its client.
    ///
    /// If nobody changed anything in between there is nothing to look for: the client knows of
    /// everything up to there.
    package mutating func noteOwnChange(_ modificationSequence: UInt64) {
        if modificationSequence == self.modificationSequence + 1 {
            return advance(to: modificationSequence)
        }
        // Those below are not asked for any more.
        own = own.filter { $0 > self.modificationSequence }
        own.insert(modificationSequence)
    }

    /// Whether the client knows of that change: it was told of it, or made it.
    package func knows(_ modificationSequence: UInt64) -> Bool {
        modificationSequence <= self.modificationSequence || own.contains(modificationSequence)
    }

    /// Takes what the store tells, and writes what the client may hear now.
    ///
    /// EXPUNGE (descending) or VANISHED first, then EXISTS, then FETCH with the flags, so that
    /// each number means what it meant before (RFC 9051 §7.5.1). `firstRecent`: no session was
    /// told of new messages from that UID on.
    package mutating func tell(
        _ changes: Changes, _ occasion: Occasion, _ enabled: EnabledExtensions,
        firstRecent: UInt32? = nil, withUIDs: Bool = false, to writer: inout ResponseWriter
    ) {
        let toldRecent = recent.count
        pending = pending.union(uids.uids(in: changes.expunged))
        if occasion == .anything { tellExpunged(enabled, to: &writer) }
        let known = uids.last ?? 0
        var hasNew = false
        for range in changes.arrived.ranges where range.upperBound > known {
            uids.append(max(range.lowerBound, known + 1)...range.upperBound)
            hasNew = true
        }
        if hasNew {
            if let firstRecent {
                recent = recent.union(
                    uids.uids(in: NumberSet(max(firstRecent, known + 1)...UInt32.max)))
            }
            writer.exists(uids.count)
        }
        // RFC 3501 §7.3.2: also when the mailbox shrinks; unlike EXISTS, EXPUNGE does not count it.
        if hasNew || recent.count != toldRecent, !enabled.contains(.imap4rev2) {
            writer.recent(UInt32(recent.count))
        }
        for message in changes.changed where !knows(message.modificationSequence) {
            tell(message, enabled, isUID: withUIDs, to: &writer)
        }
        advance(to: changes.modificationSequence)
    }

    private mutating func advance(to modificationSequence: UInt64) {
        self.modificationSequence = max(self.modificationSequence, modificationSequence)
        if pending.isEmpty { settledModificationSequence = self.modificationSequence }
    }

    /// `* n FETCH (FLAGS ...)` of one message, with UID and MODSEQ as far as enabled.
    package func tell(
        _ message: Message, _ enabled: EnabledExtensions, isUID: Bool = false,
        withFlags: Bool = true, to writer: inout ResponseWriter
    ) {
        guard let number = uids.number(of: message.uid) else { return }
        writer.beginFetch(number: number, uid: message.uid)
        // RFC 7162 §3.2.4: the UID is always there then; RFC 9586 §3 has it in front.
        let needsUID = isUID || enabled.contains(.condstore)
        if needsUID, !enabled.contains(.uidOnly) { writer.uid(message.uid) }
        if withFlags {
            writer.flags(message.flags, keywords, isRecent: recent.contains(message.uid))
        }
        if enabled.contains(.condstore) {
            writer.modificationSequence(message.modificationSequence)
        }
        writer.endFetch()
    }

    /// Tells what was removed, if anything was.
    package mutating func tellExpunged(
        _ enabled: EnabledExtensions, to writer: inout ResponseWriter
    ) {
        guard !pending.isEmpty else { return }
        if !enabled.isDisjoint(with: [.qresync, .uidOnly]) {
            // RFC 7162 §3.2.10, RFC 9586 §3.
            writer.vanished(pending, isEarlier: false)
        } else {
            // From the last one down no number shifts.
            for range in uids.numbers(of: pending).ranges.reversed() {
                for number in range.reversed() { writer.expunge(number) }
            }
        }
        forget(pending)
    }

    /// Messages are gone without a word: CLOSE, or a response that named them.
    package mutating func forget(_ gone: NumberSet) {
        uids.remove(gone)
        // RFC 5182 §2.1: what is expunged leaves the saved result.
        saved = saved.subtracting(gone)
        if !recent.isEmpty { recent = recent.subtracting(gone) }
        pending = pending.subtracting(gone)
    }
}

extension SearchReturn {
    /// Which of the results `$` stands for afterwards.
    ///
    /// RFC 9051 §6.4.4.1 and RFC 9394 §3.2: all of them where ALL, COUNT or nothing else is
    /// wanted; else those that MIN, MAX and PARTIAL return.
    package func saved(of results: NumberSet) -> NumberSet {
        if !options.isDisjoint(with: [.all, .count]) { return results }
        if options.isDisjoint(with: [.min, .max]), partial == nil { return results }
        var saved = partial.map { $0.select(from: results) } ?? NumberSet()
        if options.contains(.min), let min = results.min { saved.insert(min) }
        if options.contains(.max), let max = results.max { saved.insert(max) }
        return saved
    }
}

extension Resynchronization {
    /// Which UIDs the client may remember and are there no more (RFC 7162 §3.2.5).
    ///
    /// `expunged` is what the store has logged since `modificationSequence`, nil if its log does
    /// not reach back so far: then every UID that might have been is named, below `uidNext`.
    package func vanished(
        expunged: NumberSet?, present: UIDRuns, uidNext: UInt32
    ) -> NumberSet {
        let everything = uidNext > 1 ? NumberSet(1...(uidNext - 1)) : NumberSet()
        var candidates = expunged ?? everything
        if let knownUIDs { candidates = candidates.intersection(knownUIDs) }
        if expunged == nil, let match {
            candidates = candidates.subtracting(known(by: match, present))
        }
        return candidates.subtracting(present.uids)
    }

    /// UIDs up to the last pair that still holds: what was removed below it the client knows
    /// (RFC 7162 §3.2.5.2).
    private func known(by match: Match, _ present: UIDRuns) -> NumberSet {
        var last: UInt32 = 0
        for (number, uid) in zip(match.numbers.numbers, match.uids.numbers) {
            guard number <= present.count, present.uid(at: number) == uid else { break }
            last = uid
        }
        return last > 0 ? NumberSet(1...last) : NumberSet()
    }
}
