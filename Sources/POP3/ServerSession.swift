// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// The server's side of one POP3 connection (RFC 1939), without I/O.
///
/// `receive` takes octets; `next` says what to do; nil means that it needs more octets or the
/// answer to the last step. Commands that came ahead wait inside (RFC 2449 §6.6).
package struct ServerSession: ~Copyable, Sendable {
    /// What the server offers on this connection.
    package struct Policy: Sendable {
        /// Shown in the greeting.
        package var hostName: String
        /// STLS is possible: there is a certificate.
        package var offersTLS: Bool
        /// Whether passwords may cross the line in plain text.
        package var allowsPlainPasswords: Bool
        /// SASL mechanisms that hide the password, by name, best first.
        package var mechanisms: [String]
        /// SASL mechanisms that show the password, offered where USER is.
        package var plainMechanisms: [String]

        package init(
            hostName: String, offersTLS: Bool, allowsPlainPasswords: Bool = false,
            mechanisms: [String], plainMechanisms: [String]
        ) {
            self.hostName = hostName
            self.offersTLS = offersTLS
            self.allowsPlainPasswords = allowsPlainPasswords
            self.mechanisms = mechanisms
            self.plainMechanisms = plainMechanisms
        }
    }

    /// What the driver has to do next; each but `send` and `content` wants an answer.
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
        /// Lock the mailbox for this session and list it: `opened` or `refuse`.
        case openMailbox
        /// Send `opening` and the message through a `ContentEncoder`, or call
        /// `contentUnavailable`. Messages count from 0; with `lines` only the header and so many
        /// lines of the body (TOP).
        case content(message: Int, lines: Int?)
        /// Remove these messages for good (the UPDATE state), then `removed`.
        case remove([Int])
        case close
    }

    /// Why something the client wants is not done, with its response code (RFC 2449 §8, RFC 3206).
    package enum Refusal: String, Sendable {
        case wrongPassword = "[AUTH] wrong name or password"
        case mailboxInUse = "[IN-USE] another session has this mailbox open"
        case temporarilyUnavailable = "[SYS/TEMP] not available now, try again later"
    }

    private enum Phase {
        case fresh
        case authorization(user: String?)
        case exchange
        case transaction
        case over
    }

    /// What the session waits for, so that no command is read before it came.
    private enum Answer {
        case nothing, tls, authentication, mailbox, removal
    }

    private struct Listing {
        var isUniqueIDs: Bool
        var position: Int
    }

    /// RFC 2449 §4: 255 octets with the CRLF.
    package static let maximumLineOctets = 253
    /// The client's answer to a challenge, in Base 64 (RFC 5034 §4 leaves it to the mechanism):
    /// what RFC 4954 §4 asks of SMTP.
    ///
    /// An AUTH command may be as long: some clients do not heed RFC 5034 §4, where they should wait
    /// with a long token until they are asked.
    package static let maximumResponseOctets = 12_288
    /// A client that errs so often is none.
    package static let maximumErrors = 20
    /// Guesses on one connection; a person's program tries a few mechanisms.
    package static let maximumRefusals = 5
    /// RFC 1939 §3: the autologout timer, at least ten minutes; then close without removing.
    package static let idleTimeout = Duration.minutes(10)
    /// Lines of a listing in one piece: some 8 KiB.
    private static let listingPiece = 256

    private let policy: Policy
    private var isProtected: Bool
    private var input = InputBuffer()
    private var phase = Phase.fresh
    private var awaited = Answer.nothing
    private var steps: [Step] = []
    private var listing: Listing?
    private var maildrop = Maildrop([])
    private var errors = 0
    private var refusals = 0
    private var isSkippingLine = false
    /// How many lines were read to their end.
    ///
    /// `idleTimeout` counts from the moment at which the next one was first waited for: who sends
    /// an octet a minute gives no command.
    package private(set) var linesRead: UInt64 = 0

    /// `isProtected`: TLS is on from the start (RFC 8314 §3.3, port 995).
    package init(_ policy: Policy, isProtected: Bool) {
        self.policy = policy
        self.isProtected = isProtected
    }

    /// How many octets wait inside for the answer to a step.
    package var heldOctets: Int { input.count }

    /// Takes octets that arrived; the array is taken over without a copy.
    package mutating func receive(_ octets: consuming [UInt8]) {
        if case .over = phase { return }
        input.append(octets)
    }

    package mutating func next() -> Step? {
        while true {
            if !steps.isEmpty { return steps.removeFirst() }
            guard case .nothing = awaited else { return nil }
            if let piece = nextPieceOfListing() { return .send(piece) }
            switch phase {
            case .fresh:
                phase = .authorization(user: nil)
                // No timestamp in angle brackets: APOP would need passwords kept in plain text.
                return .send(Self.line("+OK \(policy.hostName) POP3 server ready"))
            case .over: return nil
            case .authorization, .exchange, .transaction:
                guard readLine() else { return nil }
            }
        }
    }

    /// Whether the password may be shown on this connection as it is now.
    private var allowsPasswords: Bool { isProtected || policy.allowsPlainPasswords }

    private var offeredMechanisms: [String] {
        policy.mechanisms + (allowsPasswords ? policy.plainMechanisms : [])
    }
}

