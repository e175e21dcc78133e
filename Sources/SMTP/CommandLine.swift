// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The commands of RFC 5321 §4.1.1 and of the extensions served here.
///
/// The one that comes a thousand times in a session stands first.
enum Verb: String, CaseIterable, Hashable {
    case rcpt = "RCPT"
    case mail = "MAIL"
    case ehlo = "EHLO"
    case helo = "HELO"
    case data = "DATA"
    case bdat = "BDAT"
    case rset = "RSET"
    case noop = "NOOP"
    case quit = "QUIT"
    case vrfy = "VRFY"
    case expn = "EXPN"
    case help = "HELP"
    case startTLS = "STARTTLS"
    case auth = "AUTH"
    case lhlo = "LHLO"
    case etrn = "ETRN"
    case xclient = "XCLIENT"
    // RFC 5321 appendix F.6 and RFC 2920: known, obsolete.
    case send = "SEND"
    case soml = "SOML"
    case saml = "SAML"
    case turn = "TURN"
}

/// A line that is a command, taken apart into verb and argument.
struct CommandLine {
    /// Nil for a verb nobody knows.
    let verb: Verb?
    /// The rest of the line without the space before it and white space behind it.
    let argument: ArraySlice<UInt8>
    /// What stood in the verb's place.
    let word: ArraySlice<UInt8>

    /// The first word in the first line of an HTTP request: a browser was led here to smuggle
    /// commands in a request's body.
    var isHTTP: Bool {
        ["GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"].contains {
            word.elementsEqual($0.utf8)
        }
    }

    /// `command = verb [SP argument] CRLF`; white space before CRLF is tolerated (§4.1.1).
    init(_ line: [UInt8]) {
        var end = line.endIndex
        while end > 0, line[end - 1].isWhitespace { end -= 1 }
        let wordEnd = line[..<end].firstIndex(of: .space) ?? end
        let word = line[..<wordEnd]
        self.word = word
        verb = Self.verb(word)
        var start = wordEnd
        while start < end, line[start] == .space { start += 1 }
        argument = line[start..<end]
    }

    /// Verbs are read in any letter case (§2.4).
    private static func verb(_ word: ArraySlice<UInt8>) -> Verb? {
        Verb.allCases.first { word.equalsIgnoringCase($0.rawValue.utf8) }
    }
}
