// SPDX-License-Identifier: Apache-2.0

import IMAP

extension Property {
    /// The IMAP server's side of a conversation.
    ///
    /// The first octet chooses how the server is set, the second how the input is cut. Octet by
    /// octet, in pieces and at once, the same is said and asked for; nothing is asked for in a
    /// state that does not allow it, and what is said is whole lines.
    package static let mailboxSession = Property("MailboxSession") { input throws(Broken) in
        guard input.count >= 2 else { return }
        let ways = [Pieces.whole, .drip, .cut(input[1])]
        var transcripts: [[MailboxEvent]] = []
        for way in ways {
            var conversation = MailboxConversation(flags: input[0])
            transcripts.append(try conversation.hold(way.split(input[2...])))
        }
        try expect(
            transcripts[0] == transcripts[1], "drip-fed, it goes otherwise: \(transcripts)")
        try expect(transcripts[0] == transcripts[2], "in pieces it goes otherwise: \(transcripts)")
    }
}

/// What is compared of a conversation: as it is, for to make a text of a command takes longer than to
/// read it.
private enum MailboxEvent: Equatable {
    case said([UInt8])
    case response([UInt8]?)
    case command(Command)
    case append(Append)
    case message(AppendedMessage)
    case compression, cancelled, modificationSequence, appended, aborted, closed
}

/// A driver that says yes most of the time, and looks whether it is asked in order.
private struct MailboxConversation: ~Copyable {
    private let isProtected: Bool
    private var session: ServerSession
    private var transcript: [MailboxEvent] = []
    private var questions = 0
    /// From STARTTLS and COMPRESS on it matters what came together with them.
    private var isComparable = true
    private var isSecured: Bool
    private var isLoggedIn = false
    private var isSelected = false
    private var isIdle = false
    private var isClosed = false
    /// Octets of the message that are still to come.
    private var expected: UInt64?
    private var mailbox = SelectedMailbox(
        uids: NumberSet([3...9, 20...29]), keywords: KeywordTable(), modificationSequence: 1,
        isReadOnly: false)

    init(flags: UInt8) {
        isProtected = flags & 1 != 0
        isSecured = isProtected
        var policy = ServerSession.Policy(
            hostName: "mx.example.org", offersTLS: flags & 2 != 0,
            allowsPlainPasswords: flags & 4 != 0, mechanisms: ["SCRAM-SHA-256"],
            plainMechanisms: ["PLAIN"], appendLimit: 100)
        if flags & 8 != 0 { policy.extensions = [] }
        session = ServerSession(policy, isProtected: isProtected)
    }

    consuming func hold(_ pieces: [[UInt8]]) throws(Property.Broken) -> [MailboxEvent] {
        try work()
        for piece in pieces {
            session.receive(piece)
            try work()
        }
        session.receiveEnd()
        try work()
        try expect(isClosed, "it does not end with its connection")
        return transcript
    }

    private mutating func note(_ event: MailboxEvent) {
        if isComparable { transcript.append(event) }
    }

    /// Every fifth question is answered with no.
    private mutating func isRefused() -> Bool {
        questions += 1
        return questions % 5 == 0
    }

    private mutating func work() throws(Property.Broken) {
        while let step = session.next() {
            try expect(!isClosed, "something comes after the end: \(step)")
            switch step {
            case .send(let octets): try hear(octets)
            case .startTLS:
                try expect(!isSecured, "TLS within TLS")
                isSecured = true
                session.tlsStarted()
            case .startCompression: note(.compression)
            case .authenticate(_, let response): try judge(response)
            case .authenticationResponse(let response): try judge(response)
            case .cancelAuthentication: note(.cancelled)
            case .perform(let command): try perform(command)
            case .tellHighestModificationSequence:
                try expect(isSelected, "of which mailbox?")
                note(.modificationSequence)
            case .beginAppend(let append):
                try expect(isLoggedIn && !isIdle, "a message from a stranger")
                try expect(append.replaced == nil || isSelected, "replaced where?")
                note(.append(append))
                if isRefused() {
                    session.complete(.no(.tryCreate, "no"))
                } else {
                    session.acceptAppend()
                }
            case .appendMessage(let message):
                try expect(expected == nil || expected == 0, "a message in a message")
                try expect((1...100).contains(message.octets), "too large")
                note(.message(message))
                if isRefused() {
                    expected = nil
                    session.complete(.no(.overQuota, "no"))
                } else {
                    expected = message.octets
                    session.acceptAppend()
                }
            case .appendContent(let octets):
                guard let left = expected, UInt64(octets.count) <= left, !octets.isEmpty else {
                    throw Property.Broken("octets that were not announced")
                }
                expected = left - UInt64(octets.count)
            case .endAppend:
                try expect(expected == 0, "half a message is kept")
                expected = nil
                note(.appended)
                session.complete(.ok())
            case .abortAppend:
                expected = nil
                note(.aborted)
            case .idle:
                try expect(isLoggedIn && !isIdle, "IDLE of a stranger")
                isIdle = true
            case .endIdle:
                try expect(isIdle, "IDLE had not begun")
                isIdle = false
                session.complete(.ok())
            case .close:
                isClosed = true
                note(.closed)
            }
        }
    }

