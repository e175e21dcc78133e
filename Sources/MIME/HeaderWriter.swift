// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
package import World

/// Writes a header: folded, in ASCII where that is possible, each line ended by CRLF.
///
/// No value can end its field: line ends within a value become spaces.
package struct HeaderWriter: Sendable {
    /// RFC 5322 §2.1.1: what a line should, and what it must, not exceed.
    package static let preferredLineOctets = 78
    package static let maximumLineOctets = 998

    package private(set) var octets: [UInt8] = []
    private var column = 0

    package init() {}

    // MARK: Fields

    /// `Subject` and its like: words of text, encoded by RFC 2047 where they are not ASCII.
    package mutating func field(_ name: String, text: String) {
        begin(name)
        for token in Self.encodedTokens(text, isPhrase: false) { append(token) }
        end()
    }

    /// A structured value as it is, folded at its spaces.
    ///
    /// It must be ASCII but for RFC 6532.
    package mutating func field(_ name: String, structured value: String) {
        begin(name)
        for token in Self.clean(value).split(separator: " ") { append(String(token)) }
        end()
    }

    /// A value on one line exactly as it is, for what must not be folded; what does not fit into a
    /// line is cut off.
    package mutating func field(_ name: String, verbatim value: String) {
        begin(name)
        octets.append(.space)
        let room = Self.maximumLineOctets - column - 1
        var scalars = Self.clean(value).unicodeScalars[...]
        while String(scalars).utf8.count > room { scalars = scalars.dropLast() }
        octets += String(scalars).utf8
        end()
    }

    /// `From`, `To` and their like.
    package mutating func field(_ name: String, participants: [Participant]) {
        begin(name)
        for (index, participant) in participants.enumerated() {
            var tokens: [String] = []
            let address = Self.clean(participant.addressText)
            if let display = participant.name, !display.isEmpty {
                tokens = Self.phrase(display) + ["<\(address)>"]
            } else {
                tokens = [address]
            }
            if index < participants.count - 1 { tokens[tokens.count - 1] += "," }
            for token in tokens { append(token) }
        }
        end()
    }

    /// `Message-ID`, `In-Reply-To`, `References`; what is no identifier is left out.
    package mutating func field(_ name: String, identifiers: [MessageIdentifier]) {
        let usable = identifiers.map(\.description).filter {
            $0.utf8.count < Self.maximumLineOctets - 1
                && !$0.utf8.contains { $0 <= 0x20 || $0 == 0x7F }
        }
        guard !usable.isEmpty else { return }
        begin(name)
        for token in usable { append(token) }
        end()
    }

    /// `Date` and its like (RFC 5322 §3.3), in UTC.
    package mutating func field(_ name: String, date: Timestamp) {
        field(name, structured: CalendarDate(date).internetMessageFormat)
    }

    /// A token with parameters, as `Content-Type` has; values by RFC 2231 where needed.
    package mutating func field(
        _ name: String, token: String, parameters: [(name: String, value: String)]
    ) {
        begin(name)
        let written = parameters.flatMap { Self.parameter($0.name, $0.value) }
        append(Self.clean(token) + (written.isEmpty ? "" : ";"))
        for (index, parameter) in written.enumerated() {
            append(parameter + (index < written.count - 1 ? ";" : ""))
        }
        end()
    }

    /// The empty line behind the header.
    package mutating func finish() { octets += [.carriageReturn, .lineFeed] }

    // MARK: Lines

    private mutating func begin(_ name: String) {
        precondition(
            name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") },
            "a field name is printable ASCII")
        octets += name.utf8
        octets.append(UInt8(ascii: ":"))
        column = name.utf8.count + 1
    }

    /// A space and the token, on a new line if this one would become too long.
    private mutating func append(_ token: String) {
        guard token.utf8.count < Self.maximumLineOctets else {
            // No line may hold it (RFC 5322 §2.1.1), so it is broken between two characters.
            let scalars = token.unicodeScalars
            let half = scalars.index(scalars.startIndex, offsetBy: scalars.count / 2)
            append(String(token[..<half]))
            append(String(token[half...]))
            return
        }
        let width = token.utf8.count + 1
        if column + width > Self.preferredLineOctets, column > 1, !isAtFoldedStart {
            octets += [.carriageReturn, .lineFeed]
            column = 0
        }
        octets.append(.space)
        octets += token.utf8
        column += width
    }

    /// Nothing but white space would stand on the line that is folded (RFC 5322 §3.2.2 forbids it).
    private var isAtFoldedStart: Bool { column == 0 }

    private mutating func end() {
        octets += [.carriageReturn, .lineFeed]
        column = 0
    }

    // MARK: Words

    /// Without characters that would end the line or vanish on the way.
    private static func clean(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

    /// `phrase = 1*word` (RFC 5322 §3.2.5): atoms, or one quoted string, or encoded words.
    static func phrase(_ text: String) -> [String] {
        let text = clean(text)
        guard text.isASCII, text.utf8.count <= 400 else {
            return encodedTokens(text, isPhrase: true)
        }
        let isPlain =
            !text.contains("=?") && !text.hasPrefix(" ") && !text.hasSuffix(" ")
            && !text.contains("  ")
        if isPlain, text.utf8.allSatisfy({ $0.isAtomText || $0 == .space }) {
            return text.split(separator: " ").map(String.init)
        }
        guard !text.contains("=?") else { return encodedTokens(text, isPhrase: true) }
        var quoted = "\""
        for character in text.unicodeScalars {
            if character == "\"" || character == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return [quoted + "\""]
    }

    /// The words of a text, those that are not plain ASCII as encoded words.
    ///
    /// A word also counts as not plain if it looks like an encoded word, or is too long for a line.
    static func encodedTokens(_ text: String, isPhrase: Bool) -> [String] {
        let text = String(clean(text).trimmingWhitespace)
        // Spaces in a row might end a line, where they would be lost.
        guard !text.contains("  ") else { return EncodedWord.encode(text) }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let needs = words.map { word in
            isPhrase || word.isEmpty || word.utf8.count > 400 || word.contains("=?")
                || !word.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
        var tokens: [String] = []
        var index = 0
        while index < words.count {
            guard needs[index] else {
                tokens.append(String(words[index]))
                index += 1
                continue
            }
            var last = index
            while last + 1 < words.count, needs[last + 1] { last += 1 }
            // Spaces between two encoded words vanish, so those within the run are encoded.
            tokens += EncodedWord.encode(words[index...last].joined(separator: " "))
            index = last + 1
        }
        return tokens
    }

    // MARK: Parameters

    /// A value's octets on one line, so that name and punctuation still fit.
    private static let sectionOctets = 54

    /// One parameter as one or more tokens (RFC 2045 §5.1, RFC 2231 §3 and §4).
    static func parameter(_ name: String, _ value: String) -> [String] {
        let isPrintable = value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if isPrintable, value.utf8.count <= sectionOctets, !value.contains("=?") {
            let isToken =
                !value.isEmpty
                && value.utf8.allSatisfy { $0 > 0x20 && !Lexer.tspecials.contains($0) }
            if isToken { return ["\(name)=\(value)"] }
            var quoted = ""
            for character in value {
                if character == "\"" || character == "\\" { quoted += "\\" }
                quoted.append(character)
            }
            return ["\(name)=\"\(quoted)\""]
        }
        var sections: [String] = [""]
        for scalar in value.unicodeScalars {
            let encoded = percentEncoded(scalar)
            if sections[sections.count - 1].utf8.count + encoded.utf8.count > sectionOctets {
                sections.append("")
            }
            sections[sections.count - 1] += encoded
        }
        if sections.count == 1 { return ["\(name)*=utf-8''\(sections[0])"] }
        return sections.enumerated().map { index, section in
            "\(name)*\(index)*=\(index == 0 ? "utf-8''" : "")\(section)"
        }
    }

    /// `attribute-char` (RFC 2231 §7) as it is, anything else as `%` and two digits.
    private static func percentEncoded(_ scalar: Unicode.Scalar) -> String {
        var text = ""
        for octet in String(scalar).utf8 {
            let isPlain =
                (0x21...0x7E).contains(octet) && !Lexer.tspecials.contains(octet)
                && !"*'%".utf8.contains(octet)
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let digits = Hexadecimal.encode([octet]).uppercased()
                text += "%" + digits
            }
        }
        return text
    }
}

extension EncodedWord {
    /// RFC 2047 §2.
    private static let maximumOctets = 75

    /// The text as encoded words in UTF-8, none longer than 75 octets, none ending within a
    /// character; "Q" or "B", whichever is shorter.
    package static func encode(_ text: String) -> [String] {
        let isPlain = { (octet: UInt8) in
            // RFC 2047 §5 (3): what may stand in a phrase may stand everywhere.
            octet.isAlphanumeric || "!*+-/".utf8.contains(octet) || octet == .space
        }
        let quotedCount = text.utf8.reduce(0) { $0 + (isPlain($1) ? 1 : 3) }
        let isQuoted = quotedCount <= (text.utf8.count + 2) / 3 * 4
        let room = maximumOctets - "=?utf-8?q??=".utf8.count
        var words: [String] = []
        var held: [UInt8] = []
        var width = 0
        func flush() {
            guard !held.isEmpty else { return }
            if isQuoted {
                var word = ""
                for octet in held {
                    if octet == .space {
                        word += "_"
                    } else if isPlain(octet) {
                        word.unicodeScalars.append(Unicode.Scalar(octet))
                    } else {
                        word += "=" + Hexadecimal.encode([octet]).uppercased()
                    }
                }
                words.append("=?utf-8?q?\(word)?=")
            } else {
                words.append("=?utf-8?b?\(Base64.encode(held))?=")
            }
            held = []
            width = 0
        }
        for scalar in text.unicodeScalars {
            let octets = Array(String(scalar).utf8)
            let added = isQuoted ? octets.reduce(0) { $0 + (isPlain($1) ? 1 : 3) } : octets.count
            let limit = isQuoted ? room : room / 4 * 3
            if width + added > limit { flush() }
            held += octets
            width += added
        }
        flush()
        return words
    }
}

extension MessageIdentifier {
    /// A new identifier: the time and 64 random bits, at the host that makes it (RFC 5322 §3.6.4).
    package static func make(
        at time: Timestamp, by domain: Domain, entropy: some Entropy
    ) -> MessageIdentifier {
        let moment = String(UInt64(max(0, time.milliseconds)), radix: 36)
        return MessageIdentifier("\(moment).\(String(entropy.next(), radix: 36))@\(domain)")
    }
}
