// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MIME
import Summary

extension Property {
    /// Summaries: valid in IMAP's grammar, bounded, the same when stored and read again, and with
    /// the parts that every other reader sees.
    package static let messageSummary = Property("MessageSummary") { input throws(Broken) in
        let summary = MessageSummary(input)
        try ResponseGrammar.expectEnvelope(ResponseTree(summary.envelope))
        try ResponseGrammar.expectBody(ResponseTree(summary.structure), isExtensible: true)
        try ResponseGrammar.expectBody(
            ResponseTree(MessageSummary.body(of: summary.structure)), isExtensible: false)
        try expect(summary == MessageSummary(encoded: summary.encoded), "stored, it is another")
        try expectShortPreview(summary.preview)
        try expectLayout(summary.layout, of: input)
        try expectSameParts(summary.layout, input)
        try expectSections(summary.layout, of: input)
        try expectSearchable(summary, input)
    }

    private static func expectShortPreview(_ preview: [UInt8]) throws(Broken) {
        guard let text = String(validating: preview, as: UTF8.self) else {
            throw Broken("a preview that is not UTF-8")
        }
        try expect(text.unicodeScalars.count <= 200, "a preview of \(text.count) characters")
        try expect(!preview.contains { $0 < 0x20 }, "control characters in a preview")
    }

    private static func expectLayout(_ layout: Layout, of input: [UInt8]) throws(Broken) {
        try expect(layout.parts.count <= Message.maximumParts + 1, "too many parts")
        try expect(layout.contentOctets == input.count, "the layout ends elsewhere")
        try expect(layout.parts[0].treeEnd == layout.parts.count, "the outermost is not around all")
        for (index, part) in layout.parts.enumerated() {
            try expect(part.header.upperBound == part.body.lowerBound, "a gap behind a header")
            try expect(part.body.upperBound <= input.count, "a part behind the end")
            try expect((index + 1...layout.parts.count).contains(part.treeEnd), "a tree's end")
            if part.kind == .leaf { try expect(part.treeEnd == index + 1, "parts of a leaf") }
        }
    }

    /// `MIME.Message` finds the same parts, where IMAP does not number them otherwise.
    private static func expectSameParts(_ layout: Layout, _ input: [UInt8]) throws(Broken) {
        let entities = Message(input).entities
        for entity in entities where entity.contentType.isMessage {
            if entity.transferEncoding?.isIdentity != true { return }
            if entity.contentType.subtype == "news" { return }
        }
        try expect(entities.count == layout.parts.count, "\(entities.count) entities")
        for (part, entity) in zip(layout.parts, entities) {
            try expect(part.body == entity.body.indices, "\(entity.path) stands elsewhere")
            try expect((part.kind == .leaf) == entity.children.isEmpty, "\(entity.path) has parts")
            try expect(part.isText == entity.contentType.isText, "\(entity.path) is text")
        }
    }

    private static func expectSections(_ layout: Layout, of input: [UInt8]) throws(Broken) {
        let header = layout.parts[0].header
        let names = [Array("subject".utf8), Array("Content-Type".utf8)]
        let kept = HeaderFilter(names, isExcluding: false).apply(to: Array(input[header]))
        let others = HeaderFilter(names, isExcluding: true).apply(to: Array(input[header]))
        try expect(kept.count + others.count <= header.count + 4, "fields are sent twice")
        for path: [UInt32] in [[1], [2], [1, 1], [1, 2, 1], [3, 1], [1, 1, 1, 1]] {
            for text in [nil, Section.Text.mime, .header, .text] {
                guard let extent = layout.extent(of: Section(part: path, text: text)) else {
                    continue
                }
                try expect(extent.range.upperBound <= input.count, "a section behind the end")
            }
            guard case .encoded(let range, let encoding, let isText) = layout.binary(at: path)
            else { continue }
            try expectSameContent(Array(input[range]), encoding, isText)
        }
    }

    /// Decoded in pieces it is what it is as a whole.
    private static func expectSameContent(
        _ octets: [UInt8], _ encoding: Encoding, _ isText: Bool
    ) throws(Broken) {
        var whole = ContentDecoder(encoding, isText: isText)
        let expected = whole.decode(octets) + whole.finish()
        var decoder = ContentDecoder(encoding, isText: isText)
        var content: [UInt8] = []
        for piece in Pieces.cut(UInt8(truncatingIfNeeded: octets.count)).split(octets[...]) {
            content += decoder.decode(piece)
        }
        content += decoder.finish()
        try expect(content == expected, "in pieces it decodes to something else")
        guard !isText else { return }
        let names: [Encoding: TransferEncoding] = [
            .base64: .base64, .quotedPrintable: .quotedPrintable, .uuencode: .uuencode,
        ]
        var defects = DefectList()
        let other = names[encoding]?.decode(octets[...], defects: &defects, at: "")
        try expect(other.map { $0.elementsEqual(content) } ?? true, "MIME decodes it otherwise")
    }

    private static func expectSearchable(
        _ summary: MessageSummary, _ input: [UInt8]
    ) throws(Broken) {
        let text = SearchText(input)
        try expect(
            text.body.count <= 16 * input.count + 64, "\(text.body.count) octets to search")
        let again = Folding.folded(text.body)
        try expect(
            again == text.body.map { $0 == 0x0A ? 0x20 : $0 } || again.count < text.body.count,
            "folded again, it is another")
        for key in ["", "a", "re", "\u{FC}"] {
            let key = SearchText.key(key)
            for field in [SearchKey.TextField.from, .to, .cc, .bcc, .subject] {
                guard let found = summary.searchFields.matches(field, key) else { continue }
                try expect(found == text.matches(field, key), "\(field) is found otherwise")
                let stored = summary.searchFields.encoded.withUnsafeBytes {
                    SearchFields.matches(stored: $0, field, key)
                }
                try expect(stored == found, "\(field) is found otherwise where it is stored")
            }
        }
    }
}
