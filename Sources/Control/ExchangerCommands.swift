// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Maintenance
import NameService
import TransportSecurity
import World
import ZoneStore

/// `mx drain`, `zone health`, `zone failover` and `mta-sts`: what is done about exchangers.
struct ExchangerCommands {
    let zones: Zones
    let exchangers: Administration.Exchangers
    let time: any Time
    let author: String
    let language: Language

    /// Whether a command is one of these.
    static func knows(_ name: String) -> Bool {
        ["mx.", "health.", "failover.", "sts."].contains { name.hasPrefix($0) }
    }

    /// Carries a command out.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        do {
            switch name {
            case "mx.drain": return try await drain(arguments)
            case "mx.undrain":
                let drain = try await keeper().undrain(try arguments.name("host"), by: author)
                return json(drain)
            case "mx.drains": return try await drains(arguments)
            case "health.show": return try await health(try arguments.name("zone"))
            case "health.set": return try await setHealth(arguments)
            case "failover.add": return try await addFailover(arguments)
            case "failover.remove": return try await removeFailover(arguments)
            case "sts.show": return try await showPolicy(arguments)
            case "sts.list": return try await listPolicies()
            case "sts.set": return try await setPolicy(arguments)
            case "sts.remove": return try await removePolicy(arguments)
            default: throw ControlFailure.usage("unknown command `\(name)`")
            }
        } catch let failure as DrainKeeper.Failure {
            if case .zone(let zone) = failure { throw Self.failure(zone, language) }
            throw ControlFailure.data(failure.text(language))
        } catch let failure as ZoneFailure {
            throw Self.failure(failure, language)
        }
    }

    private static func failure(_ failure: ZoneFailure, _ language: Language) -> ControlFailure {
        switch failure {
        case .storage, .changedMeanwhile: .temporary(failure.text(language))
        default: .data(failure.text(language))
        }
    }

    // MARK: Drains

    private func keeper() throws(ControlFailure) -> DrainKeeper {
        guard let keeper = exchangers.drains else {
            throw .unavailable("only a running server drains: start it first")
        }
        return keeper
    }

    private func drain(_ arguments: Arguments) async throws -> JSON {
        let begun = try await keeper().drain(
            try arguments.name("host"), manner: arguments.flag("raise") ? .raise : .remove,
            isForced: arguments.flag("force"), by: author)
        guard case .object(let members) = json(begun.drain) else { return json(begun.drain) }
        return .object(members + [("unreached", JSON(begun.unreached.map(\.description)))])
    }

    private func json(_ drain: Drain) -> JSON {
        drain.json(Drain.Facts(), arrivals: [], language)
    }

    private func drains(_ arguments: Arguments) async throws -> JSON {
        let host = arguments.json["host"]?.string == nil ? nil : try arguments.name("host")
        guard let keeper = exchangers.drains else {
            // Beside a stopped server there is what it has kept.
            let kept = try await Drains(zones).all()
            return ["drains": .array(kept.filter { host == nil || $0.host == host }.map(json))]
        }
        let all = try await keeper.status().filter { host == nil || $0.drain.host == host }
        return [
            "drains": .array(
                all.map { $0.drain.json($0.facts, arrivals: $0.arrivals, language) })
        ]
    }

    // MARK: Health

    private func health(_ origin: Name) async throws -> JSON {
        let zone = try await zones.zone(origin)
        if let status = await exchangers.health?.status(of: origin) {
            return status.json(at: time.now, language)
        }
        return HealthWatch.Status(HealthOverlay(options: zone.options)).json(at: time.now, language)
    }

    private func setHealth(_ arguments: Arguments) async throws -> JSON {
        let origin = try arguments.name("zone")
        guard let isOn = arguments.json["on"]?.bool else {
            throw ControlFailure.usage("say `on`: true or false")
        }
        try await zones.set(
            HealthOverlay.option, to: isOn ? "on" : nil, of: origin, by: author)
        return try await health(origin)
    }

    private func addFailover(_ arguments: Arguments) async throws -> JSON {
        let (origin, name) = (try arguments.name("zone"), try arguments.name("name"))
        let texts = (arguments.json["backups"]?.array ?? []).compactMap(\.string)
        let backups = texts.compactMap { IPAddress($0) }
        guard !backups.isEmpty, backups.count == texts.count,
            backups.count <= HealthOverlay.maximumBackups
        else {
            throw ControlFailure.data(
                "name the backup's addresses, 1 to \(HealthOverlay.maximumBackups) of them")
        }
        let number = arguments.number("port") ?? Int64(HealthOverlay.Failover.usualPort)
        guard let port = UInt16(exactly: number), port > 0 else {
            throw ControlFailure.data("`\(number)` is no port")
        }
        let zone = try await zones.zone(origin)
        guard try zone.records().contains(where: { $0.owner == name && $0.address != nil }) else {
            throw ControlFailure.data(
                "\(name) has no address in \(origin): first give it the primary's")
        }
        var failovers = HealthOverlay(options: zone.options).failovers
        failovers.removeAll { $0.name == name }
        guard failovers.count < HealthOverlay.maximumFailovers else {
            throw ControlFailure.data(
                "a zone has at most \(HealthOverlay.maximumFailovers) names with a backup")
        }
        failovers.append(.init(name: name, backups: backups, port: port))
        return try await set(failovers, origin)
    }

    private func removeFailover(_ arguments: Arguments) async throws -> JSON {
        let (origin, name) = (try arguments.name("zone"), try arguments.name("name"))
        let zone = try await zones.zone(origin)
        var failovers = HealthOverlay(options: zone.options).failovers
        guard let index = failovers.firstIndex(where: { $0.name == name }) else {
            throw ControlFailure.data("\(name) has no backup in \(origin)")
        }
        failovers.remove(at: index)
        return try await set(failovers, origin)
    }

    private func set(_ failovers: [HealthOverlay.Failover], _ origin: Name) async throws -> JSON {
        try await zones.set(
            HealthOverlay.failoverOption, to: HealthOverlay.text(of: failovers), of: origin,
            by: author)
        return try await health(origin)
    }

    // MARK: MTA-STS

    private var policies: Policies { Policies(zones) }

    private func showPolicy(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.name("domain")
        guard let kept = try await policies.policy(of: domain) else {
            throw ControlFailure.data(
                "no MTA-STS policy of \(domain) is served here; `mta-sts set` makes one")
        }
        return kept.json
    }

    private func listPolicies() async throws -> JSON {
        ["policies": .array(try await policies.all().map(\.json))]
    }

    private func setPolicy(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.name("domain")
        let old = try await policies.policy(of: domain)?.policy
        let hosts = try await exchangeHosts(of: domain)
        var policy =
            old ?? STSPolicy(mode: .testing, maximumAgeSeconds: Self.usualAge, patterns: [])
        if let text = arguments.json["mode"]?.string {
            guard let mode = STSPolicy.Mode(rawValue: text) else {
                throw ControlFailure.data("`\(text)` is none of enforce, testing and none")
            }
            policy.mode = mode
        }
        if let age = arguments.number("max-age") {
            guard (0...Int64(STSPolicy.longestAgeSeconds)).contains(age) else {
                throw ControlFailure.data(
                    "a policy is kept for 0 to \(STSPolicy.longestAgeSeconds) seconds")
            }
            policy.maximumAgeSeconds = Int(age)
        }
        let given = (arguments.json["mx"]?.array ?? []).compactMap(\.string)
        let texts = given.isEmpty && old == nil ? hosts : given
        if !texts.isEmpty {
            policy.patterns = try texts.map { text in
                guard let pattern = STSPattern(text) else {
                    throw ControlFailure.data(
                        "`\(text)` is neither a host nor `*.` and a domain")
                }
                return pattern
            }
        }
        try check(policy, hosts, isForced: arguments.flag("force"))
        let elsewhere = try await policies.set(
            [(domain, policy)], by: author, "MTA-STS policy of \(domain)")
        guard let kept = try await policies.policy(of: domain) else { return [:] }
        guard case .object(let members) = kept.json else { return kept.json }
        return .object(
            members + [
                ("record_elsewhere", .bool(!elsewhere.isEmpty)),
                ("host_missing", .bool(try await isHostMissing(domain))),
            ])
    }

    private func check(
        _ policy: STSPolicy, _ hosts: [String], isForced: Bool
    ) throws(ControlFailure) {
        guard policy.mode != .none else { return }
        guard !policy.patterns.isEmpty else {
            throw .data("name the exchangers with --mx: the zone is not kept here, or has none")
        }
        let unlisted = hosts.filter { !policy.lists($0) }
        guard unlisted.isEmpty || isForced else {
            throw .data(
                "the policy does not list \(unlisted.joined(separator: ", ")), which the zone names "
                    + "as exchangers: senders would not deliver there; --force sets it all the same"
            )
        }
    }

    private func removePolicy(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.name("domain")
        guard let kept = try await policies.policy(of: domain) else {
            throw ControlFailure.data("no MTA-STS policy of \(domain) is served here")
        }
        // RFC 8461 §8.3: senders keep the old one until they have seen one that says none.
        guard kept.policy.mode == .none || arguments.flag("force") else {
            throw ControlFailure.data(
                "senders would keep the policy for \(kept.policy.maximumAgeSeconds) seconds: first "
                    + "`mta-sts set \(domain) --mode none --max-age 86400`, and remove it when that "
                    + "time has passed; --force removes it now")
        }
        try await policies.set([(domain, nil)], by: author, "no MTA-STS policy of \(domain)")
        return [:]
    }

    /// A week: senders refresh it once a day (RFC 8461 §3.3).
    private static let usualAge = 604_800

    private func exchangeHosts(of domain: Name) async throws -> [String] {
        try await zoneRecords(above: domain)?.filter { $0.owner == domain }.compactMap(\.exchange)
            .filter { !$0.isRoot }.map(\.description) ?? []
    }

    /// Those of the zone that a name is in; nil: that is not kept here.
    private func zoneRecords(above name: Name) async throws -> [ResourceRecord]? {
        do throws(ZoneFailure) {
            return try await zones.zone(above: name).records()
        } catch .noZoneAbove {
            return nil
        }
    }

    private func isHostMissing(_ domain: Name) async throws -> Bool {
        guard let host = domain.prepending("mta-sts".utf8),
            let records = try await zoneRecords(above: host)
        else { return false }
        return !records.contains {
            $0.owner == host && [.a, .aaaa, .cname].contains($0.type)
        }
    }
}

extension Arguments {
    /// A domain name.
    func name(_ key: String) throws(ControlFailure) -> Name {
        let domain = try domain(key)
        guard let name = try? Name(domain.name) else {
            throw .data("`\(domain)` is no domain")
        }
        return name
    }
}

extension KeptPolicy {
    /// As `mta-sts show --json` prints it.
    fileprivate var json: JSON {
        [
            "domain": .string("\(domain)"), "mode": .string(policy.mode.rawValue),
            "mx": JSON(policy.patterns.map(\.description)),
            "max_age": .integer(Int64(policy.maximumAgeSeconds)), "id": .string(id),
            "changed": JSON(time: changed), "author": .string(author),
            "text": .string(policy.text),
        ]
    }
}
