// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// The hosts that may take mail for a destination, in the order of trying.
package struct Route: Hashable, Sendable {
    package var hosts: [Host]

    package init(_ hosts: [Host]) { self.hosts = hosts }

    /// RFC 5321 §5.1 allows a limit and asks for at least two addresses.
    ///
    /// Five hosts serve every domain seen in practice; more only delay the answer to the sender.
    package static let maximumHosts = 5
    /// In all hosts together: a connection that hangs costs minutes, ten of them half an hour.
    package static let maximumAddresses = 10

    /// One host of a route.
    package struct Host: Hashable, Sendable {
        /// Lower was to be tried first; 65536 for the domain's own address as a last resort.
        package var preference: Int
        package var exchange: Exchange
        /// In the order of trying; empty only for a socket of this machine.
        package var addresses: [IPAddress]
        package var security: Security
        package var dialect: Dialect
        /// Where it listens, if that is not the usual port.
        package var port: UInt16?

        package init(
            preference: Int, exchange: Exchange, addresses: [IPAddress],
            security: Security = .opportunistic, dialect: Dialect = .smtp, port: UInt16? = nil
        ) {
            self.preference = preference
            self.exchange = exchange
            self.addresses = addresses
            self.security = security
            self.dialect = dialect
            self.port = port
        }
    }

    /// The preference of the domain's own address when it is tried behind all exchangers.
    package static let fallbackPreference = 65536

    /// The name of a host, or the address that stands for one.
    package enum Exchange: Hashable, Sendable, CustomStringConvertible {
        case name(Name)
        case literal(IPAddress)
        /// A Unix socket of this machine, by its path: for LMTP.
        case socket(String)

        package var name: Name? { if case .name(let name) = self { name } else { nil } }

        /// Lower case without a final dot; a literal in brackets (RFC 5321 §4.1.3).
        package var description: String {
            switch self {
            case .name(let name): name.lowercased.description
            case .literal(.v4(let address)): "[\(address)]"
            case .literal(.v6(let address)): "[IPv6:\(address)]"
            case .socket(let path): "unix:\(path)"
            }
        }
    }

    /// What a connection must offer before mail goes over it.
    package enum Security: String, Hashable, Sendable, CaseIterable {
        /// TLS if the host offers it, with any certificate; plain text else (RFC 7435).
        case opportunistic
        /// Plain text, whatever the host offers.
        case none
        /// STARTTLS with a certificate that we trust, for the host's name; else nothing is sent.
        case required
        /// As `required`, but TLS from the first octet (RFC 8314 §3.3).
        case implicit
    }

    /// Which protocol is spoken.
    package enum Dialect: String, Hashable, Sendable, CaseIterable {
        case smtp
        /// RFC 2033.
        case lmtp
    }
}
