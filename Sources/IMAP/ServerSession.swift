// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// The server's side of one IMAP connection (RFC 9051, RFC 3501), without I/O.
///
/// `receive` takes octets; `next` says what to do; nil means that it needs more octets or the
/// answer to the last step. Commands that came ahead wait inside. What a command answers before
/// its tagged response the driver writes itself, with a `ResponseWriter`.
package struct ServerSession: ~Copyable, Sendable {
    /// What the server offers on this connection.
    package struct Policy: Sendable {
        /// Shown in the greeting.
        package var hostName: String
        /// STARTTLS is possible: there is a certificate.
        package var offersTLS: Bool
        /// Whether passwords may cross the line in plain text.
        package var allowsPlainPasswords: Bool
        /// SASL mechanisms that hide the password, by name, best first.
        package var mechanisms: [String]
        /// SASL mechanisms that show the password, offered where LOGIN is.
        package var plainMechanisms: [String]
        /// The extensions the driver performs; of `ServerSession.extensions`.
        package var extensions = ServerSession.extensions
        /// The largest message APPEND takes, in octets (RFC 7889).
        package var appendLimit: UInt64
        /// Most messages that one command treats (RFC 9738); nil: no limit.
        package var messageLimit: UInt32?
        /// What ID tells of this server (RFC 2971 §3.3).
        package var identification: [IdentificationField] = [
            IdentificationField("name", "Postreiter")
        ]

        package init(
            hostName: String, offersTLS: Bool, allowsPlainPasswords: Bool = false,
            mechanisms: [String], plainMechanisms: [String], appendLimit: UInt64
        ) {
            self.hostName = hostName
            self.offersTLS = offersTLS
            self.allowsPlainPasswords = allowsPlainPasswords
            self.mechanisms = mechanisms
            self.plainMechanisms = plainMechanisms
            self.appendLimit = appendLimit
        }
    }

    /// What the driver has to do next.
    package enum Step: Sendable, Equatable {
        case send([UInt8])
        /// Shake hands after sending; then `tlsStarted`. If that fails, close.
        case startTLS
        /// Compress both ways from here on, after sending (RFC 4978). Wants no answer.
        case startCompression
        /// LOGIN comes as PLAIN. Answered by `challenge`, `authenticated` or `refuse`.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// The client's answer to a challenge; answered as `authenticate` is.
        case authenticationResponse([UInt8])
        /// The client gave up the exchange: forget it. Wants no answer.
        case cancelAuthentication
        /// Perform it, send what it answers, then `complete`.
        case perform(Command)
        /// The client follows modification sequences from now on, with a mailbox selected: send
        /// `* OK [HIGHESTMODSEQ ...]` (RFC 7162 §3.1). Wants no answer.
        case tellHighestModificationSequence
        /// APPEND or REPLACE begins: `acceptAppend`, or `complete` with a refusal.
        case beginAppend(Append)
        /// One message begins (MULTIAPPEND: several do): `acceptAppend`, or `complete` with a
        /// refusal, after which nothing of the command is kept.
        case appendMessage(AppendedMessage)
        /// Octets of the message. Wants no answer; whether they could be kept `endAppend` tells.
        case appendContent([UInt8])
        /// All messages are there: keep all of them or none, then `complete`.
        case endAppend
        /// Forget what was appended. Wants no answer.
        case abortAppend
        /// Tell changes of the selected mailbox as they come, until `endIdle`.
        case idle
        /// Stop telling; then `complete`.
        case endIdle
        case close
    }

    enum Phase: Equatable {
        case fresh, unauthenticated, authenticated, over
        case selected(isReadOnly: Bool)
    }

    /// What the session waits for, so that no command is read before it came.
    enum Answer: Equatable {
        case nothing, tls, authentication
        case completion(Pending)
        case appendStart, appendedMessage
    }

    /// What `complete` changes besides.
    enum Pending: Equatable {
        case plain
        case select(isReadOnly: Bool)
        case leave
        case append
        /// Why IDLE ended, if not by DONE.
        case idle(fault: String?)
    }

    /// What the next octets are.
    enum Reading: Equatable {
        /// A line of `command`, its first or one behind a literal.
        case line
        case literal(left: UInt64)
        /// A literal of a command that has been refused, and then the rest of its line.
        case refusedLiteral(left: UInt64)
        case refusedLine
        case exchange
        case idle
        case message(left: UInt64)
        /// Behind a message: the end of the command, or the next message.
        case messageEnd
    }

    struct Appending {
        var message: AppendedMessage
        var isWrapped: Bool
        var mark: LiteralMark
        /// Messages of the command so far (MULTIAPPEND).
        var count: UInt32 = 1
        var isReplacing = false
        var hasBegun = false
        /// A NUL came where only a literal8 may hold one.
        var hasNull = false
    }

    /// A line before login: a SASL response with a token is the longest.
    package static let maximumUnauthenticatedOctets = 12_288
    /// One literal before login: a name or a password.
    package static let maximumUnauthenticatedLiteral = 1024
    /// A command with its literals, APPEND's messages apart; the longest name thousands of UIDs.
    package static let maximumCommandOctets = 262_144
    /// A literal that the client sent without asking and that is refused is read past so far
    /// (RFC 7888 §4); beyond, the connection ends.
    package static let maximumRefusedOctets: UInt64 = 67_108_864
    /// So many BAD in a row end a connection before login.
    package static let maximumErrors = 20
    /// The same of somebody who is known: his program may be a faulty one, or a test.
    package static let maximumAuthenticatedErrors = 200
    /// Guesses on one connection; a person's program tries a few mechanisms.
    package static let maximumRefusals = 5
    /// RFC 9051 §5.4: the autologout timer, at least 30 minutes after login.
    package static let idleTimeout = Duration.minutes(30)
    /// Who has not logged in waits shorter.
    package static let unauthenticatedTimeout = Duration.minutes(2)

    /// What this connection is offered, to its end.
    package let policy: Policy
    var isProtected: Bool
    var isCompressed = false
    var input = CommandReader()
    var phase = Phase.fresh
    var awaited = Answer.nothing
    var reading = Reading.line
    var steps: [Step] = []
    /// The command so far, with literals where they stand.
    var command: [UInt8] = []
    var tag: [UInt8] = []
    /// Told with the end of the command, if that goes well.
    var normalizedName: NormalizedName?
    var appending: Appending?
    var errors = 0
    var refusals = 0
    /// What the client has switched on.
    package internal(set) var enabled: EnabledExtensions = []
    /// What the client says of itself by ID.
    package internal(set) var clientIdentification: [IdentificationField] = []
    /// How many lines were read to their end.
    ///
    /// `idleTimeout` counts from the moment at which the next one was first waited for: who sends
    /// an octet a minute gives no command.
    package internal(set) var linesRead: UInt64 = 0

    /// `isProtected`: TLS is on from the start (RFC 8314 §3.2, port 993).
    package init(_ policy: Policy, isProtected: Bool) {
        self.policy = policy
        self.isProtected = isProtected
    }

    /// How many octets wait inside for the answer to a step.
    package var heldOctets: Int { input.count }

    /// Nothing of a command has come that is not answered: anything may be told.
    package var isBetweenCommands: Bool {
        awaited == .nothing && reading == .line && command.isEmpty && input.isEmpty
            && steps.isEmpty
    }

    /// The tag of the command that is performed, for ESEARCH and INPROGRESS.
    package var currentTag: [UInt8] { tag }

    package var isAuthenticated: Bool {
        switch phase {
        case .authenticated, .selected: true
        case .fresh, .unauthenticated, .over: false
        }
    }

    /// Takes octets that arrived; the array is taken over without a copy.
    package mutating func receive(_ octets: consuming [UInt8]) {
        if phase == .over { return }
        input.append(octets)
    }

    /// The client sends no more: what is half there is forgotten.
    package mutating func receiveEnd() {
        guard phase != .over else { return }
        if appending?.hasBegun == true { steps.append(.abortAppend) }
        end()
    }

    /// What is to be done next; nil: octets are needed, or an answer.
    package mutating func next() -> Step? {
        while true {
            if !steps.isEmpty { return steps.removeFirst() }
            guard awaited == .nothing else { return nil }
            switch phase {
            case .fresh:
                phase = .unauthenticated
                greet()
            case .over: return nil
            case .unauthenticated, .authenticated, .selected:
                guard read() else { return nil }
            }
        }
    }

    /// Ends the connection from this side: `* BYE` (RFC 9051 §7.1.5).
    package mutating func terminate(_ code: ResponseCode? = nil, _ text: String) {
        guard phase != .over else { return }
        if appending?.hasBegun == true { steps.append(.abortAppend) }
        awaited = .nothing
        bye(code, text)
    }
}