// MARK: - Answers

extension ServerSession {
    /// The handshake succeeded; what had come in plain text is forgotten (RFC 2595 §4).
    package mutating func tlsStarted() {
        take(.tls)
        input.removeAll()
        isProtected = true
        phase = .authorization(user: nil)
    }

    /// Sends the mechanism's challenge to the client.
    package mutating func challenge(_ octets: [UInt8]) {
        take(.authentication)
        phase = .exchange
        reply("+ " + Base64.encode(octets))
    }

    /// The client has proved who it is: `openMailbox` follows.
    package mutating func authenticated() {
        take(.authentication)
        awaited = .mailbox
        steps.append(.openMailbox)
    }

    /// Answers `openMailbox` with what is in the mailbox.
    package mutating func opened(_ messages: [Maildrop.Message]) {
        take(.mailbox)
        maildrop = Maildrop(messages)
        phase = .transaction
        reply("+OK \(maildrop.count) messages, \(maildrop.octets) octets")
    }

    /// Answers `authenticate`, `respond` or `openMailbox` with a refusal.
    package mutating func refuse(_ refusal: Refusal) {
        awaited = .nothing
        phase = .authorization(user: nil)
        reply("-ERR \(refusal.rawValue)")
        refusals += 1
        if refusals >= Self.maximumRefusals { end() }
    }

    /// The first line of the response to RETR and TOP.
    package static func opening(octets: Int) -> [UInt8] { line("+OK \(octets) octets") }

    /// Answers `content` when the message cannot be read.
    package mutating func contentUnavailable() {
        reply("-ERR [SYS/TEMP] the message cannot be read now")
    }

    /// Answers `remove`; false if any message is still there (RFC 1939 §6).
    package mutating func removed(_ isComplete: Bool) {
        take(.removal)
        reply(isComplete ? "+OK bye" : "-ERR [SYS/TEMP] some deleted messages were not removed")
        end()
    }

    private mutating func take(_ answer: Answer) {
        precondition(awaited == answer, "an answer that was not asked for")
        awaited = .nothing
    }
}

// MARK: - Commands

extension ServerSession {
    /// Reads and obeys one line; false when there is none.
    private mutating func readLine() -> Bool {
        let isExchange = if case .exchange = phase { true } else { false }
        let limit =
            isExchange || mayBeginExchange ? Self.maximumResponseOctets : Self.maximumLineOctets
        guard let line = input.nextLine(limit: limit) else { return false }
        if case .tooLong = line {} else { linesRead += 1 }
        if isSkippingLine {
            if case .tooLong = line { return true }
            isSkippingLine = false
            fail("line too long")
            return true
        }
        switch line {
        case .tooLong: isSkippingLine = true
        case .bareLineFeed, .bareCarriageReturn: fail("lines end with CRLF")
        case .line(let octets) where isExchange: readResponse(octets)
        case .line(let octets):
            do throws(Command.Failure) {
                obey(try Command(octets))
            } catch {
                switch error {
                case .unknown: fail("unknown command")
                case .arguments(let usage): fail("expected: \(usage)")
                }
            }
        }
        return true
    }

