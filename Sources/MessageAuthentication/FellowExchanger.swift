// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// Whether a client is one of the exchangers of a domain: a backup that brings what it has taken
/// for us, and cannot be a host that the author's domain names.
package struct FellowExchanger: Sendable {
    private let resolver: any Resolver

    /// A domain has a few exchangers; of more only these are asked for.
    static let maximumExchangers = 10

    package init(_ resolver: any Resolver) { self.resolver = resolver }

    /// Nil if nobody can say now: a fault of the DNS is no yes, and no reason to refuse anything.
    package func brings(_ client: IPAddress, mailOf domain: Name) async -> Bool? {
        let answer = await resolver.resolve(domain, .mx)
        if case .failure = answer.outcome { return nil }
        var isCertain = true
        for record in answer.records.prefix(Self.maximumExchangers) {
            guard case .mx(let mx) = record.data, !mx.exchange.isRoot else { continue }
            switch await resolver.leads(mx.exchange, to: client) {
            case true?: return true
            case false?: break
            case nil: isCertain = false
            }
        }
        return isCertain ? false : nil
    }
}

extension Resolver {
    /// Whether an address is among those of a name; nil if nobody can say.
    func leads(_ name: Name, to address: IPAddress) async -> Bool? {
        let isV4 = if case .v4 = address { true } else { false }
        let answer = await resolve(name, isV4 ? .a : .aaaa)
        if case .failure = answer.outcome { return nil }
        return answer.records.contains { record in
            switch (record.data, address) {
            case (.a(let found), .v4(let asked)): found == asked
            case (.aaaa(let found), .v6(let asked)): found == asked
            default: false
            }
        }
    }
}
