// SPDX-License-Identifier: Apache-2.0

package import Mail

/// How mail for a domain, or for all that have no way of their own, leaves this host.
package struct Transport: Hashable, Sendable {
    package let scope: Scope
    package var carrier: Carrier
    /// Where it goes, `NAME[:PORT]`, `ADDRESS[:PORT]` or `unix:/PATH`; nil: by MX records.
    package var host: String?
    package var security: Security
    /// What the host wants to know; then `security` asks for verified TLS.
    package var account: Account?
    /// Whether the domain's own address is tried last when all its exchangers refuse the
    /// connection; only without `host`.
    package var usesAddressFallback: Bool

    /// Longer than any Unix socket's path or host name with a port.
    package static let maximumHostOctets = 261
    /// Of a user name or a password (RFC 4616 §2).
    package static let maximumAccountOctets = 255

    package init(
        _ scope: Scope, _ carrier: Carrier = .smtp, host: String? = nil,
        security: Security = .opportunistic, account: Account? = nil,
        usesAddressFallback: Bool = false
    ) {
        self.scope = scope
        self.carrier = carrier
        self.host = host
        self.security = security
        self.account = account
        self.usesAddressFallback = usesAddressFallback
    }

    /// Whose mail.
    package enum Scope: Hashable, Sendable, CustomStringConvertible {
        case domain(Domain)
        /// Every domain that is neither local nor relayed nor has a transport of its own.
        case everything

        package var description: String {
            switch self {
            case .domain(let domain): domain.name
            case .everything: "*"
            }
        }

        /// Reads what `description` writes; nil for what is no domain.
        package init?(_ text: some StringProtocol) {
            if text == "*" {
                self = .everything
            } else if let domain = try? Domain(text) {
                self = .domain(domain)
            } else {
                return nil
            }
        }
    }

    /// The protocol.
    package enum Carrier: String, Hashable, Sendable {
        case smtp
        /// RFC 2033: to a mailbox server that answers for each recipient.
        case lmtp
    }

    /// What the connection must offer; the words are those of `Route.Security`.
    package enum Security: String, Hashable, Sendable {
        case opportunistic
        case none
        case required
        case implicit

        /// Whether the certificate is checked.
        package var isVerified: Bool { self == .required || self == .implicit }
    }

    /// Who we are to the host (SCRAM-SHA-256 or -1, PLAIN or LOGIN; only under TLS).
    package struct Account: Hashable, Sendable {
        package var name: String
        /// Nil: it was sealed with a key that this host does not have.
        package var password: String?

        package init(name: String, password: String?) {
            self.name = name
            self.password = password
        }
    }
}
