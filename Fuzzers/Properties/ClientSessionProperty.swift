// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import World

extension Property {
    /// The SMTP client against whatever a server says, and its reader of replies.
    ///
    /// The first octet chooses how the client is set, the second how the input is cut. However
    /// replies come, the same is read; each transaction ends once, with an outcome for each
    /// recipient; and no secret goes out in plain text.
    package static let clientSession = Property("ClientSession") { input throws(Broken) in
        guard input.count >= 2 else { return }
        let script = input[2...]
        let ways = [Pieces.whole, .drip, .cut(input[1])]
        var readings: [Reading] = []
        for way in ways { readings.append(Reading(way.split(script))) }
        try expect(readings[0] == readings[1], "drip-fed, replies are read otherwise")
        try expect(readings[0] == readings[2], "in pieces replies are read otherwise")
        for reply in readings[0].replies { try expectStable(reply) }
        for way in ways {
            var conversation = ClientConversation(flags: input[0])
            try conversation.hold(way.split(script), readings[0].replies)
        }
    }

    /// What has been read can be written, and is then read as the same.
    private static func expectStable(_ reply: Reply) throws(Broken) {
        let first = try reread(reply.encoded)
        try expect(
            first.code == reply.code && first.status == reply.status
                && first.lines.count == reply.lines.count, "written, it is another: \(reply)")
        let second = try reread(first.encoded)
        try expect(second == first, "written again, it is another: \(reply)")
    }

    private static func reread(_ octets: [UInt8]) throws(Broken) -> Reply {
        var parser = ReplyParser()
        parser.receive(octets)
        guard let reply = try? parser.next(), parser.isEmpty else {
            throw Broken("what is written cannot be read")
        }
        return reply
    }
}

/// What a reader of replies makes of an input.
private struct Reading: Equatable {
    var replies: [Reply] = []
    var fault: ReplyParser.Fault?

    init(_ pieces: [[UInt8]]) {
        var parser = ReplyParser()
        for piece in pieces where fault == nil {
            parser.receive(piece)
            do {
                while let reply = try parser.next() { replies.append(reply) }
            } catch {
                fault = error
            }
        }
    }
}

/// A driver with up to three messages, which looks what goes out.
private struct ClientConversation: ~Copyable {
    private let configuration: ClientSession.Configuration
    private var session: ClientSession
    private let recipients: [Address]
    private let isBinary: Bool
    private var begun = 0
    private var finished = 0
    private var delivered = 0
    private var isContent = false
    private var isClosed = false
    private let text = Array("Subject: x\r\n\r\n.dot\r\n..\r\n".utf8)

    init(flags: UInt8) {
        guard let name = try? Domain("out.example.net"), let one = try? Address("a@b.example"),
            let two = try? Address("c@b.example")
        else { preconditionFailure() }
        let policies: [ClientSession.TLSPolicy] = [.never, .opportunistic, .required]
        var configuration = ClientSession.Configuration(
            hostName: name, remoteHost: "mx", tls: policies[Int(flags & 3) % 3])
        if flags & 4 != 0 { configuration.mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"] }
        if flags & 8 != 0 { configuration.dialect = .lmtp }
        isBinary = flags & 32 != 0
        recipients = flags & 16 == 0 ? [one] : [one, two]
        self.configuration = configuration
        session = ClientSession(configuration)
    }

    consuming func hold(
        _ pieces: [[UInt8]], _ replies: [Reply]
    ) throws(Property.Broken) {
        try work()
        for piece in pieces {
            session.receive(piece)
            try work()
        }
        session.receiveEnd()
        try work()
        try expect(isClosed, "it does not end with its connection")
        try expect(begun == finished, "\(begun) transactions begun, \(finished) finished")
        let yes = replies.count { $0.code / 100 == 2 }
        try expect(delivered == 0 || yes > 2, "delivered without the server's word")
    }

    private mutating func work() throws(Property.Broken) {
        while let step = session.next() {
            try expect(!isClosed, "something comes after the end: \(step)")
            switch step {
            case .send(let octets): try look(octets)
            case .startTLS:
                try expect(configuration.tls != .never, "TLS that nobody wants")
                if begun % 2 == 0 {
                    session.secured(TLSFacts(version: "TLSv1.3", cipher: "x"))
                } else {
                    session.tlsFailed("no")
                }
            case .idle where begun == 3: session.quit()
            case .idle:
                try expect(begun == finished, "idle within a transaction")
                try expect(
                    configuration.tls != .required || session.tls != nil, "not secured, and idle")
                begun += 1
                var transaction = ClientSession.Transaction(
                    from: .null, to: recipients, octets: text.count, is8Bit: begun == 2)
                if isBinary { transaction.envelope.body = .binaryMIME }
                session.begin(transaction)
            case .sendContent:
                let written = session.encodeContent(text) + session.endContent()
                try expect(
                    written.isEmpty || written.suffix(5).elementsEqual("\r\n.\r\n".utf8)
                        || written.elementsEqual("BDAT \(text.count) LAST\r\n".utf8 + text),
                    "a message without its end")
            case .authenticate(let mechanism):
                session.authenticate(
                    mechanism, initialResponse: Array("secret".utf8),
                    isServerAuthentic: mechanism == "PLAIN")
            case .challenge(let octets):
                if octets.count > 8 {
                    session.cancelAuthentication("too long")
                } else {
                    session.respond(octets, isServerAuthentic: octets.count > 4)
                }
            case .finished(let report):
                finished += 1
                try expect(report.results.count == recipients.count, "an outcome is missing")
                delivered += report.results.count {
                    if case .delivered = $0.outcome { true } else { false }
                }
            case .unusable: try expect(begun == finished, "unusable within a transaction")
            case .close: isClosed = true
            }
        }
    }

    /// Commands are lines, and before TLS that is required only those that lead to it.
    private mutating func look(_ octets: [UInt8]) throws(Property.Broken) {
        try expect(octets.hasWholeLineEnds, "a command with a bare line end: \(octets)")
        let verb = octets.prefix(4)
        let isHarmless = ["EHLO", "HELO", "LHLO", "STAR", "QUIT"].contains {
            verb.elementsEqual($0.utf8)
        }
        try expect(
            session.tls != nil || configuration.tls != .required || isHarmless,
            "said before TLS: \(String(lossy: octets))")
        try expect(
            session.tls != nil || !verb.elementsEqual("AUTH".utf8), "a password in plain text")
    }
}
