// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
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
/// The same machine serves LMTP (RFC 2033), where the end of a message has a reply for each
/// recipient.
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
    /// What the calendar says now, set by the driver before it takes steps.
    ///
    /// Nil: parameters that count from now are not known, and not offered.
    package var now: Timestamp?
    /// Whether the client may ask for a higher priority without authentication.
    package var isClientTrusted = false
    /// Whether the client is a proxy that may say by XCLIENT for whom it stands.
    package var mayStateClient = false
    var transaction: Transaction?
    /// A message that comes in chunks, between two of them; its draft is open.
    var assembly: Content?
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
    /// MAIL commands so far.
    var transactions = 0

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
        var content = assembly
        if case .content(let current) = phase { content = current }
        guard let content else {
            return Patience(
                silence: configuration.commandTimeout, total: configuration.commandTimeout,
                subject: subjects)
        }
        let octets = content.octets + content.swallowedOctets
        return Patience(
            silence: configuration.contentTimeout,
            total: configuration.contentAllowance
                + .seconds(octets / Self.minimumContentOctetsPerSecond),
            subject: content.subject)
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
        let text = "\(configuration.hostName) \(isLocal ? "LMTP" : "ESMTP")"
        return configuration.greeting.isEmpty ? text : text + " " + configuration.greeting
    }

    /// LMTP.
    var isLocal: Bool { configuration.service == .local }

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
        forgetTransaction()
        if let reply { pending.append(.send(reply)) }
        pending.append(.close)
        phase = .closed
        input.removeAll()
    }

    /// RSET, EHLO and the like: as if MAIL had never been said, chunks included.
    mutating func forgetTransaction() {
        if assembly != nil { pending.append(.discardDraft) }
        assembly = nil
        transaction = nil
        hasRefusedSender = false
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
    mutating func refuse(_ reply: Reply, times count: Int = 1) {
        // After 421 nothing more is said (RFC 5321 §3.8).
        if reply.code == 421 { return close(saying: reply) }
        refusals += 1
        guard refusals < Self.maximumRefusals else { return close(saying: .tooManyErrors) }
        for _ in 0..<count { say(reply) }
    }
}
