// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a client asks for (RFC 1939 §5-§7, RFC 2449, RFC 2595, RFC 5034).
enum Command: Equatable, Sendable {
    case user(String)
    case pass([UInt8])
    case auth(mechanism: String?, initialResponse: [UInt8]?)
    case startTLS
    case capabilities
    case status
    case list(Int?)
    case uniqueIDs(Int?)
    case retrieve(Int)
    case top(Int, lines: Int)
    case delete(Int)
    case reset
    case noOperation
    case quit

    /// Why a line is no command.
    enum Failure: Error, Equatable {
        case unknown
        case arguments(String)
    }

    /// Reads a line without its CRLF.
    ///
    /// ```abnf
    /// command  = keyword *(SP param)        ; RFC 2449 §4
    /// keyword  = 3*4ALPHA, in any case
    /// param    = 1*VCHAR
    /// ```
    init(_ line: [UInt8]) throws(Failure) {
        let end = line.firstIndex(of: .space) ?? line.endIndex
        let keyword = String(lossy: line[..<end].map(\.lowercased))
        let rest = line[end...].dropFirst()
        guard !rest.contains(0) else { throw .arguments("no NUL") }
        let words = rest.split(separator: .space).map { $0 }
        switch keyword {
        case "user":
            guard !rest.isEmpty, let name = String(validating: rest, as: UTF8.self) else {
                throw .arguments("USER name")
            }
            self = .user(name)
        case "pass":
            // RFC 1939 §7: spaces are part of the password.
            guard !rest.isEmpty else { throw .arguments("PASS password") }
            self = .pass(Array(rest))
        case "auth": self = try Self.auth(words)
        case "list": self = .list(try Self.optionalNumber(words, "LIST [message]"))
        case "uidl": self = .uniqueIDs(try Self.optionalNumber(words, "UIDL [message]"))
        case "retr": self = .retrieve(try Self.number(words, "RETR message"))
        case "dele": self = .delete(try Self.number(words, "DELE message"))
        case "top":
            guard words.count == 2, let message = Self.number(words[0]),
                let lines = Self.number(words[1])
            else { throw .arguments("TOP message lines") }
            self = .top(message, lines: lines)
        default: self = try Self.plain(keyword, words)
        }
    }

    /// The commands without arguments.
    private static func plain(
        _ keyword: String, _ words: [ArraySlice<UInt8>]
    ) throws(Failure) -> Command {
        let command: Command
        switch keyword {
        case "stls": command = .startTLS
        case "capa": command = .capabilities
        case "stat": command = .status
        case "rset": command = .reset
        case "noop": command = .noOperation
        case "quit": command = .quit
        default: throw .unknown
        }
        guard words.isEmpty else { throw .arguments(keyword.uppercased()) }
        return command
    }

    /// `"AUTH" SP sasl-mech [SP (base64 / "=")]` (RFC 5034 §4); bare, it asks for a list.
    private static func auth(_ words: [ArraySlice<UInt8>]) throws(Failure) -> Command {
        guard words.count <= 2 else { throw .arguments("AUTH mechanism [initial-response]") }
        let mechanism = words.first.map { String(lossy: $0) }
        guard words.count == 2 else { return .auth(mechanism: mechanism, initialResponse: nil) }
        // RFC 5034 §4: "=" is an initial response of no octets.
        if words[1].elementsEqual([UInt8(ascii: "=")]) {
            return .auth(mechanism: mechanism, initialResponse: [])
        }
        guard let response = Base64.decode(words[1]) else {
            throw .arguments("an initial response in Base 64")
        }
        return .auth(mechanism: mechanism, initialResponse: response)
    }

    private static func optionalNumber(
        _ words: [ArraySlice<UInt8>], _ usage: String
    ) throws(Failure) -> Int? {
        words.isEmpty ? nil : try number(words, usage)
    }

    private static func number(
        _ words: [ArraySlice<UInt8>], _ usage: String
    ) throws(Failure) -> Int {
        guard words.count == 1, let number = number(words[0]) else { throw .arguments(usage) }
        return number
    }

    /// Up to nine digits, which is more messages than any maildrop has.
    private static func number(_ word: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(word.count), word.allSatisfy(\.isDigit) else { return nil }
        return word.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
