// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The text that a reader of HTML sees, roughly: without tags, scripts and styles, entities
/// resolved, a space or a line end where a block begins or ends.
///
/// It takes UTF-8 and makes UTF-8. Every octet is looked at a bounded number of times.
struct HTMLText {
    /// Leaves out what stands in `blockquote`.
    var skipsQuotes = false
    /// Stops when it has made so many octets.
    var maximumOctets = Int.max

    private(set) var octets: [UInt8] = []
    private var quoteDepth = 0
    /// A quote in a tag was not closed: from then on a tag ends at the first `>`.
    private var hasBrokenQuote = false

    init(skipsQuotes: Bool = false, maximumOctets: Int = .max) {
        self.skipsQuotes = skipsQuotes
        self.maximumOctets = maximumOctets
    }

    /// The text of a document.
    static func text(of html: [UInt8]) -> [UInt8] {
        var text = HTMLText()
        html.withUnsafeBytes { text.read($0) }
        return text.octets
    }

    mutating func read(_ memory: UnsafeRawBufferPointer) {
        let html = Source(memory)
        octets.reserveCapacity(min(html.count, maximumOctets))
        var index = 0
        while index < html.count, octets.count < maximumOctets {
            switch html[index] {
            case UInt8(ascii: "<"):
                index = markup(html, index)
            case UInt8(ascii: "&"):
                index = entity(html, index)
            default:
                put(html[index])
                index += 1
            }
        }
    }

    private mutating func put(_ octet: UInt8) {
        if quoteDepth == 0 || !skipsQuotes { octets.append(octet) }
    }

    // MARK: Tags

    /// Where the text goes on.
    private mutating func markup(_ html: Source, _ start: Int) -> Int {
        guard start + 1 < html.count else { return html.count }
        let next = html[start + 1]
        if next == UInt8(ascii: "!"), isText("<!--", html, start) {
            return find("-->", html, start + 4) ?? html.count
        }
        guard next.isAlpha || "/!?".utf8.contains(next) else {
            put(UInt8(ascii: "<"))
            return start + 1
        }
        let isEnd = next == UInt8(ascii: "/")
        let nameStart = start + (isEnd ? 2 : 1)
        var nameEnd = nameStart
        while nameEnd < html.count, html[nameEnd].isAlphanumeric { nameEnd += 1 }
        let name = nameStart..<nameEnd
        var index = tagEnd(html, nameEnd)
        if !isEnd, let closing = Self.skipped(name, html) {
            index = findTag(closing, html, index)
        } else if html.isNamed(name, "blockquote") {
            put(.lineFeed)
            quoteDepth = isEnd ? max(0, quoteDepth - 1) : quoteDepth + 1
        } else if Self.isBlock(name, html) {
            put(.lineFeed)
        }
        return index
    }

    private func isText(_ text: StaticString, _ html: Source, _ start: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        return start + count <= html.count && html.isNamed(start..<(start + count), text)
    }

    /// Behind the next place of that text.
    private func find(_ text: StaticString, _ html: Source, _ start: Int) -> Int? {
        var index = min(start, html.count)
        while let found = html.position(of: text.utf8Start[0], in: index..<html.count) {
            if isText(text, html, found) { return found + text.utf8CodeUnitCount }
            index = found + 1
        }
        return nil
    }

    /// Behind the `>` of a tag, which may have others within quotes.
    private mutating func tagEnd(_ html: Source, _ start: Int) -> Int {
        if !hasBrokenQuote {
            var index = start
            var quote: UInt8?
            while index < html.count {
                let octet = html[index]
                index += 1
                if let open = quote {
                    if octet == open { quote = nil }
                } else if octet == UInt8(ascii: ">") {
                    return index
                } else if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "'") {
                    quote = octet
                }
            }
            hasBrokenQuote = true
        }
        return html.position(of: UInt8(ascii: ">"), in: start..<html.count).map { $0 + 1 }
            ?? html.count
    }

    /// What stands within these is not for reading.
    private static func skipped(_ name: Range<Int>, _ html: Source) -> StaticString? {
        if html.isNamed(name, "script") { return "</script" }
        if html.isNamed(name, "style") { return "</style" }
        return html.isNamed(name, "title") ? "</title" : nil
    }

    private mutating func findTag(
        _ closing: StaticString, _ html: Source, _ start: Int
    ) -> Int {
        find(closing, html, start).map { tagEnd(html, $0) } ?? html.count
    }

    /// Elements that do not continue the line before them.
    private static func isBlock(_ name: Range<Int>, _ html: Source) -> Bool {
        switch name.count {
        case 1: html.isNamed(name, "p")
        case 2:
            blocks2.contains { html.isNamed(name, $0) }
        case 3: html.isNamed(name, "div") || html.isNamed(name, "pre")
        default: blocks.contains { html.isNamed(name, $0) }
        }
    }

    private static let blocks2: [StaticString] = [
        "br", "tr", "td", "th", "li", "hr", "dt", "dd", "ul", "ol", "h1", "h2", "h3", "h4", "h5",
        "h6",
    ]

    private static let blocks: [StaticString] = [
        "table", "body", "head", "html", "form", "option", "section", "article", "header",
        "footer", "main", "center", "address", "caption", "figure",
    ]

    // MARK: Entities

    /// No entity has a longer name.
    private static let maximumNameOctets = 10

    /// `&#8364;`, `&#x20AC;`, `&euro;`; what is none is text.
    private mutating func entity(_ html: Source, _ start: Int) -> Int {
        var index = start + 1
        let limit = min(html.count, index + Self.maximumNameOctets)
        while index < limit, html[index].isAlphanumeric || html[index] == UInt8(ascii: "#") {
            index += 1
        }
        guard let scalar = HTMLEntity.scalar(named: html[(start + 1)..<index]) else {
            put(UInt8(ascii: "&"))
            return start + 1
        }
        for octet in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { put(octet) }
        return index < html.count && html[index] == UInt8(ascii: ";") ? index + 1 : index
    }
}
