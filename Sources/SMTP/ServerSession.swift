// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
package import World

/// The receiving side of an SMTP connection (RFC 5321), without I/O and clock.
///
/// The driver writes what `next` gives, performs the step, and answers; when `next` gives nil
/// and nothing is to be answered, it flushes, receives within `patience`, and goes on:
/// ```
/// while true {
///     while let step = session.next() { switch step { … } }
///     flush, wait as `patience` says
///     session.receive(octets) | session.receiveEnd() | session.expire()
/// }
/// ```
/// Replies to a pipelined group come as so many `send` steps before the next nil, to be written
/// and flushed once (RFC 2920 §3.2 (2), (7)). After `close` there are no more steps.
///
/// Memory is bounded: one command line, what the driver gave in one `receive`, and no more.
/// Not served yet: CHUNKING, SMTPUTF8, DSN; their parameters are refused with 555.
package struct ServerSession: ~Copyable, Sendable {
    let configuration: Configuration
    var input = InputBuffer()
    var phase = Phase.greeting
    /// Steps decided on but not taken yet: at most a discard, a reply and a close.
    var pending: [Step] = []
    /// The last accepted EHLO or HELO.
    package internal(set) var hello: Hello?
    /// Who has authenticated, as `authenticationSucceeded` named it.
    package internal(set) var identity: String?
    package internal(set) var tls: TLSFacts?
    var transaction: Transaction?
    /// What is over already: the rest of a refused line up to its CRLF.
    var isSkippingLine = false
    var hasPeerEnded = false
    /// The commands after a refused MAIL in the same group are no errors of their own.
    var hasRefusedSender = false
    var errors = 0
    var refusals = 0
    /// Commands since the last accepted message that bring none nearer.
    var idleCommands = 0
    /// How many commands and messages have been read; see `Patience.subject`.
    var subjects: UInt64 = 0
    var authenticationFailures = 0

    /// For a connection just accepted; `tls` if it began with a handshake (RFC 8314 §3.3).
    package init(_ configuration: Configuration, tls: TLSFacts? = nil) {
        self.configuration = configuration
        self.tls = tls
    }

    /// Takes octets that arrived; the array is taken over without a copy.
    package mutating func receive(_ octets: consuming [UInt8]) {
        if case .closed = phase { return }
        input.append(octets)
    }

    /// The peer has ended its side, or the connection is lost.
    ///
    /// Commands that arrived before are still answered; half a message is discarded.
    package mutating func receiveEnd() { hasPeerEnded = true }

    /// `patience` is at its end: 421 (RFC 5321 §3.8, §4.5.3.2.7).
    package mutating func expire() { end(with: .timedOut) }

    /// Ends the session at once, in place of the greeting or a further reply.
    ///
    /// The server is shutting down, or the client is not wanted. A message under way is
    /// discarded, unless the driver is asked to commit it: then its answer is sent first.
    package mutating func end(with reply: Reply) {
        switch phase {
        case .closed: return
        case .committing: phase = .committingLast(reply)
        case .committingLast: return
        default: close(saying: reply)
        }
    }

    /// How long to wait for octets; `expire` when it is over.
    package var patience: Patience {
        guard case .content(let content) = phase else {
            return Patience(
                silence: configuration.commandTimeout, total: configuration.commandTimeout,
                subject: subjects)
        }
        let octets = content.octets + content.swallowedOctets
        return Patience(
            silence: configuration.contentTimeout,
            total: configuration.contentAllowance
                + .seconds(octets / Self.minimumContentOctetsPerSecond),
            subject: subjects)
    }

    /// Whether a shutdown may cut here without a reply being lost: no transaction is open.
    package var isBetweenTransactions: Bool {
        if case .command = phase { return transaction == nil }
        return false
    }

    /// The next step; nil when octets or an answer are needed.
    package mutating func next() -> Step? {
        while true {
            if !pending.isEmpty { return pending.removeFirst() }
            switch phase {
            case .greeting:
                phase = .command
                // §4.3.1: host name first; `ESMTP` is for clients that look for it.
                return .send(Reply(220, nil, greeting))
            case .command:
                guard takeLine(limit: Self.maximumLineOctets) else { return atEndOfInput() }
            case .authenticationLine:
                guard takeLine(limit: Self.maximumAuthenticationOctets) else {
                    return atEndOfInput()
                }
            case .content(let content):
                if let step = readContent(content) { return step }
                if case .content = phase { return atEndOfInput() }
            case .awaiting, .committing, .committingLast, .closed:
                return nil
            }
        }
    }

    private var greeting: String {
        let text = "\(configuration.hostName) ESMTP"
        return configuration.greeting.isEmpty ? text : text + " " + configuration.greeting
    }

    /// Nothing more can be made of what arrived.
    private mutating func atEndOfInput() -> Step? {
        guard hasPeerEnded else { return nil }
        close(saying: nil)
        return pending.isEmpty ? nil : pending.removeFirst()
    }

    /// Leaves a last word and closes; what arrived and was not read is dropped.
    mutating func close(saying reply: Reply?) {
        pending.removeAll()
        if case .content(let content) = phase, content.fault == nil {
            pending.append(.discardDraft)
        }
        if let reply { pending.append(.send(reply)) }
        pending.append(.close)
        phase = .closed
        transaction = nil
        input.removeAll()
    }

    // MARK: - Lines

    /// Takes one line and acts on it; false when there is none yet.
    private mutating func takeLine(limit: Int) -> Bool {
        guard let line = input.nextLine(limit: limit) else { return false }
        switch line {
        case .line where isSkippingLine:
            subjects += 1
            isSkippingLine = false
        case .line(let octets):
            subjects += 1
            if octets.contains(0) {
                refuseLine(.bareLineEnd)
            } else if case .authenticationLine = phase {
                continueAuthentication(octets)
            } else {
                perform(octets)
            }
        case .bareLineFeed:
            // A person at a terminal sees why nothing works; what stands before the next CRLF
            // is never taken for a command.
            isSkippingLine = true
            refuseLine(.bareLineEnd)
        case .bareCarriageReturn:
            if !isSkippingLine { refuseLine(.bareLineEnd) }
            isSkippingLine = true
        case .tooLong:
            if !isSkippingLine {
                if case .authenticationLine = phase {
                    refuseLine(.authenticationTooLong)
                } else {
                    refuseLine(.lineTooLong)
                }
            }
            isSkippingLine = true
        }
        return true
    }

    /// A line that cannot be read also ends an authentication under way.
    private mutating func refuseLine(_ reply: Reply) {
        if case .authenticationLine = phase { phase = .command }
        fail(reply)
    }

    // MARK: - Replies

    func isCommandPhase() -> Bool { if case .command = phase { true } else { false } }

    mutating func say(_ reply: Reply) { pending.append(.send(reply)) }

    /// Says that the client made an error, and closes when it makes too many of them.
    mutating func fail(_ reply: Reply) {
        errors += 1
        if errors >= Self.maximumErrors { close(saying: .tooManyErrors) } else { say(reply) }
    }

    /// Answers a command that brings no message nearer, and closes when there are too many.
    mutating func sayIdly(_ reply: Reply) {
        idleCommands += 1
        if idleCommands >= Self.maximumIdleCommands {
            close(saying: .tooManyCommands)
        } else {
            say(reply)
        }
    }

    /// Passes a refusal on, and closes when the client seems to be guessing addresses.
    mutating func refuse(_ reply: Reply) {
        // After 421 nothing more is said (RFC 5321 §3.8).
        if reply.code == 421 { return close(saying: reply) }
        refusals += 1
        if refusals >= Self.maximumRefusals { close(saying: .tooManyErrors) } else { say(reply) }
    }
}

