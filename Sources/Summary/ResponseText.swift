// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Writes strings, numbers and lists of IMAP responses (RFC 9051 §9).
///
/// Octets beyond ASCII go into literals, in UTF-8: that is valid for every client, of IMAP4rev1 and
/// rev2, with `UTF8=ACCEPT` and without (RFC 3501 §4.3, RFC 9051 §4.3, RFC 6855 §3).
///
/// ```abnf
/// nstring = string / nil
/// string  = quoted / literal
/// quoted  = DQUOTE *QUOTED-CHAR DQUOTE
/// literal = "{" number64 "}" CRLF *CHAR8
/// ```
struct ResponseText {
    /// No field for people is longer; one that is, is cut.
    static let maximumStringOctets = 16 << 10
    /// What a message's structure may take; beyond it strings are left out, its form stays whole.
    static let maximumOctets = 4 << 20

    private(set) var octets: [UInt8] = []
    private var scratch: [UInt8] = []

    init(reserving count: Int) { octets.reserveCapacity(count) }

    var count: Int { octets.count }
    var isFull: Bool { octets.count > Self.maximumOctets }

    mutating func byte(_ octet: UInt8) { octets.append(octet) }
    mutating func space() { octets.append(.space) }
    mutating func open() { octets.append(UInt8(ascii: "(")) }
    mutating func close() { octets.append(UInt8(ascii: ")")) }

    /// Text that stands as it is.
    mutating func verbatim(_ text: StaticString) {
        octets.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func null() { verbatim("NIL") }

    mutating func number(_ number: Int) {
        guard number >= 10 else {
            octets.append(UInt8(truncatingIfNeeded: 0x30 + number))
            return
        }
        let start = octets.count
        var rest = number
        while rest > 0 {
            octets.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        }
        octets[start...].reverse()
    }

    /// Writes once more what stands there already.
    mutating func copy(_ range: Range<Int>) {
        octets.reserveCapacity(octets.count + range.count)
        for index in range { octets.append(octets[index]) }
    }

    mutating func truncate(to count: Int) { octets.removeLast(octets.count - count) }

    /// The value of a field, without its folding and the white space around it; nil is NIL.
    mutating func field(_ source: Source, _ value: Range<Int>?) {
        guard let value else { return null() }
        string(source[source.trimmed(value)])
    }

    mutating func string(_ text: UnsafeRawBufferPointer) {
        guard !isFull else { return verbatim("\"\"") }
        let text = UnsafeRawBufferPointer(rebasing: text.prefix(Self.maximumStringOctets))
        let start = octets.count
        octets.append(UInt8(ascii: "\""))
        switch Self.kind(of: text) {
        case .plain:
            octets.append(contentsOf: text)
        case .escaped:
            for var octet in text where octet != .carriageReturn && octet != .lineFeed {
                if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") {
                    octets.append(UInt8(ascii: "\\"))
                }
                // Folding with a tab is common, and means a space.
                if octet == .tab { octet = .space }
                octets.append(octet)
            }
        case .beyondASCII:
            octets.removeLast(octets.count - start)
            return literal(text)
        }
        octets.append(UInt8(ascii: "\""))
    }

    mutating func string(_ text: some Collection<UInt8>) {
        let isWritten: Void? = text.withContiguousStorageIfAvailable {
            string(UnsafeRawBufferPointer($0))
        }
        if isWritten == nil { Array(text).withUnsafeBytes { string($0) } }
    }

    private enum Kind {
        case plain, escaped, beyondASCII
    }

    private static func kind(of text: UnsafeRawBufferPointer) -> Kind {
        var kind = Kind.plain
        for octet in text {
            // NUL is no character of IMAP (`CHAR8 = %x01-ff`).
            if octet >= 0x80 || octet == 0 { return .beyondASCII }
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
                || octet == .carriageReturn || octet == .lineFeed || octet == .tab
            {
                kind = .escaped
            }
        }
        return kind
    }

    /// UTF-8 as it stands; what is none is most likely windows-1252, and is written as UTF-8.
    private mutating func literal(_ text: UnsafeRawBufferPointer) {
        var end = text.count
        if end == Self.maximumStringOctets {
            // Cut between characters.
            while end > 0, text[end - 1] & 0xC0 == 0x80 { end -= 1 }
            if end > 0, text[end - 1] >= 0xC0 { end -= 1 }
        }
        scratch.removeAll(keepingCapacity: true)
        for octet in text[..<end]
        where octet != .carriageReturn && octet != .lineFeed && octet != 0 {
            scratch.append(octet == .tab ? .space : octet)
        }
        var guess = Charset.guess(scratch).text
        guess.withUTF8 { content in
            octets.append(UInt8(ascii: "{"))
            number(content.count)
            verbatim("}\r\n")
            octets.append(contentsOf: content)
        }
    }
}
