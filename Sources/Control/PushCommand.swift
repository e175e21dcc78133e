// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import World
import ZoneCheck
import ZoneStore
import ZoneTransfer

/// `zone.push.…`: our records of domains whose zones are kept elsewhere.
extension ExchangeCommands {
    func setKeeper(_ arguments: Arguments) async throws {
        let origin = try ZoneArguments.name(arguments.text("zone"))
        var key: Name?
        if let text = arguments.json["key"]?.string { key = try ZoneArguments.name(text) }
        let text = try arguments.text("address")
        guard let address = SocketAddress(text, defaultPort: 53) else {
            throw ControlFailure.data("`\(text)` is no address of a name server")
        }
        try await peers.setKeeper(ZonePeer(address, key: key), of: origin)
    }

    func listKeepers() async throws -> JSON {
        var list: [JSON] = []
        for origin in peers.book.origins {
            guard let keeper = peers.book.entry(of: origin).keeper else { continue }
            let pushed = try await peers.pushed(origin)
            list.append([
                "zone": .string(origin.description), "address": .string("\(keeper.address)"),
                "key": JSON(keeper.key?.description),
                "pushed": JSON(pushed.map { CalendarDate($0.at).internetFormat }),
                "records": .integer(Int64(pushed?.records.count ?? 0)),
            ])
        }
        return ["pushes": .array(list)]
    }

    /// Puts the mail records of a hosted domain into its zone elsewhere, as they would stand in a
    /// zone of ours: what people wrote there stays, and what we wrote goes when it is wrong.
    func push(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.domain("domain")
        let origin = try zone(above: ZoneArguments.name(domain.name))
        var settings = TemplateSettings(nil)
        try settings.set(domain, arguments)
        let facts = try await templates.facts(settings)
        let pushed = try await peers.pushed(origin)?.records ?? []
        let marks = Set(pushed.map(\.mark))
        // What the template would write into an empty zone, and what we wrote, is looked at there.
        let wanted = try Self.change(facts.plan([], [], origin).template, in: [], origin).added
        var sets: [(owner: Name, type: RecordType)] = []
        for record in wanted + pushed
        where !sets.contains(where: { $0.owner == record.owner && $0.type == record.type }) {
            sets.append((record.owner, record.type))
        }
        let before = try await service.records(origin, sets)
        let (plan, mine) = facts.plan(marks, before, origin)
        let change = try Self.change(plan, in: before, origin)
        if !change.isEmpty, !arguments.flag("dry-run") {
            try await service.update(
                ZoneService.Update(
                    origin: origin, removed: change.removed, added: change.added, before: before))
        }
        if !arguments.flag("dry-run") {
            let after = change.applied(to: before)
            try await peers.setPushed(after.filter { mine.contains($0.mark) }, of: origin)
        }
        return .object([
            ("zone", .string(origin.description)),
            ("removed", .array(change.removed.map(Self.json))),
            ("added", .array(change.added.map(Self.json))),
            ("notes", ZoneTemplates.json(plan.notes, language)),
        ])
    }

    private static func json(_ record: ResourceRecord) -> JSON {
        .string(record.text)
    }

    private static func change(
        _ plan: TemplatePlan, in records: [ResourceRecord], _ origin: Name
    ) throws -> ZoneChange {
        guard !plan.edits.isEmpty else { return ZoneChange() }
        do throws(ZoneEditRefusal) {
            return try ZoneChange(plan.edits, in: records, origin: origin)
        } catch {
            throw ZoneFailure.refused(origin, error)
        }
    }

    /// The nearest zone above a domain that a server is set for.
    private func zone(above name: Name) throws(ZoneFailure) -> Name {
        var place: Name? = name
        while let origin = place {
            if peers.book.entry(of: origin).keeper != nil { return origin }
            place = origin.parent
        }
        throw .unfit(
            "no server is set that keeps the zone of \(name): `zone push set ZONE ADDRESS`")
    }
}
