// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import World
import ZoneStore
import ZoneTransfer

/// `zone.key.…`, `zone.transfer.…`, `zone.notify.…`, `zone.secondary.…`, `zone.update.…`,
/// `zone.push.…`, `zone.catalog.…`: what the zones have to do with other name servers.
struct ExchangeCommands {
    let zones: Zones
    let peers: ZonePeers
    let service: ZoneService
    let author: String
    let language: Language
    /// The records that a hosted domain's zone should have.
    let templates: ZoneTemplates

    /// The commands that are carried out here, by the word behind `zone.`.
    static let groups: Set<String> = [
        "key", "transfer", "notify", "secondary", "update", "push", "catalog",
    ]

    static func isOne(_ name: String) -> Bool {
        let words = name.split(separator: ".")
        return words.count == 3 && words[0] == "zone" && groups.contains(String(words[1]))
    }

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        do {
            // A command beside a stopped server finds nothing in memory.
            try await peers.load()
            return try await carryOut(name, arguments)
        } catch let failure as ZoneFailure {
            throw ControlFailure(failure, language)
        }
    }

    private func carryOut(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "zone.key.add": return try await addKey(arguments)
        case "zone.key.show": return try showKey(arguments)
        case "zone.key.list": return listKeys()
        case "zone.key.remove":
            try await peers.removeKey(ZoneArguments.name(arguments.text("key")))
        case "zone.transfer.allow": try await allow(arguments)
        case "zone.transfer.deny": try await deny(arguments)
        case "zone.transfer.list": return listAccess()
        case "zone.notify.add": try await addNotified(arguments)
        case "zone.notify.remove": try await removeNotified(arguments)
        case "zone.notify.list": return listNotified()
        case "zone.notify.now":
            await service.announce([try ZoneArguments.name(arguments.text("zone"))])
        case "zone.secondary.add": try await addSecondary(arguments)
        case "zone.secondary.remove": try await removeSecondary(arguments)
        case "zone.secondary.refresh":
            try await service.refresh(
                ZoneArguments.name(arguments.text("zone")), arguments.flag("whole"))
        case "zone.secondary.list": return try await listSecondaries()
        case "zone.update.allow": try await grant(arguments)
        case "zone.update.deny": try await revoke(arguments)
        case "zone.update.list": return listGrants()
        case "zone.push.set": try await setKeeper(arguments)
        case "zone.push.remove":
            try await peers.setKeeper(nil, of: ZoneArguments.name(arguments.text("zone")))
        case "zone.push.list": return try await listKeepers()
        case "zone.push.now": return try await push(arguments)
        case "zone.catalog.add": try await addCatalog(arguments)
        case "zone.catalog.list": return try await listCatalogs()
        case "zone.catalog.group": try await setGroup(arguments)
        case "zone.catalog.include", "zone.catalog.exclude":
            try await zones.set(
                "catalog-member", to: name.hasSuffix("exclude") ? "no" : nil,
                of: ZoneArguments.name(arguments.text("zone")), by: author)
        default: throw ControlFailure.usage("unknown command `\(name)`")
        }
        return [:]
    }

    // MARK: - Arguments

    /// A zone, or nil for all (`*`).
    private func scope(_ arguments: Arguments) throws(ControlFailure) -> Name? {
        let text = try arguments.text("zone")
        return text == "*" ? nil : try ZoneArguments.name(text)
    }

    private func key(_ arguments: Arguments) throws(ControlFailure) -> Name? {
        guard let text = arguments.json["key"]?.string else { return nil }
        return try ZoneArguments.name(text)
    }

    private func peer(_ text: String, _ key: Name?) throws(ControlFailure) -> ZonePeer {
        guard let address = SocketAddress(text, defaultPort: 53) else {
            throw .data("`\(text)` is no address: 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53")
        }
        return ZonePeer(address, key: key)
    }

    private func peer(_ arguments: Arguments) throws(ControlFailure) -> ZonePeer {
        try peer(arguments.text("address"), key(arguments))
    }

    private func note(_ summary: String, _ origin: Name?) async throws(ZoneFailure) {
        if let origin { try await zones.note(summary, of: origin, by: author) }
    }

    private static func text(_ origin: Name?) -> JSON {
        .string(origin?.description ?? "*")
    }

    /// All zones that something is set for; nil for what is set for all.
    private var scopes: [Name?] { [nil] + peers.book.origins }

    private static func text(_ peer: ZonePeer) -> String {
        "\(peer.address)" + (peer.key.map { " with the key \($0)" } ?? "")
    }

    // MARK: - Keys

    private func addKey(_ arguments: Arguments) async throws -> JSON {
        let name = try ZoneArguments.name(arguments.text("key"))
        var algorithm = TransactionKey.Algorithm.sha256
        if let text = arguments.json["algorithm"]?.string {
            guard let known = TransactionKey.Algorithm(rawValue: text.lowercased()) else {
                throw ControlFailure.data(
                    "`\(text)` is no algorithm that is used here: "
                        + TransactionKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", "))
            }
            algorithm = known
        }
        if peers.book.keys[name] != nil, !arguments.flag("replace") {
            throw ControlFailure.data(
                "the key \(name) is there already; --replace puts another in its place")
        }
        var secret: [UInt8]?
        if let text = arguments.json["secret"]?.string {
            guard let octets = Base64.decode(text.utf8) else {
                throw ControlFailure.data("the secret is no Base64")
            }
            secret = octets
        }
        return Self.json(try await peers.addKey(name, algorithm, secret: secret))
    }

    private func showKey(_ arguments: Arguments) throws -> JSON {
        let name = try ZoneArguments.name(arguments.text("key"))
        guard let key = peers.book.keys[name] else { throw ZoneFailure.unknownKey(name) }
        return Self.json(key)
    }

    private static func json(_ key: TransactionKey) -> JSON {
        .object([
            ("key", .string(key.name.description)),
            ("algorithm", .string(key.algorithm.rawValue)),
            ("secret", .string(Base64.encode(key.secret))),
        ])
    }

    private func listKeys() -> JSON {
        let keys = peers.book.keys.values.sorted {
            $0.name.canonicalKey.lexicographicallyPrecedes($1.name.canonicalKey)
        }
        return [
            "keys": .array(
                keys.map {
                    [
                        "key": .string($0.name.description),
                        "algorithm": .string($0.algorithm.rawValue),
                    ]
                })
        ]
    }

    // MARK: - Who may have zones

    private func access(_ arguments: Arguments) throws(ControlFailure) -> TransferAccess {
        var network: IPNetwork?
        if let text = arguments.json["network"]?.string {
            guard let known = IPNetwork(text) else {
                throw .data("`\(text)` is no address or network, such as 192.0.2.0/24")
            }
            network = known
        }
        guard let access = TransferAccess(network: network, key: try key(arguments)) else {
            throw .usage("say who: an address or network, a key, or both")
        }
        return access
    }

    private static func text(_ access: TransferAccess) -> String {
        [access.network.map { "from \($0)" }, access.key.map { "with the key \($0)" }]
            .compactMap { $0 }.joined(separator: " ")
    }

    private func allow(_ arguments: Arguments) async throws {
        let (access, origin) = (try access(arguments), try scope(arguments))
        try await peers.allow(access, for: origin)
        try await note("allowed transfers \(Self.text(access))", origin)
    }

    private func deny(_ arguments: Arguments) async throws {
        let (access, origin) = (try access(arguments), try scope(arguments))
        try await peers.disallow(access, for: origin)
        try await note("allowed transfers \(Self.text(access)) no more", origin)
    }

    private func listAccess() -> JSON {
        var list: [JSON] = []
        for origin in scopes {
            for access in peers.book.entry(of: origin).access {
                list.append([
                    "zone": Self.text(origin), "network": JSON(access.network?.description),
                    "key": JSON(access.key?.description),
                ])
            }
        }
        return ["access": .array(list)]
    }

    // MARK: - Who is told

    private func addNotified(_ arguments: Arguments) async throws {
        let (peer, origin) = (try peer(arguments), try scope(arguments))
        try await peers.addNotified(peer, for: origin)
        try await note("notifies \(Self.text(peer))", origin)
        if let origin { await service.announce([origin]) }
    }

    private func removeNotified(_ arguments: Arguments) async throws {
        let (peer, origin) = (try peer(arguments), try scope(arguments))
        try await peers.removeNotified(peer, for: origin)
        try await note("notifies \(Self.text(peer)) no more", origin)
    }

    private func listNotified() -> JSON {
        var list: [JSON] = []
        for origin in scopes {
            for peer in peers.book.entry(of: origin).notified {
                list.append(Self.json(peer, origin))
            }
        }
        return ["notified": .array(list)]
    }

    private static func json(_ peer: ZonePeer, _ origin: Name?) -> JSON {
        [
            "zone": text(origin), "address": .string(peer.address.description),
            "key": JSON(peer.key?.description),
        ]
    }

    // MARK: - Zones from elsewhere

    private func addSecondary(_ arguments: Arguments) async throws {
        let origin = try ZoneArguments.name(arguments.text("zone"))
        let key = try key(arguments)
        var primaries: [ZonePeer] = []
        for text in arguments.json["primaries"]?.array ?? [] {
            primaries.append(try peer(text.string ?? "", key))
        }
        guard !primaries.isEmpty else { throw ControlFailure.usage("name a primary at least") }
        if let key, peers.book.keys[key] == nil { throw ZoneFailure.unknownKey(key) }
        let kind: StoredZone.Kind?
        do throws(ZoneFailure) {
            kind = try await zones.zone(origin).kind
        } catch {
            guard case .unknownZone = error else { throw error }
            kind = nil
        }
        guard kind != .primary else { throw ZoneFailure.zoneExists(origin) }
        try await peers.setPrimaries(primaries, of: origin)
        if kind == nil { try await zones.addSecondary(origin, by: author) }
        try await note(
            "copies from \(primaries.map { Self.text($0) }.joined(separator: ", "))", origin)
    }

    private func removeSecondary(_ arguments: Arguments) async throws {
        let origin = try ZoneArguments.name(arguments.text("zone"))
        guard try await zones.zone(origin).kind == .secondary else {
            throw ZoneFailure.unfit("\(origin) is no secondary zone")
        }
        try await zones.remove(origin, by: author)
        try await peers.setPrimaries([], of: origin)
    }

    private func listSecondaries() async throws -> JSON {
        let copies = await service.copies()
        let list = try await zones.list().filter { $0.kind == .secondary }.map { zone -> JSON in
            let copy = copies.first { $0.origin == zone.origin }
            let primaries = peers.book.entry(of: zone.origin).primaries
            return .object([
                ("zone", .string(zone.origin.description)),
                ("primaries", JSON(primaries.map(\.address.description))),
                ("key", JSON(primaries.first?.key?.description)),
                ("serial", (copy?.serial).map { .integer(Int64($0)) } ?? .null),
                ("checked", Self.json(copy?.checked)), ("next_check", Self.json(copy?.nextCheck)),
                ("expires", Self.json(copy?.expiry)),
                ("expired", copy.map { .bool($0.isExpired) } ?? .null),
                ("failure", JSON(copy?.failure)),
            ])
        }
        return ["secondaries": .array(list)]
    }

    private static func json(_ time: Timestamp?) -> JSON {
        JSON(time.map { CalendarDate($0).internetFormat })
    }

    // MARK: - Who may change what

    private func grant(of arguments: Arguments) throws(ControlFailure) -> UpdateGrant {
        guard let key = try key(arguments) else { throw .usage("`key` is missing") }
        let text = arguments.json["scope"]?.string ?? "zone"
        guard let scope = UpdateGrant.Scope(text) else {
            throw .data(
                "`\(text)` is nothing that can be granted: zone, self, name NAME or subtree NAME")
        }
        var types: [RecordType] = []
        for type in arguments.json["types"]?.array ?? [] {
            types.append(try ZoneArguments.type(type.string ?? ""))
        }
        return UpdateGrant(key: key, scope: scope, types: types.isEmpty ? nil : types)
    }

    private func grant(_ arguments: Arguments) async throws {
        let (grant, origin) = (try grant(of: arguments), try scope(arguments))
        try await peers.grant(grant, for: origin)
        try await note("lets the key \(grant.key) update: \(grant.scope)", origin)
    }

    private func revoke(_ arguments: Arguments) async throws {
        let (grant, origin) = (try grant(of: arguments), try scope(arguments))
        try await peers.revoke(grant, for: origin)
        try await note("lets the key \(grant.key) update no more: \(grant.scope)", origin)
    }

    private func listGrants() -> JSON {
        var list: [JSON] = []
        for origin in scopes {
            for grant in peers.book.entry(of: origin).grants {
                list.append([
                    "zone": Self.text(origin), "key": .string(grant.key.description),
                    "scope": .string(grant.scope.description),
                    "types": grant.types.map { JSON($0.map(\.description)) } ?? .null,
                ])
            }
        }
        return ["updates": .array(list)]
    }

    // MARK: - Catalogs

    private func addCatalog(_ arguments: Arguments) async throws {
        let origin = try ZoneArguments.name(arguments.text("zone"))
        guard let records = CatalogZone(origin: origin, members: []).records(serial: 1) else {
            throw ZoneFailure.unfit("\(origin) is too long a name for a catalog zone")
        }
        do throws(ZoneFailure) {
            _ = try await zones.zone(origin)
            throw ZoneFailure.zoneExists(origin)
        } catch {
            guard case .unknownZone = error else { throw error }
        }
        let plan = try await zones.plan(
            replacing: origin, with: MasterFile.canonicalText(of: records))
        try await zones.commit([plan], by: author, "added the catalog \(origin)")
        try await zones.set("catalog", to: "yes", of: origin, by: author)
    }

    private func listCatalogs() async throws -> JSON {
        var list: [JSON] = []
        let names = try await zones.options("catalog").keys.sorted {
            $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey)
        }
        for origin in names {
            let records = try await zones.zone(origin).records()
            list.append([
                "catalog": .string(origin.description),
                "members": .integer(Int64(records.count { $0.type == .ptr })),
                "serial": records.serial.map { .integer(Int64($0)) } ?? .null,
            ])
        }
        return ["catalogs": .array(list)]
    }

    private func setGroup(_ arguments: Arguments) async throws {
        let group = arguments.json["group"]?.string
        if let group, !(1...CatalogZone.maximumGroupOctets).contains(group.utf8.count) {
            throw ControlFailure.data(
                "a group has 1 to \(CatalogZone.maximumGroupOctets) octets")
        }
        try await zones.set(
            "catalog-group", to: group, of: ZoneArguments.name(arguments.text("zone")), by: author)
    }
}