    private mutating func judge(_ response: [UInt8]?) throws(Property.Broken) {
        try expect(!isLoggedIn, "logged in twice")
        note(.response(response))
        guard let response else { return session.challenge([0x3F]) }
        if response.count > 3 {
            isLoggedIn = true
            session.authenticated()
        } else {
            session.refuse()
        }
    }

    private mutating func perform(_ command: Command) throws(Property.Broken) {
        note(.command(command))
        try expect(!isIdle && expected == nil, "a command within another: \(command)")
        let isRefused = isRefused()
        switch command {
        case .noOperation: break
        case .select: isSelected = !isRefused
        case .close, .unselect:
            try expect(isSelected, "no mailbox to leave")
            if !isRefused { isSelected = false }
        case .fetch(let fetch): try write(fetch)
        case .search, .sort, .thread, .store, .copy, .move, .expunge:
            try expect(isSelected, "no mailbox for \(command)")
        case .list(let list): try write(list)
        default: try expect(isLoggedIn, "a stranger's command: \(command)")
        }
        session.complete(isRefused ? .no(nil, "no") : .ok())
    }

    private func write(_ fetch: Fetch) throws(Property.Broken) {
        try expect(isSelected, "no mailbox to fetch from")
        _ = mailbox.matches(fetch.messages, isUID: fetch.isUID)
        var writer = ResponseWriter(session.enabled)
        for item in fetch.items {
            switch item {
            case .section(let section, let partial, _):
                try expect(section.part.count <= Section.maximumDepth, "too deep")
                writer.section(section, partial, octets: nil)
            case .binary(let part, let partial, _):
                writer.binary(part: part, partial, octets: nil, hasNull: false)
            default: break
            }
        }
        try expect(!writer.octets.contains(0x0A), "a line break within an item")
    }

    private func write(_ list: List) throws(Property.Broken) {
        try expect(isLoggedIn, "a stranger's list")
        let candidates = ["INBOX", "a/b", "a/b/c", "b*%"].compactMap { try? MailboxName($0) }
        let answers = list.answers(
            over: candidates.map { ListCandidate($0, isSubscribed: true) }, isRevision2: true)
        for answer in answers {
            let isMatch = list.patterns.contains {
                ListPattern(reference: list.reference, pattern: $0).matches(answer.mailbox)
            }
            try expect(isMatch, "\(answer.mailbox) was not asked for")
        }
    }

    private mutating func hear(_ octets: [UInt8]) throws(Property.Broken) {
        try expect(octets.hasWholeLineEnds && octets.last == 0x0A, "no whole lines: \(octets)")
        // What comes together with COMPRESS is refused with it.
        if octets.has("DEFLATE begins") || octets.has("follow COMPRESS") { isComparable = false }
        note(.said(octets))
        if octets.starts(with: "* BYE".utf8) { return }
        // The client's tag is the one thing of it that comes back before login.
        var count = 0
        for octet in octets {
            count = octet == 0x0A ? 0 : count + 1
            try expect(count < 4096, "a line of \(count) octets")
        }
        if octets.has("TLS") { isComparable = false }
    }
}

extension [UInt8] {
    /// Whether the text is in it: the standard library's search took half of all the time.
    fileprivate func has(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            guard let first = text.first, count >= text.count else { return false }
            return indices.dropLast(text.count - 1).contains { start in
                self[start] == first && self[start...].starts(with: text)
            }
        }
    }
}
