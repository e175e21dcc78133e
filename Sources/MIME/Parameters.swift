// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The parameters of a `Content-Type` or `Content-Disposition` (RFC 2045 §5.1), with
/// continuations, charset and language by RFC 2231.
///
/// ```abnf
/// parameter         = regular-parameter / extended-parameter          ; RFC 2231 §7
/// section           = "*" (DIGIT [*DIGIT])
/// extended-initial-value = [charset] "'" [language] "'" extended-other-values
/// ```
package struct Parameters: Hashable, Sendable {
    /// More than any field has; the next ones are not read.
    package static let maximumCount = 1000

    /// In their order; names in lower case, values decoded to Unicode.
    package private(set) var all: [(name: String, value: String)] = []

    package init() {}

    package init(_ all: [(name: String, value: String)]) { self.all = all }

    /// The first value of that name, which is given in lower case.
    package subscript(_ name: String) -> String? { all.first { $0.name == name }?.value }

    package static func == (left: Self, right: Self) -> Bool {
        left.all.elementsEqual(right.all) { $0 == $1 }
    }

    package func hash(into hasher: inout Hasher) {
        for (name, value) in all {
            hasher.combine(name)
            hasher.combine(value)
        }
    }

    /// One attribute as it stands: `filename*1*=…`.
    private struct Section {
        var name: String
        var number: Int?
        var isExtended: Bool
        var value: [UInt8]
        var isQuoted: Bool
    }

    /// Reads `*(";" parameter)`; the lexer stands behind the type.
    init(_ lexer: inout Lexer, defects: inout DefectList, at place: String) {
        var sections: [Section] = []
        while true {
            lexer.skipCFWS()
            guard lexer.current != nil, sections.count < Self.maximumCount else { break }
            if lexer.skip(UInt8(ascii: ";")) { continue }
            guard let section = Self.section(&lexer, &defects, place) else { continue }
            sections.append(section)
        }
        if lexer.isDamaged { defects.note(.parameterInvalid, at: place) }
        join(sections, &defects, place)
    }

    private static func section(
        _ lexer: inout Lexer, _ defects: inout DefectList, _ place: String
    ) -> Section? {
        let attribute = lexer.run {
            $0 > 0x20 && $0 != 0x7F && !"=;\"(),<>@:".utf8.contains($0)
        }
        lexer.skipCFWS()
        guard !attribute.isEmpty, lexer.skip(UInt8(ascii: "=")) else {
            defects.note(.parameterInvalid, at: place)
            if attribute.isEmpty {
                if lexer.current != UInt8(ascii: "\"") || lexer.quotedString() == nil {
                    lexer.index += lexer.isAtEnd ? 0 : 1
                }
            }
            return nil
        }
        lexer.skipCFWS()
        guard var section = self.name(attribute) else {
            defects.note(.parameterInvalid, at: place)
            return nil
        }
        if lexer.current == UInt8(ascii: "\""), let text = lexer.quotedString() {
            section.value = text
            section.isQuoted = true
            return section
        }
        // Without quotes up to the semicolon, because names with spaces are common.
        let value = lexer.run {
            $0 != UInt8(ascii: ";") && $0 != .carriageReturn && $0 != .lineFeed
                && $0 != UInt8(ascii: "(") || $0 >= 0x80
        }
        section.value = Array(value.trimmingWhitespace)
        if section.value.contains(where: { $0 <= 0x20 || Lexer.tspecials.contains($0) }) {
            defects.note(.parameterInvalid, at: place)
        }
        return section
    }

    /// Takes `name*0*` apart; nil if the section number is none.
    private static func name(_ attribute: ArraySlice<UInt8>) -> Section? {
        let parts = attribute.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        var section = Section(
            name: String(lossy: parts[0].map(\.lowercased)), number: nil,
            isExtended: parts.count > 1 && parts[parts.count - 1].isEmpty, value: [],
            isQuoted: false)
        let middle = parts.dropFirst().dropLast(section.isExtended ? 1 : 0)
        guard let digits = middle.first else { return section }
        guard middle.count == 1, (1...4).contains(digits.count), digits.allSatisfy(\.isDigit)
        else { return nil }
        section.number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return section
    }

    /// Puts continuations together (RFC 2231 §3): by number, whatever order they came in.
    private mutating func join(
        _ sections: [Section], _ defects: inout DefectList, _ place: String
    ) {
        var plain: [String: String] = [:]
        var extended: [String: [Section]] = [:]
        var order: [String] = []
        for section in sections {
            if plain[section.name] == nil, extended[section.name] == nil {
                order.append(section.name)
            }
            if section.isExtended || section.number != nil {
                extended[section.name, default: []].append(section)
            } else if plain[section.name] == nil {
                plain[section.name] = Self.plain(section, &defects, place)
            } else {
                // The same parameter twice: the first one counts.
                defects.note(.parameterInvalid, at: place)
            }
        }
        for name in order {
            let pieces = (extended[name] ?? []).sorted { $0.number ?? 0 < $1.number ?? 0 }
            // Where both forms are given, the extended one says more (RFC 6266 §4.3).
            if let value = Self.extended(pieces, &defects, place) ?? plain[name] {
                all.append((name, value))
            }
        }
    }

    private static func extended(
        _ pieces: [Section], _ defects: inout DefectList, _ place: String
    ) -> String? {
        guard let first = pieces.first else { return nil }
        guard (first.number ?? 0) == 0 else {
            defects.note(.parameterInvalid, at: place)
            return nil
        }
        var charset: Charset? = nil
        var isCharsetKnown = true
        var octets: [UInt8] = []
        var expected = 0
        for piece in pieces {
            guard (piece.number ?? 0) == expected else {
                defects.note(.parameterInvalid, at: place)
                break
            }
            expected += 1
            guard piece.isExtended else {
                octets += piece.value
                continue
            }
            var value = piece.value[...]
            if piece.isQuoted { defects.note(.parameterInvalid, at: place) }
            if expected == 1 {
                let parts = value.split(
                    separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
                if parts.count == 3 {
                    charset = Charset(String(lossy: parts[0]))
                    isCharsetKnown = charset != nil || parts[0].isEmpty
                    value = parts[2]
                } else {
                    defects.note(.parameterInvalid, at: place)
                }
            }
            octets += percentDecoded(value, &defects, place)
        }
        if !isCharsetKnown { defects.note(.charsetUnknown, at: place) }
        guard let charset else {
            // Continuations of an encoded word are seen too.
            return decodeWords(octets, &defects, place)
        }
        let (text, isExact) = charset.decode(octets)
        if !isExact { defects.note(.charsetWrong, at: place) }
        return text
    }

    private static func percentDecoded(
        _ value: ArraySlice<UInt8>, _ defects: inout DefectList, _ place: String
    ) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(value.count)
        var index = value.startIndex
        while index < value.endIndex {
            let octet = value[index]
            index += 1
            if octet == UInt8(ascii: "%") {
                if index + 1 < value.endIndex, let high = value[index].hexadecimalValue,
                    let low = value[index + 1].hexadecimalValue
                {
                    octets.append(high << 4 | low)
                    index += 2
                    continue
                }
                defects.note(.parameterInvalid, at: place)
            }
            octets.append(octet)
        }
        return octets
    }

    private static func plain(
        _ section: Section, _ defects: inout DefectList, _ place: String
    ) -> String { decodeWords(section.value, &defects, place) }

    /// Encoded words are forbidden here (RFC 2047 §5 (3)), yet many programs write them.
    private static func decodeWords(
        _ value: [UInt8], _ defects: inout DefectList, _ place: String
    ) -> String {
        let (literal, isUTF8) = Charset.guess(value)
        if !isUTF8 { defects.note(.headerNotUTF8, at: place) }
        guard literal.contains("=?") else { return literal }
        var inner = DefectList()
        let text = EncodedWord.decode(value[...], defects: &inner, at: place)
        if text != literal { defects.note(.parameterEncodedWord, at: place) }
        if inner.defects.contains(where: { $0.code == .encodedWordInvalid }) {
            defects.note(.encodedWordInvalid, at: place)
        }
        return text
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces, tabs and line ends at both ends.
    var trimmingWhitespace: ArraySlice<UInt8> {
        let isBlank = { (octet: UInt8) in
            octet.isWhitespace || octet == .carriageReturn || octet == .lineFeed
        }
        guard let first = firstIndex(where: { !isBlank($0) }),
            let last = lastIndex(where: { !isBlank($0) })
        else { return self[startIndex..<startIndex] }
        return self[first...last]
    }
}
