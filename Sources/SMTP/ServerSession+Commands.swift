// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import World

extension ServerSession {
    /// Acts on one command line.
    mutating func perform(_ line: [UInt8]) {
        let command = CommandLine(line)
        guard line.count <= Self.maximumCommandOctets || command.verb == .auth else {
            return fail(.lineTooLong)
        }
        do throws(Reply) {
            try obey(command)
        } catch {
            fail(error)
        }
    }

    private mutating func obey(_ command: CommandLine) throws(Reply) {
        let argument = command.argument
        switch command.verb {
        // RFC 2033 §4.1: LHLO takes the place of both.
        case .ehlo, .helo:
            guard !isLocal else { throw .useLHLO }
            try greet(argument, isExtended: command.verb == .ehlo)
        case .lhlo:
            guard isLocal else { throw .commandUnknown }
            try greet(argument, isExtended: true)
        case .mail: try mail(argument)
        case .rcpt: try recipient(argument)
        case .data: try data(argument)
        case .bdat: chunk(argument)
        case .startTLS: try startTLS(argument)
        case .auth: try authenticate(argument)
        case .rset:
            try expectNoArgument(argument)
            forgetTransaction()
            sayIdly(.okay)
        case .quit:
            try expectNoArgument(argument)
            close(saying: .closing)
        // RFC 5321 §4.1.1.9: an argument is ignored.
        case .noop: sayIdly(.okay)
        case .help: sayIdly(.help)
        case .vrfy: try verify(argument)
        case .expn: throw .expansionRefused
        case .etrn: try startQueue(argument)
        case .xclient: try assumeClient(argument)
        case .send, .soml, .saml, .turn: throw .commandNotImplemented
        case nil where command.isHTTP: close(saying: .notSMTP)
        case nil: throw .commandUnknown
        }
    }

    func expectNoArgument(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard argument.isEmpty else { throw .unexpectedArgument }
    }

    // MARK: - Who is there

    /// EHLO, HELO (RFC 5321 §4.1.1.1); both reset (§4.1.4).
    private mutating func greet(
        _ argument: ArraySlice<UInt8>, isExtended: Bool
    ) throws(Reply) {
        // Clients write host names that are none; what can do no harm is accepted (§4.1.4).
        guard Self.isHelloName(argument) else {
            throw Reply(501, 5, 5, 4, "Say who you are, as in EHLO mail.example.org")
        }
        let name = String(decoding: argument, as: UTF8.self)
        hello = Hello(name: name, isExtended: isExtended)
        forgetTransaction()
        let text = "\(configuration.hostName) greets \(name)"
        sayIdly(Reply(250, nil, lines: [text] + (isExtended ? offers : [])))
    }

    static func isHelloName(_ octets: some Collection<UInt8>) -> Bool {
        !octets.isEmpty && octets.count <= Domain.maximumOctets
            && octets.allSatisfy {
                (0x21...0x7E).contains($0) && !"()<>@,;\\\"".utf8.contains($0)
            }
    }

    /// What is offered now.
    var extensions: Extensions {
        var extensions = Extensions()
        extensions.isPipelining = true
        extensions.maximumMessageOctets = configuration.maximumMessageOctets
        extensions.is8BitMIME = true
        extensions.hasEnhancedStatusCodes = true
        extensions.isChunking = true
        extensions.isBinaryMIME = true
        extensions.isInternational = true
        extensions.hasDSN = true
        extensions.limits.recipients = configuration.maximumRecipients
        extensions.limits.transactions = configuration.maximumTransactions
        extensions.priorityProfile = ""
        // RFC 8689 §2: only where the message has already come over TLS.
        extensions.canRequireTLS = tls != nil
        // RFC 3207 §4.2: not within TLS.
        extensions.canStartTLS = configuration.isTLSAvailable && tls == nil
        if identity == nil, mayAuthenticate {
            extensions.saslMechanisms = configuration.saslMechanisms
        }
        extensions.canStartQueue = configuration.canStartQueue
        if mayStateClient { extensions.clientAttributes = Self.clientAttributes }
        guard let now else { return extensions }
        extensions.minimumDeliverBySeconds = configuration.minimumDeliverBySeconds
        if configuration.service == .submission, configuration.maximumHoldSeconds > 0 {
            let latest = now + .seconds(configuration.maximumHoldSeconds)
            extensions.futureRelease = Extensions.FutureRelease(
                maximumSeconds: configuration.maximumHoldSeconds,
                maximumDateTime: CalendarDate(latest).internetFormat)
        }
        return extensions
    }

    /// The keyword lines of what is offered now.
    private var offers: [String] {
        guard !configuration.hiddenExtensions.isEmpty else { return extensions.lines }
        return extensions.lines.filter { line in
            let keyword = line.prefix { $0 != " " }
            return !configuration.hiddenExtensions.contains(String(keyword))
        }
    }

    var terms: Terms {
        Terms(
            extensions: extensions, now: now,
            mayRaisePriority: identity != nil || isClientTrusted)
    }

    var mayAuthenticate: Bool {
        tls != nil || !configuration.requiresTLSForAuthentication
    }

    /// VRFY (§3.5.3): says nothing about who has a mailbox here.
    ///
    /// With or without the parameter SMTPUTF8 (RFC 6531 §3.7.4.2), as the reply is ASCII.
    private mutating func verify(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard !argument.isEmpty, String(validating: argument, as: UTF8.self) != nil else {
            throw .syntaxError
        }
        try expectAdmission()
        sayIdly(.cannotVerify)
    }

