// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A string of a script, its encoded characters undone and its variables found.
struct Text: Hashable, Sendable {
    enum Segment: Hashable, Sendable {
        case literal(String)
        /// By its name in lower case.
        case variable(String)
        /// `${1}` (RFC 5229 §3.2).
        case match(Int)
        /// `${global.name}` (RFC 6609 §3.4.2).
        case global(String)
    }

    let segments: [Segment]
    /// As it stands in the script, before variables are replaced.
    let source: String
    let line: Int

    /// The value, if no variable has a part in it (RFC 5229 §3, `constant string`).
    var constant: String? {
        for case .variable in segments { return nil }
        for case .match in segments { return nil }
        for case .global in segments { return nil }
        return source
    }

    /// How a script reads its strings, by what it requires.
    struct Reading: Sendable {
        var decodesCharacters = false
        var hasVariables = false
        var hasGlobals = false
    }

    init(_ literal: Literal, _ reading: Reading) throws(Diagnostic) {
        line = literal.line
        source =
            reading.decodesCharacters
            ? try Self.decodingCharacters(literal.text, line: literal.line) : literal.text
        segments =
            reading.hasVariables && source.utf8.contains(UInt8(ascii: "$"))
            ? try Self.segments(of: source, reading, line: literal.line) : [.literal(source)]
    }

    // MARK: Encoded characters

    /// Replaces encoded characters (RFC 5228 §2.4.2.4); what does not fit the grammar stays.
    ///
    /// ```abnf
    /// encoded-arb-octets   = "${hex:" hex-pair-seq "}"
    /// hex-pair-seq         = *blank hex-pair *(1*blank hex-pair) *blank
    /// encoded-unicode-char = "${unicode:" unicode-hex-seq "}"
    /// unicode-hex-seq      = *blank unicode-hex *(1*blank unicode-hex) *blank
    /// ```
    private static func decodingCharacters(_ text: String, line: Int) throws(Diagnostic)
        -> String
    {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let octets = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < octets.count {
            if let (decoded, end) = try encoded(in: octets, at: index, line: line) {
                result += decoded
                index = end
            } else {
                result.append(octets[index])
                index += 1
            }
        }
        return String(lossy: result)
    }

    private static func encoded(
        in octets: [UInt8], at start: Int, line: Int
    ) throws(Diagnostic) -> (octets: [UInt8], end: Int)? {
        let rest = octets[start...]
        let isHexadecimal = rest.prefix(6).equalsIgnoringCase("${hex:".utf8)
        guard isHexadecimal || rest.prefix(10).equalsIgnoringCase("${unicode:".utf8) else {
            return nil
        }
        let content = rest.dropFirst(isHexadecimal ? 6 : 10)
        // No further than its own characters go: a string may begin thousands of them.
        let end = content.firstIndex { $0.hexadecimalValue == nil && !$0.isSpaceOrLineEnd }
        guard let end, content[end] == UInt8(ascii: "}") else { return nil }
        let words = content[..<end].split(whereSeparator: \.isSpaceOrLineEnd)
        guard !words.isEmpty else { return nil }
        var result: [UInt8] = []
        for word in words {
            let digits = word.drop { $0 == UInt8(ascii: "0") }
            if isHexadecimal {
                guard word.count <= 2 else { return nil }
                result.append(UInt8(truncatingIfNeeded: value(of: word)))
            } else {
                // It is an error to name what is no character.
                guard digits.count <= 6, let scalar = Unicode.Scalar(value(of: digits)) else {
                    throw Diagnostic(
                        line: line,
                        message: "\(String(lossy: word)) is the number of no Unicode character")
                }
                result += String(Character(scalar)).utf8
            }
        }
        return (result, end + 1)
    }

    private static func value(of digits: ArraySlice<UInt8>) -> UInt32 {
        digits.reduce(0) { $0 << 4 | UInt32($1.hexadecimalValue ?? 0) }
    }

    // MARK: Variables

    /// Finds the variables in a string (RFC 5229 §3); what does not fit the grammar stays.
    ///
    /// ```abnf
    /// variable-ref  = "${" [namespace] variable-name "}"
    /// namespace     = identifier "." *sub-namespace
    /// sub-namespace = variable-name "."
    /// variable-name = num-variable / identifier
    /// ```
    private static func segments(
        of text: String, _ reading: Reading, line: Int
    ) throws(Diagnostic) -> [Segment] {
        let octets = Array(text.utf8)
        var segments: [Segment] = []
        var start = 0
        var index = 0
        while index < octets.count {
            guard octets[index] == UInt8(ascii: "$"),
                let (name, end) = reference(in: octets, at: index)
            else {
                index += 1
                continue
            }
            if start < index {
                segments.append(.literal(String(lossy: octets[start..<index])))
            }
            segments.append(try segment(named: name, reading, line: line))
            index = end
            start = end
        }
        if start < octets.count || segments.isEmpty {
            segments.append(.literal(String(lossy: octets[start...])))
        }
        return segments
    }

    private static func reference(in octets: [UInt8], at start: Int) -> (name: String, end: Int)? {
        guard start + 1 < octets.count, octets[start + 1] == UInt8(ascii: "{") else { return nil }
        var end = start + 2
        while end < octets.count,
            octets[end].isAlphanumeric || octets[end] == UInt8(ascii: "_")
                || octets[end] == .dot
        { end += 1 }
        guard end < octets.count, octets[end] == UInt8(ascii: "}") else { return nil }
        let name = String(lossy: octets[(start + 2)..<end]).asciiLowercased
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ isName($0) || isNumber($0) }),
            parts.count == 1 || parts.first.map(isName) ?? false
        else { return nil }
        return (name, end + 1)
    }

    private static func segment(
        named name: String, _ reading: Reading, line: Int
    ) throws(Diagnostic) -> Segment {
        let parts = name.split(separator: ".")
        if parts.count == 1 {
            guard isNumber(name[...]) else { return .variable(name) }
            // Leading zeros are ignored (§3.2); §6: more than is supported is an error.
            guard let index = Int(name), index <= Limit.matchVariables else {
                throw Diagnostic(
                    line: line,
                    message: "the match variable `${\(name)}` is beyond ${\(Limit.matchVariables)}")
            }
            return .match(index)
        }
        // §3: a namespace whose extension is not required is an error.
        guard parts.count == 2, parts[0] == "global", reading.hasGlobals, isName(parts[1]) else {
            throw Diagnostic(
                line: line,
                message: "the variable `${\(name)}` is of a namespace that is not required")
        }
        return .global(String(parts[1]))
    }

    /// `identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_")`.
    static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, first.isAlpha || first == UInt8(ascii: "_") else {
            return false
        }
        return text.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "_") }
    }

    private static func isNumber(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(\.isDigit)
    }
}
