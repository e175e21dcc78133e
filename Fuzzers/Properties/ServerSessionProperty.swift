// SPDX-License-Identifier: Apache-2.0

import Mail
import SMTP
import World

extension Property {
    /// The SMTP server's side of a conversation.
    ///
    /// The first octet chooses how the server is set, the second how the input is cut. Octet by
    /// octet, in pieces and at once, the same is said, done and kept; nothing is done out of order.
    package static let serverSession = Property("ServerSession") { input throws(Broken) in
        guard input.count >= 2 else { return }
        let script = input[2...]
        let ways = [Pieces.whole, .drip, .cut(input[1])]
        var transcripts: [[String]] = []
        for way in ways {
            var conversation = ServerConversation(flags: input[0])
            transcripts.append(try conversation.hold(way.split(script)))
        }
        try expect(
            transcripts[0] == transcripts[1], "drip-fed, it goes otherwise: \(transcripts)")
        try expect(transcripts[0] == transcripts[2], "in pieces it goes otherwise: \(transcripts)")
    }
}

/// A driver that says yes most of the time, and looks whether it is asked in order.
private struct ServerConversation: ~Copyable {
    private let flags: UInt8
    private let configuration: ServerSession.Configuration
    private var session: ServerSession
    private var transcript: [String] = []
    private var kept: [UInt8] = []
    private var questions = 0
    /// From the handshake on it matters what came together with STARTTLS (RFC 3207 §4.2).
    private var isComparable = true
    private var isDrafting = false
    private var isClosed = false
    private var recipients: Int?
    private var mayBeBinary = false

    init(flags: UInt8) {
        self.flags = flags
        guard let name = try? Domain("mx.example.org") else { preconditionFailure() }
        var configuration = ServerSession.Configuration(
            hostName: name,
            service: flags & 1 == 0 ? .exchange : flags & 64 == 0 ? .submission : .local,
            maximumMessageOctets: flags & 2 == 0 ? 64 : 4096)
        configuration.maximumRecipients = 3
        configuration.maximumTextLineOctets = 40
        configuration.saslMechanisms = flags & 4 == 0 ? [] : ["PLAIN", "LOGIN"]
        configuration.isTLSAvailable = flags & 8 != 0
        configuration.requiresTLS = flags & 16 != 0
        configuration.requiresTLSForAuthentication = flags & 32 != 0
        configuration.canStartQueue = flags & 64 != 0
        configuration.maximumHoldSeconds = 3600
        self.configuration = configuration
        session = ServerSession(configuration)
        session.now = Timestamp(seconds: 1_000_000)
        session.mayStateClient = flags & 128 != 0
    }

    consuming func hold(_ pieces: [[UInt8]]) throws(Property.Broken) -> [String] {
        try work()
        for piece in pieces {
            session.receive(piece)
            try work()
        }
        session.receiveEnd()
        try work()
        try expect(isClosed, "it does not end with its connection")
        return transcript
    }

    private mutating func note(_ text: String) {
        if isComparable { transcript.append(text) }
    }

