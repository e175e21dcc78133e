// SPDX-License-Identifier: Apache-2.0

import DNS

/// Signs a request, or the messages of a response one after the other (RFC 8945 §5.3).
package struct MessageSigner: Sendable {
    package let key: TransactionKey
    private let hash: any KeyedHash
    /// The code that the next one follows; nil before a request.
    private var prior: [UInt8]?
    private var isFirst = true

    /// `request`: the code of the request that is answered; nil to sign a request.
    package init(_ key: TransactionKey, _ hash: any KeyedHash, answering request: [UInt8]? = nil) {
        self.key = key
        self.hash = hash
        prior = request
    }

    /// The message with its signature, which takes `TransactionSignature.octets` at most.
    ///
    /// The first message of a response is signed with all variables, later ones with the times.
    package mutating func sign(_ message: [UInt8], atSeconds now: UInt64) -> [UInt8] {
        var signature = TransactionSignature(
            key: key.name, algorithm: key.algorithm.name, signedSeconds: now,
            originalID: UInt16(message[0]) << 8 | UInt16(message[1]))
        signature.code = hash.code(
            key.algorithm, secret: key.secret,
            over: signature.digested(prior: prior, messages: message, timesOnly: !isFirst))
        prior = signature.code
        isFirst = false
        return signature.attached(to: message)
    }

    /// The code of what was signed last: a response to it is verified with that.
    package var code: [UInt8] { prior ?? [] }
}
