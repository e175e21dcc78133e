// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Summary

/// Writes FETCH responses of messages as they are read (RFC 9051 §7.5.2).
///
/// What a message needs is appended from its row to the output where it lies. A message that
/// needs more than its row has stops it: `stop` says why.
struct FetchRendering: Sendable {
    /// Why it went no further.
    enum Stop: Sendable {
        /// The client should take what is there first.
        case full
        /// What was computed of it is missing, or of another format.
        case unsummarized(MessageRow)
        /// Its octets are in a file.
        case inFile(MessageRow)
    }

    let items: [FetchItem]
    let depth: Mailboxes.FetchDepth
    let view: SelectedMailbox
    let wanted: NumberSet
    let enabled: EnabledExtensions
    /// Flags that this very command has set: they are told (RFC 9051 §6.4.5).
    var changed = NumberSet()
    var writer: ResponseWriter
    var stop: Stop?
    /// A part's encoding is not known: the command fails with it.
    var hasUnknownEncoding = false
    /// How many rows were seen.
    var rows = 0

    init(
        _ items: [FetchItem], _ view: SelectedMailbox, _ wanted: NumberSet,
        _ enabled: EnabledExtensions, _ writer: ResponseWriter
    ) {
        self.enabled = enabled
        self.items = items
        self.view = view
        self.wanted = wanted
        self.writer = writer
        depth = items.map(\.depth).max() ?? .row
    }

    mutating func take(_ message: FetchedMessage) -> Bool {
        rows += 1
        let row = message.row
        guard wanted.contains(row.uid), let number = view.uids.number(of: row.uid) else {
            return true
        }
        if depth != .row, message.summaryFormat != MessageSummary.format {
            stop = .unsummarized(row)
            return false
        }
        if depth == .octets, !message.hasOctets {
            stop = .inFile(row)
            return false
        }
        if writer.octets.count >= IMAPService.portionOctets {
            stop = .full
            return false
        }
        begin(row, number)
        for item in items where !write(item, of: row) { write(item, of: message) }
        end(row)
        return true
    }

    mutating func begin(_ row: MessageRow, _ number: UInt32) {
        writer.beginFetch(number: number, uid: row.uid)
    }

    mutating func end(_ row: MessageRow) {
        if changed.contains(row.uid) { tellChange(of: row) }
        writer.endFetch()
    }

    /// What this very command has changed (RFC 9051 §6.4.5, RFC 7162 §3.2.4).
    private mutating func tellChange(of row: MessageRow) {
        if enabled.contains(.condstore) {
            if !items.contains(.uid), !writer.isUIDOnly { writer.uid(row.uid) }
            if !items.contains(.modificationSequence) {
                writer.modificationSequence(UInt64(row.modSequence))
            }
        }
        if !items.contains(.flags) { writeFlags(of: row) }
    }

    private mutating func writeFlags(of row: MessageRow) {
        writer.flags(
            FlagSet(row.flags), view.keywords, isRecent: view.recent.contains(row.uid))
    }

    /// Writes what the mailbox itself knows of a message; false if more is needed.
    mutating func write(_ item: FetchItem, of row: MessageRow) -> Bool {
        switch item {
        case .uid: writer.uid(row.uid)
        case .flags: writeFlags(of: row)
        case .internalDate: writer.internalDate(InternalDate(row.internalDate))
        case .size: writer.size(UInt64(row.octets))
        case .modificationSequence: writer.modificationSequence(UInt64(row.modSequence))
        case .emailID: writer.emailID(row.emailID)
        case .saveDate: writer.saveDate(InternalDate(row.saved))
        default: return false
        }
        return true
    }

    private mutating func write(_ item: FetchItem, of message: FetchedMessage) {
        switch item {
        case .envelope: writer.envelope { message.appendEnvelope(to: &$0) }
        case .bodyStructure: writer.bodyStructure { message.appendStructure(to: &$0) }
        case .body: writer.body(MessageSummary.body(of: message.structure))
        case .preview: writer.preview(message.preview)
        case .threadID:
            let facts = message.withFacts { MessageFacts(stored: $0, .thread) }
            writer.threadID(message.row.threadID(facts ?? MessageFacts()))
        default: writeOctets(item, of: message)
        }
    }

    /// Writes what is told of a message in a file but for its octets; false if they are needed.
    mutating func write(_ item: FetchItem, of row: MessageRow, _ summary: MessageSummary) -> Bool {
        if write(item, of: row) { return true }
        switch item {
        case .envelope: writer.envelope(summary.envelope)
        case .bodyStructure: writer.bodyStructure(summary.structure)
        case .body: writer.body(MessageSummary.body(of: summary.structure))
        case .preview: writer.preview(summary.preview)
        case .threadID: writer.threadID(row.threadID(summary.facts))
        default: return false
        }
        return true
    }

