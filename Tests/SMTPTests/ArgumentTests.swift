// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing

/// A command's arguments, and what is made of them: a text of the parts, or the refusal's code.
struct ArgumentRow: CustomTestStringConvertible, Sendable {
    let argument: String
    let expected: String
    var testDescription: String { argument }

    init(_ argument: String, _ expected: String) {
        self.argument = argument
        self.expected = expected
    }
}

@Suite("RFC 5321 §4.1.2 arguments of MAIL and RCPT")
struct ArgumentTests {
    static let senders = [
        ArgumentRow("FROM:<>", "<> -"),
        ArgumentRow("FROM:<ann@example.net>", "<ann@example.net> -"),
        ArgumentRow("from:<Ann@Example.NET>", "<Ann@example.net> -"),
        ArgumentRow("FROM: <ann@example.net>", "<ann@example.net> -"),
        ArgumentRow("FROM:<@a.example,@b.example:ann@example.net>", "<ann@example.net> -"),
        ArgumentRow("FROM:<\"a n>n\"@example.net>", "<\"a n>n\"@example.net> -"),
        ArgumentRow("FROM:<\"a\\\">n\"@example.net>", "<\"a\\\">n\"@example.net> -"),
        ArgumentRow("FROM:<ann@[192.0.2.1]>", "<ann@[192.0.2.1]> -"),
        ArgumentRow("FROM:<ann@[IPv6:2001:db8::1]>", "<ann@[IPv6:2001:db8::1]> -"),
        ArgumentRow("FROM:<ann@example.net> SIZE=12", "<ann@example.net> size 12"),
        ArgumentRow(
            "FROM:<ann@example.net>  size=12  body=8bitmime", "<ann@example.net> size 12 8bit"),
        ArgumentRow("FROM:<ann@example.net> BODY=7BIT", "<ann@example.net> -"),
        ArgumentRow("FROM:<ann@example.net> AUTH=<>", "<ann@example.net> by <>"),
        ArgumentRow("FROM:<> AUTH=e+2B1@example.net", "<> by <e+1@example.net>"),
        ArgumentRow("", "501 5.1.7"),
        ArgumentRow("FROM:", "501 5.1.7"),
        ArgumentRow("FROM <ann@example.net>", "501 5.1.7"),
        ArgumentRow("TO:<ann@example.net>", "501 5.1.7"),
        ArgumentRow("FROM:ann@example.net", "501 5.1.7"),
        ArgumentRow("FROM:<ann@example.net", "501 5.1.7"),
        ArgumentRow("FROM:<ann>", "501 5.1.7"),
        ArgumentRow("FROM:<ann@>", "501 5.1.7"),
        ArgumentRow("FROM:<@example.net>", "501 5.1.7"),
        ArgumentRow("FROM:<@a.example:>", "501 5.1.7"),
        ArgumentRow("FROM:<a..b@example.net>", "501 5.1.7"),
        ArgumentRow("FROM:<ann@exa_mple.net>", "501 5.1.7"),
        ArgumentRow("FROM:<\"ann@example.net>", "501 5.1.7"),
        ArgumentRow("FROM:<\(String(repeating: "a", count: 65))@example.net>", "501 5.1.7"),
        ArgumentRow(
            "FROM:<\(String(repeating: "@a.example,", count: 100))@b.example:a@b.example>",
            "501 5.1.7"),
        ArgumentRow("FROM:<änn@example.net>", "553 5.6.7"),
        ArgumentRow("FROM:<ann@exämple.net>", "553 5.6.7"),
        ArgumentRow("FROM:<ann@example.net>SIZE=1", "501 5.5.2"),
        ArgumentRow("FROM:<ann@example.net> -A=1", "501 5.5.2"),
        ArgumentRow("FROM:<ann@example.net> =1", "501 5.5.2"),
        ArgumentRow("FROM:<ann@example.net> SIZE", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SIZE=", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SIZE=-1", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SIZE=1=1", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SIZE=123456789012345678901", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SIZE=1 SIZE=1", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> BODY=7BIT body=7BIT", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> BODY=BINARYMIME", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> BODY", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> AUTH=a+4", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> AUTH=ann", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> SMTPUTF8", "555 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> RET=FULL", "555 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> X-Y=1", "555 5.5.4"),
    ]

    @Test("reverse-paths and parameters of MAIL", arguments: senders)
    func sender(row: ArgumentRow) throws {
        #expect(try judge("MAIL " + row.argument) == row.expected)
    }

    static let recipients = [
        ArgumentRow("TO:<bob@example.org>", "<bob@example.org>"),
        ArgumentRow("to: <bob@example.org>", "<bob@example.org>"),
        ArgumentRow("TO:<Postmaster>", "<Postmaster>"),
        ArgumentRow("TO:<POSTMASTER>", "<Postmaster>"),
        ArgumentRow("TO:<postmaster@example.org>", "<postmaster@example.org>"),
        ArgumentRow("TO:<@relay.example:bob@example.org>", "<bob@example.org>"),
        ArgumentRow("TO:<>", "501 5.1.3"),
        ArgumentRow("TO:<bob>", "501 5.1.3"),
        ArgumentRow("TO:bob@example.org", "501 5.1.3"),
        ArgumentRow("FROM:<bob@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<bob@example.org> NOTIFY=NEVER", "555 5.5.4"),
        ArgumentRow("TO:<bob@example.org> SIZE=1", "555 5.5.4"),
        ArgumentRow("TO:<bob@example.org> =", "501 5.5.2"),
        ArgumentRow("TO:<b\u{F6}b@example.org>", "553 5.6.7"),
    ]

    @Test("forward-paths and parameters of RCPT", arguments: recipients)
    func recipient(row: ArgumentRow) throws {
        #expect(try judge("RCPT " + row.argument) == row.expected)
    }

    /// What the driver is asked about the last command, or the reply it gets without asking.
    private func judge(_ command: String) throws -> String {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        let isRecipient = command.hasPrefix("RCPT")
        let before = "EHLO a\r\n" + (isRecipient ? "MAIL FROM:<>\r\n" : "")
        session.receive(Array((before + command + "\r\n").utf8))
        var result = ""
        while let step = session.next() {
            switch step {
            case .send(let reply): result = "\(reply.code) " + (reply.status?.description ?? "-")
            case .judgeSender(let transaction) where isRecipient:
                #expect(transaction.reversePath == .null)
                session.answer(.accept())
            case .judgeSender(let transaction):
                return Self.text(transaction)
            case .judgeRecipient(let path, _):
                return "<\(path)>"
            default: Issue.record("an unexpected step: \(step)")
            }
        }
        return result
    }

    private static func text(_ transaction: ServerSession.Transaction) -> String {
        var words = ["<\(transaction.reversePath)>"]
        let parameters = transaction.parameters
        if let octets = parameters.declaredOctets { words.append("size \(octets)") }
        if parameters.is8BitMIME { words.append("8bit") }
        if let submitter = parameters.submitter { words.append("by <\(submitter)>") }
        return (words.count == 1 ? words + ["-"] : words).joined(separator: " ")
    }

    @Test("the `with` keyword says how the message came (RFC 3848)")
    func keywords() {
        let rows: [(Bool, Bool, Bool, String)] = [
            (false, false, false, "SMTP"), (true, false, false, "ESMTP"),
            (true, true, false, "ESMTPS"), (true, false, true, "ESMTPA"),
            (true, true, true, "ESMTPSA"), (false, true, false, "ESMTPS"),
        ]
        for (isExtended, isSecured, isAuthenticated, expected) in rows {
            let keyword = ProtocolKeyword(
                isExtended: isExtended, isSecured: isSecured, isAuthenticated: isAuthenticated)
            #expect(keyword.rawValue == expected)
        }
    }
}
