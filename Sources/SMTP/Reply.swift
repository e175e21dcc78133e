// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// What a server says to a command (RFC 5321 §4.2), with its enhanced status code (RFC 2034).
///
/// One value for both sides: the server's refusals are made of it (it can be thrown), and the
/// client reads it with `ReplyParser`. A line's text holds no control characters.
package struct Reply: Error, Hashable, Sendable, CustomStringConvertible {
    /// Three digits: 200 to 599.
    package let code: Int
    /// RFC 2034 §4: none in greetings, replies to EHLO and HELO, and 3yz.
    package let status: EnhancedStatus?
    /// At least one; without code and status.
    package let lines: [String]

    /// In octets, without code, status and CRLF: leaves a reply line below the 512 octets of
    /// RFC 5321 §4.5.3.1.5.
    package static let maximumTextOctets = 480

    package init(_ code: Int, _ status: EnhancedStatus?, lines: [String]) {
        precondition((200...599).contains(code), "a reply code is between 200 and 599")
        self.code = code
        self.status = status
        self.lines = lines.isEmpty ? [""] : lines.map(Self.printable)
    }

    package init(_ code: Int, _ status: EnhancedStatus?, _ text: String) {
        self.init(code, status, lines: [text])
    }

    /// Short for a reply with the status `class.subject.detail`.
    package init(
        _ code: Int, _ class: UInt8, _ subject: UInt16, _ detail: UInt16, _ text: String
    ) {
        self.init(code, EnhancedStatus(`class`, subject, detail), lines: [text])
    }

    /// A challenge (RFC 4954 §4): base64, as long as the mechanism makes it.
    init(challenge: String) {
        code = 334
        status = nil
        lines = [challenge]
    }

    /// `textstring = 1*(%d09 / %d32-126)`, and UTF-8 (RFC 6531 §3.4), cut to its limit.
    private static func printable(_ text: String) -> String {
        let octets = text.utf8
        guard
            octets.count > maximumTextOctets
                || octets.contains(where: { ($0 < 0x20 && $0 != .tab) || $0 == 0x7F })
        else { return text }
        var cut = octets.prefix(maximumTextOctets).map {
            ($0 < 0x20 && $0 != .tab) || $0 == 0x7F ? UInt8(ascii: "?") : $0
        }
        if octets.count > maximumTextOctets {
            // Not in the middle of a character.
            while let last = cut.last, last >= 0x80 {
                cut.removeLast()
                if last >= 0xC0 { break }
            }
        }
        return String(decoding: cut, as: UTF8.self)
    }

    /// 2yz: the command was done.
    package var isPositiveCompletion: Bool { (200...299).contains(code) }
    /// 3yz: the server waits for more.
    package var isPositiveIntermediate: Bool { (300...399).contains(code) }
    /// 4yz: not now.
    package var isTransientNegative: Bool { (400...499).contains(code) }
    /// 5yz: not at all.
    package var isPermanentNegative: Bool { code >= 500 }

    /// The octets on the wire.
    ///
    /// ```abnf
    /// Reply-line     = *( Reply-code "-" [ textstring ] CRLF )   ; RFC 5321 §4.2
    ///                  Reply-code [ SP textstring ] CRLF
    /// ```
    package var encoded: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(lines.reduce(0) { $0 + $1.utf8.count + 20 })
        for (index, line) in lines.enumerated() {
            octets.append(UInt8(ascii: "0") + UInt8(code / 100))
            octets.append(UInt8(ascii: "0") + UInt8(code / 10 % 10))
            octets.append(UInt8(ascii: "0") + UInt8(code % 10))
            octets.append(index == lines.count - 1 ? .space : UInt8(ascii: "-"))
            if let status {
                Self.append(UInt16(status.class), to: &octets)
                octets.append(.dot)
                Self.append(status.subject, to: &octets)
                octets.append(.dot)
                Self.append(status.detail, to: &octets)
                octets.append(.space)
            }
            // RFC 5321 §4.2: ASCII, as long as SMTPUTF8 (RFC 6531 §3.4) is not spoken.
            let start = octets.count
            octets.append(contentsOf: line.utf8)
            for place in start..<octets.count where octets[place] >= 0x80 {
                octets[place] = UInt8(ascii: "?")
            }
            octets.append(.carriageReturn)
            octets.append(.lineFeed)
        }
        return octets
    }

    private static func append(_ number: UInt16, to octets: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &octets) }
        octets.append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// One line for people: code, status, and the text of all lines.
    package var description: String {
        let text = lines.joined(separator: " ")
        if let status { return "\(code) \(status) \(text)" }
        return text.isEmpty ? "\(code)" : "\(code) \(text)"
    }
}

