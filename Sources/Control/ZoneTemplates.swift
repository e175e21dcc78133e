// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Mail
import NameService
import ZoneCheck
import ZoneStore

/// Puts the mail records of hosted domains into their zones, and keeps them as the facts are.
///
/// Which domains have a template, and with which backups, is kept with the zone as its option
/// `template`.
struct ZoneTemplates {
    private let commands: ZoneCommands
    private var zones: Zones { commands.zones }
    private var language: Language { commands.language }

    /// The zone's option that names the domains.
    static let option = "template"

    init(_ commands: ZoneCommands) { self.commands = commands }

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.domain("domain")
        let origin = try await zones.zone(above: ZoneArguments.name(domain.name)).origin
        switch name {
        case "zone.template.show":
            return try await apply(domain, in: origin, isOnlyShown: true, arguments)
        case "zone.template.apply": return try await apply(domain, in: origin, arguments)
        default: return try await remove(domain, in: origin, arguments)
        }
    }

    /// Of a domain that was just taken into the directory: nil if its zone is elsewhere.
    ///
    /// A change that loses mail is shown and not made.
    func adopt(_ domain: Domain, _ arguments: Arguments) async throws -> JSON? {
        let zone: StoredZone
        do throws(ZoneFailure) {
            zone = try await zones.zone(above: try name(domain))
        } catch {
            guard case .noZoneAbove = error else { throw error }
            return nil
        }
        guard zone.kind == .primary else { return nil }
        return try await apply(domain, in: zone.origin, arguments)
    }

    /// What a zone that is kept elsewhere should say of a domain: lines of a master file, and what
    /// is left out, and why.
    ///
    /// Without the keys' records where we write those there ourselves.
    func wanted(_ domain: Domain, _ arguments: Arguments) async throws -> JSON {
        var settings = TemplateSettings(nil)
        try settings.set(domain, arguments)
        var facts = try await facts(settings)
        if case .pushed? = try await commands.keys?.status(of: domain, looks: false).place {
            for index in facts.domains.indices { facts.domains[index].signingKeys = [] }
        }
        let (template, _) = facts.plan([], [], try name(domain))
        let records = template.edits.compactMap { edit -> JSON? in
            if case .addRecord(let record) = edit { .string(record.text) } else { nil }
        }
        return ["records": .array(records), "notes": Self.json(template.notes, language)]
    }

    private func name(_ domain: Domain) throws(ZoneFailure) -> Name {
        guard let name = try? Name(domain.name) else { throw .noZoneAbove(.root) }
        return name
    }

    private func apply(
        _ domain: Domain, in origin: Name, isOnlyShown: Bool = false, _ arguments: Arguments
    ) async throws -> JSON {
        guard try await commands.registry.domains().contains(where: { $0.name == domain }) else {
            throw ControlFailure.data(
                language.choose(
                    "\(domain) is not hosted here: `postreiter domain add \(domain)` first",
                    "\(domain) wird hier nicht betrieben: zuerst `postreiter domain add "
                        + "\(domain)`"))
        }
        let zone = try await zones.zone(origin)
        var settings = TemplateSettings(zone.options[Self.option])
        try settings.set(domain, arguments)
        var wish = ZoneChanges.Wish(arguments)
        wish.isOnlyShown = wish.isOnlyShown || isOnlyShown
        return try await publish(
            settings, in: zone, wish, restoring: arguments.flag("restore"),
            "published the mail records of \(domain)")
    }

    private func remove(
        _ domain: Domain, in origin: Name, _ arguments: Arguments
    ) async throws -> JSON {
        let zone = try await zones.zone(origin)
        var settings = TemplateSettings(zone.options[Self.option])
        guard settings.domains.contains(where: { $0.domain == domain }) else {
            throw ControlFailure.data(
                language.choose(
                    "\(domain) has no template in the zone \(origin)",
                    "\(domain) hat keine Vorlage in der Zone \(origin)"))
        }
        settings.domains.removeAll { $0.domain == domain }
        return try await publish(
            settings, in: zone, ZoneChanges.Wish(arguments), restoring: false,
            "took back the mail records of \(domain)")
    }

    /// Brings the zone's managed records in line with `settings` and what is known now.
    private func publish(
        _ settings: TemplateSettings, in zone: StoredZone, _ wish: ZoneChanges.Wish,
        restoring: Bool, _ summary: String
    ) async throws -> JSON {
        let facts = try await facts(settings)
        var notes: [TemplateNote] = []
        let text = settings.text
        let answer = try await commands.changes.make(wish, summary) {
            var template: (template: TemplatePlan, marks: Set<ResourceRecord>)?
            var plan = try await zones.plan(for: zone.origin) {
                zone, records throws(ZoneFailure) in
                let made = facts.plan(zone.managed, records, zone.origin, restoring: restoring)
                template = made
                guard !made.template.edits.isEmpty else { return ZoneChange() }
                do throws(ZoneEditRefusal) {
                    return try ZoneChange(made.template.edits, in: records, origin: zone.origin)
                } catch {
                    throw .refused(zone.origin, error)
                }
            }
            notes = template?.template.notes ?? []
            guard let template, !plan.change.isEmpty || text != zone.options[Self.option] else {
                return []
            }
            plan.managed = template.marks
            plan.options[Self.option] = .some(text)
            return [plan]
        }
        return .object(
            (answer.object ?? []) + [
                ("zone", .string(zone.origin.description)),
                ("notes", Self.json(notes, language)),
            ])
    }

    static func json(_ notes: [TemplateNote], _ language: Language) -> JSON {
        .array(
            notes.map {
                .object([
                    ("reason", .string($0.reason.rawValue)),
                    ("purpose", .string($0.purpose.rawValue)),
                    ("name", .string($0.owner.description)), ("text", .string($0.text[language])),
                    ("advice", .string($0.advice[language])),
                ])
            })
    }

    /// What is known now of the domains that have a template.
    func facts(_ settings: TemplateSettings) async throws -> TemplateFacts {
        guard let host = commands.host, !settings.domains.isEmpty else { return TemplateFacts() }
        var domains: [MailFacts] = []
        for entry in settings.domains {
            let name = try ZoneArguments.name(entry.domain.name)
            var exchangers = [MailFacts.Exchanger(host: host.name, preference: 10)]
            for (index, backup) in entry.backups.enumerated() {
                exchangers.append(
                    .init(host: backup, preference: UInt16(clamping: 20 + index * 10)))
            }
            var facts = MailFacts(domain: name, exchangers: exchangers)
            facts.offers = host.services.map { .init($0.service, host: host.name, port: $0.port) }
            facts.disposition = entry.disposition
            facts.autoconfigurationHost = host.hasWebServer ? host.name : nil
            facts.signingKeys = commands.keys?.records(of: entry.domain) ?? []
            if let policy = try await Policies(zones).policy(of: name) {
                facts.transportPolicy = .init(
                    identifier: policy.id, host: host.hasWebServer ? host.name : nil)
            }
            let postmaster = try? Address("postmaster@\(entry.domain)")
            if let postmaster, case .local = await commands.registry.judge(postmaster) {
                facts.reportsTo = postmaster.description
            } else {
                facts.hasPostmaster = false
            }
            domains.append(facts)
        }
        return TemplateFacts(
            domains: domains, hosts: [HostFacts(host.name, addresses: host.addresses)])
    }
}

