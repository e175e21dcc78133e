// SPDX-License-Identifier: Apache-2.0

import Bytes
package import IMAP
import MIME

/// The folded texts of the fields that people search most, stored with a message.
///
/// SEARCH FROM, TO, CC, BCC, SUBJECT and HEADER of these need neither the message nor an index.
package struct SearchFields: Hashable, Sendable {
    /// A longer text is not stored: then the message itself is looked at.
    package static let maximumOctets = 32 << 10

    /// From, To, Cc, Bcc and Subject, each nil if it is too long to be stored, empty without the
    /// field; a text begins with a line end, for a field may stand there and be empty.
    private var texts: [[UInt8]?]

    private static let names: [KnownField.Name] = [.from, .to, .cc, .bcc, .subject]

    init(source: Source, fields: ArraySlice<KnownField>) {
        texts = Self.names.map { name in
            var text: [UInt8] = []
            for field in fields where field.name == name {
                SearchText.append(field.value, of: source, isAddress: name != .subject, to: &text)
                if text.count > Self.maximumOctets { return nil }
            }
            return text
        }
    }

    /// Whether a field has the key, which is folded; nil if only the message itself can tell.
    package func matches(_ field: SearchKey.TextField, _ key: [UInt8]) -> Bool? {
        guard let index = Self.index(of: field), let text = texts[index] else { return nil }
        return text.withUnsafeBytes { Self.matches($0, key) }
    }

    private static func matches(_ text: UnsafeRawBufferPointer, _ key: [UInt8]) -> Bool {
        key.isEmpty ? !text.isEmpty : text.holds(key)
    }

    private static func index(of field: SearchKey.TextField) -> Int? {
        switch field {
        case .from: 0
        case .to: 1
        case .cc: 2
        case .bcc: 3
        case .subject: 4
        case .header(let name):
            ["from", "to", "cc", "bcc", "subject"].firstIndex(of: name.asciiLowercased)
        case .body, .text: nil
        }
    }

    // MARK: Stored form

    package var encoded: [UInt8] {
        var writer = CompactWriter()
        for text in texts { writer.number(text.map { $0.count + 1 } ?? 0) }
        for text in texts { writer.octets += text ?? [] }
        return writer.octets
    }

    /// Reads the stored form; nil if it is damaged.
    package init?(encoded: some Collection<UInt8>) {
        var reader = CompactReader(Array(encoded)[...])
        var counts: [Int] = []
        for _ in Self.names {
            guard let count = reader.number() else { return nil }
            counts.append(count)
        }
        texts = []
        for count in counts {
            guard count > 0 else {
                texts.append(nil)
                continue
            }
            guard let text = reader.octets(count - 1) else { return nil }
            texts.append(Array(text))
        }
        guard reader.isAtEnd else { return nil }
    }

    /// The same as `matches` of what is stored, without reading it first; nil also if it is damaged.
    package static func matches(
        stored: UnsafeRawBufferPointer, _ field: SearchKey.TextField, _ key: [UInt8]
    ) -> Bool? {
        guard let wanted = index(of: field) else { return nil }
        var place = 0
        var (start, count) = (0, 0)
        var total = 0
        for index in names.indices {
            var (number, shift) = (0, 0)
            while place < stored.count, shift < 35 {
                let octet = stored[place]
                place += 1
                number |= Int(octet & 0x7F) << shift
                shift += 7
                if octet < 0x80 { break }
            }
            if index == wanted { (start, count) = (total, number) }
            total += max(0, number - 1)
        }
        guard count > 0, place + total == stored.count else { return nil }
        let text = stored[(place + start)..<(place + start + count - 1)]
        return matches(UnsafeRawBufferPointer(rebasing: text), key)
    }
}