// MARK: - What a server says, in the words of RFC 5321, RFC 3463 and RFC 5248.

extension Reply {
    // To the whole session.
    package static let closing = Reply(221, 2, 0, 0, "Closing the connection")
    package static let shuttingDown = Reply(
        421, 4, 3, 2, "The service is shutting down, please come back later")
    package static let tooManyConnections = Reply(
        421, 4, 3, 2, "Too many connections, please come back later")
    package static let tooManyFromNetwork = Reply(
        421, 4, 7, 0, "Too many connections from your network, please come back later")
    package static let tooFastFromNetwork = Reply(
        421, 4, 7, 0, "Too many connections from your network in a minute, please slow down")
    package static let timedOut = Reply(421, 4, 4, 2, "Nothing came for too long, closing")
    package static let tooManyCommands = Reply(
        421, 4, 7, 0, "Too many commands without a message, closing")
    package static let tooManyTransactions = Reply(
        421, 4, 5, 0, "Enough messages for one connection, please come again")
    package static let tooManyErrors = Reply(421, 4, 7, 0, "Too many errors, closing")
    package static let notSMTP = Reply(421, 4, 7, 0, "This is a mail server, closing")

    // To commands.
    package static let okay = Reply(250, 2, 0, 0, "OK")
    package static let commandUnknown = Reply(500, 5, 5, 1, "Command unknown")
    package static let commandNotImplemented = Reply(502, 5, 5, 1, "Command not implemented")
    package static let badSequence = Reply(503, 5, 5, 1, "Bad sequence of commands")
    package static let lineTooLong = Reply(500, 5, 5, 2, "Line too long")
    package static let bareLineEnd = Reply(
        500, 5, 5, 2, "A line must end with CR LF, and hold neither alone, nor NUL")
    package static let syntaxError = Reply(501, 5, 5, 2, "Syntax error in the arguments")
    package static let unexpectedArgument = Reply(501, 5, 5, 4, "No argument is allowed here")
    package static let parameterUnknown = Reply(555, 5, 5, 4, "Parameter not recognized")
    package static let parameterRepeated = Reply(501, 5, 5, 4, "A parameter is given twice")
    package static let parameterMalformed = Reply(501, 5, 5, 4, "Parameter value not valid")

    package static let prioritySyntax = Reply(
        501, 5, 5, 2, "A priority is a number from -9 to 9")
    package static let holdTooLong = Reply(
        501, 5, 5, 4, "The message cannot be held for so long")
    package static let deliverByTooSoon = Reply(
        555, 5, 5, 4, "The message cannot be delivered or returned so soon")

    // To MAIL and RCPT.
    package static let senderAccepted = Reply(250, 2, 1, 0, "Sender OK")
    package static let senderSyntax = Reply(
        501, 5, 1, 7, "Syntax error in the sender's address, write MAIL FROM:<user@domain>")
    package static let senderRefused = Reply(550, 5, 7, 1, "Sender refused")
    package static let senderNotOwned = Reply(
        553, 5, 7, 1, "This account may not send from that address")
    package static let senderHasNullMX = Reply(
        550, 5, 7, 27, "The sender's domain says that it takes no mail (Null MX)")
    package static let senderDomainTakesNoMail = Reply(
        550, 5, 1, 8,
        "The sender's domain does not exist, or has neither an exchanger nor an address")
    package static let senderDomainUncertain = Reply(
        451, 4, 4, 3, "The sender's domain cannot be looked up at the moment, try again later")
    package static let recipientAccepted = Reply(250, 2, 1, 5, "Recipient OK")
    package static let recipientSyntax = Reply(
        501, 5, 1, 3, "Syntax error in the recipient's address, write RCPT TO:<user@domain>")
    // RFC 6531 §3.5.
    package static let internationalSender = Reply(
        550, 5, 6, 7, "An address beyond ASCII needs the parameter SMTPUTF8")
    package static let internationalRecipient = Reply(
        553, 5, 6, 7, "An address beyond ASCII needs the parameter SMTPUTF8 in MAIL")
    package static let mailboxUnknown = Reply(550, 5, 1, 1, "No such mailbox here")
    package static let returnPathForged = Reply(
        550, 5, 1, 1, "No such mailbox here: this return path was not made here, or was changed")
    package static let returnPathExpired = Reply(
        550, 5, 1, 1, "No such mailbox here any more: this return path was good for three weeks")
    package static let returnPathOfPrimary = Reply(
        451, 4, 3, 0, "Only the primary exchanger knows this return path, please come back later")
    package static let mailboxDisabled = Reply(550, 5, 2, 1, "This mailbox is disabled")
    package static let mailboxFull = Reply(452, 4, 2, 2, "This mailbox is full")
    package static let mailboxTooSmall = Reply(
        552, 5, 2, 2, "This message is larger than all that this mailbox may hold")
    package static let mailboxUnavailable = Reply(
        450, 4, 2, 0, "This mailbox cannot be reached just now, please come back later")
    package static let relayingDenied = Reply(
        550, 5, 7, 1, "Relaying denied: neither local nor relayed here, and no authentication")
    package static let domainHasNullMX = Reply(
        556, 5, 1, 10, "The recipient's domain takes no mail (Null MX)")
    package static let tooManyRecipients = Reply(
        452, 4, 5, 3, "Too many recipients, send the rest in another transaction")
    package static let noValidRecipients = Reply(554, 5, 5, 1, "No valid recipients")

