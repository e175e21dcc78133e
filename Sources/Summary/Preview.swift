// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The first words of a message (RFC 8970): what its reader would see first.
///
/// Quotations are left out unless there is nothing else, and so are signatures.
struct Preview {
    /// RFC 8970 §3.3: a server should not send more characters, and must not send 256.
    static let maximumCharacters = 200
    /// Of so many texts at most one is looked for that says something.
    private static let maximumParts = 8
    /// How much of a text is decoded: first this, then that if it was not enough.
    private static let beginnings = [1 << 11, 1 << 16]

    let source: Source
    let parts: [Part]
    let fields: [KnownField]

    /// In UTF-8 on one line; empty if the message has no text.
    func text() -> [UInt8] {
        // What a forwarded message says comes after what is said about it.
        for isWithin in [false, true] {
            for isHTML in [false, true] {
                let preview = text(isHTML: isHTML, isWithin: isWithin)
                if !preview.isEmpty { return preview }
            }
            if !parts.contains(where: { $0.kind == .message }) { break }
        }
        return []
    }

    private func text(isHTML: Bool, isWithin: Bool) -> [UInt8] {
        var tried = 0
        var index = 0
        while index < parts.count, tried < Self.maximumParts {
            let part = parts[index]
            if part.kind == .message, !isWithin {
                index = part.treeEnd
                continue
            }
            index += 1
            guard part.kind == .leaf, part.mediaType.kind == .text, part.encoding != .unknown,
                !isAttachment(part), source.isNamed(part.mediaType.subtype, "html") == isHTML
            else { continue }
            tried += 1
            let preview = text(of: part, isHTML: isHTML)
            if !preview.isEmpty { return preview }
        }
        return []
    }

    private func isAttachment(_ part: Part) -> Bool {
        for field in fields[part.fields] where field.name == .contentDisposition {
            return Disposition(field.value, in: source)?.isAttachment(in: source) ?? false
        }
        return false
    }

    private func text(of part: Part, isHTML: Bool) -> [UInt8] {
        let charset = part.mediaType.parameter("charset", in: source)
        var best: [UInt8] = []
        for maximum in Self.beginnings {
            let end = min(part.bodyEnd, part.bodyStart + maximum)
            let content = PartText.decoded(
                source[part.bodyStart..<end], encoding: part.encoding, charset: charset,
                isBeginning: end < part.bodyEnd)
            for skipsQuotes in [true, false] {
                var line = PreviewLine(skipsQuotes: skipsQuotes)
                if isHTML {
                    var html = HTMLText(skipsQuotes: skipsQuotes, maximumOctets: 1 << 12)
                    content.withUnsafeBytes { html.read($0) }
                    html.octets.withUnsafeBytes { line.read($0) }
                } else {
                    content.withUnsafeBytes { line.read($0) }
                }
                if line.isFull || end == part.bodyEnd && !line.octets.isEmpty { return line.octets }
                if best.isEmpty || skipsQuotes && line.octets.count > best.count {
                    best = line.octets
                }
            }
            if end == part.bodyEnd { break }
        }
        return best
    }
}

/// Puts the lines of a text into one, as far as they are new.
private struct PreviewLine {
    private let skipsQuotes: Bool
    private(set) var octets: [UInt8] = []
    private var characters = 0

    init(skipsQuotes: Bool) { self.skipsQuotes = skipsQuotes }

    var isFull: Bool { characters >= Preview.maximumCharacters }

    mutating func read(_ memory: UnsafeRawBufferPointer) {
        let text = Source(memory)
        var index = 0
        octets.reserveCapacity(Preview.maximumCharacters + 16)
        while index < text.count, !isFull {
            let line = text.lineEnd(from: index, limit: text.count)
            if skipsQuotes {
                if isEnd(index..<line.content, text) { break }
                if isQuote(index, text) || introducesQuote(index..<line.content, line.next, text) {
                    index = line.next
                    continue
                }
            }
            append(text[index..<line.content])
            space()
            index = line.next
        }
        if octets.last == .space { octets.removeLast() }
    }

    private func isQuote(_ index: Int, _ text: Source) -> Bool {
        index < text.count && text[index] == UInt8(ascii: ">")
    }

    /// `On Friday, Joe wrote:`, in whatever language: a line that ends with a colon before a
    /// quotation.
    private func introducesQuote(_ line: Range<Int>, _ next: Int, _ text: Source) -> Bool {
        let words = text.trimmed(line)
        guard !words.isEmpty, text[words.upperBound - 1] == UInt8(ascii: ":") else { return false }
        var index = next
        while index < text.count, text[index].isSpaceOrLineEnd { index += 1 }
        return isQuote(index, text)
    }

    /// The separator of a signature (RFC 3676 §4.3), or of the message that is answered.
    private func isEnd(_ line: Range<Int>, _ text: Source) -> Bool {
        guard line.count >= 2, text[line.lowerBound] == UInt8(ascii: "-"),
            text[line.lowerBound + 1] == UInt8(ascii: "-")
        else { return false }
        if line.count <= 3 { return text.trimmed(line).count == 2 }
        // `-----Original Message-----`, `----- Ursprüngliche Nachricht -----`
        return line.count >= 12 && text[line.lowerBound + 4] == UInt8(ascii: "-")
            && text[text.trimmed(line).upperBound - 1] == UInt8(ascii: "-")
            && text[line].contains { $0.isAlpha }
    }

    private mutating func space() {
        guard !octets.isEmpty, octets.last != .space, !isFull else { return }
        octets.append(.space)
        characters += 1
    }

    private mutating func append(_ text: UnsafeRawBufferPointer) {
        var index = 0
        while index < text.count, !isFull {
            let octet = text[index]
            if octet < 0x80 {
                index += 1
                if octet <= 0x20 || octet == 0x7F {
                    space()
                } else {
                    octets.append(octet)
                    characters += 1
                }
                continue
            }
            let (scalar, width) = Folder.scalar(text, index)
            switch scalar {
            case 0x80...0xA0, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x3000: space()
            // Fillers with which newsletters push what follows out of sight.
            case 0xAD, 0x34F, 0x200B...0x200F, 0x2060...0x206F, 0xFEFF: break
            default:
                octets.append(contentsOf: text[index..<(index + width)])
                characters += 1
            }
            index += width
        }
    }
}
