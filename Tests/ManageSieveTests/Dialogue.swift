// SPDX-License-Identifier: Apache-2.0

import Bytes
import ManageSieve
import Testing

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A driver without a network, with scripts in memory.
final class Peer {
    var session: ServerSession
    var scripts: [(name: String, text: String)] = [("main", "keep;"), ("a\"b", "discard;")]
    var active = "main"
    /// What happened, in order: `S: ` lines and `* ` steps.
    var log: [String] = []

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
            for line in String(lossy: octets).split(separator: "\r\n") { log.append("S: \(line)") }
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
        case .perform(let command): perform(command)
        case .unauthenticate: log.append("* forgotten")
        case .close: log.append("* closed")
        }
    }

    /// `anna`/`secret` by PLAIN; no response asks for one; `again` asks once more.
    private func authenticate(_ response: [UInt8]?) {
        switch response.map({ String(lossy: $0) }) {
        case nil: session.challenge([])
        case "again": session.challenge(octets("once more"))
        case "\0anna\0secret": session.authenticated(as: "anna@example.org")
        default: session.refuse()
        }
    }

    private func perform(_ command: Command) {
        switch command {
        case .haveSpace(_, let octets):
            session.complete(octets > 100 ? .no(.quotaSize, "too large") : .ok())
        case .put(let name, let script):
            log.append("* put \(name): \(String(lossy: script))")
            session.complete(.ok(.warnings, "line 1: odd\r\nline 2: odd"))
        case .check(let script):
            log.append("* check \(String(lossy: script))")
            session.complete(.no(nil, "line 1: wrong"))
        case .list: session.complete(listing: scripts.map { ($0.name, $0.name == active) })
        case .activate(let name):
            log.append("* activate \(name ?? "none")")
            session.complete(.ok())
        case .get(let name):
            guard let script = scripts.first(where: { $0.name == name }) else {
                return session.complete(.no(.nonexistent, "there is none"))
            }
            session.complete(script: octets(script.text))
        case .delete(let name):
            session.complete(name == active ? .no(.active, "it is active") : .ok())
        case .rename(let old, let new):
            session.complete(
                scripts.contains { $0.name == new }
                    ? .no(.alreadyExists, "\(new) is there") : .ok(nil, "\(old) is \(new)"))
        }
    }
}

extension ServerSession.Policy {
    static var tested: Self {
        Self(
            offersTLS: true, mechanisms: ["SCRAM-SHA-256"], plainMechanisms: ["PLAIN", "LOGIN"],
            sieveExtensions: ["fileinto", "vacation"], maximumRedirects: 4,
            maximumScriptOctets: 200)
    }
}

/// Plays `C: ` lines of a dialogue and compares everything else with what happens; once as a
/// whole line at a time, once octet by octet, and once with all commands at once where the
/// dialogue may be pipelined.
func play(
    _ dialogue: String, policy: ServerSession.Policy = .tested, isProtected: Bool = true,
    pipelined: Bool = true, hasGreeting: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let lines = dialogue.split(separator: "\n").map { String($0) }
    let commands = lines.filter { $0.hasPrefix("C: ") }.map { octets("\($0.dropFirst(3))\r\n") }
    let expected = lines.filter { !$0.hasPrefix("C: ") }
    let drops = commands.map { command in command.map { [$0] } }.joined()
    var feeds = [commands, Array(drops)]
    if pipelined { feeds.append([Array(commands.joined())]) }
    for feed in feeds {
        let peer = Peer(policy, isProtected: isProtected)
        peer.run()
        if !hasGreeting { peer.log = [] }
        for piece in feed {
            peer.session.receive(piece)
            peer.run()
        }
        let log = peer.log
        #expect(log == expected, sourceLocation: sourceLocation)
    }
}

/// `AUTHENTICATE` as anna, and what is answered.
let login = """
    C: AUTHENTICATE "PLAIN" "AGFubmEAc2VjcmV0"
    * PLAIN
    S: OK "logged in"

    """
