// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// The arguments of MAIL and RCPT, read from a command line.
///
/// ```abnf
/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF     ; RFC 5321 §4.1.1.2
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" /
///                     Forward-path ) [SP Rcpt-parameters] CRLF   ; §4.1.1.3
/// ```
enum MailArguments {
    /// RFC 5321 §4.5.3.1.3 says 256 octets for a path; local part and domain have their own
    /// limits of 64 and 255, and a source route may stand before them.
    static let maximumPathOctets = 1024
    static func mail(
        _ argument: ArraySlice<UInt8>, on terms: @autoclosure () -> Terms
    ) throws(Reply) -> (ReversePath, MailParameters) {
        let (path, rest) = try self.path(argument, after: "FROM:", otherwise: .senderSyntax)
        let written = try Parameter.read(rest)
        let parameters =
            written.isEmpty ? MailParameters() : try MailParameters(written, on: terms())
        let reversePath: ReversePath =
            path.isEmpty
            ? .null
            : .address(
                try address(
                    path, isInternational: parameters.isInternational, otherwise: .senderSyntax,
                    beyondASCII: .internationalSender))
        return (reversePath, parameters)
    }

    /// `isInternational`: MAIL said SMTPUTF8.
    static func recipient(
        _ argument: ArraySlice<UInt8>, isInternational: Bool, on terms: @autoclosure () -> Terms
    ) throws(Reply) -> (ForwardPath, RecipientParameters) {
        let (path, rest) = try self.path(argument, after: "TO:", otherwise: .recipientSyntax)
        // §4.5.1: reserved, in any letter case.
        let forwardPath: ForwardPath =
            path.equalsIgnoringCase("postmaster".utf8)
            ? .postmaster
            : .address(
                try address(
                    path, isInternational: isInternational, otherwise: .recipientSyntax,
                    beyondASCII: .internationalRecipient))
        let written = try Parameter.read(rest)
        guard !written.isEmpty else { return (forwardPath, RecipientParameters()) }
        return (
            forwardPath,
            try RecipientParameters(written, isInternational: isInternational, on: terms())
        )
    }

    /// The octets between the angle brackets, without a source route, and what follows.
    ///
    /// Spaces behind the colon are forbidden (§3.3) and common; they are passed over.
    ///
    /// ```abnf
    /// Path  = "<" [ A-d-l ":" ] Mailbox ">"      ; §4.1.2
    /// A-d-l = At-domain *( "," At-domain )       ; must be accepted, should be ignored
    /// ```
    private static func path(
        _ argument: ArraySlice<UInt8>, after keyword: String, otherwise refusal: Reply
    ) throws(Reply) -> (path: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) {
        guard argument.prefix(keyword.utf8.count).equalsIgnoringCase(keyword.utf8) else {
            throw refusal
        }
        let text = argument.dropFirst(keyword.utf8.count).drop { $0 == .space }
        guard text.first == UInt8(ascii: "<") else { throw refusal }
        var isQuoted = false
        var index = text.startIndex + 1
        while index < text.endIndex, isQuoted || text[index] != UInt8(ascii: ">") {
            switch text[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            default: break
            }
            index += 1
        }
        guard index < text.endIndex, index - text.startIndex < maximumPathOctets else {
            throw refusal
        }
        var path = text[(text.startIndex + 1)..<index]
        if path.first == UInt8(ascii: "@") {
            guard let colon = path.firstIndex(of: UInt8(ascii: ":")) else { throw refusal }
            path = path[(colon + 1)...]
            guard !path.isEmpty else { throw refusal }
        }
        return (path, text[(index + 1)...])
    }

    private static func address(
        _ path: ArraySlice<UInt8>, isInternational: Bool, otherwise refusal: Reply,
        beyondASCII: Reply
    ) throws(Reply) -> Address {
        // RFC 6531 §3.4: without SMTPUTF8 a path is ASCII, its domain in A-labels.
        guard isInternational || path.allSatisfy({ $0 < 0x80 }) else { throw beyondASCII }
        guard let text = String(validating: path, as: UTF8.self),
            let address = try? Address(text)
        else { throw refusal }
        return address
    }
}
