// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads the octets of one line, or of its rest behind a literal.
struct ArgumentScanner {
    /// How a line goes on.
    enum Ending: Hashable {
        case line
        /// So many octets follow, and then the rest of the line.
        case literal(UInt64)
    }

    struct Failure: Error {
        let description: String

        init(_ description: String) { self.description = description }
    }

    private var rest: ArraySlice<UInt8>

    init(_ line: [UInt8]) { rest = line[...] }

    // ATOM-CHAR = "!" / %x23-27 / %x2A-5B / %x5D-7A / %x7C-7E
    private static let atomCharacters = OctetSet(0x21...0x7E, without: OctetSet("\"()\\{"))

    /// `atom = 1*1024ATOM-CHAR`, the name of the command.
    mutating func verb() throws(Failure) -> Verb {
        let word = rest.prefix { Self.atomCharacters.contains($0) }
        guard !word.isEmpty else { throw Failure("a command must stand here") }
        rest = rest.dropFirst(word.count)
        guard let verb = Verb(rawValue: String(lossy: word).asciiLowercased) else {
            throw Failure("the command is unknown")
        }
        return verb
    }

    /// `*(SP (string / number))` up to the end of the line.
    mutating func arguments(into arguments: inout [Argument]) throws(Failure) -> Ending {
        while let octet = rest.first {
            guard octet == .space else { throw Failure("a space must stand between arguments") }
            rest = rest.dropFirst()
            guard arguments.count < Self.maximumArguments else {
                throw Failure("these are too many arguments")
            }
            if let literal = try argument(into: &arguments) { return .literal(literal) }
        }
        return .line
    }

    /// No command takes more than two.
    private static let maximumArguments = 2

    /// The string that answers a challenge, which stands alone.
    mutating func response(into arguments: inout [Argument]) throws(Failure) -> Ending {
        if let literal = try argument(into: &arguments) { return .literal(literal) }
        guard rest.isEmpty else { throw Failure("nothing may follow the response") }
        return .line
    }

    /// Nothing may follow; behind the literal of a response.
    func end() throws(Failure) {
        guard rest.isEmpty else { throw Failure("nothing may follow the response") }
    }

    /// The octets of a literal that begins here; nil if the argument has been read.
    private mutating func argument(into arguments: inout [Argument]) throws(Failure) -> UInt64? {
        switch rest.first {
        case UInt8(ascii: "\""): arguments.append(.string(try quoted()))
        case UInt8(ascii: "{"):
            guard let mark = LiteralMark(endOf: rest), mark.length == rest.count else {
                throw Failure("a literal begins with {octets+} and the end of the line")
            }
            return mark.octets
        case .some(let digit) where digit.isDigit: arguments.append(.number(try number()))
        default: throw Failure("a string or a number must stand here")
        }
        return nil
    }

    /// ```abnf
    /// quoted       = DQUOTE *1024QUOTED-CHAR DQUOTE
    /// QUOTED-CHAR  = SAFE-UTF8-CHAR / "\" QUOTED-SPECIALS
    /// ```
    private mutating func quoted() throws(Failure) -> [UInt8] {
        var string: [UInt8] = []
        rest = rest.dropFirst()
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "\""):
                guard string.count <= Wire.maximumQuotedOctets else {
                    throw Failure("a quoted string has at most 1024 octets; send a literal")
                }
                guard String(validating: string, as: UTF8.self) != nil else {
                    throw Failure("a quoted string is in UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(),
                    escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { throw Failure("only \" and \\ follow a backslash") }
                string.append(escaped)
            case 0, .carriageReturn, .lineFeed:
                throw Failure("a quoted string has no NUL, CR or LF; send a literal")
            default: string.append(octet)
            }
        }
        throw Failure("a quoted string is not closed")
    }

    /// `number = (NZDIGIT *DIGIT) / "0"`, in 32 bits.
    private mutating func number() throws(Failure) -> UInt32 {
        let digits = rest.prefix { $0.isDigit }
        rest = rest.dropFirst(digits.count)
        guard digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let number = UInt32(String(lossy: digits))
        else { throw Failure("a number is less than 4294967296 and has no leading zeros") }
        return number
    }
}

/// `literal-c2s = "{" number "+}" CRLF` at the end of a line (RFC 5804 §4).
struct LiteralMark: Hashable {
    var octets: UInt64
    /// Octets of the mark itself.
    var length: Int

    /// Nil if the line ends otherwise.
    init?(endOf line: some BidirectionalCollection<UInt8>) {
        guard line.last == UInt8(ascii: "}") else { return nil }
        var rest = line.dropLast()
        guard rest.last == UInt8(ascii: "+") else { return nil }
        rest = rest.dropLast()
        var digits: [UInt8] = []
        while let digit = rest.last, digit.isDigit {
            digits.append(digit)
            rest = rest.dropLast()
        }
        guard !digits.isEmpty, rest.last == UInt8(ascii: "{") else { return nil }
        // Whoever announces more than can be counted is refused as if it were as much.
        octets = UInt64(String(lossy: digits.reversed())) ?? UInt64.max
        length = digits.count + 3
    }
}