// MARK: - Answers

extension ServerSession {
    /// The handshake succeeded; what had come in plain text is forgotten (RFC 9051 §6.2.1).
    package mutating func tlsStarted() {
        take(.tls)
        input.removeAll()
        isProtected = true
    }

    /// Sends the mechanism's challenge to the client.
    package mutating func challenge(_ octets: [UInt8]) {
        take(.authentication)
        reading = .exchange
        send("+ \(Base64.encode(octets))\r\n")
    }

    /// The client has proved who it is.
    package mutating func authenticated() {
        take(.authentication)
        phase = .authenticated
        errors = 0
        // RFC 9051 §6.2.3: the capabilities are others now.
        reply("OK [CAPABILITY \(capabilities.joined(separator: " "))] logged in")
    }

    /// Answers `authenticate` or `authenticationResponse` with NO.
    package mutating func refuse(
        _ code: ResponseCode = .authenticationFailed, _ text: String = "wrong name or password"
    ) {
        take(.authentication)
        reading = .line
        complete(tagged: .no(code, text))
        refusals += 1
        if refusals >= Self.maximumRefusals { bye(nil, "too many failed logins") }
    }

    /// Go on with APPEND: answers `beginAppend` and `appendMessage`.
    package mutating func acceptAppend() {
        switch awaited {
        case .appendStart:
            guard let appending else { preconditionFailure("no message was announced") }
            awaited = .appendedMessage
            self.appending?.hasBegun = true
            steps.append(.appendMessage(appending.message))
        case .appendedMessage:
            guard let appending else { preconditionFailure("no message was announced") }
            awaited = .nothing
            if appending.mark.isSynchronizing { send("+ send the message\r\n") }
            reading = .message(left: appending.message.octets)
        default: preconditionFailure("an answer that was not asked for")
        }
    }

