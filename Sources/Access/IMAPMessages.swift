// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Summary
import Tenancy
import World

/// Commands about the messages of the selected mailbox (RFC 9051 §6.4).
extension IMAPVisit {
    /// Messages that are read in one go: others wait for the thread that reads.
    static let readTogether = 500
    /// The same of messages of which a few facts are compared: there and back takes its time, too.
    static let comparedTogether = 2000
    /// Messages whose flags are changed in one transaction: others wait for it.
    static let changedTogether = 8000
    /// Fewer are read on the spot.
    private static let fewMessages = 16

    mutating func obeyAboutMessages(_ command: Command) async throws -> Completion {
        guard let open = selected else { return .bad(nil, "select a mailbox first") }
        switch command {
        case .fetch(let fetch): return try await self.fetch(fetch, open)
        case .store(let store): return try await self.store(store, open)
        case .copy(let copy): return try await self.copy(copy, open)
        case .move(let move): return try await self.move(move, open)
        case .expunge(let uids): return try await expunge(uids, open)
        case .search(let search): return try await self.search(search)
        case .sort(let sort): return try await self.sort(sort)
        case .thread(let thread): return try await self.thread(thread)
        case .refusedSave(let refusal):
            selected?.view.forgetSaved()
            return refusal
        default: return .no(.cannot, "this server does not do that")
        }
    }

    // MARK: - FETCH

    private mutating func fetch(_ fetch: Fetch, _ open: OpenMailbox) async throws -> Completion {
        var wanted = try open.view.resolve(fetch.messages, isUID: fetch.isUID)
        if let partial = fetch.partial { wanted = partial.select(from: wanted) }
        if fetch.wantsVanished, let since = fetch.changedSince {
            // RFC 7162 §3.2.6.
            let gone = NumberSet(
                try await service.mailboxes.expunged(from: open.id, since: Int64(clamping: since)))
            let named = fetch.messages.resolve(largest: open.uidNext - 1)
            writer.vanished(gone.intersection(named), isEarlier: true)
        }
        if let since = fetch.changedSince {
            let changed = try await service.mailboxes.changed(
                in: open.id, since: Int64(clamping: since), by: open.reader)
            wanted = wanted.intersection(NumberSet(changed.map(\.uid)))
        }
        var rendering = FetchRendering(fetch.items, open.view, wanted, session.enabled, writer)
        let treated = treated(of: wanted)
        wanted = treated.uids
        if fetch.setsSeen, open.permanentFlags.contains(.seen) {
            rendering.changed = try await setSeen(wanted, open)
        }
        for range in Self.spans(wanted) {
            try await self.fetch(range, open, &rendering)
        }
        writer = rendering.writer
        if rendering.hasUnknownEncoding {
            return .no(.unknownCTE, "a part has an encoding that is not known")
        }
        return treated.completion
    }

    /// What a client wants to know of messages that are new (RFC 5465 §5.2); sets no \Seen.
    mutating func fetch(
        _ items: [FetchItem], of uids: NumberSet, _ open: OpenMailbox
    ) async throws {
        var rendering = FetchRendering(items, open.view, uids, session.enabled, writer)
        for range in Self.spans(uids) {
            try await fetch(range, open, &rendering)
        }
        writer = rendering.writer
    }

    /// Marks messages as read; returns those that were not.
    private mutating func setSeen(
        _ wanted: NumberSet, _ open: OpenMailbox
    ) async throws -> NumberSet {
        var changed = NumberSet()
        for chunk in Self.chunks(wanted) {
            let result = try await service.mailboxes.store(
                .add, ["\\Seen"], of: chunk.ranges, in: open.id, by: open.reader)
            changed = changed.union(
                NumberSet(result.messages.filter(\.hasChanged).map(\.uid)))
            if let number = result.modSequence {
                selected?.view.noteOwnChange(UInt64(number))
            }
        }
        return changed
    }

