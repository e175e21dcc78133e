// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The server's side of one attempt to authenticate (RFC 4422 §3), whatever the mechanism.
///
/// It reads what the client sent, decoded from the protocol's Base 64, and says what to do next.
/// Cancelling (`*`) is the protocol's business: the exchange is dropped.
package struct ServerExchange: Sendable {
    /// What the caller has to do next.
    package enum Step: Sendable, Equatable {
        /// Send this and hand the client's answer to `step(response:)`.
        case challenge([UInt8])
        /// Find out whether name and password belong together, then call `verified`.
        case verify(Claim)
        /// Find the keys of this name, or decoy keys if there is none, then call `provide`.
        case needsKeys(user: String)
        /// Find out whose token this is, then call `examined`.
        case examine(BearerClaim)
        case succeeded(Identity)
        case failed(AuthenticationFailure)
    }

    /// Name and password as the client states them.
    package struct Claim: Sendable, Equatable {
        package let user: String
        package let password: PreparedString
    }

    /// Who has proved to be whom.
    package struct Identity: Sendable, Hashable {
        /// Whose password it was.
        package let authentication: String
        /// As whom the client wants to act, if it says so and it is somebody else.
        package let authorization: String?
    }

    private enum State: Sendable {
        case fresh
        case login(user: String?)
        case claimed(Identity)
        case presented(BearerClaim)
        /// The client has been told why its token is refused.
        case awaitsSurrender(AuthenticationFailure)
        case awaitsKeys(SCRAMServer)
        case awaitsProof(SCRAMServer, SCRAMKeys, serverFirst: String)
        case awaitsAcknowledgement(Identity)
        case over
    }

    package let mechanism: Mechanism
    private let nonce: [UInt8]
    private var state = State.fresh

    /// How many random octets an exchange wants: 144 bits, more than anyone guesses.
    package static let nonceOctets = 18

    /// `nonce` is random and fresh; only SCRAM uses it.
    package init(_ mechanism: Mechanism, nonce: [UInt8]) {
        self.mechanism = mechanism
        self.nonce = nonce
    }

    /// Begins, with the initial response if the client sent one with the command.
    package mutating func begin(initialResponse: [UInt8]?) -> Step {
        if let initialResponse { return step(response: initialResponse) }
        guard mechanism == .login else { return .challenge([]) }
        state = .login(user: nil)
        return .challenge(Array("Username:".utf8))
    }

    /// Takes the client's message: its first, or the answer to a challenge.
    package mutating func step(response: [UInt8]) -> Step {
        do throws(AuthenticationFailure) {
            return try read(response)
        } catch {
            return end(.failed(error))
        }
    }

    /// Answers `verify`.
    package mutating func verified(_ isRight: Bool) -> Step {
        guard case .claimed(let identity) = state else {
            preconditionFailure("verified without a claim")
        }
        return end(isRight ? .succeeded(identity) : .failed(.refused))
    }

    /// Answers `needsKeys`.
    package mutating func provide(_ keys: SCRAMKeys) -> Step {
        guard case .awaitsKeys(let server) = state else {
            preconditionFailure("keys that were not asked for")
        }
        precondition(keys.hash == mechanism.scramHash, "keys of another mechanism")
        let serverFirst = server.serverFirst(keys)
        state = .awaitsProof(server, keys, serverFirst: serverFirst)
        return .challenge(Array(serverFirst.utf8))
    }

    /// Answers `examine`: the owner's login, if the token opens that account for this client.
    ///
    /// Else the client is told why before it fails (RFC 7628 §3.2.2).
    package mutating func examined(
        owner: String?, refusal: @autoclosure () -> TokenRefusal
    ) -> Step {
        guard case .presented(let claim) = state else {
            preconditionFailure("a verdict on no token")
        }
        if let owner { return end(.succeeded(Identity(owner, as: claim.user))) }
        let refusal = refusal()
        state = .awaitsSurrender(.tokenRefused(refusal.reason))
        return .challenge(
            mechanism == .oauthBearer ? refusal.bearerMessage : refusal.plainMessage)
    }

    private mutating func read(_ response: [UInt8]) throws(AuthenticationFailure) -> Step {
        switch state {
        case .fresh:
            switch mechanism {
            case .plain: return try readPlain(response)
            case .login: return try readLoginName(response)
            case .scramSHA256, .scramSHA1: return try readClientFirst(response)
            case .oauthBearer: return present(try BearerClaim(bearer: response))
            case .xoauth2: return present(try BearerClaim(xoauth2: response))
            }
        case .login(user: nil): return try readLoginName(response)
        case .login(.some(let user)): return try claim(user, response, authorization: nil)
        case .awaitsProof(let server, let keys, let serverFirst):
            let final = try server.serverFinal(response, keys, serverFirst: serverFirst)
            state = .awaitsAcknowledgement(server.identity)
            return .challenge(final)
        case .awaitsAcknowledgement(let identity):
            // The last challenge told the client what it wants to know; it answers with nothing.
            guard response.isEmpty else { throw .expected("an empty response") }
            return end(.succeeded(identity))
        // RFC 7628 §3.2.3: whatever it says, it has failed.
        case .awaitsSurrender(let failure): return end(.failed(failure))
        case .claimed, .presented, .awaitsKeys, .over:
            preconditionFailure("a response while none was awaited")
        }
    }

    /// ```abnf
    /// message   = [authzid] UTF8NUL authcid UTF8NUL passwd   ; RFC 4616 §2
    /// ```
    private mutating func readPlain(_ response: [UInt8]) throws(AuthenticationFailure) -> Step {
        let parts = response.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .expected("[authzid] NUL authcid NUL passwd") }
        let authorization = try Self.prepare(parts[0]).value
        let user = try Self.prepare(parts[1]).value
        return try claim(user, parts[2], authorization: authorization)
    }

    private mutating func readLoginName(
        _ response: [UInt8]
    ) throws(AuthenticationFailure) -> Step {
        state = .login(user: try Self.prepare(response).value)
        return .challenge(Array("Password:".utf8))
    }

    private mutating func claim(
        _ user: String, _ password: some Collection<UInt8>, authorization: String?
    ) throws(AuthenticationFailure) -> Step {
        guard !user.isEmpty, !password.isEmpty else { throw .expected("a name and a password") }
        state = .claimed(Identity(user, as: authorization))
        return .verify(Claim(user: user, password: try Self.prepare(password)))
    }

    private mutating func readClientFirst(
        _ response: [UInt8]
    ) throws(AuthenticationFailure) -> Step {
        let message = try SCRAMMessage.ClientFirst(response)
        // RFC 5802 §6: `y` is right, because no -PLUS mechanism is offered; `p` is not.
        guard message.channelBinding != .required else { throw .channelBindingNotSupported }
        state = .awaitsKeys(SCRAMServer(clientFirst: message, nonce: Base64.encode(nonce)))
        return .needsKeys(user: message.user)
    }

    private mutating func present(_ claim: BearerClaim) -> Step {
        state = .presented(claim)
        return .examine(claim)
    }

    private mutating func end(_ step: Step) -> Step {
        state = .over
        return step
    }

    private static func prepare(
        _ octets: some Collection<UInt8>
    ) throws(AuthenticationFailure) -> PreparedString {
        do {
            return try PreparedString(validating: octets)
        } catch {
            throw .malformed(error)
        }
    }
}

