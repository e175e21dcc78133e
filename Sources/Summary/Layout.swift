// SPDX-License-Identifier: Apache-2.0

import MIME

/// Where the parts of a message stand, so that any section is found without reading the message.
///
/// Offsets are those of the stored content: fields that stand before it in a mailbox
/// (`Return-Path`) are not counted.
package struct Layout: Hashable, Sendable {
    /// One part; the message itself is the first.
    package struct Part: Hashable, Sendable {
        /// What it holds.
        package enum Kind: UInt8, Sendable {
            /// It has content of its own.
            case leaf
            case multipart
            /// A `message/rfc822`: its only child is the message within.
            case message
        }

        package let kind: Kind
        /// Lines of text, which end with CRLF whatever their sender wrote.
        package let isText: Bool
        package let encoding: Encoding
        /// Its header with the empty line behind it.
        package let header: Range<Int>
        package let body: Range<Int>
        /// The index behind the last of the parts within it.
        package let treeEnd: Int
    }

    /// Outer before inner, in the order of the message; never empty.
    package let parts: [Part]

    /// The size of the content in octets.
    package var contentOctets: Int { parts[0].body.upperBound }

    init(_ parts: [Summary.Part]) {
        precondition(!parts.isEmpty, "a message without a part")
        self.parts = parts.map { part in
            let kind: Part.Kind =
                switch part.kind {
                case .leaf: .leaf
                case .multipart: .multipart
                case .message: .message
                }
            return Part(
                kind: kind, isText: part.mediaType.kind == .text, encoding: part.encoding,
                header: part.headerStart..<part.bodyStart, body: part.bodyStart..<part.bodyEnd,
                treeEnd: part.treeEnd)
        }
    }

    // MARK: Stored form

    /// Some six octets for a message of one part.
    package var encoded: [UInt8] {
        var writer = CompactWriter()
        writer.number(parts.count)
        var place = 0
        for (index, part) in parts.enumerated() {
            writer.octets.append(
                part.kind.rawValue | (part.isText ? 4 : 0) | part.encoding.rawValue << 3)
            writer.number(part.header.lowerBound - place)
            writer.number(part.header.count)
            writer.number(part.body.count)
            if part.kind != .leaf { writer.number(part.treeEnd - index - 1) }
            place = part.body.lowerBound
        }
        return writer.octets
    }

    /// Reads the stored form; nil if it is damaged.
    package init?(encoded: some Collection<UInt8>) {
        var reader = CompactReader(Array(encoded)[...])
        guard let count = reader.number(), (1...Message.maximumParts + 1).contains(count) else {
            return nil
        }
        var parts: [Part] = []
        parts.reserveCapacity(count)
        var place = 0
        for index in 0..<count {
            guard let flags = reader.byte(), let kind = Part.Kind(rawValue: flags & 3),
                let encoding = Encoding(rawValue: flags >> 3), let gap = reader.number(),
                let headerOctets = reader.number(), let bodyOctets = reader.number()
            else { return nil }
            var within = 0
            if kind != .leaf {
                guard let number = reader.number(), number < count - index else { return nil }
                within = number
            }
            let bodyStart = place + gap + headerOctets
            parts.append(
                Part(
                    kind: kind, isText: flags & 4 != 0, encoding: encoding,
                    header: (place + gap)..<bodyStart, body: bodyStart..<(bodyStart + bodyOctets),
                    treeEnd: index + 1 + within))
            place = bodyStart
        }
        guard reader.isAtEnd else { return nil }
        self.parts = parts
    }
}
