// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Mail

/// What a server knows about itself and its neighbours when it looks for a way.
package struct RoutingContext: Sendable {
    /// What a domain is to this server.
    package enum Role: Hashable, Sendable {
        /// Its mailboxes are here.
        case local
        /// Mail for it is held here and passed on to a better exchanger.
        case relay
        case foreign
    }

    /// The names by which this server is known in mail transactions (RFC 5321 §5.1).
    package var ownNames: Set<Name>
    /// The addresses on which it is reached; IPv4 never in its IPv6-mapped form.
    package var ownAddresses: Set<IPAddress>
    package var role: @Sendable (Domain) async -> Role
    /// Whether an address is known not to answer just now.
    package var isDown: @Sendable (IPAddress) -> Bool
    /// Whether to try the domain's own address when all its exchangers refuse the connection.
    ///
    /// RFC 5321 §5.1 forbids it, some hosting guides describe it: off unless asked for.
    package var usesAddressFallback: Bool

    package init(
        ownNames: Set<Name> = [], ownAddresses: Set<IPAddress> = [],
        role: @escaping @Sendable (Domain) async -> Role = { _ in .foreign },
        isDown: @escaping @Sendable (IPAddress) -> Bool = { _ in false },
        usesAddressFallback: Bool = false
    ) {
        self.ownNames = ownNames
        self.ownAddresses = Set(ownAddresses.map(\.unmapped))
        self.role = role
        self.isDown = isDown
        self.usesAddressFallback = usesAddressFallback
    }

    /// The context of `mx explain`: names or addresses of oneself, and lists of domains.
    ///
    /// Throws for a text that is neither a name nor an address.
    package init(
        selves: [String], local: [String], relay: [String], usesAddressFallback: Bool = false
    ) throws(SyntaxError) {
        var names: Set<Name> = []
        var addresses: Set<IPAddress> = []
        for text in selves {
            if let address = IPAddress(text) {
                addresses.insert(address)
            } else if case .literal(.ip(let address)) = try? Destination(text) {
                addresses.insert(address)
            } else {
                names.insert(try Self.ownName(text))
            }
        }
        let localDomains = try Self.domains(local)
        let relayDomains = try Self.domains(relay)
        self.init(
            ownNames: names, ownAddresses: addresses,
            role: { domain in
                if localDomains.contains(domain) { return .local }
                return relayDomains.contains(domain) ? .relay : .foreign
            },
            usesAddressFallback: usesAddressFallback)
    }

    /// A host may have a name that is no mail domain (`mx_1.example`), or be written in U-labels.
    private static func ownName(_ text: String) throws(SyntaxError) -> Name {
        if let domain = try? Domain(text) { return try Name(domain.name) }
        return try Name(text)
    }

    private static func domains(_ texts: [String]) throws(SyntaxError) -> Set<Domain> {
        var domains: Set<Domain> = []
        for text in texts { domains.insert(try Domain(text)) }
        return domains
    }

    func isOwn(_ address: IPAddress) -> Bool { ownAddresses.contains(address.unmapped) }
}
