// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

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
        ArgumentRow("FROM:<änn@example.net>", "550 5.6.7"),
        ArgumentRow("FROM:<ann@exämple.net>", "550 5.6.7"),
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
        ArgumentRow("FROM:<ann@example.net> BODY=BINARYMIME", "<ann@example.net> binary"),
        ArgumentRow("FROM:<ann@example.net> BODY=9BIT", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> BODY", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> AUTH=a+4", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> AUTH=ann", "501 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> X-Y=1", "555 5.5.4"),
        ArgumentRow("FROM:<ann@example.net> NOTIFY=NEVER", "555 5.5.4"),
        // RFC 6531 §3.3, §3.4.
        ArgumentRow("FROM:<ann@example.net> SMTPUTF8", "<ann@example.net> utf8"),
        ArgumentRow("FROM:<änn@exämple.net> SMTPUTF8", "<änn@xn--exmple-cua.net> utf8"),
        ArgumentRow("FROM:<\"ä n\"@example.net> smtputf8", "<\"ä n\"@example.net> utf8"),
        ArgumentRow(
            "FROM:<用户@例子.测试> BODY=8BITMIME SMTPUTF8", "<用户@xn--fsqu00a.xn--0zwm56d> 8bit utf8"),
        ArgumentRow("FROM:<ann@example.net> SMTPUTF8=1", "501 5.5.4"),
        ArgumentRow("FROM:<ann@-exämple.net> SMTPUTF8", "501 5.1.7"),
        ArgumentRow("FROM:<ann@ex--ämple.net> SMTPUTF8", "501 5.1.7"),
        ArgumentRow("FROM:<\\8@example.net> SMTPUTF8", "501 5.1.7"),
        ArgumentRow("FROM:<a\\8nn@example.net>", "550 5.6.7"),
        ArgumentRow(
            "FROM:<\(String(repeating: "ä", count: 33))@example.net> SMTPUTF8", "501 5.1.7"),
        // RFC 3461 §4.3, §4.4.
        ArgumentRow("FROM:<ann@example.net> RET=FULL", "<ann@example.net> ret FULL"),
        ArgumentRow("FROM:<> ret=hdrs ENVID=QQ314159", "<> ret HDRS envid QQ314159"),
        ArgumentRow("FROM:<> ENVID=a+20b+3Dc+2Bd", "<> envid a b=c+d"),
        ArgumentRow(
            "FROM:<> ENVID=\(String(repeating: "x", count: 100))",
            "<> envid \(String(repeating: "x", count: 100))"),
        ArgumentRow("FROM:<> ENVID=\(String(repeating: "x", count: 101))", "501 5.5.4"),
        ArgumentRow("FROM:<> ENVID=a+0D+0Ab", "501 5.5.4"),
        ArgumentRow("FROM:<> ENVID=a+2", "501 5.5.4"),
        ArgumentRow("FROM:<> ENVID=ä", "501 5.5.4"),
        ArgumentRow("FROM:<> ENVID", "501 5.5.4"),
        ArgumentRow("FROM:<> RET=BODY", "501 5.5.4"),
        ArgumentRow("FROM:<> RET=FULL RET=FULL", "501 5.5.4"),
        ArgumentRow("FROM:<> ENVID=a ENVID=b", "501 5.5.4"),
        // RFC 6710 §4.1, §7.
        ArgumentRow("FROM:<> MT-PRIORITY=-9", "<> priority -9"),
        ArgumentRow("FROM:<> MT-PRIORITY=0", "<> -"),
        ArgumentRow("FROM:<> MT-PRIORITY=3", "<> priority lowered"),
        ArgumentRow("FROM:<> MT-PRIORITY=+3", "501 5.5.2"),
        ArgumentRow("FROM:<> MT-PRIORITY=10", "501 5.5.2"),
        ArgumentRow("FROM:<> MT-PRIORITY=-0", "501 5.5.2"),
        ArgumentRow("FROM:<> MT-PRIORITY=-", "501 5.5.2"),
        // RFC 8689 §2: not in plain text.
        ArgumentRow("FROM:<> REQUIRETLS", "555 5.5.4"),
        // RFC 2852 §4; the calendar says 1,000,000 s.
        ArgumentRow("FROM:<> BY=120;R", "<> by 1000120 R"),
        ArgumentRow("FROM:<> BY=+120;nt", "<> by 1000120 N traced"),
        ArgumentRow("FROM:<> BY=-999999999;N", "<> by -998999999 N"),
        ArgumentRow("FROM:<> BY=0;N", "<> by 1000000 N"),
        ArgumentRow("FROM:<> BY=60;R", "<> by 1000060 R"),
        ArgumentRow("FROM:<> BY=59;R", "555 5.5.4"),
        ArgumentRow("FROM:<> BY=0;R", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=-1;R", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=1234567890;N", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=120", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=120;X", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=120;RX", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=120;RTT", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=;R", "501 5.5.4"),
        ArgumentRow("FROM:<> BY=--1;N", "501 5.5.4"),
        // RFC 4865 §4.2 (2): not on port 25.
        ArgumentRow("FROM:<> HOLDFOR=60", "555 5.5.4"),
        ArgumentRow("FROM:<> HOLDUNTIL=1970-01-12T13:46:40Z", "555 5.5.4"),
    ]

    /// Of an account, over TLS, on the submission port; at most a day may be held.
    static let submissions = [
        ArgumentRow("FROM:<a@example.org> REQUIRETLS", "<a@example.org> tls"),
        ArgumentRow("FROM:<a@example.org> REQUIRETLS=1", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> MT-PRIORITY=9", "<a@example.org> priority 9"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=60", "<a@example.org> hold 1000060"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=86400", "<a@example.org> hold 1086400"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=86401", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=999999999", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=1234567890", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=0", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=060", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=-1", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR", "501 5.5.4"),
        ArgumentRow(
            "FROM:<a@example.org> HOLDUNTIL=1970-01-12T14:00:00Z", "<a@example.org> hold 1000800"),
        ArgumentRow(
            "FROM:<a@example.org> HOLDUNTIL=1970-01-12t14:00:00.25z", "<a@example.org> hold 1000800"
        ),
        ArgumentRow(
            "FROM:<a@example.org> HOLDUNTIL=1970-01-12T13:00:00Z", "<a@example.org> hold 997200"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=1970-01-13T13:46:41Z", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=1970-01-12T14:00:00+01:00", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=1970-02-30T14:00:00Z", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=1970-13-01T14:00:00Z", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=1970-01-12T14:00:00", "501 5.5.4"),
        ArgumentRow("FROM:<a@example.org> HOLDUNTIL=now", "501 5.5.4"),
        ArgumentRow(
            "FROM:<a@example.org> HOLDFOR=60 HOLDUNTIL=1970-01-12T14:00:00Z", "501 5.5.4"),
        // RFC 4865 §5.2.2.
        ArgumentRow(
            "FROM:<a@example.org> BY=120;R HOLDFOR=60",
            "<a@example.org> hold 1000060 by 1000120 R"),
        ArgumentRow("FROM:<a@example.org> HOLDFOR=121 BY=120;R", "501 5.5.4"),
    ]

    @Test("parameters of submissions", arguments: submissions)
    func submission(row: ArgumentRow) throws {
        #expect(try judge("MAIL " + row.argument, isSubmission: true) == row.expected)
    }

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
        ArgumentRow("TO:<bob@example.org> SIZE=1", "555 5.5.4"),
        // RFC 3461 §4.1, §4.2.
        ArgumentRow("TO:<b@example.org> NOTIFY=NEVER", "<b@example.org> notify 0"),
        ArgumentRow("TO:<b@example.org> notify=success,Failure,DELAY", "<b@example.org> notify 7"),
        ArgumentRow("TO:<b@example.org> NOTIFY=DELAY,DELAY", "<b@example.org> notify 4"),
        ArgumentRow("TO:<b@example.org> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> NOTIFY=SUCCESS,", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> NOTIFY=ALWAYS", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> NOTIFY", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=rfc822;Bob+2Bx@example.com",
            "<b@example.org> orcpt rfc822;Bob+x@example.com"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=RFC822;b NOTIFY=DELAY",
            "<b@example.org> notify 4 orcpt rfc822;b"),
        ArgumentRow("TO:<b@example.org> ORCPT=x400;/C+3Dde/", "<b@example.org> orcpt x400;/C=de/"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=rfc822;\(String(repeating: "x", count: 493))",
            "<b@example.org> orcpt rfc822;\(String(repeating: "x", count: 493))"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=rfc822;\(String(repeating: "x", count: 494))", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=rfc822;", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=;b", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=b@example.org", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=rfc822;b+0D+0ABcc:+20x", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=rfc822;b+C3+A4", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=rfc822;a ORCPT=rfc822;b", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> RET=FULL", "555 5.5.4"),
        // RFC 6533 §3.
        ArgumentRow(
            "TO:<b@example.org> ORCPT=utf-8;b\\x{E4}@example.org",
            "<b@example.org> orcpt utf-8;bä@example.org"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=utf-8;\\x{1F600}\\x{5C}\\x{2B}",
            "<b@example.org> orcpt utf-8;😀\\+"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;bä@example.org", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;b+C3", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;\\x{D800}", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;\\x{0D}", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;\\x{1}", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;\\x{1234567}", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;\\x{41", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;a\\b", "501 5.5.4"),
        ArgumentRow("TO:<bob@example.org> =", "501 5.5.2"),
        ArgumentRow("TO:<b\u{F6}b@example.org>", "553 5.6.7"),
    ]

    @Test("forward-paths and parameters of RCPT", arguments: recipients)
    func recipient(row: ArgumentRow) throws {
        #expect(try judge("RCPT " + row.argument) == row.expected)
    }

    /// Corners of RFC 5321 §4.1.2, §4.1.3 and RFC 5322 §3.4.1: an address that is one in a message
    /// need not be one in a command.
    static let addresses = [
        ArgumentRow("TO:<\"\"@example.org>", "<\"\"@example.org>"),
        ArgumentRow("TO:<\" \"@example.org>", "<\" \"@example.org>"),
        ArgumentRow("TO:<\"b@b\"@example.org>", "<\"b@b\"@example.org>"),
        ArgumentRow("TO:<\"b\\\\b\"@example.org>", "<\"b\\\\b\"@example.org>"),
        ArgumentRow("TO:<\"b.b\"@example.org>", "<b.b@example.org>"),
        ArgumentRow("TO:<\"b\\a\"@example.org>", "<ba@example.org>"),
        ArgumentRow(
            "TO:<b!#$%&'*+-/=?^_`{|}~b@example.org>", "<b!#$%&'*+-/=?^_`{|}~b@example.org>"),
        ArgumentRow("TO:<b@example.org.>", "<b@example.org>"),
        ArgumentRow("TO:<b@EXAMPLE.ORG>", "<b@example.org>"),
        ArgumentRow("TO:<b@1.2.3>", "<b@1.2.3>"),
        ArgumentRow("TO:<b@localhost>", "<b@localhost>"),
        ArgumentRow("TO:<b@xn--exmple-cua.org>", "<b@xn--exmple-cua.org>"),
        ArgumentRow("TO:<b@[IPv6:::ffff:192.0.2.1]>", "<b@[IPv6:::ffff:192.0.2.1]>"),
        ArgumentRow("TO:<b@[ipv6:2001:DB8::1]>", "<b@[IPv6:2001:db8::1]>"),
        ArgumentRow("TO:<b@[x-tag:content]>", "<b@[x-tag:content]>"),
        ArgumentRow(
            "TO:<\(String(repeating: "b", count: 64))@example.org>",
            "<\(String(repeating: "b", count: 64))@example.org>"),
        ArgumentRow("TO:<@example.org,@example.com:b@example.org>", "<b@example.org>"),
        ArgumentRow("TO:<.b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b.@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b..b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b(comment)@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@(comment)example.org>", "501 5.1.3"),
        ArgumentRow("TO:<Bob <b@example.org>>", "501 5.1.3"),
        ArgumentRow("TO:<b@example.org, c@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@example..org>", "501 5.1.3"),
        ArgumentRow("TO:<b@.example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@example.org..>", "501 5.1.3"),
        ArgumentRow("TO:<b@-example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@example-.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@ex ample.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@example.org:25>", "501 5.1.3"),
        ArgumentRow("TO:<b@192.0.2.1]>", "501 5.1.3"),
        ArgumentRow("TO:<b@[192.0.2.1>", "501 5.1.3"),
        ArgumentRow("TO:<b@[192.0.2]>", "501 5.1.3"),
        ArgumentRow("TO:<b@[192.0.2.256]>", "501 5.1.3"),
        ArgumentRow("TO:<b@[192.0.2.01]>", "501 5.1.3"),
        // By the grammar a literal with the tag 2001, which nobody has given a meaning.
        ArgumentRow("TO:<b@[2001:db8::1]>", "<b@[2001:db8::1]>"),
        ArgumentRow("TO:<b@[IPv6:2001:db8:::1]>", "501 5.1.3"),
        ArgumentRow("TO:<b@[]>", "501 5.1.3"),
        ArgumentRow("TO:<b@[tag:]>", "501 5.1.3"),
        ArgumentRow("TO:<b@\(String(repeating: "x", count: 64)).org>", "501 5.1.3"),
        ArgumentRow("TO:<b@\(String(repeating: "x.", count: 128))org>", "501 5.1.3"),
        ArgumentRow("TO:<\(String(repeating: "b", count: 65))@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<\"b\\0b\"@example.org>", "500 5.5.2"),
        ArgumentRow("TO:<\"b\"b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b\"b\"@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<\"b\\\"@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b\\@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<@example.org:>", "501 5.1.3"),
        ArgumentRow("TO:<@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<:b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<<b@example.org>>", "501 5.1.3"),
        ArgumentRow("TO:b@example.org>", "501 5.1.3"),
        ArgumentRow("TO:<b@example.org>>", "501 5.5.2"),
        ArgumentRow("TO:<b@example.org>x", "501 5.5.2"),
        ArgumentRow("TO:<b@example.org> (Bob)", "501 5.5.2"),
        ArgumentRow("TO:\t<b@example.org>", "501 5.1.3"),
    ]

    @Test("addresses at the corners of the grammar", arguments: addresses)
    func address(row: ArgumentRow) throws {
        #expect(try judge("RCPT " + row.argument) == row.expected)
    }

    static let internationalRecipients = [
        ArgumentRow("TO:<bäb@exämple.org>", "<bäb@xn--exmple-cua.org>"),
        ArgumentRow("TO:<bob@example.org>", "<bob@example.org>"),
        ArgumentRow("TO:<b\\8b@example.org>", "501 5.1.3"),
        ArgumentRow(
            "TO:<b@example.org> ORCPT=utf-8;bä@example.org",
            "<b@example.org> orcpt utf-8;bä@example.org"),
        ArgumentRow("TO:<b@example.org> ORCPT=utf-8;b\\8", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> ORCPT=rfc822;bä@example.org", "501 5.5.4"),
        ArgumentRow("TO:<b@example.org> NOTIFY=ä", "501 5.5.4"),
    ]

    @Test(
        "forward-paths and parameters of RCPT behind SMTPUTF8", arguments: internationalRecipients)
    func internationalRecipient(row: ArgumentRow) throws {
        #expect(try judge("RCPT " + row.argument, isInternational: true) == row.expected)
    }

    /// What the driver is asked about the last command, or the reply it gets without asking.
    private func judge(
        _ command: String, isSubmission: Bool = false, isInternational: Bool = false
    ) throws -> String {
        var configuration = ServerSession.Configuration(
            hostName: try Domain("mx.example.org"), service: isSubmission ? .submission : .exchange)
        configuration.maximumHoldSeconds = 86_400
        configuration.saslMechanisms = ["PLAIN"]
        var session = ServerSession(
            configuration, tls: isSubmission ? TLSFacts(version: "TLSv1.3", cipher: "X") : nil)
        session.now = Timestamp(seconds: 1_000_000)
        let isRecipient = command.hasPrefix("RCPT")
        let mail = "MAIL FROM:<>" + (isInternational ? " SMTPUTF8" : "") + "\r\n"
        let before =
            "EHLO a\r\n" + (isSubmission ? "AUTH PLAIN =\r\n" : "") + (isRecipient ? mail : "")
        session.receive(Array(before.utf8) + Dialogue.octets(command))
        var result = ""
        while let step = session.next() {
            switch step {
            case .send(let reply): result = "\(reply.code) " + (reply.status?.description ?? "-")
            case .judgeSender(let transaction) where isRecipient:
                #expect(transaction.reversePath == .null)
                session.answer(.accept())
            case .judgeSender(let transaction):
                return Self.text(transaction)
            case .judgeRecipient(let path, let parameters):
                return Self.text(path, parameters)
            case .authenticate: session.authenticationSucceeded(identity: "a")
            default: Issue.record("an unexpected step: \(step)")
            }
        }
        return result
    }

    private static func text(_ transaction: ServerSession.Transaction) -> String {
        var words = ["<\(transaction.reversePath)>"]
        let parameters = transaction.parameters
        if let octets = parameters.declaredOctets { words.append("size \(octets)") }
        switch parameters.body {
        case .sevenBit: break
        case .eightBitMIME: words.append("8bit")
        case .binaryMIME: words.append("binary")
        }
        if parameters.isInternational { words.append("utf8") }
        if let submitter = parameters.submitter { words.append("by <\(submitter)>") }
        words += text(parameters.requests)
        if parameters.isPriorityLowered { words.append("priority lowered") }
        return (words.count == 1 ? words + ["-"] : words).joined(separator: " ")
    }

    private static func text(_ requests: Envelope.Requests) -> [String] {
        var words: [String] = []
        if let returned = requests.returned { words.append("ret \(returned.rawValue)") }
        if let envelopeID = requests.envelopeID { words.append("envid \(envelopeID)") }
        if requests.requiresTLS { words.append("tls") }
        if let hold = requests.holdUntil { words.append("hold \(hold.seconds)") }
        if let by = requests.deliverBy {
            words.append("by \(by.deadline.seconds) \(by.mode.rawValue)")
            if by.isTraced { words.append("traced") }
        }
        if requests.priority != 0 { words.append("priority \(requests.priority)") }
        return words
    }

    private static func text(_ path: ForwardPath, _ parameters: RecipientParameters) -> String {
        var words = ["<\(path)>"]
        if let notify = parameters.notify { words.append("notify \(notify.rawValue)") }
        if let original = parameters.originalRecipient {
            words.append("orcpt \(original.addressType);\(original.address)")
        }
        return words.joined(separator: " ")
    }

    @Test("the `with` keyword says how the message came (RFC 3848)")
    func keywords() {
        let rows: [(Bool, Bool, Bool, String)] = [
            (false, false, false, "SMTP"), (true, false, false, "ESMTP"),
            (true, true, false, "ESMTPS"), (true, false, true, "ESMTPA"),
            (true, true, true, "ESMTPSA"), (false, true, false, "ESMTPS"),
        ]
        for (isExtended, isSecured, isAuthenticated, expected) in rows {
            func keyword(_ isInternational: Bool, _ isLocal: Bool) -> String {
                ProtocolKeyword(
                    isExtended: isExtended, isSecured: isSecured,
                    isAuthenticated: isAuthenticated, isInternational: isInternational,
                    isLocal: isLocal
                ).rawValue
            }
            #expect(keyword(false, false) == expected)
            let ending = expected.dropFirst(expected.hasPrefix("E") ? 5 : 4)
            #expect(keyword(true, false) == "UTF8SMTP" + ending)
            #expect(keyword(false, true) == "LMTP" + ending)
            #expect(keyword(true, true) == "UTF8LMTP" + ending)
        }
    }
}
