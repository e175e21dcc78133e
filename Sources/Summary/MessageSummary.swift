// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// What IMAP tells of a message, computed once from its octets.
///
/// Making it never fails, whatever the octets are, and takes time in proportion to their number;
/// what it makes is valid in IMAP's grammar and bounded (`ResponseText.maximumOctets`,
/// `MIME.Message.maximumParts`, `MIME.Message.maximumDepth`).
package struct MessageSummary: Hashable, Sendable {
    /// The version of what is stored; one that is not known is made anew.
    package static let format = 2

    /// The size of the header with the empty line behind it.
    package let headerOctets: Int
    /// ENVELOPE as it is sent (RFC 9051 §7.5.2).
    package let envelope: [UInt8]
    /// BODYSTRUCTURE as it is sent, with all extension data; BODY is derived from it.
    package let structure: [UInt8]
    /// Where the parts stand.
    package let layout: Layout
    /// PREVIEW (RFC 8970) in UTF-8, at most 200 characters; empty if there is nothing to tell.
    package let preview: [UInt8]
    /// What SORT, THREAD and searches by date compare.
    package let facts: MessageFacts
    /// What the most usual searches look at.
    package let searchFields: SearchFields

    /// Takes a message apart; lines end with CRLF or LF.
    package init(_ octets: [UInt8]) {
        self = octets.withUnsafeBytes { MessageSummary(Source($0)) }
    }

    private init(_ source: Source) {
        let scanner = PartScanner(source)
        let (parts, fields) = (scanner.parts, scanner.fields)
        var envelope = EnvelopeWriter(source: source, fields: fields[parts[0].fields])
        var output = ResponseText(reserving: 512)
        envelope.write(to: &output)
        self.envelope = output.octets
        facts = MessageFacts(envelope)
        var structure = ResponseText(reserving: 128 * parts.count)
        StructureWriter(source: source, parts: parts, fields: fields).write(0, to: &structure)
        self.structure = structure.octets
        searchFields = SearchFields(source: source, fields: fields[parts[0].fields])
        headerOctets = parts[0].bodyStart
        layout = Layout(parts)
        preview = Preview(source: source, parts: parts, fields: fields).text()
    }

    /// BODY, the form of BODYSTRUCTURE without extension data.
    package static func body(of structure: [UInt8]) -> [UInt8] {
        NonExtensibleBody.make(of: structure)
    }

    // MARK: Stored form

    /// Everything in one: the format, then each member with its length.
    package var encoded: [UInt8] {
        var writer = CompactWriter()
        writer.octets.reserveCapacity(
            envelope.count + structure.count + preview.count + 512)
        writer.number(Self.format)
        writer.number(headerOctets)
        writer.string(envelope)
        writer.string(structure)
        writer.string(layout.encoded)
        writer.string(preview)
        writer.string(facts.encoded)
        writer.string(searchFields.encoded)
        return writer.octets
    }

    /// Reads the stored form; nil if it is of another format or damaged.
    package init?(encoded: some Collection<UInt8>) {
        var reader = CompactReader(Array(encoded)[...])
        guard reader.number() == Self.format, let headerOctets = reader.number(),
            let envelope = reader.string(), let structure = reader.string(),
            let layout = reader.string().flatMap({ Layout(encoded: $0) }),
            let preview = reader.string(),
            let facts = reader.string().flatMap({ MessageFacts(encoded: $0) }),
            let searchFields = reader.string().flatMap({ SearchFields(encoded: $0) }),
            reader.isAtEnd
        else { return nil }
        self.init(
            headerOctets: headerOctets, envelope: Array(envelope), structure: Array(structure),
            layout: layout, preview: Array(preview), facts: facts,
            searchFields: searchFields)
    }

    /// Puts together what was stored in pieces.
    package init(
        headerOctets: Int, envelope: [UInt8], structure: [UInt8], layout: Layout,
        preview: [UInt8], facts: MessageFacts, searchFields: SearchFields
    ) {
        self.headerOctets = headerOctets
        self.envelope = envelope
        self.structure = structure
        self.layout = layout
        self.preview = preview
        self.facts = facts
        self.searchFields = searchFields
    }
}
