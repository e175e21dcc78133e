// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// A pull parser for the XML that reports are written in.
///
/// It is strict where structure is concerned, and never looks at anything outside its text: there
/// are no document types here, so neither entities of one's own (XXE, billion laughs) nor defaults.
/// What real reports get wrong is forgiven: an `&` that stands for itself, octets that are no UTF-8,
/// anything behind the end.
struct XMLReader {
    enum Token: Equatable {
        /// The name without its prefix, in lower case.
        case start(String)
        case text(String)
        case end
    }

    /// As large as a report may become by unpacking.
    static let maximumOctets = Inflation.Budget().remainingOctets
    /// The deepest report has seven levels; an extension may have some of its own.
    static let maximumDepth = 32
    private static let maximumNameOctets = 200
    /// `&#x10FFFF;` has ten.
    private static let maximumReferenceOctets = 12

    private let octets: [UInt8]
    private var index = 0
    private var open: [String] = []
    /// The end of an element that was empty: `<dkim/>`.
    private var isEmptyElement = false
    private var isOver = false

    init(_ file: ArraySlice<UInt8>) throws(ReportFailure) {
        guard file.count <= Self.maximumOctets else {
            throw ReportFailure("it is larger than \(Self.maximumOctets >> 20) MiB")
        }
        octets = try Self.decoded(file)
    }

    /// The next piece; nil behind the end of the root element.
    mutating func next() throws(ReportFailure) -> Token? {
        guard !isOver else { return nil }
        if isEmptyElement {
            isEmptyElement = false
            return close()
        }
        while index < octets.count {
            guard octets[index] == UInt8(ascii: "<") else {
                let text = try text()
                // Outside the root there is nothing to be said.
                if open.isEmpty {
                    guard text.utf8.allSatisfy({ Self.isSpace($0) }) else {
                        throw ReportFailure("it does not begin as XML")
                    }
                    continue
                }
                return .text(text)
            }
            if let token = try markup() { return token }
        }
        throw ReportFailure("its XML ends too early")
    }

    private mutating func close() -> Token {
        open.removeLast()
        isOver = open.isEmpty
        return .end
    }

    // MARK: Encodings

    /// `<` in UTF-16, either octet first.
    static let wideStarts: [([UInt8], String)] = [
        ([UInt8(ascii: "<"), 0], "utf-16le"), ([0, UInt8(ascii: "<")], "utf-16be"),
    ]