    /// Whether the line that comes is an AUTH command, as far as one can see.
    private var mayBeginExchange: Bool {
        guard case .authorization = phase, !isSkippingLine else { return false }
        return input.unread.prefix(5).equalsIgnoringCase("AUTH ".utf8)
    }

    private mutating func readResponse(_ octets: [UInt8]) {
        phase = .authorization(user: nil)
        // RFC 5034 §4: "*" cancels.
        if octets == [UInt8(ascii: "*")] {
            steps.append(.cancelAuthentication)
            reply("-ERR authentication cancelled")
        } else if let response = Base64.decode(octets) {
            awaited = .authentication
            steps.append(.respond(response))
        } else {
            steps.append(.cancelAuthentication)
            fail("expected: a response in Base 64")
        }
    }

    private mutating func obey(_ command: Command) {
        switch (phase, command) {
        case (_, .capabilities): sendCapabilities()
        case (.authorization(let user), _): obey(command, user: user)
        case (.transaction, _): obeyInTransaction(command)
        case (.fresh, _), (.exchange, _), (.over, _):
            preconditionFailure("no command is read here")
        }
    }

    /// The AUTHORIZATION state (RFC 1939 §4).
    private mutating func obey(_ command: Command, user: String?) {
        switch command {
        case .quit:
            reply("+OK bye")
            end()
        case .startTLS: startTLS()
        case .user(let name):
            guard allowsPasswords else { return refusePlainPassword() }
            // Also for a name that nobody has: to ask must not tell.
            phase = .authorization(user: name)
            reply("+OK send PASS")
        case .pass(let password):
            guard allowsPasswords else { return refusePlainPassword() }
            guard let user else { return fail("USER comes first") }
            phase = .authorization(user: nil)
            awaited = .authentication
            steps.append(
                .authenticate(
                    mechanism: "PLAIN", initialResponse: [0] + Array(user.utf8) + [0] + password))
        case .auth(nil, _):
            reply("+OK mechanisms follow")
            send(offeredMechanisms + ["."])
        case .auth(let mechanism?, let initialResponse):
            authenticate(mechanism, initialResponse)
        default: fail("log in first")
        }
    }

    private mutating func refusePlainPassword() {
        fail(
            policy.offersTLS
                ? "[SYS/PERM] no passwords in plain text: use STLS first"
                : "[SYS/PERM] no passwords in plain text")
    }

    private mutating func authenticate(_ mechanism: String, _ initialResponse: [UInt8]?) {
        let isNamed = { (name: String) in name.utf8.equalsIgnoringCase(mechanism.utf8) }
        guard let name = offeredMechanisms.first(where: isNamed) else {
            if policy.plainMechanisms.contains(where: isNamed) { return refusePlainPassword() }
            return fail("unknown mechanism")
        }
        awaited = .authentication
        steps.append(.authenticate(mechanism: name, initialResponse: initialResponse))
    }

    private mutating func startTLS() {
        guard policy.offersTLS else { return fail("TLS is not available") }
        guard !isProtected else { return fail("TLS is on already") }
        guard input.isEmpty else {
            // What follows may have been put there by somebody else: none of it is obeyed.
            input.removeAll()
            return fail("nothing may follow STLS before the handshake")
        }
        awaited = .tls
        reply("+OK begin TLS")
        steps.append(.startTLS)
    }

