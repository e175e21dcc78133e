// SPDX-License-Identifier: Apache-2.0

import DNS
import Directory
import Logging
import Mail
import Maintenance
import NameService
import Settings
import World
import ZoneCheck
import ZoneStore

/// What looks after exchangers: their health, and draining them.
struct Upkeep: Sendable {
    let arrivals: ArrivalBook
    let health: HealthWatch
    let drains: DrainKeeper

    init(
        _ settings: ServerSettings, node: Node, surroundings: Surroundings,
        resolver: any Resolver, box: ZoneBox, log: Logger,
        certificateEnd: @escaping @Sendable () -> Timestamp?
    ) {
        let names = ([settings.hostName] + settings.alsoKnownAs).compactMap { try? Name($0.name) }
        let ownNames = Set(names)
        let time = surroundings.time
        let arrivals = ArrivalBook(time: time)
        self.arrivals = arrivals
        let health = HealthWatch(
            world: surroundings, resolver: resolver, log: log, port: settings.sending.port
        ) { host in
            guard ownNames.contains(host) else { return nil }
            if arrivals.isSpoolFull {
                return Wording("there is no space for mail", "es ist kein Platz für Mail")
            }
            guard let end = certificateEnd(), end < time.timestamp else { return nil }
            return Wording(
                "its certificate has expired", "sein Zertifikat ist abgelaufen")
        }
        self.health = health
        let spread = SpreadCheck(resolver: resolver, ownNames: ownNames) { server, origin in
            let stub = StubResolver(servers: [server], world: surroundings)
            return await stub.resolve(origin, .soa).records.serial
        }
        drains = DrainKeeper(
            zones: node.zones, box: box, time: time, log: log, ownNames: ownNames,
            arrivals: arrivals, spread: spread, isDown: { await health.isDown($0) },
            relayed: { [registry = node.registry] in
                let relays = try await registry.relays().filter { $0.host == nil }
                return Set(relays.compactMap { try? Name($0.name.name) })
            })
    }
}
