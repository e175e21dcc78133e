// SPDX-License-Identifier: Apache-2.0

import Bytes
import ManageSieve

extension Property {
    /// The ManageSieve server's side of a conversation.
    ///
    /// The first octet chooses how the server is set, the second how the input is cut. Octet by
    /// octet, in pieces and at once, the same is said and asked for; nothing is asked for in a
    /// state that does not allow it, and what is said are whole lines.
    package static let scriptSession = Property("ScriptSession") { input throws(Broken) in
        guard input.count >= 2 else { return }
        var transcripts: [[String]] = []
        for way in [Pieces.whole, .drip, .cut(input[1])] {
            var conversation = ScriptConversation(flags: input[0])
            transcripts.append(try conversation.hold(way.split(input[2...])))
        }
        try expect(
            transcripts[0] == transcripts[1], "drip-fed, it goes otherwise: \(transcripts)")
        try expect(transcripts[0] == transcripts[2], "in pieces it goes otherwise: \(transcripts)")
    }
}

/// A driver that says yes most of the time, and looks whether it is asked in order.
private struct ScriptConversation: ~Copyable {
    private var session: ServerSession
    private var transcript: [String] = []
    private var questions = 0
    /// From the handshake on it matters what came together with STARTTLS.
    private var isComparable = true
    private var isSecured: Bool
    private var isLoggedIn = false
    private var isClosed = false
    private static let maximumScriptOctets = 100

    init(flags: UInt8) {
        isSecured = flags & 1 != 0
        session = ServerSession(
            ServerSession.Policy(
                offersTLS: flags & 2 != 0, allowsPlainPasswords: flags & 4 != 0,
                mechanisms: ["SCRAM-SHA-256", "SCRAM-SHA-1"], plainMechanisms: ["PLAIN", "LOGIN"],
                sieveExtensions: ["fileinto"], maximumRedirects: 4,
                maximumScriptOctets: Self.maximumScriptOctets), isProtected: isSecured)
    }

    consuming func hold(_ pieces: [[UInt8]]) throws(Property.Broken) -> [String] {
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

    private mutating func note(_ text: String) {
        if isComparable { transcript.append(text) }
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
            case .send(let octets):
                try expect(octets.suffix(2) == [13, 10], "half a line")
                let text = String(lossy: octets)
                if text.hasPrefix("OK \"begin TLS\"") || text.hasPrefix("NO \"nothing may follow") {
                    isComparable = false
                }
                note(text)
            case .startTLS:
                try expect(!isSecured, "TLS within TLS")
                isSecured = true
                session.tlsStarted()
            case .authenticate(_, let response): try judge(response)
            case .respond(let response): try judge(response)
            case .cancelAuthentication: note("cancel")
            case .perform(let command): try perform(command)
            case .unauthenticate:
                try expect(isLoggedIn, "who is forgotten?")
                isLoggedIn = false
            case .close: isClosed = true
            }
        }
    }

    private mutating func judge(_ response: [UInt8]?) throws(Property.Broken) {
        try expect(!isLoggedIn, "a login within a login")
        note("authenticate \(response ?? [])")
        guard let response else { return session.challenge([1, 2, 3]) }
        if isRefused() { return session.refuse() }
        if response.count == 1 { return session.challenge(response) }
        isLoggedIn = true
        session.authenticated(as: "anna@example.org")
    }

    private mutating func perform(_ command: Command) throws(Property.Broken) {
        try expect(isLoggedIn, "a stranger asks for \(command)")
        note("\(command)")
        switch command {
        case .put(_, let script), .check(let script):
            // Quoted strings have a measure of their own.
            try expect(script.count <= 1024, "a script is too large")
        default: break
        }
        if isRefused() { return session.complete(.no(.quotaScripts, "no")) }
        switch command {
        case .list: session.complete(listing: [("a", true), ("b\"\\", false)])
        case .get(let name): session.complete(script: Array(name.utf8))
        default: session.complete(.ok())
        }
    }
}
