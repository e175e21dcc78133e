// SPDX-License-Identifier: Apache-2.0

import Bytes
package import SMTP

/// Looks at a mail server as a sender does, and sends nothing (RFC 5321 §3.1, RFC 3207).
///
/// Greeting, EHLO, STARTTLS if it is offered, EHLO once more, QUIT. Without I/O: the driver
/// performs what `next` gives; when it gives nil, it flushes and receives.
package struct ProbeSession: Sendable {
    /// What the driver has to do.
    package enum Step: Hashable, Sendable {
        case send([UInt8])
        /// Shake hands, then `secured` or `tlsFailed`.
        case startTLS
        /// The last step.
        case close
    }

    private enum Phase {
        case greeting, hello, startTLS, handshake, secondHello, farewell, closed
    }

    /// What the server said when the connection was made.
    package private(set) var greeting: Reply?
    /// What it offers to everybody, before TLS (RFC 5321 §4.1.1.1): the lines behind the first.
    package private(set) var keywords: [String] = []
    /// What it says to STARTTLS or EHLO instead of yes.
    package private(set) var refusal: Reply?
    /// Why what it says is no SMTP.
    package private(set) var fault: ReplyParser.Fault?
    /// Whether it ended the connection before it was done.
    package private(set) var isCutShort = false

    private let name: String
    private var replies = ReplyParser()
    private var phase = Phase.greeting
    private var steps: [Step] = []

    /// `name` is what we call ourselves: a domain or an address literal.
    package init(name: String) { self.name = name }

    /// Whether STARTTLS is among what it offers (RFC 3207 §4).
    package var offersTLS: Bool { keywords.contains { $0.asciiLowercased == "starttls" } }

    /// Takes octets that arrived.
    package mutating func receive(_ octets: consuming [UInt8]) { replies.receive(octets) }

    /// The connection is gone, or nothing came in time.
    package mutating func receiveEnd() {
        guard phase != .closed else { return }
        if phase != .farewell { isCutShort = true }
        phase = .closed
        steps.append(.close)
    }

    /// The handshake that `startTLS` asked for is done.
    package mutating func secured() {
        guard phase == .handshake else { return }
        // RFC 3207 §4.2: all that was learnt before is forgotten, and asked again.
        replies.removeAll()
        say("EHLO \(name)", .secondHello)
    }

    /// The handshake failed: the connection is of no further use (RFC 3207 §4.1).
    package mutating func tlsFailed() {
        guard phase == .handshake else { return }
        phase = .closed
        steps.append(.close)
    }

    /// The next step; nil when octets or an answer are needed.
    package mutating func next() -> Step? {
        while steps.isEmpty, phase != .closed {
            do throws(ReplyParser.Fault) {
                guard let reply = try replies.next() else { return nil }
                take(reply)
            } catch {
                fault = error
                phase = .closed
                steps.append(.close)
            }
        }
        return steps.isEmpty ? nil : steps.removeFirst()
    }

    private mutating func take(_ reply: Reply) {
        switch phase {
        case .greeting:
            greeting = reply
            reply.isPositiveCompletion ? say("EHLO \(name)", .hello) : sayGoodbye()
        case .hello:
            guard reply.isPositiveCompletion else {
                refusal = reply
                return sayGoodbye()
            }
            keywords = Array(reply.lines.dropFirst())
            offersTLS ? say("STARTTLS", .startTLS) : sayGoodbye()
        case .startTLS:
            guard reply.isPositiveCompletion else {
                refusal = reply
                return sayGoodbye()
            }
            phase = .handshake
            steps.append(.startTLS)
        case .secondHello:
            if !reply.isPositiveCompletion { refusal = reply }
            sayGoodbye()
        case .farewell:
            phase = .closed
            steps.append(.close)
        case .handshake, .closed: break
        }
    }

    private mutating func sayGoodbye() { say("QUIT", .farewell) }

    private mutating func say(_ command: String, _ next: Phase) {
        steps.append(.send(Array("\(command)\r\n".utf8)))
        phase = next
    }
}
