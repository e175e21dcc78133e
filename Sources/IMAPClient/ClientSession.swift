// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The client's side of IMAP (RFC 9051, RFC 3501) as far as reading mailboxes needs it.
///
/// It greets, protects the connection if asked to, logs in and says `.ready`; then one command
/// after another is begun with `begin`, and ends with `.completed`. Nothing of a server's is
/// believed before its size is looked at.
package struct ClientSession: Sendable {
    /// Who logs in, and how well the connection has to be protected before.
    package struct Login: Sendable {
        package var user: String
        package var password: String
        /// STARTTLS comes first (RFC 9051 §6.2.1); a server without it is refused.
        package var startsTLS: Bool

        package init(user: String, password: String, startsTLS: Bool) {
            self.user = user
            self.password = password
            self.startsTLS = startsTLS
        }
    }

    /// What is to be done next.
    package enum Step: Hashable, Sendable {
        case send([UInt8])
        /// Shake hands, then call `startedTLS`.
        case startTLS
        /// Commands are taken.
        case ready
        /// Data that came with the command.
        case data(Response)
        /// The command has ended: `OK`, or why not.
        case completed(Completion)
    }

    /// How a command ended (RFC 9051 §7.1).
    package struct Completion: Hashable, Sendable {
        package let isOK: Bool
        /// With its code, as the server says it.
        package let text: String
    }

    private enum State {
        case greeting
        /// Waits for the end of the command with this purpose.
        case opening(Purpose)
        case shakingHands
        case idle
        case running
        case ended
    }

    private enum Purpose { case capability, startTLS, login, capabilityAfterLogin }

    /// Untagged responses before a command has been given: a greeting takes one.
    private static let strayLimit = 1000

    private let login: Login
    private var reader = ResponseReader()
    private var state = State.greeting
    private var steps: [Step] = []
    private var number = 0
    private var tag = ""
    private var isProtected = false
    private var strays = 0
    /// In upper case.
    package private(set) var capabilities: Set<String> = []

    package init(_ login: Login) { self.login = login }

    /// Whether the server has said that it can do this.
    package func has(_ capability: String) -> Bool { capabilities.contains(capability) }

    /// How many messages one command may treat (RFC 9738); nil: the server has not said.
    package var messageLimit: Int? {
        let name = "MESSAGELIMIT="
        return capabilities.first { $0.hasPrefix(name) }
            .flatMap { Int($0.dropFirst(name.count)) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Takes what the server has sent.
    package mutating func receive(_ octets: [UInt8]) { reader.receive(octets) }

    /// The handshake is done.
    package mutating func startedTLS() {
        isProtected = true
        capabilities = []
        ask("CAPABILITY", .capability)
    }

    /// Begins a command; the session must be ready, and the one before completed.
    package mutating func begin(_ command: String) {
        guard case .idle = state else { preconditionFailure("one command at a time") }
        send(command)
        state = .running
    }

    private mutating func send(_ command: String) {
        number += 1
        tag = "a\(number)"
        steps.append(.send(Array("\(tag) \(command)\r\n".utf8)))
    }

    private mutating func ask(_ command: String, _ purpose: Purpose) {
        send(command)
        state = .opening(purpose)
    }

    /// The next step; nil: octets of the server are needed.
    ///
    /// Throws when the server cannot be talked to, or does not let us in.
    package mutating func next() throws(ProtocolFailure) -> Step? {
        while steps.isEmpty {
            if case .shakingHands = state { return nil }
            guard let response = try reader.next() else { return nil }
            try take(response)
        }
        return steps.removeFirst()
    }

    private mutating func take(_ response: Response) throws(ProtocolFailure) {
        note(response)
        switch response.tag {
        case "*": try takeUntagged(response)
        case "+":
            throw ProtocolFailure("the server waits for more of a command that is complete")
        case tag: try takeEnd(response)
        default: throw ProtocolFailure("the server answers a command that was not given")
        }
    }

    /// Capabilities come on request, with the greeting, and with the end of a login.
    private mutating func note(_ response: Response) {
        let words: ArraySlice<Substring>
        if response.values.first?.atom?.uppercased() == "CAPABILITY" {
            words = response.text.split(separator: " ").dropFirst()
        } else if let code = Self.code("CAPABILITY", of: response.text) {
            words = code.split(separator: " ")[...]
        } else {
            return
        }
        // Of a connection that is not protected yet nothing is believed afterwards.
        capabilities = Set(words.prefix(200).map { $0.uppercased() })
    }

    /// The argument of a code: `12` of `OK [UIDVALIDITY 12] ready`.
    package static func code(_ name: String, of text: String) -> String? {
        guard let open = text.firstIndex(of: "["), let end = text[open...].firstIndex(of: "]")
        else { return nil }
        let code = text[text.index(after: open)..<end]
        guard code.uppercased().hasPrefix(name + " ") else { return nil }
        return String(code.dropFirst(name.count + 1))
    }

    private mutating func takeUntagged(_ response: Response) throws(ProtocolFailure) {
        let kind = response.values.first?.atom?.uppercased()
        if kind == "BYE" {
            throw ProtocolFailure("the server ends the connection: \(response.text)")
        }
        switch state {
        case .greeting:
            guard kind == "OK" || kind == "PREAUTH" else {
                throw ProtocolFailure("the server's greeting is none of IMAP")
            }
            // Who is let in before STARTTLS could be anywhere (RFC 9051 §11.1).
            if kind == "PREAUTH", login.startsTLS {
                throw ProtocolFailure("the server does not let the connection be protected")
            }
            if kind == "PREAUTH" { return ask("CAPABILITY", .capabilityAfterLogin) }
            if capabilities.isEmpty { return ask("CAPABILITY", .capability) }
            try open()
        case .running: steps.append(.data(response))
        case .opening, .shakingHands, .idle, .ended:
            strays += 1
            guard strays < Self.strayLimit else {
                throw ProtocolFailure("the server talks without being asked")
            }
        }
    }

    private mutating func takeEnd(_ response: Response) throws(ProtocolFailure) {
        let isOK = response.values.first?.atom == "OK"
        switch state {
        case .running:
            state = .idle
            steps.append(.completed(Completion(isOK: isOK, text: response.text)))
        case .opening(let purpose): try end(purpose, isOK, response)
        case .greeting, .shakingHands, .idle, .ended:
            throw ProtocolFailure("the server answers a command that was not given")
        }
    }

    private mutating func end(
        _ purpose: Purpose, _ isOK: Bool, _ response: Response
    ) throws(ProtocolFailure) {
        guard isOK else {
            let what =
                switch purpose {
                case .startTLS: "the server does not let the connection be protected"
                case .login: "the server does not let \(login.user) in"
                case .capability, .capabilityAfterLogin: "the server refuses to be asked"
                }
            throw ProtocolFailure("\(what): \(response.text)")
        }
        switch purpose {
        case .capability: try open()
        case .startTLS:
            // What came before the handshake may be anybody's (RFC 9051 §11.1).
            reader.drop()
            state = .shakingHands
            steps.append(.startTLS)
        case .login: ask("CAPABILITY", .capabilityAfterLogin)
        case .capabilityAfterLogin:
            state = .idle
            steps.append(.ready)
        }
    }

    /// What comes before commands: protection, then the login.
    private mutating func open() throws(ProtocolFailure) {
        if login.startsTLS, !isProtected {
            guard has("STARTTLS") else {
                throw ProtocolFailure("the server offers no STARTTLS")
            }
            return ask("STARTTLS", .startTLS)
        }
        if has("AUTH=PLAIN"), has("SASL-IR") {
            let secret = "\u{0}\(login.user)\u{0}\(login.password)"
            return ask("AUTHENTICATE PLAIN \(Base64.encode(Array(secret.utf8)))", .login)
        }
        guard !has("LOGINDISABLED") else {
            throw ProtocolFailure("the server takes no password on this connection")
        }
        guard let user = Self.quoted(login.user), let password = Self.quoted(login.password) else {
            throw ProtocolFailure("the server takes no name or password with such characters")
        }
        ask("LOGIN \(user) \(password)", .login)
    }

    /// The name of a mailbox as a string of a command (RFC 9051 §9 mailbox); nil for what cannot be
    /// one.
    ///
    /// One that the server has sent as UTF-8, without asking, goes back as it came.
    package func mailbox(_ name: String) -> String? {
        if let quoted = Self.quoted(name) { return quoted }
        guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
        if has("LITERAL+") || has("LITERAL-") { return "{\(name.utf8.count)+}\r\n\(name)" }
        return "\"\(name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }

    /// A quoted string; nil for what cannot be in one.
    package static func quoted(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"\(String(escaped))\""
    }
}
