// SPDX-License-Identifier: Apache-2.0

import Bytes
package import IMAP
import MIME

/// The texts of a message that SEARCH looks at (RFC 9051 §6.4.4), decoded and folded.
///
/// Transfer encodings, charsets and encoded words are decoded, HTML is read as text; see `Folding`
/// for what is the same. A key is found wherever it is a substring; across the border of two fields
/// or parts it is not. Parts other than text and messages are left out, but for their headers, in
/// which files are named.
package struct SearchText: Sendable {
    /// Messages within encoded messages: deeper ones are not read.
    private static let maximumEncodedDepth = 8

    /// One header field of the message.
    package struct Field: Hashable, Sendable {
        /// In lower case.
        package let name: [UInt8]
        package let text: [UInt8]
    }

    /// Ends each text; it stands in no folded text, and in no folded key.
    static let separator = UInt8.lineFeed

    /// The fields of the message's own header.
    package private(set) var fields: [Field] = []
    /// All headers, those of parts too: names and texts, but for signatures.
    package private(set) var header: [UInt8] = []
    /// The texts of all parts, and the headers of messages within.
    package private(set) var body: [UInt8] = []

    /// Reads a message; `prefix` holds the fields that stand before it in a mailbox.
    package init(_ content: [UInt8], prefix: [UInt8] = []) {
        prefix.withUnsafeBytes { memory in
            let source = Source(memory)
            readHeader(source, 0..<source.count, isOwn: true, isMessage: true)
        }
        content.withUnsafeBytes { read(Source($0), depth: 0) }
    }

    /// A key as it is compared: folded.
    package static func key(_ text: String) -> [UInt8] { Folding.folded(Array(text.utf8)) }

    /// Whether header fields that stand before a message in a mailbox have the key, which is folded.
    package static func header(_ prefix: String, has key: [UInt8]) -> Bool {
        // Mostly one short line: it is not read for each message that does not have the key.
        var prefix = prefix
        let isPlain = prefix.withUTF8 { octets in
            octets.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "?") } && octets.count < 1000
        }
        guard isPlain, key.allSatisfy({ $0 > 0x20 && $0 < 0x80 }) else {
            return SearchText([], prefix: Array(prefix.utf8)).header.holds(key)
        }
        return prefix.withUTF8 { octets in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, octets.count)) { lower in
                for index in octets.indices { lower[index] = octets[index].lowercased }
                return UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(lower)[..<octets.count]
                )
                .holds(key)
            }
        }
    }

    /// Whether the message has the key, which is folded.
    package func matches(_ field: SearchKey.TextField, _ key: [UInt8]) -> Bool {
        switch field {
        case .body: body.holds(key)
        case .text: header.holds(key) || body.holds(key)
        case .from: matches("from", key)
        case .to: matches("to", key)
        case .cc: matches("cc", key)
        case .bcc: matches("bcc", key)
        case .subject: matches("subject", key)
        case .header(let name): matches(name.asciiLowercased, key)
        }
    }

    private func matches(_ name: String, _ key: [UInt8]) -> Bool {
        fields.contains { $0.name.elementsEqual(name.utf8) && $0.text.holds(key) }
    }

    // MARK: Reading

    private mutating func read(_ source: Source, depth: Int) {
        let scanner = PartScanner(source)
        var isMessage = true
        for (index, part) in scanner.parts.enumerated() {
            let isOwn = depth == 0 && index == 0
            readHeader(
                source, part.headerStart..<part.bodyStart, isOwn: isOwn, isMessage: isMessage)
            names(of: part, scanner.fields, source)
            isMessage = part.kind == .message
            guard part.kind == .leaf || part.kind == .message && !part.encoding.isIdentity else {
                continue
            }
            readBody(of: part, source, depth: depth)
        }
    }

    private mutating func readBody(of part: Part, _ source: Source, depth: Int) {
        let content = source[part.bodyStart..<part.bodyEnd]
        if part.mediaType.kind == .message, !part.encoding.isIdentity {
            guard depth < Self.maximumEncodedDepth else { return }
            let decoded = decode(content, part.encoding)
            decoded.withUnsafeBytes { read(Source($0), depth: depth + 1) }
            return
        }
        // Reports and the like are text as well (`message/delivery-status`).
        let isText =
            part.mediaType.kind == .text || part.mediaType.isMultipart
            || source.isNamed(part.mediaType.type, "message")
        guard isText else { return }
        let charset = part.mediaType.parameter("charset", in: source)
        var text = PartText.decoded(content, encoding: part.encoding, charset: charset)
        if source.isNamed(part.mediaType.subtype, "html") { text = HTMLText.text(of: text) }
        body += Folding.folded(text)
        body.append(Self.separator)
    }

    private func decode(_ content: UnsafeRawBufferPointer, _ encoding: Encoding) -> [UInt8] {
        var defects = DefectList()
        guard let transferEncoding = encoding.transferEncoding else { return [] }
        return Array(transferEncoding.decode(Array(content)[...], defects: &defects, at: ""))
    }

    /// `isMessage`: of a message, not of a part; `isOwn`: of the message itself.
    private mutating func readHeader(
        _ source: Source, _ range: Range<Int>, isOwn: Bool, isMessage: Bool
    ) {
        var walk = FieldWalk(source, from: range.lowerBound, limit: range.upperBound)
        var count = 0
        while true {
            let field: FieldWalk.Field
            switch walk.next() {
            case .skipped: continue
            case .end: return
            case .field(let found): field = found
            }
            count += 1
            guard count <= Header.maximumFields else { continue }
            let name = source[field.name].map(\.lowercased)
            let isAddress = Self.addressFields.contains { source.isNamed(field.name, $0) }
            var text: [UInt8] = []
            Self.append(field.value, of: source, isAddress: isAddress, to: &text)
            if isOwn { fields.append(Field(name: name, text: text)) }
            // Nobody looks for what programs alone can read; HEADER finds it all the same.
            if Self.signatures.contains(where: { source.isNamed(field.name, $0) }) { continue }
            let line = name + [UInt8(ascii: ":"), .space] + text.dropFirst() + [Self.separator]
            header += line
            if isMessage, !isOwn { body += line }
        }
    }

    private static let signatures: [StaticString] = [
        "dkim-signature", "arc-seal", "arc-message-signature", "x-google-dkim-signature",
    ]

    private static let addressFields: [StaticString] = [
        "from", "to", "cc", "bcc", "sender", "reply-to",
    ]

    /// A value as it stands, decoded and folded; of addresses also how they are shown.
    static func append(
        _ value: Range<Int>, of source: Source, isAddress: Bool, to text: inout [UInt8]
    ) {
        // A field that is there is found by an empty key.
        text.append(separator)
        var folded = Folding.folded(HeaderText.decoded(source, value))
        if folded.first == .space { folded.removeFirst() }
        text += folded
        let isQuoted = source[value].contains {
            $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "(") || $0 == UInt8(ascii: "\\")
        }
        guard isAddress, isQuoted else { return }
        var defects = DefectList()
        let list = AddressList(Array(source[value])[...], defects: &defects)
        for participant in list.participants {
            text.append(separator)
            text += Folding.folded(Array("\(participant)".utf8))
        }
    }

    /// The names of files, as people see them.
    private mutating func names(of part: Part, _ fields: [KnownField], _ source: Source) {
        for field in fields[part.fields] {
            guard field.name == .contentType || field.name == .contentDisposition else { continue }
            let octets = Array(source[field.value])
            guard octets.contains(UInt8(ascii: "*")) || octets.contains(UInt8(ascii: "\\")) else {
                continue
            }
            var defects = DefectList()
            let parameters =
                field.name == .contentType
                ? ContentType(octets[...], defects: &defects, at: "").parameters
                : ContentDisposition(octets[...], defects: &defects, at: "")?.parameters
            for name in ["name", "filename"] {
                guard let value = parameters?[name] else { continue }
                header += Folding.folded(Array(value.utf8)) + [Self.separator]
            }
        }
    }
}
