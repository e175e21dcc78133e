// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
package import World

/// The sending side of an SMTP connection (RFC 5321), without I/O and clock.
///
/// The driver performs what `next` gives and, when it gives nil, flushes and receives until a
/// whole reply has come, within `timeout`. After `idle` it may `begin` a transaction, or `quit`; the connection can be kept
/// meanwhile. Each transaction ends with `finished` and an outcome for each recipient, whatever
/// happens. After `close` there are no more steps. LMTP (RFC 2033) is a dialect of the same.
///
/// ```
/// while true {
///     while let step = session.next() { switch step { … } }
///     flush; session.receive(octets) | session.receiveEnd() | session.expire()
/// }
/// ```
package struct ClientSession: ~Copyable, Sendable {
    let configuration: Configuration
    var replies = ReplyParser()
    var phase = Phase.awaitingGreeting
    var pending: [Step] = []
    /// Why no more replies will come; those that came are read first.
    var loss: Loss?
    /// What the peer offers now.
    package internal(set) var extensions = Extensions()
    package internal(set) var tls: TLSFacts?
    var isExtended = false
    var isAuthenticated = false
    /// How many replies were read.
    ///
    /// `timeout` counts from the moment at which the next one was first waited for: who sends an
    /// octet a minute is not silent, and still has to come to an end.
    package internal(set) var repliesRead: UInt64 = 0
    /// MAIL commands so far, for MAILMAX (RFC 9422 §4.1).
    var transactions = 0
    /// Domains of recipients so far, for RCPTDOMAINMAX (RFC 9422 §4.3).
    var recipientDomains: Set<Destination> = []

    /// For a connection just opened; `tls` if it began with a handshake (RFC 8314 §3.3).
    package init(_ configuration: Configuration, tls: TLSFacts? = nil) {
        self.configuration = configuration
        self.tls = tls
    }

    /// Takes octets that arrived.
    package mutating func receive(_ octets: consuming [UInt8]) {
        switch phase {
        // What comes behind the reply to STARTTLS is nobody's word (RFC 3207 §4.2).
        case .closed, .handshake: return
        case .content:
            replies.receive(octets)
            // At once, so that the driver stops sending what nobody wants.
            while case .content = phase, readReply() {}
        default: replies.receive(octets)
        }
    }

    /// The connection ended or broke, in reading or in writing.
    ///
    /// Give what arrived to `receive` before: it may hold the reason.
    package mutating func receiveEnd() {
        loss = .ended
    }

    /// `timeout` has passed (RFC 5321 §4.5.3.2).
    package mutating func expire() {
        loss = .expired
    }

    /// The next step; nil when octets or an answer are needed.
    package mutating func next() -> Step? {
        // One reply at a time, when all steps of the last one are taken: what the driver is
        // told to be so is still so when it acts on it.
        while pending.isEmpty {
            guard readReply() else { return nil }
        }
        return pending.removeFirst()
    }

    /// How long to wait for the next reply, or for a flush while the message is sent.
    package var timeout: Duration {
        let timeouts = configuration.timeouts
        return switch phase {
        case .awaitingGreeting: timeouts.greeting
        case .transaction(let state): state.isAwaitingData ? timeouts.data : timeouts.command
        case .content, .drainingChunks: timeouts.block
        case .awaitingFinal: timeouts.final
        case .awaitingQuit: timeouts.quit
        default: timeouts.command
        }
    }

    /// Whether `begin` and `quit` may be called.
    package var isIdle: Bool { if case .idle = phase { true } else { false } }

    /// Whether the peer takes another transaction on this connection (RFC 9422 §4.1).
    package var takesMore: Bool { transactions < extensions.limits.transactions ?? .max }

    /// The handshake that `startTLS` asked for is done: all begins anew (RFC 3207 §4.2).
    package mutating func secured(_ facts: TLSFacts) {
        guard case .handshake = phase else { return }
        tls = facts
        extensions = Extensions()
        replies.removeAll()
        sayHello()
    }

    /// The handshake failed; with opportunistic TLS, connect again with TLS `never`.
    package mutating func tlsFailed(_ text: String) {
        guard case .handshake = phase else { return }
        give(
            up: .tls,
            Outcome.Evidence(
                EnhancedStatus(4, 7, 5), Diagnosis.handshakeFailedWith.text(host, text),
                host: host))
    }

    /// Says goodbye, only when idle (RFC 5321 §4.1.1.10); `close` follows.
    package mutating func quit() {
        guard case .idle = phase else { return }
        send("QUIT")
        phase = .awaitingQuit
    }

    var host: String { configuration.remoteHost }
}