    private mutating func fetch(
        _ range: ClosedRange<UInt32>, _ open: OpenMailbox,
        _ rendering: inout FetchRendering
    ) async throws {
        var next = range.lowerBound
        while next <= range.upperBound {
            rendering.stop = nil
            rendering.rows = 0
            let (state, last) = try await service.mailboxes.fetch(
                next...range.upperBound, of: open.id, rendering.depth,
                limit: Self.readTogether,
                onThread: range.count <= Self.fewMessages, by: open.reader, into: rendering
            ) { message, rendering in rendering.take(message) }
            rendering = state
            if let last { next = last + 1 }
            switch rendering.stop {
            case .unsummarized(let row):
                try await summarize(row, andTo: range.upperBound, of: open.id)
            case .inFile(let row):
                try await writeFile(row, &rendering)
                next = row.uid + 1
            case .full: break
            case nil: if rendering.rows < Self.readTogether { next = .max }
            }
            if rendering.writer.octets.count >= IMAPService.unsentLimitOctets {
                try await send(rendering.writer.take())
            }
            if next == .max { return }
        }
    }

    /// Computes what is missing of a message, and keeps it.
    func summarize(_ row: MessageRow) async throws -> MessageSummary {
        let octets = try await octets(of: row)
        let summary = MessageSummary(octets)
        try await service.mailboxes.keep([(row.content, StoredSummary(summary))])
        return summary
    }

    /// The same of a message and of those behind it: what was moved here from another server
    /// is not kept message by message.
    func summarize(
        _ row: MessageRow, andTo last: UInt32, of mailbox: Mailbox.ID
    ) async throws {
        typealias Computed = (content: Content.ID, summary: StoredSummary)
        let (computed, _) = try await service.mailboxes.fetch(
            row.uid...last, of: mailbox, .octets, limit: Self.readTogether,
            onThread: row.uid == last, into: [Computed]()
        ) { message, computed in
            guard message.summaryFormat != MessageSummary.format, message.hasOctets else {
                return true
            }
            var octets: [UInt8] = []
            message.appendOctets(0..<message.contentOctets, to: &octets)
            computed.append((message.row.content, StoredSummary(of: octets)))
            return true
        }
        try await service.mailboxes.keep(computed)
        // Those in files are read one by one.
        let isDone = computed.contains { $0.content == row.content }
        if !isDone { _ = try await summarize(row) }
    }

