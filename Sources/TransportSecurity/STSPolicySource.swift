// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Where policies come from: their domains' own HTTPS servers (RFC 8461 §3.3).
package protocol STSPolicySource: Sendable {
    /// The policy at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
    ///
    /// The certificate must be valid for that name, redirects are not followed, and it takes no
    /// longer than a minute.
    func policy(of domain: String) async throws(STSFetchFailure) -> STSPolicy
}

/// Why there is no policy where a record says that there is one.
package enum STSFetchFailure: Error, Hashable, Sendable {
    /// No connection, or no certificate that can be trusted: the reason.
    case unreachable(String)
    /// The server answered something else than 200.
    case status(Int)
    /// RFC 8461 §3.2: it is `text/plain`.
    case type(String)
    case tooLong
    case unreadable(SyntaxError)
}

extension STSFetchFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .status(let status): "the server answered \(status)"
        case .type(let type): "it is \(type.isEmpty ? "of no type" : type) instead of text/plain"
        case .tooLong: "it has more than \(STSPolicy.maximumOctets) octets"
        case .unreadable(let error): "octet \(error.offset): expected \(error.expected)"
        }
    }
}
