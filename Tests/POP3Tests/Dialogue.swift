// SPDX-License-Identifier: Apache-2.0

import Bytes
import POP3
import Testing

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A driver without a network: it answers each step from a script of its own.
final class Peer {
    var session: ServerSession
    var messages = ["Subject: a\r\n\r\n.hidden\r\nline\r\n", "Subject: b\r\n\r\nb\r\n"]
    var uniqueIDs = ["a1", "b2"]
    var mailboxRefusal: ServerSession.Refusal?
    var unreadable: Set<Int> = []
    var removalSucceeds = true
    /// What happened, in order: `S: ` lines and `* ` steps.
    var log: [String] = []
    var removed: [Int] = []
    var isClosed = false

    init(_ policy: ServerSession.Policy = .tested, isProtected: Bool = false) {
        session = ServerSession(policy, isProtected: isProtected)
    }

    /// Performs steps until the session wants octets.
    func run() {
        while let step = session.next() { perform(step) }
    }

    private func perform(_ step: ServerSession.Step) {
        switch step {
        case .send(let octets): say(octets)
        case .startTLS:
            log.append("* TLS")
            session.tlsStarted()
        case .authenticate(let mechanism, let response):
            log.append("* \(mechanism)")
            authenticate(response)
        case .respond(let response):
            log.append("* response \(String(lossy: response))")
            authenticate(response)
        case .cancelAuthentication: log.append("* cancelled")
        case .openMailbox:
            if let mailboxRefusal { return session.refuse(mailboxRefusal) }
            session.opened(
                zip(messages, uniqueIDs).map {
                    Maildrop.Message(octets: $0.utf8.count, uniqueID: $1)
                })
        case .content(let message, let lines):
            guard !unreadable.contains(message) else { return session.contentUnavailable() }
            say(ServerSession.opening(octets: messages[message].utf8.count))
            var encoder = ContentEncoder()
            say(encoder.encode(octets(top(lines, of: messages[message]))) + encoder.finish())
        case .remove(let messages):
            removed = messages
            session.removed(removalSucceeds)
        case .close:
            log.append("* closed")
            isClosed = true
        }
    }

    /// `anna`/`secret` by PLAIN; no response asks for one; `again` asks once more.
    private func authenticate(_ response: [UInt8]?) {
        switch response.map({ String(lossy: $0) }) {
        case nil: session.challenge([])
        case "again": session.challenge(octets("once more"))
        case "\0anna\0secret", "\0anna\0two words": session.authenticated()
        case "busy": session.refuse(.temporarilyUnavailable)
        default: session.refuse(.wrongPassword)
        }
    }

    /// The header and so many lines of the body.
    private func top(_ lines: Int?, of message: String) -> String {
        guard let lines else { return message }
        let all = message.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
        let header = (all.firstIndex(of: "") ?? 0) + 1
        return all.prefix(header + lines).map { $0 + "\r\n" }.joined()
    }

    private func say(_ octets: [UInt8]) {
        for line in String(lossy: octets).split(separator: "\r\n") { log.append("S: \(line)") }
    }
}

extension ServerSession.Policy {
    static var tested: Self {
        Self(
            hostName: "mx.example.org", offersTLS: true, mechanisms: ["SCRAM-SHA-256"],
            plainMechanisms: ["PLAIN", "LOGIN"])
    }

    static var lenient: Self {
        var policy = tested
        policy.allowsPlainPasswords = true
        return policy
    }
}

/// Plays `C: ` lines of a dialogue and compares everything else with what happens; once as a
/// whole line at a time, once octet by octet, and once with all commands at once where the
/// dialogue may be pipelined.
func play(
    _ dialogue: String, policy: ServerSession.Policy = .tested, isProtected: Bool = false,
    pipelined: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
    _ prepare: (Peer) -> Void = { _ in }
) {
    let lines = dialogue.split(separator: "\n").map { String($0) }
    let commands = lines.filter { $0.hasPrefix("C: ") }.map { octets("\($0.dropFirst(3))\r\n") }
    let expected = lines.filter { !$0.hasPrefix("C: ") }
    let drops = commands.map { command in command.map { [$0] } }.joined()
    var feeds = [commands, Array(drops)]
    if pipelined { feeds.append([Array(commands.joined())]) }
    for feed in feeds {
        let peer = Peer(policy, isProtected: isProtected)
        prepare(peer)
        peer.run()
        for piece in feed {
            peer.session.receive(piece)
            peer.run()
        }
        let log = peer.log
        #expect(log == expected, sourceLocation: sourceLocation)
    }
}
