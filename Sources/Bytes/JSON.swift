// SPDX-License-Identifier: Apache-2.0

/// A JSON text (RFC 8259), its members in the order they were written.
///
/// Written on one line, so that a reader may take line after line.
package enum JSON: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    /// Deeper nesting is refused: it serves only to exhaust a reader's stack (RFC 8259 §9).
    package static let maximumDepth = 64

    /// Reads one JSON text and nothing after it.
    package init(parsing octets: some Collection<UInt8>) throws(SyntaxError) {
        var parser = JSONParser(octets: Array(octets))
        self = try parser.text()
    }

    /// The first member with this key; nil without one or if this is no object.
    package subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0 == key }?.1
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
    package var object: [(String, JSON)]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// A string, or `null` for none.
    package init(_ text: String?) { self = text.map(JSON.string) ?? .null }

    /// An array of strings.
    package init(_ texts: some Sequence<String>) { self = .array(texts.map(JSON.string)) }
}

extension JSON: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.elementsEqual(right) { $0.0 == $1.0 && $0.1 == $1.1 }
        default: false
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements) }
}

extension JSON: CustomStringConvertible {
    /// The text on one line, without a line end.
    package var description: String {
        var text: [UInt8] = []
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the text, UTF-8, on one line.
    package func write(to text: inout [UInt8]) {
        switch self {
        case .null: text += "null".utf8
        case .bool(let value): text += (value ? "true" : "false").utf8
        case .integer(let value): text += String(value).utf8
        // RFC 8259 §6: there is no way to write an infinity.
        case .number(let value): text += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let value): Self.write(value, to: &text)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                element.write(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                Self.write(member.0, to: &text)
                text.append(UInt8(ascii: ":"))
                member.1.write(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for octet in string.utf8 {
            switch octet {
            case UInt8(ascii: "\""): text += "\\\"".utf8
            case UInt8(ascii: "\\"): text += "\\\\".utf8
            case .lineFeed: text += "\\n".utf8
            case .carriageReturn: text += "\\r".utf8
            case .tab: text += "\\t".utf8
            case ..<0x20, 0x7F: text += "\\u00\(Hexadecimal.encode([octet]))".utf8
            default: text.append(octet)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}

private struct JSONParser {
    let octets: [UInt8]
    var index = 0

    init(octets: [UInt8]) { self.octets = octets }

    private var next: UInt8? { index < octets.count ? octets[index] : nil }

    private func error(_ expected: String) -> SyntaxError {
        SyntaxError(at: index, expected: expected)
    }

    // JSON-text = ws value ws
    mutating func text() throws(SyntaxError) -> JSON {
        skipWhitespace()
        let value = try value(depth: 0)
        skipWhitespace()
        guard next == nil else { throw error("the end of the JSON text") }
        return value
    }

    private mutating func skipWhitespace() {
        while let octet = next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { index += 1 }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        guard next == octet else { return false }
        index += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard octets[index...].starts(with: word.utf8) else { return false }
        index += word.utf8.count
        return true
    }

    private mutating func value(depth: Int) throws(SyntaxError) -> JSON {
        guard depth < JSON.maximumDepth else {
            throw error("at most \(JSON.maximumDepth) levels of nesting")
        }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where take(word: "true"): return .bool(true)
        case UInt8(ascii: "f") where take(word: "false"): return .bool(false)
        case UInt8(ascii: "n") where take(word: "null"): return .null
        case .some(let octet) where octet.isDigit || octet == UInt8(ascii: "-"):
            return try number()
        default: throw error("a JSON value")
        }
    }

    private mutating func object(depth: Int) throws(SyntaxError) -> JSON {
        var members: [(String, JSON)] = []
        index += 1
        skipWhitespace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipWhitespace()
            guard next == UInt8(ascii: "\"") else { throw error("a member's name in quotes") }
            let name = try string()
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw error("\":\"") }
            skipWhitespace()
            members.append((name, try value(depth: depth + 1)))
            skipWhitespace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw error("\",\" or \"}\"") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(SyntaxError) -> JSON {
        var elements: [JSON] = []
        index += 1
        skipWhitespace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            skipWhitespace()
            elements.append(try value(depth: depth + 1))
            skipWhitespace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw error("\",\" or \"]\"") }
        return .array(elements)
    }

    // number = [ minus ] int [ frac ] [ exp ]
    private mutating func number() throws(SyntaxError) -> JSON {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        var isInteger = true
        if take(.dot) {
            isInteger = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(lossy: octets[start..<index])
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw error("a number that fits into 64 bits")
        }
        return .number(value)
    }

    private mutating func digits() throws(SyntaxError) {
        guard let first = next, first.isDigit else { throw error("a digit") }
        while let octet = next, octet.isDigit { index += 1 }
    }

    private mutating func string() throws(SyntaxError) -> String {
        let start = index
        var content: [UInt8] = []
        index += 1
        while true {
            guard let octet = next else { throw error("the closing quote") }
            index += 1
            switch octet {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw SyntaxError(at: start, expected: "a string of valid UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &content)
            case ..<0x20: throw error("control characters written as \\u escapes")
            default: content.append(octet)
            }
        }
    }

    private mutating func escape(into content: inout [UInt8]) throws(SyntaxError) {
        guard let letter = next else { throw error("an escaped character") }
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(letter)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard take(word: "\\u") else { throw error("the second half of a surrogate pair") }
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw error("the second half of a surrogate pair")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("a surrogate pair") }
            content += String(Character(scalar)).utf8
        default: throw error("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
        }
    }

    private mutating func codeUnit() throws(SyntaxError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next?.hexadecimalValue else { throw error("four hex digits") }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }
}
