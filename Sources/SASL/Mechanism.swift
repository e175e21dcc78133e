// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A way to prove who one is (RFC 4422), by its registered name.
package enum Mechanism: String, CaseIterable, Sendable {
    /// RFC 7677: the password itself never crosses the line.
    case scramSHA256 = "SCRAM-SHA-256"
    /// RFC 5802: the same with a weaker hash, which ManageSieve asks for (RFC 5804 §2.1).
    case scramSHA1 = "SCRAM-SHA-1"
    /// RFC 4616: name and password in one message; only under TLS.
    case plain = "PLAIN"
    /// Name and password on request, as old mail programs do it; never standardized.
    case login = "LOGIN"
    /// RFC 7628: a token (RFC 6750) that somebody else has issued.
    case oauthBearer = "OAUTHBEARER"
    /// The same as mail programs did it before there was a standard.
    case xoauth2 = "XOAUTH2"

    /// Those that prove knowledge of a password, whatever the service, the better first.
    package static let withPassword: [Self] = [.scramSHA256, .plain, .login]
    /// Those that show a token, the better first.
    package static let withToken: [Self] = [.oauthBearer, .xoauth2]

    /// Takes the name in any case; nil if it is none of ours.
    package init?(named name: some StringProtocol) {
        guard
            let mechanism = Self.allCases.first(where: {
                $0.rawValue.utf8.equalsIgnoringCase(name.utf8)
            })
        else { return nil }
        self = mechanism
    }

    package var name: String { rawValue }

    /// Whether the peer, or who listens, learns what opens the account: to be offered only under
    /// TLS.
    package var revealsPassword: Bool { scramHash == nil }

    /// With which SCRAM works; nil for what is no SCRAM.
    package var scramHash: SCRAMHash? {
        switch self {
        case .scramSHA256: .sha256
        case .scramSHA1: .sha1
        case .plain, .login, .oauthBearer, .xoauth2: nil
        }
    }
}

/// Why an exchange ended without a proof, for the log; the peer only learns that it failed.
package enum AuthenticationFailure: Error, Hashable, Sendable {
    /// A message was not what the mechanism's grammar asks for.
    case malformed(SyntaxError)
    /// Name, password or proof is wrong, or the account may not log in.
    case refused
    /// Nothing is kept of the password that the mechanism could work with.
    case lacksKeys
    /// The token opens nothing here, for this reason.
    case tokenRefused(String)
    /// The client demands channel binding, which was not offered (RFC 5802 §6).
    case channelBindingNotSupported
    /// The client announces an extension that must not be ignored (RFC 5802 §5.1, `m=`).
    case extensionNotSupported
    /// The server could not prove that it knows the password, or is not the one it claims to be.
    case serverNotAuthentic
    /// The server asks for less or more work than is sensible.
    case iterationsOutOfRange(Int)
}

extension AuthenticationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let error): "a malformed message: \(error)"
        case .refused: "wrong name or password"
        case .lacksKeys:
            "no keys for SCRAM-SHA-1 are kept yet: a login by PLAIN or LOGIN makes them"
        case .tokenRefused(let reason): "the access token is refused: \(reason)"
        case .channelBindingNotSupported: "the client demands channel binding"
        case .extensionNotSupported: "the client demands an unknown extension"
        case .serverNotAuthentic: "the server did not prove that it knows the password"
        case .iterationsOutOfRange(let count): "an iteration count of \(count)"
        }
    }
}
