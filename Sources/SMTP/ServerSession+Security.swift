// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
package import World

extension ServerSession {
    // MARK: - TLS

    mutating func startTLS(_ argument: ArraySlice<UInt8>) throws(Reply) {
        try expectNoArgument(argument)
        guard tls == nil else { throw .tlsAlreadyActive }
        guard configuration.isTLSAvailable else { throw .tlsUnavailable }
        guard hello != nil else { throw .badSequence }
        guard transaction == nil else { throw .badSequence }
        guard input.isEmpty else {
            // Commands of a stranger in the middle, to be obeyed after the handshake as if
            // they were the client's (RFC 3207 §6; CVE-2011-0411).
            input.removeAll()
            throw .commandAfterStartTLS
        }
        phase = .awaiting(.handshake)
        say(.readyForTLS)
        pending.append(.startTLS)
    }

    /// The handshake is done: the session is as after its greeting (RFC 3207 §4.2).
    package mutating func secured(_ facts: TLSFacts) {
        guard case .awaiting(.handshake) = phase else {
            if case .closed = phase { return }
            preconditionFailure("a handshake nobody asked for")
        }
        phase = .command
        tls = facts
        input.removeAll()
        hello = nil
        forgetTransaction()
    }

    // MARK: - AUTH

    /// `AUTH mechanism [initial-response]` (RFC 4954 §4).
    mutating func authenticate(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard !configuration.saslMechanisms.isEmpty else { throw .commandNotImplemented }
        guard hello?.isExtended == true, identity == nil, transaction == nil else {
            throw .badSequence
        }
        guard mayAuthenticate else { throw .authenticationNeedsTLS }
        let words = argument.split(separator: .space)
        guard (1...2).contains(words.count) else { throw .syntaxError }
        let mechanism = String(lossy: words[0]).uppercased()
        guard configuration.saslMechanisms.contains(mechanism) else { throw .mechanismUnknown }
        var response: [UInt8]?
        if words.count == 2 {
            // A single `=` is an empty response that is present.
            let isEmpty = words[1].elementsEqual([UInt8(ascii: "=")])
            response = isEmpty ? [] : Base64.decode(words[1])
            guard response != nil else { throw .authenticationMalformed }
        }
        phase = .awaiting(.authentication(mechanism: mechanism))
        pending.append(.authenticate(mechanism: mechanism, initialResponse: response))
    }

    /// A line of the exchange: base64, or `*` to cancel.
    mutating func continueAuthentication(_ line: [UInt8]) {
        if line == [UInt8(ascii: "*")] {
            phase = .command
            return fail(.authenticationCancelled)
        }
        guard let response = Base64.decode(line) else {
            phase = .command
            return fail(.authenticationMalformed)
        }
        phase = .awaiting(.authentication(mechanism: ""))
        pending.append(.authenticationResponse(response))
    }

    /// SASL wants to know more: `334` and the challenge, which may be empty.
    package mutating func authenticationChallenge(_ challenge: [UInt8]) {
        guard isAuthenticating() else { return }
        phase = .authenticationLine
        say(Reply(challenge: Base64.encode(challenge)))
    }

    /// The client is who it says; `identity` goes with its transactions.
    package mutating func authenticationSucceeded(identity: String) {
        guard isAuthenticating() else { return }
        phase = .command
        self.identity = identity
        authenticationFailures = 0
        say(.authenticationSucceeded)
    }

    /// The client is not who it says, or that cannot be found out now.
    package mutating func authenticationFailed(_ reply: Reply = .credentialsInvalid) {
        guard isAuthenticating() else { return }
        phase = .command
        authenticationFailures += 1
        guard authenticationFailures < Self.maximumAuthenticationFailures else {
            return close(saying: .tooManyErrors)
        }
        fail(reply)
    }

    private func isAuthenticating() -> Bool {
        switch phase {
        case .awaiting(.authentication): return true
        // The session expired or was ended meanwhile.
        case .closed: return false
        default: preconditionFailure("an answer to an authentication nobody asked for")
        }
    }

    // MARK: - XCLIENT

    /// What of XCLIENT's attributes is understood.
    static let clientAttributes = [
        "NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT",
    ]

    /// ```abnf
    /// xclient-command = "XCLIENT" 1*( SP attribute-name "=" attribute-value )   ; Postfix
    /// attribute-value = xtext
    /// ```
    mutating func assumeClient(_ argument: ArraySlice<UInt8>) throws(Reply) {
        guard mayStateClient else { throw .clientNotTrusted }
        guard transaction == nil else { throw .badSequence }
        guard let claims = ClientClaims(argument) else { throw .clientMalformed }
        phase = .awaiting(.client(claims))
        pending.append(.assumeClient(claims))
    }

    /// The session begins anew, as with the client that the proxy speaks for.
    mutating func become(_ claims: ClientClaims) {
        forgetTransaction()
        hello = claims.hello.map { Hello(name: $0, isExtended: claims.isExtended) }
        identity = claims.login
        isClientTrusted = false
        phase = .greeting
    }
}

extension ServerSession.ClientClaims {
    /// Nil for an unknown attribute, or a value that is none.
    init?(_ argument: ArraySlice<UInt8>) {
        guard !argument.isEmpty else { return nil }
        for word in argument.split(separator: .space) {
            let parts = word.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let octets = Xtext.decode(parts[1]),
                let text = String(validating: octets, as: UTF8.self),
                octets.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), octets.count <= 255
            else { return nil }
            let isKnown = !["[UNAVAILABLE]", "[TEMPUNAVAIL]"].contains(text.uppercased())
            guard take(String(lossy: parts[0]).uppercased(), isKnown ? text : nil) else {
                return nil
            }
        }
    }

    private mutating func take(_ attribute: String, _ value: String?) -> Bool {
        switch attribute {
        case "NAME": name = value.flatMap { (try? Domain($0))?.name }
        case "ADDR": return Self.take(value, as: Self.address, into: &address)
        case "PORT": return Self.take(value, as: Self.port, into: &port)
        case "DESTADDR": return Self.take(value, as: Self.address, into: &destinationAddress)
        case "DESTPORT": return Self.take(value, as: Self.port, into: &destinationPort)
        case "PROTO":
            guard let value, ["SMTP", "ESMTP"].contains(value.uppercased()) else {
                return value == nil
            }
            isExtended = value.uppercased() == "ESMTP"
        case "HELO":
            guard let value else { return true }
            guard ServerSession.isHelloName(value.utf8) else { return false }
            hello = value
        case "LOGIN": login = value
        default: return false
        }
        return true
    }

    /// False if the value is there and none of its kind.
    private static func take<Part>(
        _ value: String?, as read: (String) -> Part?, into part: inout Part?
    ) -> Bool {
        guard let value else { return true }
        part = read(value)
        return part != nil
    }

    private static func address(_ text: String) -> IPAddress? {
        let isMarked = text.asciiLowercased.hasPrefix("ipv6:")
        return IPAddress(isMarked ? text.dropFirst(5) : text[...])
    }

    private static func port(_ text: String) -> UInt16? {
        text.utf8.allSatisfy(\.isDigit) ? UInt16(text) : nil
    }
}
