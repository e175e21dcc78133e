// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How octets become commands, literals and messages.
extension ServerSession {
    /// Reads one line or a part of a literal; false when there is none.
    mutating func read() -> Bool {
        switch reading {
        case .literal(let left): return readLiteral(left)
        case .refusedLiteral(let left): return skipLiteral(left)
        case .message(let left): return readMessage(left)
        case .line, .refusedLine, .exchange, .idle, .messageEnd: return readLine()
        }
    }

    private mutating func readLine() -> Bool {
        let limit =
            isAuthenticated ? Self.maximumCommandOctets : Self.maximumUnauthenticatedOctets
        guard let line = input.nextLine(limit: max(0, limit - command.count)) else { return false }
        linesRead += 1
        switch (line, reading) {
        case (.endless, _): terminate(.tooBig, "a line without end")
        case (.line(let octets), .exchange): readResponse(octets)
        case (.line(let octets), .idle): readDuringIdle(octets)
        case (.line(let octets), .refusedLine): skipRest(LiteralMark(endOf: octets))
        case (.line(let octets), .messageEnd): readBehindMessage(octets)
        case (.line(let octets), _): readCommandLine(octets)
        case (.refused(_, _, let mark), .refusedLine): skipRest(mark)
        case (.refused(let reason, let prefix, let mark), _): refuseLine(reason, prefix, mark)
        }
        return true
    }

    private mutating func refuseLine(
        _ reason: String, _ prefix: [UInt8], _ mark: LiteralMark?
    ) {
        switch reading {
        case .exchange:
            reading = .line
            steps.append(.cancelAuthentication)
            fail(reason)
        case .idle: endIdle(fault: reason)
        case .messageEnd: abortAppend(.bad(nil, reason), mark)
        default:
            if command.isEmpty { tag = Self.tag(of: prefix) ?? [] }
            refuse(.syntax(reason), mark)
        }
    }

    // MARK: Commands

    /// `tag = 1*<any ASTRING-CHAR except "+">`, followed by a space; nil if there is none.
    private static func tag(of line: [UInt8]) -> [UInt8]? {
        let end = line.firstIndex(of: .space) ?? line.count
        guard (1...maximumTagOctets).contains(end),
            line[..<end].allSatisfy({
                $0 != UInt8(ascii: "+") && CommandScanner.isAStringCharacter($0)
            })
        else { return nil }
        return Array(line[..<end])
    }

    /// Clients count with a letter and some digits.
    private static var maximumTagOctets: Int { 64 }

    private mutating func readCommandLine(_ line: [UInt8]) {
        let mark = LiteralMark(endOf: line)
        if command.isEmpty {
            tag = []
            // An empty line between commands does no harm, and says nothing.
            if line.isEmpty { return fail("a command begins with its tag") }
            command = line
        } else {
            command += line
        }
        do throws(CommandFault) {
            try readCommand(mark)
        } catch {
            refuse(error, mark)
        }
    }

    private mutating func readCommand(_ mark: LiteralMark?) throws(CommandFault) {
        guard let tag = Self.tag(of: command) else {
            throw .syntax("a command begins with its tag")
        }
        self.tag = tag
        normalizedName = nil
        let dialect = Dialect(
            isUTF8: enabled.isUTF8, isRevision2: enabled.contains(.imap4rev2),
            refusesCharset: enabled.contains(.utf8Accept),
            isUIDOnly: enabled.contains(.uidOnly))
        guard let mark else {
            // The scanner takes the octets over; the next command begins afresh.
            var octets: [UInt8] = []
            swap(&octets, &command)
            var parser = CommandParser(
                CommandScanner(octets, from: tag.count, dialect: dialect))
            try parser.scanner.space()
            let (verb, isUID) = try parser.verb()
            try admit(verb, isUID: isUID)
            guard verb != .append, verb != .replace else {
                throw .syntax("a message comes as a literal")
            }
            let command = try parser.command(verb, isUID: isUID)
            if dialect.isRevision2 {
                normalizedName = Self.told(of: command, parser.scanner.normalizedNames)
            }
            return try obey(command)
        }
        command += [.carriageReturn, .lineFeed]
        var parser = CommandParser(CommandScanner(command, from: tag.count, dialect: dialect))
        try parser.scanner.space()
        let (verb, isUID) = try parser.verb()
        // Before it sends a password or a message, the client learns that it is in vain.
        try admit(verb, isUID: isUID)
        if verb == .append || verb == .replace {
            do throws(CommandFault) {
                return try beginAppend(&parser, verb, isUID, mark)
            } catch {
                guard error == .literalMissing else { throw error }
            }
        }
        try beginLiteral(mark)
    }

