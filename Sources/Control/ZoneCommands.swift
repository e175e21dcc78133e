// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DNS
import Directory
import Mail
import NameService
import Storage
import World
import ZoneCheck
import ZoneStore

/// `zone.…`: what the zones hold, what was changed, and changing it.
struct ZoneCommands {
    let zones: Zones
    let registry: Registry
    /// What this host offers, as far as the zones of hosted domains say so.
    let host: MailHost?
    let author: String
    let language: Language
    /// Who watches exchangers, if a server is running.
    var health: HealthWatch?
    /// Who keeps the keys that sign mail.
    var keys: KeyKeeper?

    var changes: ZoneChanges { ZoneChanges(zones: zones, author: author, language: language) }

    /// Carries a command out.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        do {
            switch name {
            case "zone.list": return try await list()
            case "zone.show": return try await show(arguments)
            case "zone.records": return try await records(arguments)
            case "zone.export": return try await export(arguments)
            case "zone.history": return try await history(arguments)
            case "zone.diff": return try await difference(arguments)
            case "zone.import": return try await importText(arguments)
            case "zone.create": return try await ZoneCreation(self).perform(arguments)
            case "zone.edit": return try await edit(arguments)
            case "zone.rollback": return try await rollback(arguments)
            case "zone.remove": return try await remove(arguments)
            case "zone.serial": return try await countSerial(arguments)
            case "zone.template.show", "zone.template.apply", "zone.template.remove":
                return try await ZoneTemplates(self).perform(name, arguments)
            default: throw ControlFailure.usage("unknown command `\(name)`")
            }
        } catch let failure as ZoneFailure {
            throw ControlFailure(failure, language)
        } catch let refusal as ZoneEditRefusal {
            throw ControlFailure.data(refusal.text(language))
        }
    }

    /// Puts the mail records of a domain that was just taken into the directory into its zone, or
    /// says which they are, where that is elsewhere or is to be left alone.
    ///
    /// The domain is there in any case: what cannot be published is told.
    func adopt(_ arguments: Arguments) async throws(ControlFailure) -> JSON {
        do {
            let (templates, domain) = (ZoneTemplates(self), try arguments.domain("domain"))
            if !arguments.flag("no-zone"),
                let answer = try await templates.adopt(domain, arguments)
            {
                return ["zone": answer]
            }
            return ["publish": try await templates.wanted(domain, arguments)]
        } catch let failure as ZoneFailure {
            return ["zone_failure": .string(failure.text(language))]
        } catch {
            return ["zone_failure": .string(ControlFailure(error).description)]
        }
    }

    func origin(_ arguments: Arguments) throws(ControlFailure) -> Name {
        try ZoneArguments.name(try arguments.text("zone"))
    }

    // MARK: - Reading

    private func list() async throws -> JSON {
        let list = try await zones.list().map { zone in
            JSON.object([
                ("zone", .string(zone.origin.description)), ("kind", .string(zone.kind.rawValue)),
                ("version", .integer(zone.version)),
                ("changed", JSON(zone.changed.map { CalendarDate($0).internetFormat })),
                ("octets", .integer(Int64(zone.octets))),
                ("serial", zone.serial.map { .integer(Int64($0)) } ?? .null),
            ])
        }
        return ["zones": .array(list)]
    }

    private func show(_ arguments: Arguments) async throws -> JSON {
        let zone = try await zone(arguments)
        let served = try await zones.served(zone.origin)
        let stored = zone.kind == .primary ? try zone.records() : served?.records ?? []
        let latest = try await zones.history(of: zone.origin).first
        return .object([
            ("zone", .string(zone.origin.description)), ("kind", .string(zone.kind.rawValue)),
            ("version", .integer(zone.version)),
            ("changed", JSON(latest.map { CalendarDate($0.time).internetFormat })),
            ("author", JSON(latest?.author)),
            ("serial", stored.serial.map { .integer(Int64($0)) } ?? .null),
            ("served_serial", served.map { .integer(Int64($0.serial)) } ?? .null),
            ("state", .string(Self.state(zone, served))),
            ("health", JSON(await health?.lines(of: zone.origin, language) ?? [])),
            ("options", .object(zone.options.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
            ("records", .array(Self.records(stored, of: zone))),
        ])
    }

    /// Whether what is kept is what is answered.
    private static func state(_ zone: StoredZone, _ served: ServedZone?) -> String {
        guard let served else { return "new" }
        return served.version == zone.version ? "served" : "waiting"
    }

    private static func records(_ records: [ResourceRecord], of zone: StoredZone) -> [JSON] {
        records.map { record in
            .object([
                ("name", .string(record.owner.description)), ("ttl", .integer(Int64(record.ttl))),
                ("type", .string(record.type.description)),
                ("data", .string(record.data.text(as: record.type))),
                ("managed", .bool(zone.managed.contains(record.mark))),
            ])
        }
    }

    /// The zone named, or the nearest above the name.
    func zone(_ arguments: Arguments) async throws -> StoredZone {
        if arguments.json["zone"]?.string != nil { return try await zones.zone(origin(arguments)) }
        return try await zones.zone(above: ZoneArguments.name(arguments.text("name")))
    }

    /// Those at a name, or of a type, or all.
    private func records(_ arguments: Arguments) async throws -> JSON {
        let zone = try await zone(arguments)
        let name = try arguments.json["name"]?.string.map {
            try ZoneArguments.name($0, below: zone.origin)
        }
        let type = try arguments.json["type"]?.string.map { try ZoneArguments.type($0) }
        let served = zone.kind == .primary ? nil : try await zones.served(zone.origin)
        let found = try (served?.records ?? zone.records()).filter { record in
            (name == nil || record.owner == name) && (type == nil || record.type == type)
        }
        return [
            "zone": .string(zone.origin.description),
            "records": .array(Self.records(found, of: zone)),
        ]
    }

    private func export(_ arguments: Arguments) async throws -> JSON {
        let zone = try await zone(arguments)
        var text = zone.text
        if let version = arguments.number("version") {
            text = try await zones.text(of: zone.origin, version: version)
        } else if zone.kind == .secondary {
            text = MasterFile.canonicalText(of: try await zones.served(zone.origin)?.records ?? [])
        } else if arguments.flag("canonical") {
            text = MasterFile.canonicalText(of: try zone.records())
        }
        return .object(
            [("zone", .string(zone.origin.description)), ("version", .integer(zone.version))]
                + TransportedText.members(text))
    }

    private func history(_ arguments: Arguments) async throws -> JSON {
        let limit = Int(clamping: max(0, arguments.number("limit") ?? 50))
        let versions = try await zones.history(of: try origin(arguments)).prefix(limit)
        return [
            "versions": .array(
                versions.map {
                    [
                        "version": .integer($0.number),
                        "time": .string(CalendarDate($0.time).internetFormat),
                        "author": .string($0.author), "summary": .string($0.summary),
                    ]
                })
        ]
    }

    /// From one version to another; without them what the latest change has changed.
    private func difference(_ arguments: Arguments) async throws -> JSON {
        let origin = try origin(arguments)
        let newest = try await zones.history(of: origin).first?.number ?? 0
        let from = arguments.number("from") ?? newest - 1
        let to = arguments.number("to") ?? newest
        let before = from == 0 ? [] : try await zones.text(of: origin, version: from)
        let after = try await zones.text(of: origin, version: to)
        let text = UnifiedDifference.text(
            from: Self.lines(before), to: Self.lines(after),
            named: ("\(origin) \(from)", "\(origin) \(to)"))
        return .object([
            ("zone", .string(origin.description)), ("from", .integer(from)), ("to", .integer(to)),
            ("difference", .string(text)),
        ])
    }

    private static func lines(_ text: [UInt8]) -> [String] {
        var lines = text.split(separator: .lineFeed, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { String(lossy: $0) }
    }

    // MARK: - Changing

    /// One zone, or several in `zones`, all or none.
    private func importText(_ arguments: Arguments) async throws -> JSON {
        var asked: [(origin: Name, text: [UInt8])] = []
        for json in arguments.json["zones"]?.array ?? [arguments.json] {
            let origin = try origin(Arguments(json: json))
            guard !asked.contains(where: { $0.origin == origin }) else {
                throw ControlFailure.data("the zone \(origin) is there twice")
            }
            asked.append((origin, try TransportedText.read(json)))
        }
        let known = Set(try await zones.origins())
        if !arguments.flag("replace"), let there = asked.first(where: { known.contains($0.origin) })
        {
            throw ZoneFailure.zoneExists(there.origin)
        }
        let files = asked
        return try await changes.make(ZoneChanges.Wish(arguments), "imported from a file") {
            var plans: [ZonePlan] = []
            for (origin, text) in files {
                plans.append(try await zones.plan(replacing: origin, with: text))
            }
            return plans
        }
    }

    private func edit(_ arguments: Arguments) async throws -> JSON {
        var asked: [AskedEdit] = []
        for json in arguments.json["edits"]?.array ?? [] { asked.append(try AskedEdit(json)) }
        if let lines = arguments.json["lines"]?.string { asked += try EditLines.read(lines) }
        guard (1...ZoneArguments.maximumEdits).contains(asked.count) else {
            throw ControlFailure.usage(
                "a change set has 1 to \(ZoneArguments.maximumEdits) edits, not \(asked.count)")
        }
        let zone = try arguments.json["zone"]?.string.map { try ZoneArguments.name($0) }
        let summary = Self.summary(asked)
        let edits = asked
        do {
            return try await changes.make(ZoneChanges.Wish(arguments), summary) {
                var plans: [ZonePlan] = []
                for (origin, edits) in try await grouped(edits, in: zone) {
                    plans.append(try await plan(edits, for: origin))
                }
                return plans
            }
        } catch let failure as ZoneFailure {
            // Told in the words of a check, where it has some for it.
            guard case .invalid(let origin, _) = failure,
                let edits = try await grouped(edits, in: zone).first(where: { $0.0 == origin })
            else { throw failure }
            let zone = try await zones.zone(origin)
            let records = try zone.records()
            let change = try ZoneChange(
                try edits.1.flatMap { try $0.edits(in: origin, records) }, in: records,
                origin: origin)
            guard let refused = await changes.refused(change, of: records, origin) else {
                throw failure
            }
            return refused
        }
    }

    private func plan(_ edits: [AskedEdit], for origin: Name) async throws -> ZonePlan {
        let records = try await zones.zone(origin).records()
        return try await zones.plan(
            try edits.flatMap { try $0.edits(in: origin, records) }, for: origin)
    }

    /// The edits of each zone, in the order in which zones are first named.
    private func grouped(
        _ asked: [AskedEdit], in zone: Name?
    ) async throws -> [(Name, [AskedEdit])] {
        if let zone { return [(zone, asked)] }
        let origins = Set(try await zones.origins())
        var groups: [(Name, [AskedEdit])] = []
        for edit in asked {
            let name = try ZoneArguments.name(edit.name)
            var place: Name? = name
            while let origin = place, !origins.contains(origin) { place = origin.parent }
            guard let origin = place else { throw ZoneFailure.noZoneAbove(name) }
            if let index = groups.firstIndex(where: { $0.0 == origin }) {
                groups[index].1.append(edit)
            } else {
                groups.append((origin, [edit]))
            }
        }
        return groups
    }

    /// One line for the history.
    private static func summary(_ edits: [AskedEdit]) -> String {
        let named = edits.prefix(3).map(\.summary).joined(separator: "; ")
        let rest = edits.count - 3
        return rest > 0 ? "\(named); and \(rest) more" : named
    }

    private func rollback(_ arguments: Arguments) async throws -> JSON {
        let origin = try origin(arguments)
        guard let version = arguments.number("version") else {
            throw ControlFailure.usage("`version` is missing: see `zone history \(origin)`")
        }
        return try await changes.make(
            ZoneChanges.Wish(arguments), "brought back version \(version)"
        ) {
            [try await zones.planRollback(of: origin, to: version)]
        }
    }

    private func remove(_ arguments: Arguments) async throws -> JSON {
        let origin = try origin(arguments)
        let zone = try await zones.zone(origin)
        // Whoever takes away a zone by which mail comes here means it, or has mistyped.
        if !arguments.flag("force"), let domain = try await hostedDomain(in: zone) {
            throw ControlFailure.data(
                language.choose(
                    "\(domain) is hosted here, and senders find it by this zone; --force removes "
                        + "it all the same",
                    "\(domain) wird hier betrieben, und Absender finden es durch diese Zone; mit "
                        + "--force wird sie trotzdem entfernt"))
        }
        if !arguments.flag("dry-run") { try await zones.remove(origin, by: author) }
        return [
            "zone": .string(origin.description), "version": .integer(zone.version),
            "applied": .bool(!arguments.flag("dry-run")),
        ]
    }

    private func hostedDomain(in zone: StoredZone) async throws -> Domain? {
        try await registry.domains().map(\.name).first { domain in
            (try? Name(domain.name))?.isEqualOrBelow(zone.origin) == true
        }
    }

    private func countSerial(_ arguments: Arguments) async throws -> JSON {
        let origin = try origin(arguments)
        let style = try arguments.text("style")
        guard ["date", "counter"].contains(style) else {
            throw ControlFailure.usage("`\(style)` is no way to count: date or counter")
        }
        try await zones.set(
            "serial", to: style == "date" ? "date" : nil, of: origin, by: author)
        return [:]
    }
}

extension ControlFailure {
    /// In the language of whoever gave the command.
    init(_ failure: ZoneFailure, _ language: Language) {
        switch failure {
        case .storage(let storage): self = .temporary(storage.description)
        case .changedMeanwhile: self = .temporary(failure.text(language))
        default: self = .data(failure.text(language))
        }
    }
}

/// A zone's text within JSON: as it is if it is UTF-8, which its remarks need not be.
package enum TransportedText {
    /// The member `text`, or `base64` for what is no UTF-8.
    package static func members(_ text: [UInt8]) -> [(String, JSON)] {
        if let string = String(validating: text, as: UTF8.self) {
            return [("text", .string(string))]
        }
        return [("base64", .string(Base64.encode(text)))]
    }

    static func read(_ json: JSON) throws(ControlFailure) -> [UInt8] {
        if let text = json["text"]?.string { return Array(text.utf8) }
        guard let encoded = json["base64"]?.string else { throw .usage("`text` is missing") }
        guard let text = Base64.decode(encoded.utf8) else {
            throw .data("`base64` is no Base64")
        }
        return text
    }
}
