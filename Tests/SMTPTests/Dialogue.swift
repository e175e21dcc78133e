// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// A server session with a driver that judges by simple rules, as a transcript.
///
/// A dialogue has lines of three kinds: `C:` the client writes (`\r \n \0` are octets, `\8` is 0x80, a line
/// that ends in `\c` gets no CRLF), `S:` the server writes, `D:` the driver is asked to do. All
/// `C:` lines up to the next other line arrive together, or one octet at a time.
struct Dialogue {
    static let host = "mx.example.org"

    /// What older dialogues do not want to read in each reply to EHLO.
    static let furtherExtensions: Set<String> = [
        "CHUNKING", "BINARYMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "DELIVERBY", "MT-PRIORITY",
        "LIMITS",
    ]

    var configuration: ServerSession.Configuration
    var tls: TLSFacts?
    /// What the calendar says.
    var now: Timestamp?
    var isClientTrusted = false
    var mayStateClient = false
    /// Octets in an arrival; nil for all at once.
    var cut: Int?
    /// The messages the driver took responsibility for.
    var messages: [[UInt8]] = []

    private var transcript: [String] = []
    private var draft: [UInt8]?
    private var mechanism = ""
    private var loginName: String?

    init(
        _ configure: (inout ServerSession.Configuration) -> Void = { _ in },
        tls: TLSFacts? = nil, cut: Int? = nil
    ) throws {
        configuration = ServerSession.Configuration(
            hostName: try Domain(Self.host), service: .exchange, maximumMessageOctets: 2000)
        configuration.hiddenExtensions = Self.furtherExtensions
        configure(&configuration)
        self.tls = tls
        self.cut = cut
    }

    /// Plays the dialogue; `S:` and `D:` lines must come as they are written.
    mutating func play(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        var session = ServerSession(configuration, tls: tls)
        session.now = now
        session.isClientTrusted = isClientTrusted
        session.mayStateClient = mayStateClient
        var lines = text.split(separator: "\n").map(String.init)[...]
        drive(&session)
        while !lines.isEmpty {
            var octets: [UInt8] = []
            var hasEnded = false
            while let line = lines.first, line.hasPrefix("C:") {
                lines.removeFirst()
                if line == "C: (ends)" {
                    hasEnded = true
                } else {
                    octets += Self.octets(line)
                }
            }
            feed(octets, to: &session)
            if hasEnded { session.receiveEnd() }
            drive(&session)
            var expected: [String] = []
            while let line = lines.first, !line.hasPrefix("C:") {
                lines.removeFirst()
                if line == "D: (time passes)" {
                    session.expire()
                    drive(&session)
                } else {
                    expected.append(line)
                }
            }
            #expect(transcript == expected, sourceLocation: sourceLocation)
            transcript = []
        }
    }

    private mutating func feed(_ octets: [UInt8], to session: inout ServerSession) {
        var rest = octets[...]
        while !rest.isEmpty {
            let piece = rest.prefix(cut ?? rest.count)
            rest = rest.dropFirst(piece.count)
            session.receive(Array(piece))
            drive(&session)
        }
    }

    /// What a line stands for on the wire.
    static func octets(_ line: String) -> [UInt8] {
        var text = line.dropFirst(line.hasPrefix("C: ") ? 3 : line.hasPrefix("C:") ? 2 : 0)
        let isWhole = !text.hasSuffix("\\c")
        if !isWhole { text = text.dropLast(2) }
        var octets = Array(text.utf8)
        for (mark, octet) in [("\\r", 13), ("\\n", 10), ("\\0", 0), ("\\8", 0x80)]
            as [(String, UInt8)]
        {
            let mark = Array(mark.utf8)
            while let place = octets.indices.first(where: { octets[$0...].starts(with: mark) }) {
                octets.replaceSubrange(place..<(place + 2), with: [octet])
            }
        }
        return octets + (isWhole ? [13, 10] : [])
    }

    private mutating func drive(_ session: inout ServerSession) {
        while let step = session.next() { perform(step, of: &session) }
    }