    /// The mailbox that is selected is there no more (RFC 9051 §7.1, CLOSED).
    package mutating func leaveMailbox() {
        guard case .selected = phase else { return }
        send("* OK [CLOSED] the mailbox has been deleted\r\n")
        phase = .authenticated
    }

    /// Ends the command that is performed with its tagged response.
    ///
    /// After `terminate` nobody waits for one.
    package mutating func complete(_ completion: Completion) {
        guard phase != .over else { return }
        switch awaited {
        case .appendStart, .appendedMessage:
            precondition(completion.status != .ok, "a message that was not taken")
            refuseAppend(completion)
        case .completion(let pending):
            awaited = .nothing
            finish(pending, completion)
        default: preconditionFailure("an answer that was not asked for")
        }
    }

    private mutating func finish(_ pending: Pending, _ completion: Completion) {
        switch pending {
        case .select(let isReadOnly):
            // RFC 9051 §6.3.2: also a SELECT that fails leaves the mailbox.
            phase =
                completion.status == .ok
                ? .selected(isReadOnly: isReadOnly)
                : .authenticated
        case .leave where completion.status == .ok: phase = .authenticated
        case .append: appending = nil
        case .idle(let fault):
            reading = .line
            if let fault { return fail(fault) }
        case .plain, .leave: break
        }
        if completion.status == .ok, let normalizedName {
            var writer = ResponseWriter(enabled)
            writer.list(
                normalizedName.name, normalizedName.attributes, oldName: normalizedName.written)
            steps.append(.send(writer.take()))
        }
        complete(tagged: completion)
    }

    mutating func take(_ answer: Answer) {
        precondition(awaited == answer, "an answer that was not asked for")
        awaited = .nothing
    }
}

// MARK: - Replies

extension ServerSession {
    mutating func send(_ text: String) { steps.append(.send(Array(text.utf8))) }

    /// A tagged response.
    mutating func reply(_ text: String) { send("\(String(lossy: tag)) \(text)\r\n") }

    mutating func complete(tagged completion: Completion) {
        if completion.status == .bad {
            errors += 1
        } else if isAuthenticated {
            errors = 0
        }
        var octets: [UInt8] = []
        completion.write(tag: tag.isEmpty ? [UInt8(ascii: "*")] : tag, to: &octets)
        steps.append(.send(octets))
        let limit = isAuthenticated ? Self.maximumAuthenticatedErrors : Self.maximumErrors
        if errors >= limit { bye(nil, "too many errors") }
    }

    mutating func fail(_ text: String, _ code: ResponseCode? = nil) {
        complete(tagged: .bad(code, text))
    }

    mutating func bye(_ code: ResponseCode?, _ text: String) {
        guard phase != .over else { return }
        var octets = Array("* BYE ".utf8)
        code?.write(to: &octets)
        octets.append(text)
        octets.append("\r\n")
        steps.append(.send(octets))
        end()
    }

    /// Nothing more is read.
    mutating func end() {
        phase = .over
        awaited = .nothing
        appending = nil
        command = []
        input.removeAll()
        steps.append(.close)
    }

    /// What is offered in the state of the connection as it is (RFC 9051 §6.1.1).
    package var capabilities: [String] {
        var names = Self.basicCapabilities
        names.append("APPENDLIMIT=\(policy.appendLimit)")
        guard isAuthenticated else {
            if policy.offersTLS, !isProtected { names.append("STARTTLS") }
            // RFC 9051 §6.2.3: until TLS is on.
            if !allowsPasswords { names.append("LOGINDISABLED") }
            return names + offeredMechanisms.map { "AUTH=\($0)" }
        }
        if let limit = policy.messageLimit { names.append("MESSAGELIMIT=\(limit)") }
        // RFC 4978 §2: not twice.
        return names + policy.extensions.filter { $0 != "COMPRESS=DEFLATE" || !isCompressed }
    }

    /// Whether the password may be shown on this connection as it is now.
    var allowsPasswords: Bool { isProtected || policy.allowsPlainPasswords }

    var offeredMechanisms: [String] {
        policy.mechanisms + (allowsPasswords ? policy.plainMechanisms : [])
    }

    private mutating func greet() {
        let offered = capabilities.joined(separator: " ")
        send("* OK [CAPABILITY \(offered)] \(policy.hostName) IMAP server ready\r\n")
    }
}