    /// All octets of a content.
    func octets(of row: MessageRow) async throws -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(row.octets)
        var reader = service.mailboxes.read(row.content, from: 0)
        while let piece = try await reader.next() { octets += piece }
        return octets
    }

    // MARK: - A message in a file

    /// As `FetchRendering.take`, piece by piece.
    private mutating func writeFile(
        _ row: MessageRow, _ rendering: inout FetchRendering
    ) async throws {
        guard let number = rendering.view.uids.number(of: row.uid) else { return }
        let summary = try await summarize(row)
        rendering.begin(row, number)
        for item in rendering.items {
            if rendering.write(item, of: row, summary) { continue }
            do {
                try await writeOctets(item, of: row, summary.layout, &rendering)
            } catch let ending as Ending {
                throw ending
            } catch {
                // Something of it may be with the client already.
                throw Ending.unreadable("\(error)")
            }
        }
        rendering.end(row)
    }

    private mutating func writeOctets(
        _ item: FetchItem, of row: MessageRow, _ layout: Layout, _ rendering: inout FetchRendering
    ) async throws {
        let prefix = Array(row.prefix.utf8)
        guard let section = item.section else {
            return try await writeBinary(item, of: row, layout, &rendering)
        }
        guard let extent = layout.extent(of: section) else {
            return rendering.announce(item, octets: nil)
        }
        if let filter = extent.filter {
            let header =
                (extent.includesPrefix ? prefix : [])
                + (try await octets(extent.range, of: row))
            let fields = filter.apply(to: header)
            let range = item.partial?.range(of: fields.count) ?? 0..<fields.count
            rendering.announce(item, octets: range.count)
            rendering.appendText { $0 += fields[range] }
            return
        }
        let slices = extent.slices(item.partial, prefixOctets: prefix.count)
        rendering.announce(item, octets: slices.prefix.count + slices.content.count)
        rendering.appendText { $0 += prefix[slices.prefix] }
        var left = slices.content.count
        var reader = service.mailboxes.read(row.content, from: slices.content.lowerBound)
        while left > 0, let piece = try await reader.next() {
            rendering.appendText { $0 += piece.prefix(left) }
            left -= min(left, piece.count)
            try await send(rendering.writer.take())
        }
        guard left == 0 else { throw Ending.unreadable("a message is shorter than it should be") }
    }

    private mutating func writeBinary(
        _ item: FetchItem, of row: MessageRow, _ layout: Layout, _ rendering: inout FetchRendering
    ) async throws {
        guard let path = item.binaryPart else { return }
        switch layout.binary(at: path) {
        case nil: rendering.announce(item, octets: nil)
        case .unknownEncoding:
            rendering.hasUnknownEncoding = true
            rendering.announce(item, octets: nil)
        case .verbatim(let extent):
            let prefix = extent.includesPrefix ? Array(row.prefix.utf8) : []
            rendering.write(item, decoded: prefix + (try await octets(extent.range, of: row)))
        case .encoded(let range, let encoding, let isText):
            var decoder = ContentDecoder(encoding, isText: isText)
            let decoded = decoder.decode(try await octets(range, of: row))
            rendering.write(item, decoded: decoded + decoder.finish())
        }
    }

    private func octets(_ range: Range<Int>, of row: MessageRow) async throws -> [UInt8] {
        var octets: [UInt8] = []
        var reader = service.mailboxes.read(row.content, from: range.lowerBound)
        while octets.count < range.count, let piece = try await reader.next() { octets += piece }
        return Array(octets.prefix(range.count))
    }

    // MARK: - STORE

    private mutating func store(_ store: Store, _ open: OpenMailbox) async throws -> Completion {
        let treated = treated(of: try open.view.resolve(store.messages, isUID: store.isUID))
        let flags = try open.changeable(of: store)
        var modified = NumberSet()
        for chunk in Self.chunks(treated.uids) {
            let result = try await service.mailboxes.store(
                store.change, flags.names, of: chunk.ranges, in: open.id,
                permitted: MessageFlags(changeableWith: open.rights),
                unchangedSince: store.unchangedSince.map { Int64(clamping: $0) }, by: open.reader)
            modified = modified.union(NumberSet(result.modified))
            try await tell(result, of: store, chunk)
        }
        guard !modified.isEmpty else { return treated.completion }
        if let code = treated.code { writer.untagged(.ok(code, "there are older ones")) }
        // RFC 7162 §3.1.3: as the client has named them.
        let named = store.isUID ? modified : open.view.uids.numbers(of: modified)
        return .ok(.modified(named), "some were changed by somebody else")
    }

    /// RFC 9051 §6.4.6: the new flags, unless the client does not want to hear of them.
    private mutating func tell(
        _ result: Mailboxes.FlagsStored, of store: Store, _ chunk: NumberSet
    ) async throws {
        guard var open = selected else { return }
        // Keywords that are new are told first.
        open.view.keywords = KeywordTable(try service.mailboxes.keywords(of: open.id))
        if open.view.keywords != selected?.view.keywords {
            writer.flags(open.view.keywords, permanent: open.permanentFlags)
        }
        for message in result.messages {
            // What others have changed before is told also where the client wants silence.
            let isKnown =
                !message.hasChanged || open.view.knows(UInt64(message.previous))
            // RFC 7162 §3.1.3: .SILENT hides the flags, not MODSEQ.
            let isTold =
                !store.isSilent || !isKnown
                || message.hasChanged && session.enabled.contains(.condstore)
            guard isTold else { continue }
            open.view.tell(
                SelectedMailbox.Message((message.uid, message.flags, message.modSequence)),
                session.enabled, isUID: store.isUID, withFlags: !store.isSilent || !isKnown,
                to: &writer)
            try await sendIfMuch()
        }
        if let number = result.modSequence { open.view.noteOwnChange(UInt64(number)) }
        selected = open
    }

    // MARK: - COPY, MOVE, EXPUNGE

    private mutating func copy(_ copy: Transfer, _ open: OpenMailbox) async throws -> Completion {
        let wanted = try open.view.resolve(copy.messages, isUID: copy.isUID)
        try requireAllTreated(of: wanted)
        let seen = try target(copy.mailbox)
        let (target, permitted) = (seen.mailbox, MessageFlags(changeableWith: seen.rights))
        let (mailboxes, account) = (service.mailboxes, owner)
        let allowance = try await standing(of: target)?.allowance
        let copies = try await tellingProgress(of: wanted) {
            try await mailboxes.copy(
                wanted.ranges, from: open.id, to: target.id, permitted: permitted,
                within: allowance, by: account)
        }
        try adoptOwnMessages(copies.targets, in: target.id)
        if let refusal = copies.refusal(of: copy) { return refusal }
        return .ok(copies.code(for: seen.rights))
    }

    /// RFC 6851 §3.3: COPYUID comes before the messages go.
    private mutating func move(_ move: Transfer, _ open: OpenMailbox) async throws -> Completion {
        let wanted = try open.view.resolve(move.messages, isUID: move.isUID)
        try requireAllTreated(of: wanted)
        try open.requireRemoval()
        let seen = try target(move.mailbox)
        let (target, permitted) = (seen.mailbox, MessageFlags(changeableWith: seen.rights))
        let (mailboxes, account) = (service.mailboxes, owner)
        let allowance = try await standing(of: target)?.allowance
        let copies = try await tellingProgress(of: wanted) {
            try await mailboxes.move(
                wanted.ranges, from: open.id, to: target.id, permitted: permitted,
                within: allowance, by: account)
        }
        if let code = copies.code(for: seen.rights) { writer.untagged(.ok(code, "moved")) }
        try adoptOwnMessages(copies.targets, in: target.id)
        notePending()
        if let refusal = copies.refusal(of: move) { return refusal }
        return copies.sources.isEmpty ? .ok() : try await removalCompletion()
    }

    private mutating func expunge(
        _ uids: SequenceSet?, _ open: OpenMailbox
    ) async throws -> Completion {
        guard open.rights.contains(.expunge) else { throw MailboxRefusal.notPermitted }
        // EXPUNGE names no messages: nobody could ask for fewer.
        let wanted =
            try uids.map { uids throws(Completion) in
                treated(of: try open.view.resolve(uids, isUID: true))
            } ?? Treated(uids: open.view.uids.uids)
        let gone = try await service.mailboxes.expunge(wanted.uids.ranges, in: open.id)
        notePending()
        guard wanted.code == nil, !gone.isEmpty else { return wanted.completion }
        return try await removalCompletion()
    }

    /// Tells what this command has removed, and up to where its client knows everything then
    /// (RFC 7162 §3.2.7, §3.2.9; RFC 6851 §4.4; RFC 8508 §4.5).
    mutating func removalCompletion() async throws(Ending) -> Completion {
        try await tellNews()
        guard session.enabled.contains(.condstore), let selected else { return .ok() }
        return .ok(.highestModificationSequence(selected.view.modificationSequence))
    }

    // MARK: - Many messages

    /// In portions for one transaction each.
    static func chunks(_ uids: NumberSet) -> [NumberSet] {
        let count = uids.count
        return stride(from: 0, to: count, by: changedTogether).map {
            uids.slice($0..<min(count, $0 + changedTogether))
        }
    }

    /// Ranges to be read, with small gaps read past: a look-up costs more than some rows.
    static func spans(
        _ uids: NumberSet, joining gap: UInt32 = 16
    ) -> [ClosedRange<UInt32>] {
        var spans: [ClosedRange<UInt32>] = []
        for range in uids.ranges {
            if let last = spans.last, range.lowerBound - last.upperBound <= gap {
                spans[spans.count - 1] = last.lowerBound...range.upperBound
            } else {
                spans.append(range)
            }
        }
        return spans
    }
}

extension Store {
    fileprivate var change: Mailboxes.FlagChange {
        switch manner {
        case .replace: .replace
        case .add: .add
        case .remove: .remove
        }
    }
}

extension Mailboxes.Copies {
    /// RFC 5530 §3 EXPUNGEISSUED: the client named messages that it has yet to hear are gone.
    ///
    /// UIDs that no message has are no error (RFC 9051 §6.4.9), nor is an empty `$`.
    fileprivate func refusal(of transfer: Transfer) -> Completion? {
        guard sources.isEmpty, !transfer.isUID, transfer.messages != .saved else { return nil }
        return .no(.expungeIssued, "the messages are gone")
    }

    /// RFC 4315 §3; nothing where nothing was copied, or to who may not look there (RFC 9051 §6.4.7).
    fileprivate func code(for rights: AccessRights) -> ResponseCode? {
        guard !sources.isEmpty, rights.contains(.read) else { return nil }
        return .copyUID(
            validity: uidValidity, from: NumberSet(sources), to: NumberSet(targets))
    }
}