/// What the templates of one zone are made of.
struct TemplateFacts {
    var domains: [MailFacts] = []
    var hosts: [HostFacts] = []

    /// The plan, and the marks from then on.
    func plan(
        _ managed: Set<ResourceRecord>, _ records: [ResourceRecord], _ origin: Name,
        restoring: Bool = false
    ) -> (template: TemplatePlan, marks: Set<ResourceRecord>) {
        let others = managed.filter(isOther)
        let template = TemplatePlan(
            for: domains, hosts: hosts, records: records, origin: origin,
            marks: MasterFile.canonicalOrder(of: managed.subtracting(others))
                .map { ManagedRecord($0) },
            restoring: restoring)
        return (template, template.marked.union(others))
    }

    /// Whether the mark is that of a record which somebody else looks after: a policy's whose
    /// domain has no template goes with the policy (`mta-sts set`), and so does a DKIM key's.
    private func isOther(_ mark: ResourceRecord) -> Bool {
        if isOtherKey(mark) { return true }
        guard mark.type == .txt, let label = mark.owner.labels.first,
            label.equalsIgnoringCase("_mta-sts".utf8)
        else { return false }
        return !domains.contains { $0.domain == mark.owner.parent }
    }

    /// Whether it is a key's of a domain without a template.
    private func isOtherKey(_ mark: ResourceRecord) -> Bool {
        guard mark.type == .txt else { return false }
        var place: Name? = mark.owner
        while let name = place {
            if name.labels.first?.equalsIgnoringCase("_domainkey".utf8) == true {
                return !domains.contains { $0.domain == name.parent && !$0.signingKeys.isEmpty }
            }
            place = name.parent
        }
        return false
    }
}