// MARK: - Limits

extension ServerSession {
    /// In octets without CRLF: RFC 5321's 512, and what extensions add to MAIL (SIZE 26, BODY
    /// 17, AUTH 500) and will add (DSN 628, SMTPUTF8 10, others), rounded up.
    package static let maximumCommandOctets = 2048
    /// Enough for every mechanism in use (RFC 4954 §4).
    ///
    /// An AUTH command may be as long.
    package static let maximumAuthenticationOctets = 12_288
    static let maximumLineOctets = maximumAuthenticationOctets
    /// Errors of a client that does not know the protocol, until it is sent away.
    package static let maximumErrors = 20
    /// Refused senders and recipients since the last accepted message, until 421.
    ///
    /// Then the client is taken for one that guesses addresses; of a mailing list's members
    /// some may have left.
    package static let maximumRefusals = 100
    /// NOOP, RSET, VRFY and the like since the last accepted message, until 421: a client that
    /// keeps a connection for later messages needs a few.
    package static let maximumIdleCommands = 200
    /// What the line of a message must bring on average, behind `contentAllowance`: the slowest
    /// modems did better, and a connection must not be held for nothing.
    package static let minimumContentOctetsPerSecond = 500
    /// RFC 4954 §9 asks for at least three attempts.
    package static let maximumAuthenticationFailures = 5
    /// What is read of a message after its refusal, so that the client gets to see the reply.
    package static let maximumSwallowedOctets = 256 << 20
}

// MARK: - What the driver sets, sees and answers

