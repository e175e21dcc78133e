// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How octets become commands.
extension ServerSession {
    /// Reads one line or a part of a literal; false when there is none.
    mutating func read() -> Bool {
        switch reading {
        case .line: readLine()
        case .literal(let left): readLiteral(left)
        case .refusedLiteral(let left): skipLiteral(left)
        }
    }

    private mutating func readLine() -> Bool {
        guard let line = input.nextLine(limit: Self.maximumLineOctets) else { return false }
        if case .tooLong = line {} else { linesRead += 1 }
        if isSkippingLine {
            if case .tooLong = line { return true }
            isSkippingLine = false
            refuse("a line has at most \(Self.maximumLineOctets) octets")
            finish()
            return true
        }
        switch line {
        case .tooLong: isSkippingLine = true
        case .bareLineFeed, .bareCarriageReturn:
            refuse("lines end with CRLF")
            finish()
        case .line(let octets): read(octets)
        }
        return true
    }

    private mutating func read(_ line: [UInt8]) {
        guard unfinished.refusal == nil else { return skipRest(of: line) }
        do throws(ArgumentScanner.Failure) {
            var scanner = ArgumentScanner(line)
            let ending: ArgumentScanner.Ending
            if unfinished.isResponse {
                try scanner.end()
                ending = .line
            } else if isExchanging {
                unfinished.isResponse = true
                // Some clients cancel without quotes.
                if line == [UInt8(ascii: "*")] {
                    unfinished.arguments = [.string(line)]
                    return finish()
                }
                ending = try scanner.response(into: &unfinished.arguments)
            } else {
                if unfinished.verb == nil { unfinished.verb = try scanner.verb() }
                ending = try scanner.arguments(into: &unfinished.arguments)
            }
            switch ending {
            case .line: finish()
            case .literal(let octets): beginLiteral(octets)
            }
        } catch {
            let usage = unfinished.verb.map { "; expected: \($0.usage)" } ?? ""
            refuse(error.description + usage)
            skipRest(of: line)
        }
    }

    private mutating func refuse(_ text: String) { unfinished.refusal = .no(nil, text) }

    /// What the client sends of a refused command without being asked is read and forgotten.
    private mutating func skipRest(of line: [UInt8]) {
        guard let mark = LiteralMark(endOf: line) else { return finish() }
        skip(mark.octets)
    }

    private mutating func skip(_ octets: UInt64) {
        let limit =
            isAuthenticated
            ? Self.maximumRefusedOctets : Self.maximumUnauthenticatedRefusedOctets
        guard octets <= limit else {
            return terminate(nil, "a literal of \(octets) octets is not read")
        }
        unfinished.arguments = []
        reading = octets > 0 ? .refusedLiteral(left: octets) : .line
    }

    private mutating func beginLiteral(_ octets: UInt64) {
        let isScript = isAuthenticated && unfinished.verb?.takesScript == true
        let limit = isScript ? policy.maximumScriptOctets : Self.maximumLiteralOctets
        guard octets <= UInt64(limit) else {
            unfinished.refusal =
                isScript
                ? .no(.quotaSize, "a script has at most \(limit) octets")
                : .no(nil, "a string has at most \(limit) octets here")
            return skip(octets)
        }
        guard octets > 0 else { return unfinished.arguments.append(.string([])) }
        reading = .literal(left: Int(octets))
    }

    private mutating func readLiteral(_ left: Int) -> Bool {
        let octets = input.unread.prefix(left)
        guard !octets.isEmpty else { return false }
        unfinished.literal += octets
        let rest = left - octets.count
        input.consume(octets.count)
        reading = .literal(left: rest)
        guard rest == 0 else { return true }
        var literal: [UInt8] = []
        swap(&literal, &unfinished.literal)
        unfinished.arguments.append(.string(literal))
        reading = .line
        return true
    }

    private mutating func skipLiteral(_ left: UInt64) -> Bool {
        let count = min(left, UInt64(input.count))
        guard count > 0 else { return false }
        input.consume(Int(count))
        reading = left > count ? .refusedLiteral(left: left - count) : .line
        return true
    }