    /// What must have happened before mail: RFC 3207 §4, RFC 4954 §6.
    func expectAdmission() throws(Reply) {
        if configuration.requiresTLS, tls == nil { throw .tlsRequired }
        if configuration.requiresAuthentication, identity == nil {
            throw configuration.isTLSAvailable && !mayAuthenticate
                ? .tlsRequired : .authenticationRequired
        }
    }

    // MARK: - The transaction

    private mutating func mail(_ argument: ArraySlice<UInt8>) throws(Reply) {
        transactions += 1
        guard transactions <= configuration.maximumTransactions else {
            return close(saying: .tooManyTransactions)
        }
        guard let hello else { throw .badSequence }
        guard transaction == nil else { throw .badSequence }
        hasRefusedSender = true
        try expectAdmission()
        let (reversePath, parameters) = try MailArguments.mail(argument, on: terms)
        if let octets = parameters.declaredOctets, octets > configuration.maximumMessageOctets {
            throw .messageTooLarge
        }
        let transaction = Transaction(
            hello: hello, tls: tls, identity: identity, reversePath: reversePath,
            parameters: parameters, isLocal: isLocal)
        phase = .awaiting(.sender(transaction))
        pending.append(.judgeSender(transaction))
    }

    private mutating func recipient(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard let transaction else { return try refuseWithoutSender() }
        // RFC 3030 §2: once chunks come, the recipients are settled.
        guard assembly == nil else { throw .badSequence }
        let (forwardPath, parameters) = try MailArguments.recipient(
            argument, isInternational: transaction.parameters.isInternational, on: terms)
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
        // RFC 3030 §2, §3: neither after BDAT nor for what is binary.
        guard assembly == nil else { throw .badSequence }
        guard transaction.parameters.body != .binaryMIME else { throw .binaryNeedsChunks }
        guard transaction.recipientCount > 0 else { throw noValidRecipients }
        phase = .awaiting(.draft)
        pending.append(.openDraft(transaction))
    }

    /// RFC 2033 §4.2 asks for 503.
    var noValidRecipients: Reply { isLocal ? .badSequence : .noValidRecipients }

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
        case (.awaiting(.chunk(let chunk)), .refuse(let reply)):
            swallow(chunk, saying: reply)
        case (.awaiting, .refuse(let reply)):
            phase = .command
            refuse(reply)
        case (.awaiting(.queue), .say(let reply)):
            phase = .command
            sayIdly(reply)
        case (.awaiting(.client(let claims)), .accept):
            become(claims)
        case (.awaiting(.sender(let judged)), .accept(let text)):
            phase = .command
            transaction = judged
            hasRefusedSender = false
            if judged.parameters.isPriorityLowered {
                say(.priority(judged.parameters.requests.priority))
            } else {
                say(text.map { Reply(250, 2, 1, 0, $0) } ?? .senderAccepted)
            }
        case (.awaiting(.recipient), .accept(let text)):
            phase = .command
            transaction?.recipientCount += 1
            say(text.map { Reply(250, 2, 1, 5, $0) } ?? .recipientAccepted)
        case (.awaiting(.draft), .accept):
            phase = .content(newContent(.dotted))
            say(.startInput)
        case (.awaiting(.chunk(let chunk)), .accept):
            let isBinary = transaction?.parameters.body == .binaryMIME
            read(chunk, into: newContent(isBinary ? .binary : .chunked))
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
        // RFC 2033 §4.2: a reply for each recipient; they share one fate.
        let count = isLocal ? transaction?.recipientCount ?? 1 : 1
        // RFC 5321 §4.1.1.4: whatever the answer, the transaction is over.
        transaction = nil
        switch verdict {
        case .accept(let text):
            errors = 0
            refusals = 0
            idleCommands = 0
            let reply = text.map { Reply(250, 2, 0, 0, $0) } ?? .messageAccepted
            for _ in 0..<count { say(reply) }
        case .refuse(let reply), .say(let reply):
            refuse(reply, times: count)
        }
        guard let lastWord, isCommandPhase() else { return }
        let said = pending
        close(saying: lastWord)
        pending = said + pending
    }

    // MARK: - ETRN

    /// ```abnf
    /// etrn = "ETRN" SP [option-character] node-name CRLF     ; RFC 1985 §5
    /// ```
    private mutating func startQueue(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard configuration.canStartQueue else { throw .commandNotImplemented }
        guard hello != nil, transaction == nil else { throw .badSequence }
        try expectAdmission()
        let includesSubdomains = argument.first == UInt8(ascii: "@")
        guard argument.allSatisfy({ $0 < 0x80 }),
            let domain = try? Domain(
                String(lossy: includesSubdomains ? argument.dropFirst() : argument))
        else { throw .queueSyntax }
        phase = .awaiting(.queue)
        pending.append(
            .startQueue(QueueRequest(domain: domain, includesSubdomains: includesSubdomains)))
    }
}

extension Reply {
    /// RFC 6710 §4.1: the text begins with the priority that holds.
    static func priority(_ priority: Int) -> Reply {
        Reply(250, 2, 3, 6, "\(priority) is the priority, a higher one needs authentication")
    }
}
