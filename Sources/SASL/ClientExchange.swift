// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The client's side: for a smarthost that wants a password, and for tests.
///
/// `initialResponse` goes out with the command; each challenge then gets an answer. With SCRAM
/// the client must not take the server's word for success before `isServerAuthentic`.
package struct ClientExchange: Sendable {
    private enum State: Sendable {
        case fresh
        case login(sent: Int)
        case awaitsServerFirst(SCRAMHash, bare: String)
        case awaitsServerFinal(signature: [UInt8])
        /// A token was shown: a challenge says only why it is refused.
        case token
        case over
    }

    package let mechanism: Mechanism
    private let user: PreparedString
    private let password: PreparedString
    private let authorization: String?
    private let nonce: [UInt8]
    private var state = State.fresh
    /// Whether the server has proved that it knows the password; PLAIN and LOGIN prove nothing.
    package private(set) var isServerAuthentic: Bool

    /// `nonce`: `ServerExchange.nonceOctets` random octets; only SCRAM uses them.
    ///
    /// Where a token is shown, it is the password.
    package init(
        _ mechanism: Mechanism, user: PreparedString, password: PreparedString,
        authorization: String? = nil, nonce: [UInt8]
    ) {
        self.mechanism = mechanism
        self.user = user
        self.password = password
        self.authorization = authorization
        self.nonce = nonce
        isServerAuthentic = mechanism.revealsPassword
    }

    /// What to send with the command; nil with LOGIN, where the server speaks first.
    package mutating func initialResponse() -> [UInt8]? {
        switch mechanism {
        case .plain:
            state = .over
            return Array((authorization ?? "").utf8) + [0] + user.octets + [0] + password.octets
        case .login:
            state = .login(sent: 0)
            return nil
        case .scramSHA256: return clientFirst(.sha256)
        case .scramSHA1: return clientFirst(.sha1)
        case .oauthBearer:
            state = .token
            let owner = authorization ?? user.value
            let name = "n,a=\(SCRAMMessage.escape(owner)),\u{1}"
            return Array("\(name)auth=Bearer \(password.value)\u{1}\u{1}".utf8)
        case .xoauth2:
            state = .token
            let name = "user=\(authorization ?? user.value)\u{1}"
            return Array("\(name)auth=Bearer \(password.value)\u{1}\u{1}".utf8)
        }
    }

    /// The answer to a challenge.
    package mutating func respond(
        to challenge: [UInt8]
    ) throws(AuthenticationFailure) -> [UInt8] {
        switch state {
        case .login(sent: 0):
            state = .login(sent: 1)
            return user.octets
        case .login(sent: 1):
            state = .over
            return password.octets
        case .awaitsServerFirst(let hash, let bare):
            return try prove(hash, bare, challenge)
        case .awaitsServerFinal(let signature):
            state = .over
            let expected = Array("v=\(Base64.encode(signature))".utf8)
            guard challenge.equalsInConstantTime(expected) else { throw .serverNotAuthentic }
            isServerAuthentic = true
            return []
        case .token:
            state = .over
            // RFC 7628 §3.2.3: the server has said why, and waits to say no.
            return mechanism == .oauthBearer ? [1] : []
        case .fresh, .login, .over:
            throw .expected("no further challenge")
        }
    }

    private var header: String {
        "n,\(authorization.map { "a=" + SCRAMMessage.escape($0) } ?? ""),"
    }

    private mutating func clientFirst(_ hash: SCRAMHash) -> [UInt8] {
        let bare = "n=\(SCRAMMessage.escape(user.value)),r=\(Base64.encode(nonce))"
        state = .awaitsServerFirst(hash, bare: bare)
        return Array((header + bare).utf8)
    }

    /// RFC 5802 §3, from the server's first message to the client's proof.
    private mutating func prove(
        _ hash: SCRAMHash, _ bare: String, _ challenge: [UInt8]
    ) throws(AuthenticationFailure) -> [UInt8] {
        let message = try SCRAMMessage.ServerFirst(challenge)
        let ours = Base64.encode(nonce)
        guard message.nonce.hasPrefix(ours), message.nonce != ours else {
            throw .serverNotAuthentic
        }
        let allowed = SCRAMKeys.minimumIterations...SCRAMKeys.maximumIterations
        guard allowed.contains(message.iterations) else {
            throw .iterationsOutOfRange(message.iterations)
        }
        let salted = SaltedPassword(
            password, hash, salt: message.salt, iterations: message.iterations)
        let final = "c=\(Base64.encode(Array(header.utf8))),r=\(message.nonce)"
        let authMessage = Array("\(bare),\(String(lossy: challenge)),\(final)".utf8)
        let signature = hash.hmac(salted.storedKey, authMessage)
        let proof = zip(salted.clientKey, signature).map { $0 ^ $1 }
        state = .awaitsServerFinal(signature: hash.hmac(salted.serverKey, authMessage))
        return Array("\(final),p=\(Base64.encode(proof))".utf8)
    }
}
