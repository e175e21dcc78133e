// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
package import World

extension ServerSession {
    /// Acts on one command line.
    mutating func perform(_ line: [UInt8]) {
        let command = CommandLine(line)
        guard line.count <= Self.maximumCommandOctets || command.verb == .auth else {
            return fail(.lineTooLong)
        }
        do throws(Reply) {
            switch command.verb {
            case .ehlo: try greet(command.argument, isExtended: true)
            case .helo: try greet(command.argument, isExtended: false)
            case .mail: try mail(command.argument)
            case .rcpt: try recipient(command.argument)
            case .data: try data(command.argument)
            case .startTLS: try startTLS(command.argument)
            case .auth: try authenticate(command.argument)
            case .rset:
                try expectNoArgument(command.argument)
                transaction = nil
                hasRefusedSender = false
                sayIdly(.okay)
            case .quit:
                try expectNoArgument(command.argument)
                close(saying: .closing)
            // RFC 5321 §4.1.1.9: an argument is ignored.
            case .noop: sayIdly(.okay)
            case .help: sayIdly(.help)
            case .vrfy: try verify(command.argument)
            case .expn, .send, .soml, .saml, .turn: throw .commandNotImplemented
            case nil where command.isHTTP: close(saying: .notSMTP)
            case nil: throw .commandUnknown
            }
        } catch {
            fail(error)
        }
    }

    private func expectNoArgument(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard argument.isEmpty else { throw .unexpectedArgument }
    }

    // MARK: - Who is there

    /// EHLO, HELO (RFC 5321 §4.1.1.1); both reset (§4.1.4).
    private mutating func greet(
        _ argument: ArraySlice<UInt8>, isExtended: Bool
    ) throws(Reply) {
        // Clients write host names that are none; what can do no harm is accepted (§4.1.4).
        guard !argument.isEmpty, argument.count <= Domain.maximumOctets,
            argument.allSatisfy({
                (0x21...0x7E).contains($0) && !"()<>@,;\\\"".utf8.contains($0)
            })
        else { throw Reply(501, 5, 5, 4, "Say who you are, as in EHLO mail.example.org") }
        let name = String(decoding: argument, as: UTF8.self)
        hello = Hello(name: name, isExtended: isExtended)
        transaction = nil
        hasRefusedSender = false
        let text = "\(configuration.hostName) greets \(name)"
        sayIdly(Reply(250, nil, lines: [text] + (isExtended ? extensions.lines : [])))
    }

    /// What is offered now.
    private var extensions: Extensions {
        var extensions = Extensions()
        extensions.isPipelining = true
        extensions.maximumMessageOctets = configuration.maximumMessageOctets
        extensions.is8BitMIME = true
        extensions.hasEnhancedStatusCodes = true
        // RFC 3207 §4.2: not within TLS.
        extensions.canStartTLS = configuration.isTLSAvailable && tls == nil
        if identity == nil, mayAuthenticate {
            extensions.saslMechanisms = configuration.saslMechanisms
        }
        return extensions
    }

    private var mayAuthenticate: Bool {
        tls != nil || !configuration.requiresTLSForAuthentication
    }

    /// VRFY (§3.5.3): says nothing about who has a mailbox here.
    private mutating func verify(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard !argument.isEmpty else { throw .syntaxError }
        try expectAdmission()
        sayIdly(.cannotVerify)
    }

    /// What must have happened before mail: RFC 3207 §4, RFC 4954 §6.
    private func expectAdmission() throws(Reply) {
        if configuration.requiresTLS, tls == nil { throw .tlsRequired }
        if configuration.requiresAuthentication, identity == nil {
            throw configuration.isTLSAvailable && !mayAuthenticate
                ? .tlsRequired : .authenticationRequired
        }
    }

    // MARK: - The transaction

    private mutating func mail(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard let hello else { throw .badSequence }
        guard transaction == nil else { throw .badSequence }
        hasRefusedSender = true
        try expectAdmission()
        let (reversePath, parameters) = try MailArguments.mail(argument)
        if let octets = parameters.declaredOctets, octets > configuration.maximumMessageOctets {
            throw .messageTooLarge
        }
        let transaction = Transaction(
            hello: hello, tls: tls, identity: identity, reversePath: reversePath,
            parameters: parameters)
        phase = .awaiting(.sender(transaction))
        pending.append(.judgeSender(transaction))
    }

    private mutating func recipient(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard let transaction else { return try refuseWithoutSender() }
        let (forwardPath, parameters) = try MailArguments.recipient(argument)
        guard transaction.recipientCount < configuration.maximumRecipients else {
            // §4.5.3.1.10: no error of the client's; it sends the rest in another transaction.
            return say(.tooManyRecipients)
        }
        phase = .awaiting(.recipient)
        pending.append(.judgeRecipient(forwardPath, parameters))
    }

    private mutating func data(_ argument: ArraySlice<UInt8>) throws(Reply) {
        try expectNoArgument(argument)
        guard let transaction else { return try refuseWithoutSender() }
        guard transaction.recipientCount > 0 else { throw .noValidRecipients }
        phase = .awaiting(.draft)
        pending.append(.openDraft(transaction))
    }

    private mutating func refuseWithoutSender() throws(Reply) {
        try expectAdmission()
        guard hasRefusedSender else { throw .badSequence }
        refuse(.badSequence)
    }

