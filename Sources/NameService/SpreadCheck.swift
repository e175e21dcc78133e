// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// Asks the other name servers of zones whether they answer with what we answer with.
///
/// A change is only over when nobody tells the old any more: a secondary server that has not
/// copied it yet still gives the old records to caches.
package struct SpreadCheck: Sendable {
    private let resolver: any Resolver
    private let ownNames: Set<Name>
    private let ask: @Sendable (SocketAddress, Name) async -> UInt32?

    /// Servers asked in one check: with very many zones a part of them stands for all.
    static let maximumQuestions = 200

    /// `ask` has a name server tell the serial of a zone; nil: it does not answer.
    package init(
        resolver: any Resolver, ownNames: Set<Name>,
        ask: @escaping @Sendable (SocketAddress, Name) async -> UInt32?
    ) {
        self.resolver = resolver
        self.ownNames = ownNames
        self.ask = ask
    }

    /// Whether some server still answers with an older serial than we do.
    ///
    /// One that does not answer tells nothing old either; nil if there is none to be asked.
    func isAnyBehind(_ zones: [Name: [ResourceRecord]], _ box: ZoneBox) async -> Bool? {
        let served = box.zones
        var left = Self.maximumQuestions
        var known: [Name: [IPAddress]] = [:]
        for origin in zones.keys.sorted(by: { $0.description < $1.description }) {
            guard let serial = served[origin]?.soa.serial else { continue }
            for record in zones[origin] ?? [] {
                guard case .ns(let server) = record.data, record.owner == origin,
                    !ownNames.contains(server), left > 0
                else { continue }
                let addresses = known[server] ?? []
                let found =
                    addresses.isEmpty ? await self.resolver.addresses(of: server) : addresses
                known[server] = found
                for address in found {
                    left -= 1
                    let theirs = await ask(SocketAddress(address, port: 53), origin)
                    if let theirs, SerialNumber.isNewer(serial, than: theirs) { return true }
                }
            }
        }
        return left < Self.maximumQuestions ? false : nil
    }
}