    /// What a client is told that wrote a name of a command in another form of Unicode
    /// (RFC 9051 §6.3.9.7).
    private static func told(
        of command: Command, _ names: [NormalizedName]
    ) -> NormalizedName? {
        guard var told = names.last else { return nil }
        switch command {
        case .select, .create: return told
        case .delete:
            told.attributes = .nonExistent
            return told
        case .rename(let name, let newName):
            // §6.3.6: the old name as the client knows it, and the new one as it is.
            let written = names.first { $0.name == name }?.written
            return NormalizedName(name: newName, written: written ?? name)
        default: return nil
        }
    }

    private mutating func beginLiteral(_ mark: LiteralMark) throws(CommandFault) {
        let (limit, literalLimit) =
            isAuthenticated
            ? (Self.maximumCommandOctets, UInt64(Self.maximumCommandOctets))
            : (Self.maximumUnauthenticatedOctets, UInt64(Self.maximumUnauthenticatedLiteral))
        guard mark.octets <= literalLimit, command.count + Int(mark.octets) <= limit else {
            throw .refused(.tooBig, "the command is too long")
        }
        if mark.isSynchronizing { send("+ go on\r\n") }
        reading = mark.octets > 0 ? .literal(left: mark.octets) : .line
    }

    private mutating func readLiteral(_ left: UInt64) -> Bool {
        let octets = input.take(left)
        guard !octets.isEmpty else { return false }
        command += octets
        let rest = left - UInt64(octets.count)
        reading = rest > 0 ? .literal(left: rest) : .line
        return true
    }

    // MARK: What is refused

    /// Says why, and reads past what the client sends of it all the same (RFC 7888 §4).
    mutating func refuse(_ fault: CommandFault, _ mark: LiteralMark?) {
        refuse(Self.completion(for: fault), mark)
    }

    private static func completion(for fault: CommandFault) -> Completion {
        switch fault {
        case .syntax(let text): .bad(nil, text)
        case .refused(let code, let text): .no(code, text)
        case .uidRequired: .bad(.uidRequired, "messages are named by UIDs alone")
        case .literalMissing: .bad(nil, "a literal is shorter than announced")
        }
    }

    private mutating func refuse(_ completion: Completion, _ mark: LiteralMark?) {
        command = []
        reading = .line
        complete(tagged: completion)
        skipRest(mark)
    }

    /// What the client sends of a refused command without being asked is read and forgotten.
    private mutating func skipRest(_ mark: LiteralMark?) {
        reading = .line
        // One that waits to be asked has been answered.
        guard let mark, !mark.isSynchronizing, phase != .over else { return }
        guard mark.octets <= Self.maximumRefusedOctets else {
            return bye(.tooBig, "a literal of \(mark.octets) octets is not read")
        }
        reading = mark.octets > 0 ? .refusedLiteral(left: mark.octets) : .refusedLine
    }

    private mutating func skipLiteral(_ left: UInt64) -> Bool {
        let octets = input.take(left)
        guard !octets.isEmpty else { return false }
        let rest = left - UInt64(octets.count)
        reading = rest > 0 ? .refusedLiteral(left: rest) : .refusedLine
        return true
    }

    // MARK: AUTHENTICATE and IDLE

    private mutating func readResponse(_ octets: [UInt8]) {
        reading = .line
        // RFC 9051 §6.2.2: "*" cancels, and is answered with BAD.
        if octets == [UInt8(ascii: "*")] {
            steps.append(.cancelAuthentication)
            fail("authentication cancelled")
        } else if let response = Base64.decode(octets) {
            awaited = .authentication
            steps.append(.authenticationResponse(response))
        } else {
            steps.append(.cancelAuthentication)
            fail("expected a response in Base 64")
        }
    }

