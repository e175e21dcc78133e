// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// The server's side of one ManageSieve connection (RFC 5804), without I/O.
///
/// `receive` takes octets; `next` says what to do; nil means that it needs more octets or the
/// answer to the last step. Commands that came ahead wait inside.
package struct ServerSession: ~Copyable, Sendable {
    /// What the server offers on this connection.
    package struct Policy: Sendable {
        /// STARTTLS is possible: there is a certificate.
        package var offersTLS: Bool
        /// Whether passwords may cross the line in plain text.
        package var allowsPlainPasswords: Bool
        /// SASL mechanisms that hide the password, by name, best first.
        package var mechanisms: [String]
        /// SASL mechanisms that show the password.
        package var plainMechanisms: [String]
        /// What scripts may require, by name.
        package var sieveExtensions: [String]
        /// The kinds of URIs by which scripts notify.
        package var notificationMethods: [String] = []
        /// The kinds of URIs that name lists kept elsewhere.
        package var externalLists: [String] = []
        /// How often one message may be redirected.
        package var maximumRedirects: Int
        /// The largest script, in octets.
        package var maximumScriptOctets: Int

        package init(
            offersTLS: Bool, allowsPlainPasswords: Bool = false, mechanisms: [String],
            plainMechanisms: [String], sieveExtensions: [String], maximumRedirects: Int,
            maximumScriptOctets: Int
        ) {
            self.offersTLS = offersTLS
            self.allowsPlainPasswords = allowsPlainPasswords
            self.mechanisms = mechanisms
            self.plainMechanisms = plainMechanisms
            self.sieveExtensions = sieveExtensions
            self.maximumRedirects = maximumRedirects
            self.maximumScriptOctets = maximumScriptOctets
        }
    }

    /// What the driver has to do next.
    package enum Step: Sendable, Equatable {
        case send([UInt8])
        /// Shake hands after sending; then `tlsStarted`. If that fails, close.
        case startTLS
        /// Answered by `challenge`, `authenticated` or `refuse`.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// The client's answer to a challenge; answered as `authenticate` is.
        case respond([UInt8])
        /// The client gave up the exchange: forget it. Wants no answer.
        case cancelAuthentication
        /// Perform it, then `complete`, `complete(listing:)` or `complete(script:)`.
        case perform(Command)
        /// Forget who the client is (RFC 5804 §2.14.1). Wants no answer.
        case unauthenticate
        case close
    }

    enum Phase: Equatable {
        case fresh, unauthenticated, over
        case authenticated(owner: String)
    }

    /// What the session waits for, so that no command is read before it came.
    enum Answer {
        case nothing, tls, authentication, completion
    }

    /// What the next octets are.
    enum Reading {
        /// A line of a command, its first or the rest of it behind a literal.
        case line
        case literal(left: Int)
        /// A literal of a command that is refused when its line ends.
        case refusedLiteral(left: UInt64)
    }

    /// A command of which a part has been read.
    struct Unfinished {
        /// Nil: it is the response to a challenge, or refused.
        var verb: Verb?
        var isResponse = false
        var arguments: [Argument] = []
        var literal: [UInt8] = []
        /// Why it will not be obeyed.
        var refusal: Response?
    }

    /// Two strings of 1,024 octets, each octet escaped, and a verb.
    package static let maximumLineOctets = 8192
    /// A name, or a response with a token, as a literal.
    package static let maximumLiteralOctets = 12_288
    /// What a client sends of a script that is too large is read past so far.
    ///
    /// Beyond, the connection ends. Who has not logged in has no script to send.
    package static let maximumRefusedOctets: UInt64 = 64 << 20
    package static let maximumUnauthenticatedRefusedOctets: UInt64 = 64 << 10
    /// A client that errs so often is none.
    package static let maximumErrors = 20
    /// Guesses on one connection; a person's program tries a few mechanisms.
    package static let maximumRefusals = 5
    /// RFC 5804 §1.2: the inactivity timeout, at least 30 minutes after login.
    package static let idleTimeout = Duration.minutes(30)
    /// Who has not logged in waits shorter.
    package static let unauthenticatedTimeout = Duration.minutes(2)

    let policy: Policy
    var isProtected: Bool
    var input = InputBuffer()
    var phase = Phase.fresh
    var awaited = Answer.nothing
    var reading = Reading.line
    var unfinished = Unfinished()
    var isExchanging = false
    var isSkippingLine = false
    var steps: [Step] = []
    var errors = 0
    var refusals = 0
    /// How many lines were read to their end.
    ///
    /// `idleTimeout` counts from the moment at which the next one was first waited for: who sends
    /// an octet a minute gives no command.
    package internal(set) var linesRead: UInt64 = 0

    /// `isProtected`: TLS is on from the start.
    package init(_ policy: Policy, isProtected: Bool) {
        self.policy = policy
        self.isProtected = isProtected
    }

    /// How many octets wait inside for the answer to a step.
    package var heldOctets: Int { input.count }

    package var isAuthenticated: Bool {
        if case .authenticated = phase { true } else { false }
    }

    /// Takes octets that arrived; the array is taken over without a copy.
    package mutating func receive(_ octets: consuming [UInt8]) {
        if phase == .over { return }
        input.append(octets)
    }

    /// The client sends no more: what is half there is forgotten.
    package mutating func receiveEnd() {
        guard phase != .over else { return }
        end()
    }

    /// What is to be done next; nil: octets are needed, or an answer.
    package mutating func next() -> Step? {
        while true {
            if !steps.isEmpty { return steps.removeFirst() }
            guard case .nothing = awaited else { return nil }
            switch phase {
            case .fresh:
                phase = .unauthenticated
                // RFC 5804 §1.7: the capabilities are the greeting.
                sendCapabilities("Postreiter keeps your scripts")
            case .over: return nil
            case .unauthenticated, .authenticated: guard read() else { return nil }
            }
        }
    }

    /// Ends the connection from this side (RFC 5804 §1.2).
    package mutating func terminate(_ code: Response.Code? = nil, _ text: String) {
        guard phase != .over else { return }
        send(.bye(code, text))
        end()
    }

    /// What a client that is not served is told.
    package static func farewell(_ code: Response.Code?, _ text: String) -> [UInt8] {
        Response.bye(code, text).octets
    }
}

