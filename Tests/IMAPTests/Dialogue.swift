// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A driver without a network and without a store: it notes each step, and answers it.
final class Peer {
    var session: ServerSession
    /// What happened, in order: `S: ` lines and `* ` steps.
    var log: [String] = []
    var isClosed = false
    /// What each command ends with; else OK.
    var completions: [String: Completion] = [:]
    var appendRefusal: Completion?
    var content: [UInt8] = []
    var heard: [UInt8] = []

    init(_ policy: ServerSession.Policy, isProtected: Bool) {
        session = ServerSession(policy, isProtected: isProtected)
    }

    /// Performs steps until the session wants octets.
    func run() {
        while let step = session.next() { perform(step) }
    }

    private func perform(_ step: ServerSession.Step) {
        switch step {
        case .send(let octets):
            heard += octets
            for line in String(lossy: octets).split(separator: "\r\n") { log.append("S: \(line)") }
        case .startTLS:
            log.append("* TLS")
            session.tlsStarted()
        case .startCompression: log.append("* compression")
        case .authenticate(let mechanism, let response):
            log.append("* \(mechanism)")
            judge(response)
        case .authenticationResponse(let response):
            log.append("* response \(String(lossy: response))")
            judge(response)
        case .cancelAuthentication: log.append("* cancelled")
        case .tellHighestModificationSequence: log.append("* modseq")
        case .perform(let command):
            let name = String(describing: command).prefix { $0 != "(" }
            log.append("* \(name)")
            session.complete(completions[String(name)] ?? .ok())
        case .beginAppend(let append):
            log.append(
                "* append \(append.mailbox)"
                    + (append.replaced.map { " for \($0.number)" } ?? ""))
            if let appendRefusal { session.complete(appendRefusal) } else { session.acceptAppend() }
        case .appendMessage(let message):
            log.append("* message \(message.octets)")
            content = []
            session.acceptAppend()
        case .appendContent(let octets):
            // However it is cut.
            content += octets
            if log.last?.hasPrefix("* content ") == true { log.removeLast() }
            log.append("* content \(String(lossy: content))")
        case .endAppend:
            log.append("* appended")
            session.complete(completions["append"] ?? .ok())
        case .abortAppend: log.append("* aborted")
        case .idle: log.append("* idle")
        case .endIdle:
            log.append("* idle ends")
            session.complete(.ok())
        case .close:
            log.append("* closed")
            isClosed = true
        }
    }

    /// `anna`/`secret` by PLAIN; no response asks for one; `again` asks once more.
    private func judge(_ response: [UInt8]?) {
        switch response.map({ String(lossy: $0) }) {
        case nil: session.challenge([])
        case "again": session.challenge(octets("once more"))
        case "\0anna\0secret", "\0ann a\0se\"cret": session.authenticated()
        default: session.refuse()
        }
    }
}

extension ServerSession.Policy {
    /// Few extensions, so that a dialogue's capabilities fit its line.
    static var tested: Self {
        var policy = Self(
            hostName: "mx.example.org", offersTLS: true, mechanisms: ["SCRAM-SHA-256"],
            plainMechanisms: ["PLAIN"], appendLimit: 1000)
        policy.extensions = [
            "IDLE", "CONDSTORE", "QRESYNC", "UIDONLY", "UTF8=ACCEPT", "COMPRESS=DEFLATE",
        ]
        return policy
    }
}

let offered = "IMAP4rev2 IMAP4rev1 LITERAL+ SASL-IR ENABLE ID APPENDLIMIT=1000"
let plainGreeting =
    "S: * OK [CAPABILITY \(offered) STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-256]"
    + " mx.example.org IMAP server ready\n"
let greeting =
    "S: * OK [CAPABILITY \(offered) AUTH=SCRAM-SHA-256 AUTH=PLAIN]"
    + " mx.example.org IMAP server ready\n"
let welcome =
    "[CAPABILITY \(offered) IDLE CONDSTORE QRESYNC UIDONLY UTF8=ACCEPT COMPRESS=DEFLATE]"
let loggedIn =
    greeting + """
        C: a LOGIN anna secret
        * PLAIN
        S: a OK \(welcome) logged in

        """
let selected =
    loggedIn + """
        C: b SELECT inbox
        * select
        S: b OK done

        """

/// Plays `C: ` lines of a dialogue and compares everything else with what happens; once a line
/// at a time, once octet by octet, and once with everything at once where that may be.
///
/// A line `C> ` is sent without CRLF.
func play(
    _ dialogue: String, policy: ServerSession.Policy = .tested, isProtected: Bool = true,
    pipelined: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
    _ prepare: (Peer) -> Void = { _ in }
) {
    let lines = dialogue.split(separator: "\n").map { String($0) }
    let commands = lines.filter { $0.hasPrefix("C") }.map {
        octets(String($0.dropFirst(3)) + ($0.hasPrefix("C:") ? "\r\n" : ""))
    }
    let expected = lines.filter { !$0.hasPrefix("C") }
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