    private mutating func readDuringIdle(_ octets: [UInt8]) {
        let isDone = octets.equalsIgnoringCase("DONE".utf8)
        endIdle(fault: isDone ? nil : "IDLE ends with DONE")
    }

    private mutating func endIdle(fault: String?) {
        awaited = .completion(.idle(fault: fault))
        steps.append(.endIdle)
    }

    // MARK: APPEND

    private mutating func beginAppend(
        _ parser: inout CommandParser, _ verb: Verb, _ isUID: Bool, _ mark: LiteralMark
    ) throws(CommandFault) {
        let append = try parser.append(verb, isUID: isUID)
        let (message, isWrapped) = try parser.appendedMessage()
        try checkSize(message)
        // RFC 9051 §6.3.12.
        if enabled.contains(.imap4rev2) { normalizedName = parser.scanner.normalizedNames.last }
        command = []
        appending = Appending(message: message, isWrapped: isWrapped, mark: mark)
        appending?.isReplacing = append.replaced != nil
        awaited = .appendStart
        steps.append(.beginAppend(append))
    }

    private func checkSize(_ message: AppendedMessage) throws(CommandFault) {
        // RFC 3502 §6.3.11: an empty one cancels the command.
        guard message.octets > 0 else { throw .refused(nil, "an empty message is not appended") }
        // RFC 7889 §5.
        guard message.octets <= policy.appendLimit else {
            throw .refused(.tooBig, "a message has at most \(policy.appendLimit) octets")
        }
    }

    /// RFC 9738 §3.1: MULTIAPPEND of too many keeps none of them.
    private func checkCount(_ appending: Appending) throws(CommandFault) {
        guard let limit = policy.messageLimit, appending.count >= limit else { return }
        throw .refused(
            .messageLimit(limit, lowest: nil), "at most \(limit) messages with one command")
    }

    private mutating func readMessage(_ left: UInt64) -> Bool {
        let octets = input.take(left)
        guard !octets.isEmpty else { return false }
        let rest = left - UInt64(octets.count)
        reading = rest > 0 ? .message(left: rest) : .messageEnd
        if appending?.message.isBinary == false,
            octets.withUnsafeBytes({ $0.position(of: 0, from: 0) }) != nil
        {
            appending?.hasNull = true
        }
        // What is refused in the end is still read.
        if appending?.hasNull == false { steps.append(.appendContent(octets)) }
        return true
    }

    private mutating func readBehindMessage(_ line: [UInt8]) {
        guard var appending else { preconditionFailure("no message was appended") }
        let mark = LiteralMark(endOf: line)
        // RFC 9051 §9: `literal = "{" number64 ["+"] "}" CRLF *CHAR8`, any octet but NUL.
        guard !appending.hasNull else {
            return abortAppend(.bad(nil, "a message with NUL comes as ~{octets}"), mark)
        }
        let octets = mark == nil ? line : line + [.carriageReturn, .lineFeed]
        var parser = CommandParser(
            CommandScanner(octets, dialect: Dialect(isUTF8: enabled.isUTF8)))
        do throws(CommandFault) {
            if appending.isWrapped { try parser.scanner.demand(")") }
            if parser.scanner.isAtEnd {
                reading = .line
                awaited = .completion(.append)
                return steps.append(.endAppend)
            }
            // RFC 8508 §3: REPLACE takes one message.
            guard !appending.isReplacing, let mark else { throw .syntax("more than APPEND takes") }
            let (message, isWrapped) = try parser.appendedMessage()
            try checkSize(message)
            try checkCount(appending)
            appending.count += 1
            (appending.message, appending.isWrapped) = (message, isWrapped)
            appending.mark = mark
            self.appending = appending
            awaited = .appendedMessage
            steps.append(.appendMessage(message))
        } catch {
            abortAppend(Self.completion(for: error), mark)
        }
    }

    /// Nothing of the command is kept (RFC 3502 §6.3.11).
    private mutating func abortAppend(_ completion: Completion, _ mark: LiteralMark?) {
        appending = nil
        steps.append(.abortAppend)
        refuse(completion, mark)
    }

    /// The driver does not take a message.
    mutating func refuseAppend(_ completion: Completion) {
        let mark = appending?.mark
        awaited = .nothing
        appending = nil
        refuse(completion, mark)
    }
}
