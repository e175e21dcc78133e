// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

// AUTH (RFC 4954), for a smarthost that wants to know who we are.
extension ClientSession {
    /// A SASL exchange under way.
    struct AuthenticationState {
        /// What did not fit the command line, until the server asks for it.
        var heldResponse: [UInt8]?
        /// Whether the server has proved who it is, as far as the mechanism lets it.
        var isServerAuthentic = true
        /// Why we broke it off, if we did.
        var cancellation: String?
    }

    /// RFC 5321 §4.5.3.1.4: of a command line, with CRLF.
    private static let maximumCommandOctets = 512

    mutating func authenticateOrGoOn() {
        guard !configuration.mechanisms.isEmpty, !isAuthenticated else { return becomeIdle() }
        guard tls != nil else {
            return cannotAuthenticate(Diagnosis.notEncrypted.text(host))
        }
        let offered = extensions.saslMechanisms
        guard let mechanism = configuration.mechanisms.first(where: offered.contains) else {
            let wanted = configuration.mechanisms.joined(separator: ", ")
            return cannotAuthenticate(Diagnosis.lacksMechanisms.text(host, wanted))
        }
        phase = .authenticating(AuthenticationState())
        pending.append(.authenticate(mechanism: mechanism))
    }

    /// Begins the exchange that `authenticate` asked for.
    ///
    /// `isServerAuthentic` is false with a mechanism by which the server must still prove itself
    /// (SCRAM): its word for success counts only once `respond` has said true.
    package mutating func authenticate(
        _ mechanism: String, initialResponse: [UInt8]?, isServerAuthentic: Bool
    ) {
        guard case .authenticating(var state) = phase else { return }
        state.isServerAuthentic = isServerAuthentic
        var line = "AUTH \(mechanism)"
        if let initialResponse {
            // RFC 4954 §4: `=` is an empty response, and what does not fit the line goes later.
            let text = initialResponse.isEmpty ? "=" : Base64.encode(initialResponse)
            if line.utf8.count + text.utf8.count + 3 <= Self.maximumCommandOctets {
                line += " " + text
            } else {
                state.heldResponse = initialResponse
            }
        }
        send(line)
        phase = .awaitingAuthentication(state)
    }

    /// Answers a challenge.
    package mutating func respond(_ response: [UInt8], isServerAuthentic: Bool) {
        guard case .authenticating(var state) = phase else { return }
        state.isServerAuthentic = isServerAuthentic
        send(Base64.encode(response))
        phase = .awaitingAuthentication(state)
    }

    /// Breaks the exchange off, saying why for the log; the connection will be of no use.
    package mutating func cancelAuthentication(_ text: String) {
        guard case .authenticating(var state) = phase else { return }
        state.cancellation = text
        send("*")
        phase = .awaitingAuthentication(state)
    }

    mutating func takeAuthentication(_ reply: Reply, _ state: AuthenticationState) {
        if let cancellation = state.cancellation { return cannotAuthenticate(cancellation) }
        if reply.isPositiveCompletion {
            guard state.isServerAuthentic else {
                return cannotAuthenticate(Diagnosis.notAuthentic.text(host))
            }
            isAuthenticated = true
            becomeIdle()
        } else if reply.code == 334 {
            takeChallenge(reply, state)
        } else {
            give(up: .authentication, evidence(reply, to: "AUTH"))
        }
    }

    private mutating func takeChallenge(_ reply: Reply, _ state: AuthenticationState) {
        var state = state
        if let response = state.heldResponse {
            state.heldResponse = nil
            send(Base64.encode(response))
            phase = .awaitingAuthentication(state)
        } else if let challenge = Base64.decode(Array((reply.lines.first ?? "").utf8)) {
            phase = .authenticating(state)
            pending.append(.challenge(challenge))
        } else {
            phase = .authenticating(state)
            cancelAuthentication(Diagnosis.badChallenge.text(host))
        }
    }

    private mutating func cannotAuthenticate(_ text: String) {
        give(
            up: .authentication,
            Outcome.Evidence(
                EnhancedStatus(4, 7, 0), Diagnosis.cannotAuthenticate.text(text), host: host))
    }
}