    // To DATA and the message.
    package static let startInput = Reply(
        354, nil, "Start mail input, end with <CRLF>.<CRLF>")
    package static let messageAccepted = Reply(250, 2, 0, 0, "Message accepted")
    package static let messageTooLarge = Reply(
        552, 5, 3, 4, "The message is larger than this server takes")
    package static let insufficientStorage = Reply(
        452, 4, 3, 1, "Not enough storage just now, please come back later")
    package static let localError = Reply(
        451, 4, 3, 0, "A local error, nothing was accepted, please come back later")
    package static let mailLoop = Reply(554, 5, 4, 6, "The message is going round in circles")
    package static let bareLineEndInContent = Reply(
        550, 5, 6, 0,
        "The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted")
    package static let nullInContent = Reply(
        550, 5, 6, 0, "The message holds NUL (RFC 5322 section 4), nothing was accepted")
    package static let textLineTooLong = Reply(
        554, 5, 6, 0, "A line of the message is too long, nothing was accepted")

    package static let headerNotUTF8 = Reply(
        554, 5, 6, 0, "The header is not well-formed UTF-8 (RFC 6532), nothing was accepted")
    package static let chunkSizeMalformed = Reply(
        501, 5, 5, 4, "BDAT needs a size and nothing but LAST after it, closing")
    package static let binaryNeedsChunks = Reply(
        503, 5, 5, 1, "BODY=BINARYMIME needs BDAT")

    // To STARTTLS and AUTH.
    package static let readyForTLS = Reply(220, 2, 0, 0, "Go ahead")
    package static let tlsUnavailable = Reply(502, 5, 5, 1, "TLS is not available here")
    package static let tlsAlreadyActive = Reply(503, 5, 5, 1, "TLS is already active")
    package static let tlsRequired = Reply(530, 5, 7, 0, "Must issue a STARTTLS command first")
    package static let commandAfterStartTLS = Reply(
        554, 5, 5, 1, "Commands must not follow STARTTLS in one go; they were discarded")
    package static let authenticationSucceeded = Reply(
        235, 2, 7, 0, "Authentication succeeded")
    package static let authenticationRequired = Reply(530, 5, 7, 0, "Authentication required")
    package static let authenticationNeedsTLS = Reply(
        538, 5, 7, 11, "Encryption required for authentication, use STARTTLS first")
    package static let mechanismUnknown = Reply(
        504, 5, 5, 4, "Authentication mechanism not offered here")
    package static let credentialsInvalid = Reply(
        535, 5, 7, 8, "Authentication credentials invalid")
    package static let authenticationUnavailable = Reply(
        454, 4, 7, 0, "Temporary authentication failure")
    package static let tooManyWrongPasswords = Reply(
        454, 4, 7, 0, "Too many wrong passwords from your network, try again in 15 minutes")
    package static let authenticationCancelled = Reply(501, 5, 7, 0, "Authentication cancelled")
    package static let authenticationMalformed = Reply(501, 5, 5, 2, "This is not base64")
    package static let authenticationTooLong = Reply(
        500, 5, 5, 6, "Authentication exchange line is too long")

    // To the rest.
    package static let cannotVerify = Reply(
        252, 2, 0, 0, "Cannot verify, but will accept the message and attempt delivery")
    package static let help = Reply(
        214, EnhancedStatus(2, 0, 0),
        lines: [
            "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY ETRN HELP STARTTLS AUTH",
            "See RFC 5321",
        ])
    package static let expansionRefused = Reply(502, 5, 5, 1, "EXPN is not served here")
    package static let useLHLO = Reply(500, 5, 5, 1, "This is LMTP: say LHLO")
    package static let queueSyntax = Reply(
        501, 5, 5, 4, "Syntax error, write ETRN example.org or ETRN @example.org")
    package static let clientNotTrusted = Reply(550, 5, 7, 0, "XCLIENT is not for you")
    package static let clientMalformed = Reply(501, 5, 5, 4, "XCLIENT attributes not valid")
}
