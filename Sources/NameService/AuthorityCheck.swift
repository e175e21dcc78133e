// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import KeyLife

/// Asks the name servers of a zone themselves, one by one, whether they show the record of a key.
///
/// The resolver of this server may have asked the one that had it first: a key is used only when
/// all of them show it, as far as they can be asked from here.
package struct AuthorityCheck: Sendable {
    /// What one name server shows.
    package struct Sighting: Hashable, Sendable {
        package let server: Name
        /// Nil: it is this server itself.
        package let address: IPAddress?
        package let sighting: KeySighting

        package init(server: Name, address: IPAddress?, sighting: KeySighting) {
            self.server = server
            self.address = address
            self.sighting = sighting
        }
    }

    private let resolver: any Resolver
    private let ownNames: Set<Name>
    private let ownAddresses: Set<IPAddress>
    private let own: @Sendable (Name) async -> Answer
    private let ask: @Sendable (SocketAddress, Name) async -> Answer

    /// RFC 1035 leaves room for about so many in a reply; more names than these are not asked.
    static let maximumServers = 13
    /// Of all names together.
    static let maximumAddresses = 20
    /// The zone is looked for so many labels up from the record: a selector has few.
    static let maximumLabels = 10

    /// `own` answers for TXT records from the zones that are served here: this server is not asked
    /// over the network, where it may not see its own public address.
    ///
    /// `ask` asks one name server for the TXT records of a name, without recursion.
    package init(
        resolver: any Resolver, ownNames: Set<Name>, ownAddresses: Set<IPAddress> = [],
        own: @escaping @Sendable (Name) async -> Answer,
        ask: @escaping @Sendable (SocketAddress, Name) async -> Answer
    ) {
        self.resolver = resolver
        self.ownNames = ownNames
        self.ownAddresses = ownAddresses
        self.own = own
        self.ask = ask
    }

    /// What each server shows of a key's record, in the order of their names; empty if it cannot
    /// be found out who they are.
    ///
    /// `name` is that of the record, at the end of its aliases.
    func sightings(of key: DomainKey, at name: Name) async -> [Sighting] {
        var sightings: [Sighting] = []
        var doors: [(server: Name, address: IPAddress)] = []
        for server in await servers(of: name) {
            guard !ownNames.contains(server) else {
                sightings.append(await ownSighting(server, key, name))
                continue
            }
            let addresses = await resolver.addresses(of: server)
            if addresses.contains(where: ownAddresses.contains) {
                sightings.append(await ownSighting(server, key, name))
            } else {
                doors += addresses.map { (server, $0) }
            }
        }
        doors = Array(doors.prefix(Self.maximumAddresses))
        let asked = await withTaskGroup(of: (Int, Sighting).self) { group in
            for (index, door) in doors.enumerated() {
                group.addTask {
                    let answer = await ask(SocketAddress(door.address, port: 53), name)
                    return (
                        index,
                        Sighting(
                            server: door.server, address: door.address,
                            sighting: KeySighting(answer, of: key))
                    )
                }
            }
            var asked: [(Int, Sighting)] = []
            for await sighting in group { asked.append(sighting) }
            return asked
        }
        return sightings + asked.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private func ownSighting(_ server: Name, _ key: DomainKey, _ name: Name) async -> Sighting {
        Sighting(
            server: server, address: nil, sighting: KeySighting(await own(name), of: key))
    }

    /// Those of the nearest zone at or above a name.
    private func servers(of name: Name) async -> [Name] {
        var place: Name? = name
        for _ in 0..<Self.maximumLabels {
            guard let origin = place, !origin.labels.isEmpty else { return [] }
            var servers: [Name] = []
            let answer = await resolver.resolve(origin, .ns)
            if case .failure = answer.outcome { return [] }
            // Whoever follows an alias tells of another zone.
            for record in answer.records where record.owner == origin {
                if case .ns(let server) = record.data { servers.append(server) }
            }
            if !servers.isEmpty {
                servers.sort { "\($0)" < "\($1)" }
                return Array(servers.prefix(Self.maximumServers))
            }
            place = origin.parent
        }
        return []
    }
}

extension KeySighting {
    /// What the resolver has seen, as far as the name servers agree.
    ///
    /// One that shows something else outweighs all others: who asks it would not find the key. Those
    /// that cannot be asked from here are left out; if that is all of them, the resolver's word
    /// stands alone: there are networks that let nobody but the resolver ask.
    func confirmed(by servers: [AuthorityCheck.Sighting]) -> KeySighting {
        guard self == .right else { return self }
        for server in servers {
            if case .wrong = server.sighting { return server.sighting }
        }
        return self
    }
}