// MARK: - What the driver sets and sees

extension ClientSession {
    /// Who we are, whom we talk to, and on which terms.
    package struct Configuration: Sendable {
        /// For EHLO (RFC 5321 §4.1.1.1).
        package var hostName: Domain
        /// For evidence: `mx1.example.org [192.0.2.1]`.
        package var remoteHost: String
        package var tls: TLSPolicy
        package var dialect = Dialect.smtp
        /// The SASL mechanisms to authenticate with, the best first; none for no authentication.
        ///
        /// If there are any, it is required, and happens only under TLS.
        package var mechanisms: [String] = []
        package var timeouts = Timeouts()

        package init(hostName: Domain, remoteHost: String, tls: TLSPolicy = .opportunistic) {
            self.hostName = hostName
            self.remoteHost = remoteHost
            self.tls = tls
        }
    }

    /// Whether to use STARTTLS (RFC 3207).
    package enum TLSPolicy: Hashable, Sendable {
        case never
        /// If it is offered; a failed handshake is the driver's to repeat in plain text.
        case opportunistic
        /// Nothing is sent without it.
        case required
    }

    /// Which of the two protocols is spoken.
    package enum Dialect: String, Hashable, Sendable {
        case smtp
        /// RFC 2033: LHLO, and a reply for each recipient after the message.
        case lmtp
    }

    /// RFC 5321 §4.5.3.2's least values.
    package struct Timeouts: Hashable, Sendable {
        /// §4.5.3.2.1.
        package var greeting = Duration.minutes(5)
        /// EHLO, MAIL, RCPT and the rest: §4.5.3.2.2, §4.5.3.2.3.
        package var command = Duration.minutes(5)
        /// Until 354: §4.5.3.2.4.
        package var data = Duration.minutes(2)
        /// For each flush of the message: §4.5.3.2.5.
        package var block = Duration.minutes(3)
        /// After the final dot: §4.5.3.2.6.
        package var final = Duration.minutes(10)
        /// Nothing depends on the reply to QUIT.
        package var quit = Duration.seconds(10)

        package init() {}
    }

    /// A message and where it is to go.
    package struct Transaction: Hashable, Sendable {
        /// With at least one recipient.
        ///
        /// `body` and `isInternational` say what the message is, not what
        /// its sender announced; a peer that cannot carry it gets it converted, or not at all.
        package var envelope: Envelope
        /// Of the message, before dots are doubled (RFC 1870 §5).
        package var octets: Int
        /// Now, for what remains of a deliver-by time (RFC 2852 §4.1.4).
        package var time: Timestamp

        package init(_ envelope: Envelope, octets: Int, at time: Timestamp) {
            self.envelope = envelope
            self.octets = octets
            self.time = time
        }

        /// A message that asks for nothing special.
        package init(
            from reversePath: ReversePath, to recipients: [Address], octets: Int, is8Bit: Bool
        ) {
            let envelope = Envelope(
                from: reversePath, to: recipients.map { Envelope.Recipient($0) },
                body: is8Bit ? .eightBitMIME : .sevenBit)
            self.init(envelope, octets: octets, at: Timestamp(milliseconds: 0))
        }
    }