    private mutating func perform(_ step: ServerSession.Step, of session: inout ServerSession) {
        switch step {
        case .send(let reply):
            for line in String(lossy: reply.encoded).split(separator: "\r\n") {
                transcript.append("S: \(line)")
            }
        case .startTLS:
            transcript.append("D: handshake")
            session.secured(TLSFacts(version: "TLSv1.3", cipher: "X"))
        case .authenticate(let mechanism, let response):
            self.mechanism = mechanism
            loginName = nil
            authenticate(response, &session)
        case .authenticationResponse(let response):
            authenticate(response, &session)
        case .judgeSender(let transaction):
            session.answer(Self.judge(transaction))
        case .judgeRecipient(let path, _):
            session.answer(Self.judge(path))
        case .openDraft(let transaction):
            open(transaction, &session)
        case .content(let octets):
            draft?.append(contentsOf: octets)
        case .takeResponsibility:
            let octets = draft ?? []
            draft = nil
            transcript.append("D: commit \(octets.count)")
            if octets.starts(with: "Subject: full".utf8) {
                session.answer(.refuse(.insufficientStorage))
            } else {
                messages.append(octets)
                session.answer(.accept("queued as \(messages.count)"))
            }
        case .startQueue(let request):
            let mark = request.includesSubdomains ? "@" : ""
            transcript.append("D: queue \(mark)\(request.domain)")
            session.answer(.say(Reply(250, 2, 0, 0, "Queue for \(request.domain) started")))
        case .assumeClient(let claims):
            let facts = [
                claims.name, claims.address.map { "\($0)" }, claims.port.map { "\($0)" },
                claims.hello, claims.isExtended ? "ESMTP" : "SMTP", claims.login,
            ]
            var line = "D: client " + facts.map { $0 ?? "-" }.joined(separator: " ")
            if let host = claims.destinationAddress { line += " to \(host)" }
            if let port = claims.destinationPort { line += " \(port)" }
            transcript.append(line)
            session.answer(claims.login == "mallory" ? .refuse(.clientNotTrusted) : .accept())
        case .discardDraft:
            draft = nil
            transcript.append("D: discard")
        case .close:
            transcript.append("D: close")
        }
    }

    private mutating func open(
        _ transaction: ServerSession.Transaction, _ session: inout ServerSession
    ) {
        let facts = [
            transaction.protocolKeyword.rawValue, transaction.hello.name,
            transaction.identity ?? "-", "\(transaction.recipientCount)",
        ]
        transcript.append("D: open " + facts.joined(separator: " "))
        if transaction.reversePath.description == "full@example.net" {
            session.answer(.refuse(.insufficientStorage))
        } else {
            draft = []
            session.answer(.accept())
        }
    }

    private mutating func authenticate(_ response: [UInt8]?, _ session: inout ServerSession) {
        guard let response else {
            let challenge = mechanism == "LOGIN" ? "Username:" : ""
            return session.authenticationChallenge(Array(challenge.utf8))
        }
        let text = String(lossy: response)
        if mechanism == "LOGIN", loginName == nil {
            loginName = text
            return session.authenticationChallenge(Array("Password:".utf8))
        }
        let words =
            mechanism == "LOGIN"
            ? [loginName ?? "", text]
            : text.split(separator: "\0", omittingEmptySubsequences: false).dropFirst()
                .map(String.init)
        if words == ["ann", "secret"] {
            session.authenticationSucceeded(identity: "ann")
        } else if words.first == "later" {
            session.authenticationFailed(.authenticationUnavailable)
        } else {
            session.authenticationFailed()
        }
    }

    private static func judge(
        _ transaction: ServerSession.Transaction
    ) -> ServerSession.Verdict {
        switch transaction.reversePath.address?.localPart.value {
        case "refused": .refuse(.senderRefused)
        case "goaway": .refuse(.tooManyConnections)
        default: .accept()
        }
    }

    private static func judge(_ path: ForwardPath) -> ServerSession.Verdict {
        guard case .address(let address) = path else { return .accept("Postmaster is here") }
        if address.domain?.name != "example.org" { return .refuse(.relayingDenied) }
        switch address.localPart.value {
        case "unknown": return .refuse(.mailboxUnknown)
        case "later": return .refuse(.mailboxUnavailable)
        default: return .accept()
        }
    }
}

/// `#expect` for what a session says: the macro would copy the session, which cannot be copied.
func expect(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, sourceLocation: sourceLocation)
}
