// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Cuts a script into tokens (RFC 5228 §8.1).
///
/// Lines end with CRLF, or with LF alone as in files; a CR alone is an error.
struct Lexer {
    private let octets: [UInt8]
    private var index = 0
    private(set) var line = 1

    init(_ octets: [UInt8]) {
        self.octets = octets
        // A byte order mark, as some editors write it.
        if octets.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    }

    /// The next token; `.end` again and again behind the last.
    mutating func next() throws(Diagnostic) -> Token {
        try skipWhiteSpace()
        let line = self.line
        guard let octet = peek() else { return Token(kind: .end, line: line) }
        switch octet {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ";"):
            index += 1
            return Token(kind: .separator(Character(Unicode.Scalar(octet))), line: line)
        case UInt8(ascii: "\""):
            return Token(kind: .string(try quotedString()), line: line)
        case UInt8(ascii: ":"):
            // tag = ":" identifier
            index += 1
            guard let first = peek(), Self.beginsIdentifier(first) else {
                throw failure("a name must follow the colon of a tag, as in `:is`")
            }
            return Token(kind: .tag(identifier()), line: line)
        case _ where octet.isDigit:
            return Token(kind: .number(try number()), line: line)
        case _ where Self.beginsIdentifier(octet):
            let name = identifier()
            // multi-line = "text:" *(SP / HTAB) (hash-comment / CRLF) …
            if name == "text", peek() == UInt8(ascii: ":") {
                index += 1
                return Token(kind: .string(try multiLine(from: line)), line: line)
            }
            return Token(kind: .identifier(name), line: line)
        default:
            throw failure("\(Self.name(octet)) may not stand here")
        }
    }

    // MARK: White space and comments

    /// `white-space = 1*(SP / CRLF / HTAB) / comment`.
    private mutating func skipWhiteSpace() throws(Diagnostic) {
        while let octet = peek() {
            switch octet {
            case .space, .tab: index += 1
            case .carriageReturn, .lineFeed: try lineEnd()
            case UInt8(ascii: "#"): try hashComment()
            case UInt8(ascii: "/"):
                guard index + 1 < octets.count, octets[index + 1] == UInt8(ascii: "*") else {
                    throw failure("`/` may not stand here; a comment begins with `/*` or `#`")
                }
                try bracketComment()
            default: return
            }
        }
    }

    /// `hash-comment = "#" *octet-not-crlf CRLF`; the file's end may stand for the last line end.
    private mutating func hashComment() throws(Diagnostic) {
        while let octet = peek(), octet != .lineFeed, octet != .carriageReturn {
            try refuseNull(octet)
            index += 1
        }
        if peek() != nil { try lineEnd() }
    }

    /// `bracket-comment = "/*" *not-star 1*STAR *(not-star-slash *not-star 1*STAR) "/"`.
    private mutating func bracketComment() throws(Diagnostic) {
        let start = line
        index += 2
        while let octet = peek() {
            if octet == UInt8(ascii: "*"), index + 1 < octets.count,
                octets[index + 1] == UInt8(ascii: "/")
            {
                index += 2
                return
            }
            try step(over: octet)
        }
        throw Diagnostic(line: start, message: "the comment that begins here has no end `*/`")
    }

    // MARK: Words

    /// `identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_")`.
    private mutating func identifier() -> String {
        let start = index
        while let octet = peek(), octet.isAlphanumeric || octet == UInt8(ascii: "_") {
            index += 1
        }
        return String(decoding: octets[start..<index].map(\.lowercased), as: UTF8.self)
    }

    private static func beginsIdentifier(_ octet: UInt8) -> Bool {
        octet.isAlpha || octet == UInt8(ascii: "_")
    }

    /// `number = 1*DIGIT [ QUANTIFIER ]`.
    private mutating func number() throws(Diagnostic) -> UInt64 {
        var value: UInt64 = 0
        while let octet = peek(), octet.isDigit {
            value = try multiply(value, by: 10)
            let (sum, overflow) = value.addingReportingOverflow(UInt64(octet - 0x30))
            guard !overflow else { throw tooLarge }
            value = sum
            index += 1
        }
        // QUANTIFIER = "K" / "M" / "G"
        switch peek()?.lowercased {
        case UInt8(ascii: "k"): value = try multiply(value, by: 1 << 10)
        case UInt8(ascii: "m"): value = try multiply(value, by: 1 << 20)
        case UInt8(ascii: "g"): value = try multiply(value, by: 1 << 30)
        default: index -= 1
        }
        index += 1
        if let octet = peek(), octet.isAlphanumeric || octet == UInt8(ascii: "_") {
            throw failure("behind a number only K, M or G may stand")
        }
        guard value <= UInt64(Int64.max) else { throw tooLarge }
        return value
    }

    private func multiply(_ value: UInt64, by factor: UInt64) throws(Diagnostic) -> UInt64 {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw tooLarge }
        return product
    }

    private var tooLarge: Diagnostic { failure("the number is too large") }

    // MARK: Strings

    /// `quoted-string = DQUOTE *(quoted-safe / quoted-special / quoted-other) DQUOTE`.
    private mutating func quotedString() throws(Diagnostic) -> String {
        let start = line
        var text: [UInt8] = []
        index += 1
        while let octet = peek() {
            switch octet {
            case UInt8(ascii: "\""):
                index += 1
                return try string(text, from: start)
            case UInt8(ascii: "\\"):
                index += 1
                guard let quoted = peek() else { break }
                // quoted-other stands for the octet itself (§2.4.2).
                guard quoted != .carriageReturn, quoted != .lineFeed else {
                    throw failure("a backslash may not stand at the end of a line")
                }
                try refuseNull(quoted)
                text.append(quoted)
                index += 1
            case .carriageReturn, .lineFeed:
                try lineEnd()
                text += [.carriageReturn, .lineFeed]
            default:
                try refuseNull(octet)
                text.append(octet)
                index += 1
            }
        }
        throw Diagnostic(line: start, message: "the string that begins here has no closing `\"`")
    }

    /// Behind `text:`; ends behind the line that holds only a dot.
    ///
    /// ```abnf
    /// multi-line          = "text:" *(SP / HTAB) (hash-comment / CRLF)
    ///                       *(multiline-literal / multiline-dotstart)
    ///                       "." CRLF
    /// multiline-dotstart  = "." 1*octet-not-crlf CRLF
    /// ```
    private mutating func multiLine(from start: Int) throws(Diagnostic) -> String {
        while let octet = peek(), octet.isWhitespace { index += 1 }
        switch peek() {
        case UInt8(ascii: "#"): try hashComment()
        case .carriageReturn, .lineFeed: try lineEnd()
        default: throw failure("behind `text:` its line must end; the text begins on the next")
        }
        var text: [UInt8] = []
        while peek() != nil {
            let lineStart = index
            while let octet = peek(), octet != .carriageReturn, octet != .lineFeed {
                try refuseNull(octet)
                index += 1
            }
            var content = octets[lineStart..<index]
            if content.elementsEqual([.dot]) {
                if peek() != nil { try lineEnd() }
                return try string(text, from: start)
            }
            guard peek() != nil else { break }
            try lineEnd()
            // §2.4.2: of two dots at the start of a line the first is removed.
            if content.starts(with: [.dot, .dot]) { content = content.dropFirst() }
            text += content
            text += [.carriageReturn, .lineFeed]
        }
        throw Diagnostic(
            line: start,
            message: "the text that begins here has no end: a line with only a dot")
    }

    private func string(_ text: [UInt8], from line: Int) throws(Diagnostic) -> String {
        // §2.1: scripts are UTF-8.
        guard let string = String(validating: text, as: UTF8.self) else {
            throw Diagnostic(line: line, message: "the string is not valid UTF-8")
        }
        return string
    }

    // MARK: Octets

    private func peek() -> UInt8? { index < octets.count ? octets[index] : nil }

    private mutating func step(over octet: UInt8) throws(Diagnostic) {
        switch octet {
        case .carriageReturn, .lineFeed: try lineEnd()
        default:
            try refuseNull(octet)
            index += 1
        }
    }

    /// CRLF, or LF.
    private mutating func lineEnd() throws(Diagnostic) {
        if octets[index] == .carriageReturn {
            guard index + 1 < octets.count, octets[index + 1] == .lineFeed else {
                throw failure("a carriage return stands here without its line feed")
            }
            index += 1
        }
        index += 1
        line += 1
    }

    private func refuseNull(_ octet: UInt8) throws(Diagnostic) {
        guard octet != 0 else { throw failure("the octet NUL may not stand in a script") }
    }

    private func failure(_ message: String) -> Diagnostic {
        Diagnostic(line: line, message: message)
    }

    private static func name(_ octet: UInt8) -> String {
        (0x21...0x7E).contains(octet)
            ? "`\(Character(Unicode.Scalar(octet)))`"
            : "the octet 0x\(String(octet, radix: 16, uppercase: true))"
    }
}