    /// UTF-8, whatever it was.
    ///
    /// ```abnf
    /// EncodingDecl = S "encoding" [S] "=" [S] ( DQUOTE EncName DQUOTE / "'" EncName "'" )
    /// ```
    private static func decoded(_ file: ArraySlice<UInt8>) throws(ReportFailure) -> [UInt8] {
        if file.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(file.dropFirst(3)) }
        if file.starts(with: [0xFF, 0xFE]) || file.starts(with: [0xFE, 0xFF]) {
            return Array((Charset("utf-16") ?? .utf8).decode(file).text.utf8)
        }
        // XML 1.0 appendix F: without a mark, the first character tells.
        for (start, name) in Self.wideStarts where file.starts(with: start) {
            return Array((Charset(name) ?? .utf8).decode(file).text.utf8)
        }
        let head = String(lossy: file.prefix(200))
        guard let declaration = head.range(of: "encoding="), head.hasXMLDeclaration else {
            return Array(file)
        }
        let rest = head[declaration.upperBound...]
        guard let quote = rest.first, quote == "\"" || quote == "'",
            let end = rest.dropFirst().firstIndex(of: quote)
        else { return Array(file) }
        let name = rest.dropFirst()[..<end]
        guard !name.asciiLowercase.hasPrefix("utf") else {
            // The octets told otherwise already.
            return Array(file)
        }
        guard let charset = Charset(name) else {
            throw ReportFailure("it is written in a charset that is not known here")
        }
        return Array(charset.decode(file).text.utf8)
    }

    // MARK: Text

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet.isWhitespace || octet == .lineFeed || octet == .carriageReturn
    }

    /// Up to the next `<`, its references replaced.
    ///
    /// ```abnf
    /// Reference = "&" Name ";" / "&#" 1*DIGIT ";" / "&#x" 1*HEXDIG ";"
    /// ```
    private mutating func text() throws(ReportFailure) -> String {
        let end = octets[index...].firstIndex(of: UInt8(ascii: "<")) ?? octets.count
        defer { index = end }
        guard octets[index..<end].contains(UInt8(ascii: "&")) else {
            return Self.clean(octets[index..<end])
        }
        var content: [UInt8] = []
        var rest = octets[index..<end]
        while let octet = rest.first {
            if octet == UInt8(ascii: "&") {
                content += try Self.reference(&rest)
            } else {
                content.append(octet)
                rest.removeFirst()
            }
        }
        return Self.clean(content[...])
    }

    private static func reference(_ rest: inout ArraySlice<UInt8>) throws(ReportFailure) -> [UInt8]
    {
        let body = rest.dropFirst().prefix(maximumReferenceOctets)
        guard let end = body.firstIndex(of: UInt8(ascii: ";")),
            body[..<end].allSatisfy({ $0.isAlphanumeric || "#_-.:".utf8.contains($0) }),
            end > body.startIndex
        else {
            rest.removeFirst()
            return [UInt8(ascii: "&")]
        }
        let name = String(lossy: body[..<end])
        rest = rest[(end + 1)...]
        switch name {
        case "lt": return [UInt8(ascii: "<")]
        case "gt": return [UInt8(ascii: ">")]
        case "amp": return [UInt8(ascii: "&")]
        case "quot": return [UInt8(ascii: "\"")]
        case "apos": return [UInt8(ascii: "'")]
        default: break
        }
        guard name.hasPrefix("#") else {
            throw ReportFailure("it uses an entity, `&\(name);`, that XML does not know by itself")
        }
        let isHexadecimal = name.hasPrefix("#x")
        guard
            let code = UInt32(
                name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10),
            let scalar = Unicode.Scalar(code)
        else { throw ReportFailure("`&\(name);` in it means no character") }
        return Array(String(Character(scalar)).utf8)
    }

    /// What a report says is shown on terminals: no control characters.
    private static func clean(_ octets: ArraySlice<UInt8>) -> String {
        let text = String(lossy: octets)
        guard text.unicodeScalars.contains(where: { !$0.isWritable }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.isWritable ? $0 : " " }))
    }

    // MARK: Markup

    /// One piece between `<` and `>`; nil if it says nothing.
    private mutating func markup() throws(ReportFailure) -> Token? {
        let mark = index + 1 < octets.count ? octets[index + 1] : 0
        if mark == UInt8(ascii: "?") { return try skip("<?", to: "?>") }
        if mark == UInt8(ascii: "!") { return try declaration() }
        let isEnd = mark == UInt8(ascii: "/")
        index += isEnd ? 2 : 1
        let name = try name()
        if isEnd {
            skipSpace()
            guard take(UInt8(ascii: ">")) else {
                throw ReportFailure("a tag in its XML is damaged")
            }
        } else {
            try skipAttributes()
        }
        // Some write the schema's own tag around or into a report, and not always close it.
        guard name.full != "xs:schema", name.full != "xsd:schema" else {
            isEmptyElement = false
            return nil
        }
        if isEnd {
            guard open.last == name.full else {
                throw ReportFailure("a tag in its XML is closed that is not the one open")
            }
            return close()
        }
        guard open.count < Self.maximumDepth else {
            throw ReportFailure("its XML is nested more than \(Self.maximumDepth) deep")
        }
        open.append(name.full)
        return .start(name.local)
    }

    private mutating func declaration() throws(ReportFailure) -> Token? {
        let rest = octets[index...]
        if rest.starts(with: "<!--".utf8) { return try skip("<!--", to: "-->") }
        if rest.starts(with: "<![CDATA[".utf8) { return try characterData() }
        throw ReportFailure(
            "it has a document type (DTD), in which entities could be made, and no report needs one"
        )
    }

    private mutating func skip(_ start: String, to end: String) throws(ReportFailure) -> Token? {
        index += start.utf8.count
        index = try find(end) + end.utf8.count
        return nil
    }

    private mutating func characterData() throws(ReportFailure) -> Token? {
        let start = index + 9
        index = start
        let end = try find("]]>")
        index = end + 3
        return open.isEmpty ? nil : .text(Self.clean(octets[start..<end]))
    }

    /// The place of the next such mark.
    private func find(_ mark: String) throws(ReportFailure) -> Int {
        let mark = Array(mark.utf8)
        var place = index
        while place + mark.count <= octets.count {
            if octets[place] == mark[0], octets[place...].starts(with: mark) { return place }
            place += 1
        }
        throw ReportFailure("its XML ends too early")
    }

    private mutating func skipSpace() {
        while index < octets.count, Self.isSpace(octets[index]) { index += 1 }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        guard index < octets.count, octets[index] == octet else { return false }
        index += 1
        return true
    }

    /// A name with its prefix, in lower case, and without.
    private mutating func name() throws(ReportFailure) -> (full: String, local: String) {
        let start = index
        while index < octets.count, index - start <= Self.maximumNameOctets,
            octets[index].isAlphanumeric || octets[index] >= 0x80
                || "_-.:".utf8.contains(octets[index])
        {
            index += 1
        }
        guard index > start, index - start <= Self.maximumNameOctets,
            octets[start].isAlpha || octets[start] >= 0x80 || octets[start] == UInt8(ascii: "_")
        else { throw ReportFailure("a tag in its XML has no name") }
        let full = String(lossy: octets[start..<index].map(\.lowercased))
        guard let colon = full.lastIndex(of: ":") else { return (full, full) }
        return (full, String(full[full.index(after: colon)...]))
    }

    /// ```abnf
    /// STag      = "<" Name *(S Attribute) [S] ">"
    /// Attribute = Name [S] "=" [S] ( DQUOTE *CHAR DQUOTE / "'" *CHAR "'" )
    /// ```
    private mutating func skipAttributes() throws(ReportFailure) {
        while true {
            skipSpace()
            if take(UInt8(ascii: ">")) { return }
            if take(UInt8(ascii: "/")) {
                guard take(UInt8(ascii: ">")) else {
                    throw ReportFailure("a tag in its XML is damaged")
                }
                isEmptyElement = true
                return
            }
            _ = try name()
            skipSpace()
            guard take(UInt8(ascii: "=")) else {
                throw ReportFailure("a tag in its XML is damaged")
            }
            skipSpace()
            guard index < octets.count, "\"'".utf8.contains(octets[index]) else {
                throw ReportFailure("a tag in its XML is damaged")
            }
            let quote = octets[index]
            index += 1
            guard let end = octets[index...].firstIndex(of: quote),
                !octets[index..<end].contains(UInt8(ascii: "<"))
            else { throw ReportFailure("a tag in its XML is damaged") }
            index = end + 1
        }
    }
}

extension Unicode.Scalar {
    /// What can be written in a report and shown on a terminal: no C0, DEL or C1, tab and line ends
    /// included, and none that XML 1.0 has no way to write.
    var isWritable: Bool {
        value >= 0x20 && !(0x7F...0x9F).contains(value) && value & 0xFFFE != 0xFFFE
    }
}

extension StringProtocol {
    var asciiLowercase: String { String(self).asciiLowercased }

    fileprivate var hasXMLDeclaration: Bool { drop { $0.isWhitespace }.hasPrefix("<?xml") }

    /// Where a text stands in this one first.
    func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return start..<self.index(start, offsetBy: text.count)
            }
            formIndex(after: &start)
        }
        return nil
    }
}