    /// The driver's word on `judgeSender`, `judgeRecipient`, `openDraft`, `takeResponsibility`.
    package mutating func answer(_ verdict: Verdict) {
        switch (phase, verdict) {
        case (.committing, _), (.committingLast, _):
            answerCommit(verdict)
        case (.awaiting, .refuse(let reply)):
            phase = .command
            refuse(reply)
        case (.awaiting(.sender(let judged)), .accept(let text)):
            phase = .command
            transaction = judged
            hasRefusedSender = false
            say(text.map { Reply(250, 2, 1, 0, $0) } ?? .senderAccepted)
        case (.awaiting(.recipient), .accept(let text)):
            phase = .command
            transaction?.recipientCount += 1
            say(text.map { Reply(250, 2, 1, 5, $0) } ?? .recipientAccepted)
        case (.awaiting(.draft), .accept):
            phase = .content(
                Content(maximumLineOctets: configuration.maximumTextLineOctets))
            say(.startInput)
        case (.closed, _):
            // The session expired or was ended while the driver judged.
            return
        default:
            preconditionFailure("an answer without a question")
        }
    }

    private mutating func answerCommit(_ verdict: Verdict) {
        var lastWord: Reply?
        if case .committingLast(let reply) = phase { lastWord = reply }
        phase = .command
        // RFC 5321 §4.1.1.4: whatever the answer, the transaction is over.
        transaction = nil
        switch verdict {
        case .accept(let text):
            errors = 0
            refusals = 0
            idleCommands = 0
            say(text.map { Reply(250, 2, 0, 0, $0) } ?? .messageAccepted)
        case .refuse(let reply):
            refuse(reply)
        }
        guard let lastWord, isCommandPhase() else { return }
        let said = pending
        close(saying: lastWord)
        pending = said + pending
    }

    // MARK: - TLS

    private mutating func startTLS(_ argument: ArraySlice<UInt8>) throws(Reply) {
        try expectNoArgument(argument)
        guard tls == nil else { throw .tlsAlreadyActive }
        guard configuration.isTLSAvailable else { throw .tlsUnavailable }
        guard hello != nil else { throw .badSequence }
        guard input.isEmpty else {
            // Commands of a stranger in the middle, to be obeyed after the handshake as if
            // they were the client's (RFC 3207 §6; CVE-2011-0411).
            input.removeAll()
            throw .commandAfterStartTLS
        }
        phase = .awaiting(.handshake)
        say(.readyForTLS)
        pending.append(.startTLS)
    }

    /// The handshake is done: the session is as after its greeting (RFC 3207 §4.2).
    package mutating func secured(_ facts: TLSFacts) {
        guard case .awaiting(.handshake) = phase else {
            if case .closed = phase { return }
            preconditionFailure("a handshake nobody asked for")
        }
        phase = .command
        tls = facts
        input.removeAll()
        hello = nil
        transaction = nil
    }

    // MARK: - AUTH

    /// `AUTH mechanism [initial-response]` (RFC 4954 §4).
    private mutating func authenticate(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard !configuration.saslMechanisms.isEmpty else { throw .commandNotImplemented }
        guard hello?.isExtended == true, identity == nil, transaction == nil else {
            throw .badSequence
        }
        guard mayAuthenticate else { throw .authenticationNeedsTLS }
        let words = argument.split(separator: .space)
        guard (1...2).contains(words.count) else { throw .syntaxError }
        let mechanism = String(lossy: words[0]).uppercased()
        guard configuration.saslMechanisms.contains(mechanism) else { throw .mechanismUnknown }
        var response: [UInt8]?
        if words.count == 2 {
            // A single `=` is an empty response that is present.
            let isEmpty = words[1].elementsEqual([UInt8(ascii: "=")])
            response = isEmpty ? [] : Base64.decode(words[1])
            guard response != nil else { throw .authenticationMalformed }
        }
        phase = .awaiting(.authentication(mechanism: mechanism))
        pending.append(.authenticate(mechanism: mechanism, initialResponse: response))
    }

    /// A line of the exchange: base64, or `*` to cancel.
    mutating func continueAuthentication(_ line: [UInt8]) {
        if line == [UInt8(ascii: "*")] {
            phase = .command
            return fail(.authenticationCancelled)
        }
        guard let response = Base64.decode(line) else {
            phase = .command
            return fail(.authenticationMalformed)
        }
        phase = .awaiting(.authentication(mechanism: ""))
        pending.append(.authenticationResponse(response))
    }

    /// SASL wants to know more: `334` and the challenge, which may be empty.
    package mutating func authenticationChallenge(_ challenge: [UInt8]) {
        guard isAuthenticating() else { return }
        phase = .authenticationLine
        say(Reply(challenge: Base64.encode(challenge)))
    }

    /// The client is who it says; `identity` goes with its transactions.
    package mutating func authenticationSucceeded(identity: String) {
        guard isAuthenticating() else { return }
        phase = .command
        self.identity = identity
        authenticationFailures = 0
        say(.authenticationSucceeded)
    }

    /// The client is not who it says, or that cannot be found out now.
    package mutating func authenticationFailed(_ reply: Reply = .credentialsInvalid) {
        guard isAuthenticating() else { return }
        phase = .command
        authenticationFailures += 1
        guard authenticationFailures < Self.maximumAuthenticationFailures else {
            return close(saying: .tooManyErrors)
        }
        fail(reply)
    }

    private func isAuthenticating() -> Bool {
        switch phase {
        case .awaiting(.authentication): return true
        // The session expired or was ended meanwhile.
        case .closed: return false
        default: preconditionFailure("an answer to an authentication nobody asked for")
        }
    }
}