extension TemplatePlan {
    /// The marks as the store keeps them.
    var marked: Set<ResourceRecord> {
        Set(
            marks.map {
                ResourceRecord(owner: $0.owner, type: $0.type, ttl: 0, data: $0.data)
            })
    }
}

/// Which domains of a zone have a template, and what was chosen for each.
struct TemplateSettings {
    struct Entry {
        var domain: Domain
        var backups: [Name] = []
        var disposition = MailFacts.Disposition.none
    }

    var domains: [Entry] = []

    /// Backups beyond this are of no use: senders try five hosts.
    private static let maximumBackups = 8

    /// Reads what `text` wrote; anything else is none.
    init(_ text: String?) {
        guard let text, let json = try? JSON(parsing: text.utf8) else { return }
        for (name, choice) in json.object ?? [] {
            guard let domain = try? Domain(name) else { continue }
            domains.append(
                Entry(
                    domain: domain,
                    backups: (choice["backups"]?.array ?? []).compactMap { json in
                        json.string.flatMap { try? Name($0) }
                    },
                    disposition: choice["dmarc"]?.string.flatMap { .init(rawValue: $0) } ?? .none))
        }
    }

    /// Nil for none.
    var text: String? {
        guard !domains.isEmpty else { return nil }
        return JSON.object(
            domains.map { entry in
                (
                    entry.domain.name,
                    .object([
                        ("backups", JSON(entry.backups.map(\.description))),
                        ("dmarc", .string(entry.disposition.rawValue)),
                    ])
                )
            }
        ).description
    }

    /// Takes a domain in; what the arguments do not say stays as it is.
    mutating func set(_ domain: Domain, _ arguments: Arguments) throws(ControlFailure) {
        var entry = domains.first { $0.domain == domain } ?? Entry(domain: domain)
        if let backups = arguments.json["backups"]?.array {
            guard backups.count <= Self.maximumBackups else {
                throw .data("at most \(Self.maximumBackups) backups are of use")
            }
            entry.backups = []
            for backup in backups {
                entry.backups.append(try ZoneArguments.name(backup.string ?? ""))
            }
        }
        if let text = arguments.json["dmarc"]?.string {
            guard let disposition = MailFacts.Disposition(rawValue: text) else {
                throw .data("`\(text)` is no DMARC policy: none, quarantine or reject")
            }
            entry.disposition = disposition
        }
        domains.removeAll { $0.domain == domain }
        domains.append(entry)
        domains.sort { $0.domain < $1.domain }
    }
}