    private mutating func work() throws(Property.Broken) {
        while let step = session.next() {
            try expect(!isClosed, "something comes after the end: \(step)")
            switch step {
            case .send(let reply): try hear(reply)
            case .startTLS:
                try expect(configuration.isTLSAvailable, "TLS that is not there")
                recipients = nil
                session.secured(TLSFacts(version: "TLSv1.3", cipher: "x"))
            case .authenticate(_, let response):
                note("authenticate")
                try expectEncryption("authentication")
                judge(response)
            case .authenticationResponse(let response):
                note("response")
                judge(response)
            case .judgeSender(let transaction):
                try admit(transaction)
                recipients = 0
                session.answer(verdict())
            case .judgeRecipient(let path, _):
                note("recipient \(path)")
                guard let count = recipients else {
                    throw Property.Broken("a recipient without a sender")
                }
                try expect(count < 3, "more recipients than allowed")
                let verdict = verdict()
                if case .accept = verdict { recipients = count + 1 }
                session.answer(verdict)
            case .openDraft(let transaction):
                try expect(!isDrafting, "a draft within a draft")
                try expect(transaction.recipientCount > 0, "a message for nobody")
                try expect(transaction.recipientCount == recipients, "recipients are miscounted")
                isDrafting = true
                kept = []
                session.answer(.accept())
            case .content(let octets):
                try expect(isDrafting, "content without a draft")
                kept += octets
            case .discardDraft:
                try expect(isDrafting, "nothing to discard")
                isDrafting = false
                note("discard")
            case .takeResponsibility:
                try expect(isDrafting, "nothing to take responsibility for")
                isDrafting = false
                recipients = nil
                try expect(kept.count <= configuration.maximumMessageOctets, "too large")
                try expect(mayBeBinary || kept.hasWholeLineEnds, "smuggled: \(kept)")
                note("take \(kept)")
                session.answer(verdict())
            case .startQueue(let request):
                note("queue \(request.domain)")
                try expect(!isDrafting, "ETRN within a message")
                session.answer(.say(.okay))
            case .assumeClient(let claims):
                note("client \(claims)")
                try expect(flags & 128 != 0, "a client's word is believed")
                recipients = nil
                session.answer(verdict())
            case .close:
                isClosed = true
                note("close")
            }
        }
    }

    /// Every fifth question is answered with no, and every eleventh ends all.
    private mutating func verdict() -> ServerSession.Verdict {
        questions += 1
        if questions % 11 == 0 { return .refuse(.shuttingDown) }
        return questions % 5 == 0 ? .refuse(.mailboxUnknown) : .accept("yes")
    }

    private mutating func judge(_ response: [UInt8]?) {
        guard let response else { return session.authenticationChallenge([0x3F]) }
        if response.count > 3 {
            session.authenticationSucceeded(identity: "a")
        } else {
            session.authenticationFailed()
        }
    }

    private func expectEncryption(_ what: String) throws(Property.Broken) {
        try expect(
            !configuration.requiresTLSForAuthentication || session.tls != nil,
            "\(what) in plain text")
    }

    private mutating func admit(
        _ transaction: ServerSession.Transaction
    ) throws(Property.Broken) {
        note("sender \(transaction.reversePath) \(transaction.parameters)")
        mayBeBinary = transaction.parameters.body == .binaryMIME
        try expect(!configuration.requiresTLS || session.tls != nil, "mail in plain text")
        try expect(
            !configuration.requiresAuthentication || transaction.identity != nil,
            "a sender who has not authenticated")
        try expect(transaction.recipientCount == 0, "recipients of an earlier transaction")
    }

    /// Of several faults of a message it depends on the pieces which is seen first.
    private static let contentRefusals: [Reply] = [
        .messageTooLarge, .bareLineEndInContent, .nullInContent, .textLineTooLong,
    ]

    /// Whatever a client sends: a reply is a reply (RFC 5321 §4.2), each line within its limit.
    private mutating func hear(_ reply: Reply) throws(Property.Broken) {
        // Where the command behind STARTTLS is one error too many, that is said instead.
        if [.readyForTLS, .commandAfterStartTLS, .tooManyErrors].contains(reply) {
            isComparable = false
        }
        note(Self.contentRefusals.contains(reply) ? "content refused" : "\(reply)")
        let octets = reply.encoded
        try expect(octets.hasWholeLineEnds, "a reply with a bare line end: \(reply)")
        for line in octets.split(separator: 0x0A) {
            try expect(line.count < 512, "a reply line of \(line.count) octets")
        }
        var parser = ReplyParser()
        parser.receive(octets)
        let parsed = try? parser.next()
        try expect(
            parsed?.code == reply.code && parsed?.lines.count == reply.lines.count
                && parser.isEmpty, "this is no reply: \(reply)")
    }
}