    // MARK: - Sections

    private mutating func writeOctets(_ item: FetchItem, of message: FetchedMessage) {
        let prefix = Array(message.row.prefix.utf8)
        guard let section = item.section, let layout = Layout(encoded: message.layout) else {
            return writeBinary(item, of: message)
        }
        guard let extent = layout.extent(of: section) else {
            return announce(item, octets: nil)
        }
        if let filter = extent.filter {
            var header = extent.includesPrefix ? prefix : []
            message.appendOctets(extent.range, to: &header)
            let fields = filter.apply(to: header)
            let range = item.partial?.range(of: fields.count) ?? 0..<fields.count
            announce(item, octets: range.count)
            appendText { $0 += fields[range] }
            return
        }
        let slices = extent.slices(item.partial, prefixOctets: prefix.count)
        announce(item, octets: slices.prefix.count + slices.content.count)
        appendText {
            $0 += prefix[slices.prefix]
            message.appendOctets(slices.content, to: &$0)
        }
    }

    /// Octets of a literal that was announced.
    mutating func appendText(_ append: (inout [UInt8]) -> Void) {
        let start = writer.octets.count
        append(&writer.octets)
        writer.octets.hideNulls(from: start)
    }

    private mutating func writeBinary(_ item: FetchItem, of message: FetchedMessage) {
        guard let path = item.binaryPart, let layout = Layout(encoded: message.layout) else {
            return
        }
        var octets: [UInt8] = []
        switch layout.binary(at: path) {
        case nil: return announce(item, octets: nil)
        case .unknownEncoding:
            hasUnknownEncoding = true
            return announce(item, octets: nil)
        case .verbatim(let extent):
            if extent.includesPrefix { octets += message.row.prefix.utf8 }
            message.appendOctets(extent.range, to: &octets)
        case .encoded(let range, let encoding, let isText):
            var encoded: [UInt8] = []
            message.appendOctets(range, to: &encoded)
            var decoder = ContentDecoder(encoding, isText: isText)
            octets = decoder.decode(encoded) + decoder.finish()
        }
        write(item, decoded: octets)
    }

    /// Writes BINARY or BINARY.SIZE of octets that are decoded.
    mutating func write(_ item: FetchItem, decoded octets: [UInt8]) {
        switch item {
        case .binarySize(let part): writer.binarySize(part: part, UInt64(octets.count))
        case .binary(let part, let partial, _):
            let slice = octets[partial?.range(of: octets.count) ?? 0..<octets.count]
            writer.binary(
                part: part, partial, octets: slice.count, hasNull: slice.contains(0))
            writer.octets += slice
        default: break
        }
    }

    /// Announces the octets of an item that follow; nil: there is no such part.
    mutating func announce(_ item: FetchItem, octets count: Int?) {
        switch item {
        case .section(let section, let partial, _):
            writer.section(section, partial, octets: count)
        case .binary(let part, let partial, _):
            writer.binary(part: part, partial, octets: count, hasNull: false)
        case .binarySize(let part): writer.binarySize(part: part, 0)
        default: writer.legacy(item, octets: count ?? 0)
        }
    }
}

extension MessageRow {
    /// The same in all mailboxes that have the message (RFC 8474 §5.1).
    var emailID: String { "e\(content.value)" }

    /// The same for all that belong together (RFC 8474 §5.2); what names nobody is alone.
    func threadID(_ facts: MessageFacts) -> String {
        facts.threadIdentifier ?? "tm\(content.value)"
    }
}

extension FetchItem {
    /// How much of a message it needs.
    var depth: Mailboxes.FetchDepth {
        switch self {
        case .threadID: .facts
        case .envelope, .body, .bodyStructure, .preview: .summary
        default: needsContent ? .octets : .row
        }
    }

    /// The section it means; nil if it is none.
    var section: Section? {
        switch self {
        case .section(let section, _, _): section
        case .message: Section()
        case .messageHeader: Section(text: .header)
        case .messageText: Section(text: .text)
        default: nil
        }
    }

    var partial: Partial? {
        switch self {
        case .section(_, let partial, _), .binary(_, let partial, _): partial
        default: nil
        }
    }

    var binaryPart: [UInt32]? {
        switch self {
        case .binary(let part, _, _), .binarySize(let part): part
        default: nil
        }
    }
}