// MARK: - Answers

extension ServerSession {
    /// The handshake succeeded; what had come in plain text is forgotten (RFC 5804 §2.2).
    package mutating func tlsStarted() {
        take(.tls)
        input.removeAll()
        isProtected = true
        sendCapabilities("TLS is on")
    }

    /// Sends the mechanism's challenge to the client.
    package mutating func challenge(_ octets: [UInt8]) {
        take(.authentication)
        isExchanging = true
        steps.append(
            .send(Wire.string(Base64.encode(octets)) + [.carriageReturn, .lineFeed]))
    }

    /// The client has proved who it is; `owner` is its canonical name.
    package mutating func authenticated(as owner: String) {
        take(.authentication)
        phase = .authenticated(owner: owner)
        errors = 0
        // RFC 5804 §4: without a security layer the capabilities do not follow.
        send(.ok(nil, "logged in"))
    }

    /// Answers `authenticate` or `respond` with NO.
    package mutating func refuse(
        _ code: Response.Code? = nil, _ text: String = "wrong name or password"
    ) {
        take(.authentication)
        refusals += 1
        // RFC 5804 §2.1, the third example.
        guard refusals < Self.maximumRefusals else {
            return terminate(code, "too many failed logins")
        }
        send(.no(code, text))
    }

    /// Ends the command that is performed.
    ///
    /// After `terminate` nobody waits for it.
    package mutating func complete(_ response: Response) {
        guard phase != .over else { return }
        take(.completion)
        if response.status == .bye { return terminate(response.code, response.text ?? "bye") }
        send(response)
    }

    /// Answers LISTSCRIPTS.
    package mutating func complete(listing scripts: [(name: String, isActive: Bool)]) {
        guard phase != .over else { return }
        take(.completion)
        var octets: [UInt8] = []
        for script in scripts {
            octets += Wire.string(script.name)
            octets += Array((script.isActive ? " ACTIVE\r\n" : "\r\n").utf8)
        }
        steps.append(.send(octets + Response.ok().octets))
    }

    /// Answers GETSCRIPT.
    package mutating func complete(script: [UInt8]) {
        guard phase != .over else { return }
        take(.completion)
        steps.append(
            .send(Wire.literal(script) + [.carriageReturn, .lineFeed] + Response.ok().octets))
    }

    private mutating func take(_ answer: Answer) {
        precondition(awaited == answer, "an answer that was not asked for")
        awaited = .nothing
    }
}

// MARK: - Replies

extension ServerSession {
    mutating func send(_ response: Response) { steps.append(.send(response.octets)) }

    /// Whether the password may be shown on this connection as it is now.
    private var allowsPasswords: Bool { isProtected || policy.allowsPlainPasswords }

    var offeredMechanisms: [String] {
        policy.mechanisms + (allowsPasswords ? policy.plainMechanisms : [])
    }

    /// RFC 5804 §1.7; what is offered depends on the state of the connection.
    mutating func sendCapabilities(_ text: String) {
        var capabilities: [(String, String?)] = [
            ("IMPLEMENTATION", "Postreiter"),
            ("VERSION", "1.0"),
            ("SASL", offeredMechanisms.joined(separator: " ")),
            ("SIEVE", policy.sieveExtensions.joined(separator: " ")),
            ("MAXREDIRECTS", String(policy.maximumRedirects)),
            // RFC 5804 §1.7, RFC 5435 §3.2; RFC 6134 §2.8.
            ("NOTIFY", policy.notificationMethods.joined(separator: " ")),
            ("EXTLISTS", policy.externalLists.joined(separator: " ")),
            ("LANGUAGE", "en"),
            ("UNAUTHENTICATE", nil),
        ]
        if case .authenticated(let owner) = phase {
            capabilities.append(("OWNER", owner))
        } else if policy.offersTLS, !isProtected {
            capabilities.append(("STARTTLS", nil))
        }
        var octets: [UInt8] = []
        // A list of nothing is not sent (RFC 5804 §1.7).
        for (name, value) in capabilities where value != "" || name == "SASL" {
            octets += Wire.string(name)
            if let value { octets += [.space] + Wire.string(value) }
            octets += [.carriageReturn, .lineFeed]
        }
        steps.append(.send(octets + Response.ok(nil, text).octets))
    }

    mutating func fail(_ text: String) { fail(.no(nil, text)) }

    mutating func fail(_ response: Response) {
        errors += 1
        guard errors < Self.maximumErrors else { return terminate(nil, "too many errors") }
        send(response)
    }

    /// Nothing more is read.
    mutating func end() {
        phase = .over
        awaited = .nothing
        unfinished = Unfinished()
        input.removeAll()
        steps.append(.close)
    }
}