extension ServerSession {
    /// What the session is to offer and to demand.
    package struct Configuration: Sendable {
        /// The name in greeting and replies (RFC 5321 §4.1.1.1).
        package var hostName: Domain
        package var service: Service
        /// RFC 1870; content beyond it is refused with 552.
        package var maximumMessageOctets: Int
        /// Accepted recipients in a transaction; RFC 5321 §4.5.3.1.8 asks for at least 100.
        package var maximumRecipients = 1000
        /// Octets between line ends in the message.
        ///
        /// RFC 5321 §4.5.3.1.6 says 998, and many programs do not know it: mail with longer
        /// lines is accepted, as by other servers, up to a bound (554 5.6.0 beyond it).
        package var maximumTextLineOctets = 1 << 20
        /// Whether STARTTLS is offered.
        package var isTLSAvailable = false
        /// Whether mail needs TLS.
        ///
        /// Not for a public exchanger (RFC 3207 §4).
        package var requiresTLS = false
        /// Whether AUTH is offered on encrypted connections only.
        package var requiresTLSForAuthentication = true
        /// Whether mail needs authentication (RFC 6409 §4.3): the rule for submission.
        package var requiresAuthentication: Bool
        /// Mechanism names in upper case; AUTH is not offered when empty.
        package var saslMechanisms: [String] = []
        /// Words after the host name in the greeting.
        package var greeting = ""
        /// For a whole command, from the reply to the one before: RFC 5321 §4.5.3.2.7 asks for at
        /// least 5 minutes.
        package var commandTimeout = Duration.minutes(5)
        /// Between octets of a message: a client may take 3 minutes (§4.5.3.2.5).
        package var contentTimeout = Duration.minutes(5)
        /// For a whole message, beside the time that its octets deserve.
        ///
        /// RFC 5321 §4.5.3.2.6 lets the other side wait so long for its end.
        package var contentAllowance = Duration.minutes(10)

        package init(
            hostName: Domain, service: Service, maximumMessageOctets: Int = 50 << 20
        ) {
            self.hostName = hostName
            self.service = service
            self.maximumMessageOctets = maximumMessageOctets
            requiresAuthentication = service == .submission
        }
    }

    /// For whom the session is.
    package enum Service: Hashable, Sendable {
        /// Other exchangers, on port 25.
        case exchange
        /// Mail programs, on ports 587 and 465 (RFC 6409, RFC 8314).
        case submission
    }

    /// How long the client may take (RFC 5321 §4.5.3.2), without a clock.
    package struct Patience: Hashable, Sendable {
        /// From the last octets that came.
        package let silence: Duration
        /// From the moment at which `subject` was first waited for: who sends an octet a minute
        /// is not silent, and still has to come to an end.
        package let total: Duration
        /// Changes with each command and each message.
        package let subject: UInt64
    }

    /// Who the client says it is, unverified (RFC 5321 §4.1.1.1).
    package struct Hello: Hashable, Sendable {
        /// Printable ASCII without space and without `( ) < > @ , ; \ "`, at most 255 octets.
        package let name: String
        /// EHLO, not HELO.
        package let isExtended: Bool
    }

    /// A mail transaction (RFC 5321 §3.3) as far as it has come, and over what it came.
    package struct Transaction: Hashable, Sendable {
        package let hello: Hello
        package let tls: TLSFacts?
        /// As `authenticationSucceeded` named it.
        package let identity: String?
        package let reversePath: ReversePath
        package let parameters: MailParameters
        /// How many recipients the driver has accepted.
        package internal(set) var recipientCount = 0

        /// For the Received field (RFC 3848).
        package var protocolKeyword: ProtocolKeyword {
            ProtocolKeyword(
                isExtended: hello.isExtended, isSecured: tls != nil,
                isAuthenticated: identity != nil)
        }
    }

    /// What the driver has to do now.
    package enum Step: Sendable {
        /// Write this; flush before waiting.
        case send(Reply)
        /// Flush, shake hands, then call `secured`; if that fails, close the connection.
        /// What had arrived in plain text is dropped already.
        case startTLS
        /// Begin SASL. Answer `authenticationChallenge`, `authenticationSucceeded` or
        /// `authenticationFailed`. Whatever exchange was under way before is over.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// The response to the last challenge; answer as to `authenticate`.
        case authenticationResponse([UInt8])
        /// A transaction begins, and what was known of an earlier one is void. `answer`.
        case judgeSender(Transaction)
        /// One more recipient for the transaction last begun. `answer`.
        case judgeRecipient(ForwardPath, RecipientParameters)
        /// DATA: make ready to take the message, before 354 invites it. `answer`.
        case openDraft(Transaction)
        /// Octets of the message as it was sent, dots undone, CRLF kept. No answer.
        case content(ArraySlice<UInt8>)
        /// The message is complete. Commit and sync, then `answer`: an acceptance is the
        /// instant at which responsibility passes (RFC 5321 §6.1).
        case takeResponsibility
        /// The message will not be complete, or is refused: forget the open draft. No answer.
        case discardDraft
        /// Flush and close, and forget a draft that is still open; the last step.
        case close
    }

    /// The driver's judgement.
    package enum Verdict: Sendable {
        /// With a text of the driver's own, such as `queued as 4F2A`.
        case accept(String? = nil)
        /// With any 4yz or 5yz reply; 421 ends the session.
        case refuse(Reply)
    }

    enum Phase {
        case greeting
        case command
        case authenticationLine
        case content(Content)
        /// The driver has the word.
        case awaiting(Question)
        case committing
        /// As `committing`; then this is the last word.
        case committingLast(Reply)
        case closed
    }

    enum Question {
        case handshake
        case authentication(mechanism: String)
        case sender(Transaction)
        case recipient
        case draft
    }
}