extension ServerExchange.Identity {
    init(_ user: String, as authorization: String?) {
        authentication = user
        let isOther = authorization.map { !$0.isEmpty && $0 != user } ?? false
        self.authorization = isOther ? authorization : nil
    }
}

/// What the server knows of a SCRAM exchange after the client's first message.
struct SCRAMServer: Sendable {
    let header: [UInt8]
    let bare: [UInt8]
    /// The client's nonce and ours behind it.
    let nonce: String
    let identity: ServerExchange.Identity

    init(clientFirst message: SCRAMMessage.ClientFirst, nonce: String) {
        header = message.header
        bare = message.bare
        self.nonce = message.nonce + nonce
        identity = ServerExchange.Identity(message.user, as: message.authorization)
    }

    func serverFirst(_ keys: SCRAMKeys) -> String {
        "r=\(nonce),s=\(Base64.encode(keys.salt)),i=\(keys.iterations)"
    }

    /// Checks the proof and answers with the server's (RFC 5802 §5).
    func serverFinal(
        _ response: [UInt8], _ keys: SCRAMKeys, serverFirst: String
    ) throws(AuthenticationFailure) -> [UInt8] {
        let message = try SCRAMMessage.ClientFinal(response)
        // RFC 5802 §6: the header is repeated under the proof, so that nobody alters it.
        guard message.channelBinding == header else { throw .refused }
        guard message.nonce == nonce else { throw .refused }
        let comma = [UInt8(ascii: ",")]
        let authMessage = bare + comma + Array(serverFirst.utf8) + comma + message.withoutProof
        guard keys.verify(proof: message.proof, of: authMessage) else { throw .refused }
        return Array("v=\(Base64.encode(keys.sign(authMessage)))".utf8)
    }
}
