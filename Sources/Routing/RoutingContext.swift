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

extension IPAddress {
    /// The IPv4 address within an IPv6-mapped one; any other address unchanged.
    var unmapped: IPAddress {
        if case .v6(let address) = self, let inner = address.mappedIPv4 { return .v4(inner) }
        return self
    }

    /// Whether no host can have this address: "any", multicast, broadcast, 0.0.0.0/8.
    ///
    /// A connection to 0.0.0.0 or :: reaches the sender itself on many systems.
    var isUnusable: Bool {
        switch unmapped {
        case .v4(let address): address.rawValue >> 24 == 0 || address.rawValue >> 28 >= 14
        case .v6(let address): isUnspecified || address.high >> 56 == 0xFF
        }
    }

    /// Whether the address means something else to everybody (RFC 1918, 3927, 4193, 6598).
    var isPrivate: Bool {
        if isLoopback { return true }
        switch unmapped {
        case .v4(let address):
            let value = address.rawValue
            return value >> 24 == 10 || value >> 20 == 0xAC1 || value >> 16 == 0xC0A8
                || value >> 16 == 0xA9FE || value >> 22 == 0x6440 >> 6 || value >> 24 == 127
        case .v6(let address):
            return address.high >> 57 == 0xFC >> 1 || address.high >> 54 == 0xFE80 >> 6
        }
    }
}