    /// The line has ended: the command is obeyed or refused.
    private mutating func finish() {
        let done = unfinished
        unfinished = Unfinished()
        let wasExchanging = isExchanging
        isExchanging = false
        if let refusal = done.refusal {
            if wasExchanging { steps.append(.cancelAuthentication) }
            return fail(refusal)
        }
        if done.isResponse { return respond(done.arguments) }
        guard let verb = done.verb else { preconditionFailure("a command without a verb") }
        obey(verb, done.arguments)
    }

    private mutating func respond(_ arguments: [Argument]) {
        guard case .string(let octets)? = arguments.first else {
            steps.append(.cancelAuthentication)
            return fail("expected a string in Base 64")
        }
        // RFC 5804 §2.1: "*" cancels.
        if octets == [UInt8(ascii: "*")] {
            steps.append(.cancelAuthentication)
            return fail("authentication cancelled")
        }
        guard let response = Base64.decode(octets) else {
            steps.append(.cancelAuthentication)
            return fail("expected a string in Base 64")
        }
        awaited = .authentication
        steps.append(.respond(response))
    }

    private mutating func obey(_ verb: Verb, _ arguments: [Argument]) {
        switch (verb.place, isAuthenticated) {
        case (.behindLogin, false): return fail("log in first")
        case (.beforeLogin, true): return fail("already logged in")
        default: break
        }
        switch (verb, arguments.count) {
        case (.capability, 0): sendCapabilities("these are all")
        case (.logout, 0):
            send(.ok(nil, "bye"))
            end()
        case (.noop, 0): send(.ok(nil, "done"))
        case (.noop, 1):
            guard case .string(let tag) = arguments[0] else { return fail(verb) }
            send(.ok(.tag(tag), "done"))
        case (.starttls, 0): startTLS()
        case (.unauthenticate, 0):
            phase = .unauthenticated
            steps.append(.unauthenticate)
            send(.ok(nil, "logged out"))
        case (.authenticate, 1), (.authenticate, 2): authenticate(arguments)
        default:
            guard let command = Command(verb, arguments) else { return fail(verb) }
            awaited = .completion
            steps.append(.perform(command))
        }
    }

    private mutating func fail(_ verb: Verb) { fail("expected: \(verb.usage)") }

    private mutating func startTLS() {
        guard policy.offersTLS else { return fail("TLS is not available") }
        guard !isProtected else { return fail("TLS is on already") }
        guard input.isEmpty else {
            // What follows may have been put there by somebody else: none of it is obeyed.
            input.removeAll()
            return fail("nothing may follow STARTTLS before the handshake")
        }
        awaited = .tls
        send(.ok(nil, "begin TLS"))
        steps.append(.startTLS)
    }

    private mutating func authenticate(_ arguments: [Argument]) {
        guard let mechanism = arguments[0].name else { return fail(.authenticate) }
        let isNamed = { (name: String) in name.utf8.equalsIgnoringCase(mechanism.utf8) }
        guard let name = offeredMechanisms.first(where: isNamed) else {
            guard policy.plainMechanisms.contains(where: isNamed) else {
                return fail("unknown mechanism")
            }
            return fail(
                .no(
                    .encryptionNeeded,
                    policy.offersTLS
                        ? "no passwords in plain text: use STARTTLS first"
                        : "no passwords in plain text"))
        }
        var initialResponse: [UInt8]?
        if arguments.count > 1 {
            guard case .string(let octets) = arguments[1], let response = Base64.decode(octets)
            else { return fail("expected an initial response in Base 64") }
            // RFC 5804 §2.1: who begins with a challenge takes none.
            guard name != "LOGIN" else { return fail("LOGIN takes no initial response") }
            initialResponse = response
        }
        awaited = .authentication
        steps.append(.authenticate(mechanism: name, initialResponse: initialResponse))
    }
}
