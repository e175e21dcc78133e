// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// Where a server misbehaves: what it has said by then.
private enum Phase: String, CaseIterable, CustomTestStringConvertible {
    case greeting, ehlo, startTLS, secondEHLO, authentication, mail, recipient, data, final
    case secondMail

    var testDescription: String { rawValue }

    var script: [String] {
        let offer = "250-mx\r\n250-STARTTLS\r\n250 AUTH X\r\n"
        let transaction = ["250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"]
        let all = ["220 mx\r\n", offer, "220 go\r\n", offer, "235 welcome\r\n"] + transaction
        return Array(all.prefix(Self.allCases.firstIndex(of: self) ?? 0))
    }

    /// Whether a transaction is under way.
    var isInTransaction: Bool { [.mail, .recipient, .data, .final, .secondMail].contains(self) }

    /// RFC 5321 §4.5.3.2.
    var timeout: Duration {
        switch self {
        case .data: .minutes(2)
        case .final: .minutes(10)
        default: .minutes(5)
        }
    }
}

/// What it does then.
private enum Mischief: String, CaseIterable, CustomTestStringConvertible {
    case closes, hangs, says421, aMegabyteInALine, linesWithoutEnd, codesThatChange, noCode
    case anUnknownCode, wrongCode, halfALine, nulOctets

    var testDescription: String { rawValue }

    var octets: [[UInt8]] {
        switch self {
        case .closes, .hangs: []
        case .says421: [Array("421 4.3.2 closing\r\n".utf8)]
        case .aMegabyteInALine: Array(repeating: [UInt8](repeating: 0x32, count: 65_536), count: 16)
        case .linesWithoutEnd:
            Array(repeating: Array(String(repeating: "250-on\r\n", count: 1000).utf8), count: 100)
        case .codesThatChange: [Array("250-one\r\n220 two\r\n".utf8)]
        case .noCode: [Array("Hello there\r\n".utf8)]
        case .anUnknownCode: [Array("999 what\r\n".utf8)]
        case .wrongCode: [Array("399 go on\r\n".utf8)]
        case .halfALine: [Array("25".utf8)]
        case .nulOctets: [[0, 0, 13, 10]]
        }
    }
}

@Suite("Hostile servers: whatever they do, and wherever")
struct ClientHostileTests {
    /// What became of a client.
    private struct End {
        var reports: [ClientSession.Report] = []
        var isUnusable = false
        var isClosed = false
        var octetsTaken = 0
        var timeout = Duration.zero
    }

    private func play(_ phase: Phase, _ mischief: Mischief) throws -> End {
        var configuration = ClientSession.Configuration(
            hostName: try Domain("out.example.net"), remoteHost: "mx")
        configuration.mechanisms = ["X"]
        var session = ClientSession(configuration)
        var end = End()
        for reply in phase.script {
            session.receive(Array(reply.utf8))
            drive(&session, &end)
        }
        end.timeout = session.timeout
        for octets in mischief.octets {
            session.receive(octets)
            drive(&session, &end)
            if end.isClosed { break }
            end.octetsTaken += octets.count
        }
        if mischief == .closes || mischief == .halfALine { session.receiveEnd() }
        if mischief == .hangs { session.expire() }
        drive(&session, &end)
        return end
    }

    private func drive(_ session: inout ClientSession, _ end: inout End) {
        while let step = session.next() {
            #expect(!end.isClosed)
            switch step {
            case .startTLS: session.secured(TLSFacts(version: "TLSv1.3", cipher: "X"))
            case .authenticate(let name):
                session.authenticate(name, initialResponse: [1], isServerAuthentic: true)
            case .challenge: session.cancelAuthentication("no")
            case .idle:
                guard let recipient = try? Address("bob@example.org") else { return }
                session.begin(
                    .init(from: .null, to: [recipient], octets: 1, is8Bit: false))
            case .sendContent: _ = session.encodeContent([0x78]) + session.endContent()
            case .finished(let report): end.reports.append(report)
            case .unusable: end.isUnusable = true
            case .close: end.isClosed = true
            case .send: break
            }
        }
    }

    @Test(
        "it ends, soon and in bounded memory; nothing counts as delivered that was not taken",
        arguments: Phase.allCases, Mischief.allCases)
    private func mischief(_ phase: Phase, _ mischief: Mischief) throws {
        let end = try play(phase, mischief)
        // RFC 3207 §4: whatever is said to STARTTLS but 220 leaves the session in plain text.
        let isRefusal =
            mischief == .wrongCode && phase == .startTLS
        #expect(end.isClosed || isRefusal)
        #expect(end.octetsTaken <= 2 * ReplyParser.maximumOctets)
        #expect(end.timeout == phase.timeout)
        let delivered = end.reports.count {
            if case .delivered = $0.results[0].outcome { true } else { false }
        }
        #expect(delivered == (phase == .secondMail ? 1 : 0))
        guard phase.isInTransaction, let last = end.reports.last else {
            #expect(end.isUnusable || isRefusal)
            return
        }
        switch last.results[0].outcome {
        case .ambiguous: #expect(phase == .final && mischief != .says421)
        case .transient: #expect(phase != .final || mischief == .says421)
        case .permanent, .delivered: Issue.record("\(last)")
        }
    }

    @Test("what is said after QUIT, or instead of a reply to it, changes nothing")
    func afterQuit() throws {
        for mischief in Mischief.allCases {
            var session = ClientSession(
                ClientSession.Configuration(
                    hostName: try Domain("out.example.net"), remoteHost: "mx"))
            session.receive(Array("220 mx\r\n250 mx\r\n".utf8))
            while let step = session.next() {
                if case .idle = step { break }
            }
            session.quit()
            for octets in mischief.octets + [Array("221 bye\r\n250 more\r\n".utf8)] {
                session.receive(octets)
            }
            session.receiveEnd()
            var steps: [String] = []
            while let step = session.next() {
                switch step {
                case .send: steps.append("send")
                case .close: steps.append("close")
                default: steps.append("\(step)")
                }
            }
            #expect(steps == ["send", "close"], "\(mischief)")
        }
    }

    @Test("a server that speaks before it is spoken to is not understood")
    func early() throws {
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        // A greeting, a reply to EHLO and one to MAIL at once: RFC 5321 §3.1 has turns.
        session.receive(Array("220 mx\r\n250 mx\r\n250 ok\r\n".utf8))
        var end = End()
        drive(&session, &end)
        #expect(end.reports.count == 1 && end.isClosed)
        guard case .transient? = end.reports.first?.results[0].outcome else {
            Issue.record("\(end)")
            return
        }
    }
}
