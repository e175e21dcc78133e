// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import World

/// From the greeting to the first `idle`, and the ways out.
extension ClientSession {
    /// Acts on the next reply or on there being none; false when nothing is to be done.
    @discardableResult
    mutating func readReply() -> Bool {
        if case .closed = phase { return false }
        if loss == nil, case .handshake = phase { return false }
        do throws(ReplyParser.Fault) {
            if let reply = try replies.next() {
                repliesRead += 1
                take(reply)
            } else if let loss {
                lose(
                    .connectionLost, text: loss.diagnosis.text(host, place),
                    status: EnhancedStatus(4, 4, 2))
            } else {
                return false
            }
        } catch {
            violate(error.text)
        }
        return true
    }

    private mutating func take(_ reply: Reply) {
        switch phase {
        case .transaction(let state): take(reply, in: state)
        case .content(let state, let encoder): takeEarly(reply, in: state, encoder)
        case .drainingChunks(let state): drain(reply, in: state)
        case .awaitingFinal(let state): takeFinal(reply, in: state)
        case .awaitingQuit: close()
        case .closed, .handshake: return
        // RFC 5321 §3.8: 421 may be said to anything.
        case _ where reply.code == 421: give(up: .refused, evidence(reply, to: nil))
        case .idle: violate("a reply to nothing: \(reply)")
        case .awaitingGreeting: takeGreeting(reply)
        case .awaitingEHLO, .awaitingHELO: takeHello(reply)
        case .awaitingStartTLS: takeStartTLS(reply)
        case .authenticating: violate("a reply to nothing: \(reply)")
        case .awaitingAuthentication(let state): takeAuthentication(reply, state)
        case .awaitingReset:
            guard reply.isPositiveCompletion else {
                return give(up: .refused, evidence(reply, to: "RSET"))
            }
            becomeIdle()
        }
    }

    // MARK: - Greeting and EHLO

    private mutating func takeGreeting(_ reply: Reply) {
        // RFC 5321 §3.1: 220, or 554 and the like.
        guard reply.isPositiveCompletion else {
            return reply.code >= 400
                ? give(up: .refused, evidence(reply, to: nil)) : violate("\(reply)")
        }
        sayHello()
    }

    mutating func sayHello() {
        // RFC 2033 §4.1.
        let verb = configuration.dialect == .lmtp ? "LHLO" : "EHLO"
        send("\(verb) \(configuration.hostName)")
        phase = .awaitingEHLO
    }

    private mutating func takeHello(_ reply: Reply) {
        if case .awaitingEHLO = phase {
            if reply.isPermanentNegative, configuration.dialect == .smtp {
                // §3.2: a server that does not know EHLO.
                send("HELO \(configuration.hostName)")
                phase = .awaitingHELO
                return
            }
            if reply.isPositiveCompletion {
                isExtended = true
                extensions = Extensions(lines: reply.lines.dropFirst())
            }
        }
        guard reply.isPositiveCompletion else {
            return give(up: .helloRefused, evidence(reply, to: helloCommand))
        }
        secureOrGoOn()
    }

    private var helloCommand: String {
        if configuration.dialect == .lmtp { return "LHLO" }
        if case .awaitingHELO = phase { return "HELO" }
        return "EHLO"
    }

    // MARK: - TLS

    private mutating func secureOrGoOn() {
        guard tls == nil, configuration.tls != .never else { return authenticateOrGoOn() }
        if extensions.canStartTLS {
            send("STARTTLS")
            phase = .awaitingStartTLS
        } else if configuration.tls == .required {
            give(
                up: .tls,
                Outcome.Evidence(
                    EnhancedStatus(4, 7, 4), Diagnosis.lacksSTARTTLS.text(host),
                    host: host))
        } else {
            authenticateOrGoOn()
        }
    }

    private mutating func takeStartTLS(_ reply: Reply) {
        if reply.code == 220 {
            phase = .handshake
            // What came with it in plain text is nobody's word (RFC 3207 §4.2).
            replies.removeAll()
            pending.append(.startTLS)
        } else if configuration.tls == .required {
            give(up: .tls, evidence(reply, to: "STARTTLS"))
        } else {
            authenticateOrGoOn()
        }
    }

    // MARK: - Ways out

    mutating func becomeIdle() {
        phase = .idle
        pending.append(.idle)
    }

    mutating func send(_ line: String) {
        pending.append(.send(Array((line + "\r\n").utf8)))
    }

    mutating func close() {
        phase = .closed
        replies.removeAll()
        pending.append(.close)
    }

    /// No use going on; a transaction under way has been reported before.
    mutating func give(up reason: Reason, _ evidence: Outcome.Evidence) {
        pending.append(.unusable(reason, evidence))
        close()
    }

    mutating func violate(_ text: String) {
        lose(
            .protocolViolation, text: Diagnosis.breaksProtocol.text(host, text),
            status: EnhancedStatus(4, 5, 0))
    }

    private mutating func lose(_ reason: Reason, text: String, status: EnhancedStatus) {
        let evidence = Outcome.Evidence(status, text, host: host)
        switch phase {
        case .closed: return
        case .awaitingQuit: close()
        case .transaction(let state), .content(let state, _):
            finish(state, otherwise: .transient(evidence), .nextHost)
            close()
        case .drainingChunks(let state):
            finish(state, otherwise: .transient(evidence), .nextHost)
            close()
        case .awaitingFinal(let state):
            // RFC 5321 §6.1, RFC 1047: it may have been accepted.
            finish(state, otherwise: .ambiguous(evidence), .none)
            close()
        default: give(up: reason, evidence)
        }
    }

    /// Where we were, for evidence.
    private var place: String {
        switch phase {
        case .awaitingGreeting: Diagnosis.beforeGreeting.text()
        case .awaitingEHLO, .awaitingHELO: Diagnosis.afterEHLO.text()
        case .awaitingStartTLS, .handshake: Diagnosis.inSTARTTLS.text()
        case .authenticating, .awaitingAuthentication: Diagnosis.inAUTH.text()
        case .idle, .awaitingReset: Diagnosis.betweenMessages.text()
        case .transaction(let state): Diagnosis.whileSending.text(state.awaitedCommand)
        case .content, .drainingChunks: Diagnosis.whileSendingMessage.text()
        case .awaitingFinal: Diagnosis.afterMessage.text()
        case .awaitingQuit, .closed: Diagnosis.atEnd.text()
        }
    }

    /// Of a reply, in evidence: it is kept for every recipient.
    static let maximumEvidenceCharacters = 1000

    /// `host said: 550 5.1.1 … (in reply to RCPT TO)`, with the reply's status or its class.
    func evidence(_ reply: Reply, to command: String?) -> Outcome.Evidence {
        let said = String(reply.description.prefix(Self.maximumEvidenceCharacters))
        let text =
            command.map { Diagnosis.saidInReply.text(host, said, $0) }
            ?? Diagnosis.said.text(host, said)
        return Outcome.Evidence(
            reply.status ?? EnhancedStatus(UInt8(reply.code / 100), 0, 0), text, host: host)
    }
}