    /// What the driver has to do now.
    package enum Step: Sendable {
        /// Write this; flush before waiting.
        case send([UInt8])
        /// Flush and shake hands, then `secured` or `tlsFailed`.
        case startTLS
        /// Begin a SASL exchange, then `authenticate`.
        case authenticate(mechanism: String)
        /// Answer what the server asks in it, with `respond` or `cancelAuthentication`.
        case challenge([UInt8])
        /// Ready: `begin` or `quit`. After an earlier `idle`, the connection was kept.
        case idle
        /// Write the message chunk by chunk through `encodeContent`, flushing each within
        /// `timeout`, and then what `endContent` gives. `contentFailed` if it cannot be read.
        /// Receive while `awaitsChunkReply`; end as soon as it is no longer `isSendingContent`.
        case sendContent
        /// The transaction is over; `idle` or `close` follows.
        case finished(Report)
        /// The connection serves for nothing; no transaction was begun, or all are reported.
        /// `close` follows.
        case unusable(Reason, Outcome.Evidence)
        /// Flush and close; the last step.
        case close
    }

    /// How a transaction ended.
    package struct Report: Hashable, Sendable {
        /// In the order of the transaction's recipients.
        package var results: [Result]
        /// Whether the peer said anything to this transaction but 421.
        ///
        /// If not, and the connection had been kept from an earlier one, a fresh connection to
        /// the same host may do.
        package var wasAnswered: Bool
        /// The (last) reply to the message, with the peer's queue id; nil if there was none.
        package var finalReply: Reply?
    }

    /// How it ended for one recipient, and where else it may be tried.
    package struct Result: Hashable, Sendable {
        package var outcome: Outcome
        package var advice: Advice
        /// Whether the peer was told what the sender wants to hear (DSN, RFC 3461 §5.2.1).
        ///
        /// If not, a success that was to be reported is ours to report as "relayed" (§5.2.2).
        package var isNotificationPassedOn = false
        /// Whether the peer was told the deliver-by time (RFC 2852 §4.1.4.2), or there is none.
        package var isDeliverByPassedOn = true

        package init(_ outcome: Outcome, _ advice: Advice) {
            self.outcome = outcome
            self.advice = advice
        }
    }

    /// What may help a recipient who was not served.
    package enum Advice: Hashable, Sendable {
        /// Delivered, refused for good, or not to be repeated at once.
        case none
        /// Another exchanger may take it now (RFC 5321 §5.1); said of a permanent outcome too,
        /// where this one only lacks an extension that another may have.
        case nextHost
        /// The peer has enough recipients for one transaction: another one on the same connection
        /// (§4.5.3.1.10), or on a fresh one unless `takesMore`.
        case anotherTransaction
        /// The peer has enough for one connection (RFC 9422 §4.3).
        case anotherConnection
    }

    /// Why a connection is of no use.
    package enum Reason: Hashable, Sendable {
        /// 4yz or 5yz instead of a greeting, 421 at any time.
        case refused
        /// Neither EHLO nor HELO was accepted.
        case helloRefused
        /// Required and not offered, or tried and failed.
        case tls
        case authentication
        /// Ended, broken, or silent for too long.
        case connectionLost
        /// What the peer says is not SMTP.
        case protocolViolation
    }

    /// How a connection comes to its end by itself.
    enum Loss {
        case ended
        case expired

        var diagnosis: Diagnosis { self == .ended ? .connectionEnded : .silence }
    }

    enum Phase {
        case awaitingGreeting
        case awaitingEHLO
        case awaitingHELO
        case awaitingStartTLS
        case handshake
        /// The driver works on its part of a SASL exchange.
        case authenticating(AuthenticationState)
        case awaitingAuthentication(AuthenticationState)
        case idle
        case transaction(TransactionState)
        /// The driver sends the message.
        case content(TransactionState, ContentEncoder)
        /// A chunk was refused: replies to those behind it are still to come.
        case drainingChunks(TransactionState)
        /// The end of the message was given to the driver: from here on the end may be ambiguous.
        case awaitingFinal(TransactionState)
        case awaitingReset
        case awaitingQuit
        case closed
    }
}
