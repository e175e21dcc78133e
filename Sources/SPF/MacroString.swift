// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Text in which macros stand (RFC 7208 §7.1).
///
/// ```abnf
/// macro-string     = *( macro-expand / macro-literal )
/// macro-expand     = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
/// macro-literal    = %x21-24 / %x26-7E
/// macro-letter     = "s" / "l" / "o" / "d" / "i" / "p" / "h" / "c" / "r" / "t" / "v"
/// transformers     = *DIGIT [ "r" ]
/// delimiter        = "." / "-" / "+" / "," / "/" / "_" / "="
/// ```
struct MacroString: Hashable, Sendable {
    enum Piece: Hashable, Sendable {
        case literal(ArraySlice<UInt8>)
        case macro(Macro)
    }

    struct Macro: Hashable, Sendable {
        /// In lower case.
        let letter: UInt8
        /// §7.3: an upper-case letter asks for what a URL can hold.
        let isEscaped: Bool
        /// How many parts count, from the right; nil: all.
        let kept: Int?
        let isReversed: Bool
        /// Empty: the dot.
        let delimiters: ArraySlice<UInt8>
    }

    let pieces: [Piece]

    /// The only piece, if it is a literal.
    var plain: ArraySlice<UInt8>? {
        if pieces.count == 1, case .literal(let text) = pieces[0] { text } else { nil }
    }

    /// Whether a macro is a part of the sender's address that may be other than ASCII.
    var namesLocalPart: Bool {
        pieces.contains { piece in
            if case .macro(let macro) = piece { "sl".utf8.contains(macro.letter) } else { false }
        }
    }

    /// An explanation may hold spaces, and macros that domains may not (§7.2 `c`, `r`, `t`).
    init(
        _ text: ArraySlice<UInt8>, isExplanation: Bool
    ) throws(SenderPolicy.Fault.Reason) {
        var pieces: [Piece] = []
        var index = text.startIndex
        var start = index
        while index < text.endIndex {
            let octet = text[index]
            guard (0x21...0x7E).contains(octet) || isExplanation && octet == .space else {
                throw .macros
            }
            guard octet == UInt8(ascii: "%") else {
                index += 1
                continue
            }
            if start < index { pieces.append(.literal(text[start..<index])) }
            pieces.append(try Self.macro(text, &index, isExplanation))
            start = index
        }
        if start < index { pieces.append(.literal(text[start..<index])) }
        self.pieces = pieces
    }

    private static func macro(
        _ text: ArraySlice<UInt8>, _ index: inout Int, _ isExplanation: Bool
    ) throws(SenderPolicy.Fault.Reason) -> Piece {
        guard index + 1 < text.endIndex else { throw .macros }
        let sign = text[index + 1]
        index += 2
        switch sign {
        case UInt8(ascii: "%"): return .literal(Self.percent)
        case UInt8(ascii: "_"): return .literal(Self.space)
        case UInt8(ascii: "-"): return .literal(Self.encodedSpace)
        case UInt8(ascii: "{"): break
        default: throw .macros
        }
        guard index < text.endIndex else { throw .macros }
        let letter = text[index].lowercased
        let isEscaped = letter != text[index]
        guard (isExplanation ? "slodiphvcrt" : "slodiphv").utf8.contains(letter) else {
            throw .macros
        }
        index += 1
        var kept: Int?
        while index < text.endIndex, text[index].isDigit {
            // No name has as many parts as that: what is beyond counts as all.
            kept = min((kept ?? 0) * 10 + Int(text[index] - UInt8(ascii: "0")), 1000)
            index += 1
        }
        // §7.1: a zero would leave nothing.
        guard kept != 0 else { throw .macros }
        var isReversed = false
        if index < text.endIndex, text[index].lowercased == UInt8(ascii: "r") {
            isReversed = true
            index += 1
        }
        let start = index
        while index < text.endIndex, ".-+,/_=".utf8.contains(text[index]) { index += 1 }
        let delimiters = text[start..<index]
        guard index < text.endIndex, text[index] == UInt8(ascii: "}") else { throw .macros }
        index += 1
        return .macro(
            Macro(
                letter: letter, isEscaped: isEscaped, kept: kept, isReversed: isReversed,
                delimiters: delimiters))
    }

    private static let percent = ArraySlice("%".utf8)
    private static let space = ArraySlice(" ".utf8)
    private static let encodedSpace = ArraySlice("%20".utf8)
}

/// A domain's name, perhaps made up by macros (RFC 7208 §7.1).
///
/// ```abnf
/// domain-spec      = macro-string domain-end
/// domain-end       = ( "." toplabel [ "." ] ) / macro-expand
/// toplabel         = ( *alphanum ALPHA *alphanum ) /
///                    ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
/// ```
package struct DomainSpec: Hashable, Sendable {
    let text: MacroString

    /// The name, where no macro makes it up.
    package var plain: ArraySlice<UInt8>? { text.plain }

    init(_ octets: ArraySlice<UInt8>) throws(SenderPolicy.Fault.Reason) {
        guard !octets.isEmpty else { throw .domain }
        text = try MacroString(octets, isExplanation: false)
        guard case .literal(let end) = text.pieces.last, !Self.endsInEscape(octets) else { return }
        guard Self.isDomainEnd(end) else { throw .domain }
    }

    /// `%%`, `%_` and `%-` are macros, too.
    private static func endsInEscape(_ octets: ArraySlice<UInt8>) -> Bool {
        var percents = 0
        for octet in octets.dropLast().reversed() {
            guard octet == UInt8(ascii: "%") else { break }
            percents += 1
        }
        guard let last = octets.last, "%_-".utf8.contains(last) else { return false }
        return !percents.isMultiple(of: 2)
    }

    private static func isDomainEnd(_ literal: ArraySlice<UInt8>) -> Bool {
        var text = literal
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        guard let dot = text.lastIndex(of: UInt8(ascii: ".")) else { return false }
        let label = text[(dot + 1)...]
        guard let first = label.first, let last = label.last, first.isAlphanumeric,
            last.isAlphanumeric
        else { return false }
        return label.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
            && !label.allSatisfy(\.isDigit)
    }
}