    /// The TRANSACTION state (RFC 1939 §5).
    private mutating func obeyInTransaction(_ command: Command) {
        switch command {
        case .status: reply("+OK \(maildrop.count) \(maildrop.octets)")
        case .list(nil):
            reply("+OK \(maildrop.count) messages, \(maildrop.octets) octets")
            listing = Listing(isUniqueIDs: false, position: 0)
        case .uniqueIDs(nil):
            reply("+OK unique-ids follow")
            listing = Listing(isUniqueIDs: true, position: 0)
        case .list(let number?):
            guard let index = index(number) else { return }
            reply("+OK \(number) \(maildrop.messages[index].octets)")
        case .uniqueIDs(let number?):
            guard let index = index(number) else { return }
            reply("+OK \(number) \(maildrop.messages[index].uniqueID)")
        case .retrieve(let number):
            guard let index = index(number) else { return }
            steps.append(.content(message: index, lines: nil))
        case .top(let number, let lines):
            guard let index = index(number) else { return }
            steps.append(.content(message: index, lines: lines))
        case .delete(let number):
            guard let index = index(number) else { return }
            maildrop.delete(index)
            reply("+OK message \(number) deleted")
        case .reset:
            maildrop.reset()
            reply("+OK \(maildrop.count) messages, \(maildrop.octets) octets")
        case .noOperation: reply("+OK")
        case .quit: update()
        case .capabilities, .user, .pass, .auth, .startTLS: fail("already logged in")
        }
    }

    /// The UPDATE state (RFC 1939 §6), which only QUIT leads to.
    private mutating func update() {
        let deleted = maildrop.deleted
        guard !deleted.isEmpty else {
            reply("+OK bye")
            return end()
        }
        awaited = .removal
        steps.append(.remove(deleted))
    }

    /// The place of a message that is there and not deleted; else the client is told.
    private mutating func index(_ number: Int) -> Int? {
        guard maildrop.messages.indices.contains(number - 1) else {
            reply("-ERR no such message, only \(maildrop.messages.count) in the maildrop")
            return nil
        }
        guard !maildrop.isDeleted(number - 1) else {
            reply("-ERR message \(number) is deleted")
            return nil
        }
        return number - 1
    }

    /// RFC 2449 §5; what is offered depends on the state of the connection.
    private mutating func sendCapabilities() {
        var lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if case .authorization = phase {
            if policy.offersTLS, !isProtected { lines.append("STLS") }
            if allowsPasswords { lines.append("USER") }
        }
        if !offeredMechanisms.isEmpty {
            lines.append("SASL " + offeredMechanisms.joined(separator: " "))
        }
        reply("+OK capabilities follow")
        send(lines + ["IMPLEMENTATION Postreiter", "."])
    }

    private mutating func nextPieceOfListing() -> [UInt8]? {
        guard var listing else { return nil }
        var text = ""
        let end = min(listing.position + Self.listingPiece, maildrop.messages.count)
        for index in listing.position..<end where !maildrop.isDeleted(index) {
            let message = maildrop.messages[index]
            text += "\(index + 1) "
            text += listing.isUniqueIDs ? message.uniqueID : String(message.octets)
            text += "\r\n"
        }
        listing.position = end
        self.listing = listing
        if end == maildrop.messages.count {
            text += ".\r\n"
            self.listing = nil
        }
        return Array(text.utf8)
    }
}

// MARK: - Replies

extension ServerSession {
    private static func line(_ text: String) -> [UInt8] { Array("\(text)\r\n".utf8) }

    private mutating func reply(_ text: String) { steps.append(.send(Self.line(text))) }

    private mutating func send(_ lines: [String]) {
        steps.append(.send(Array(lines.map { $0 + "\r\n" }.joined().utf8)))
    }

    private mutating func fail(_ text: String) {
        errors += 1
        guard errors < Self.maximumErrors else {
            reply("-ERR too many errors, bye")
            return end()
        }
        reply("-ERR \(text)")
    }

    /// Nothing more is read, and nothing removed.
    private mutating func end() {
        phase = .over
        input.removeAll()
        steps.append(.close)
    }
}
