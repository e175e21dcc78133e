// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Mail
import ZoneCheck
import ZoneStore

/// `zone.create`: a new zone with its SOA and NS records, and with the mail records of its domain if
/// that is hosted here.
struct ZoneCreation {
    private let commands: ZoneCommands

    /// RFC 1912 §2.2: seconds for secondary servers, and how long absence is remembered (RFC 2308).
    private static let times = (
        refresh: UInt32(14400), retry: UInt32(3600), expire: UInt32(1_209_600),
        minimum: UInt32(300)
    )
    /// Name servers beyond this make answers long (RFC 1912 §2.8 counts seven).
    private static let maximumNameServers = 13

    init(_ commands: ZoneCommands) { self.commands = commands }

    /// A name server of the zone, with the addresses that the zone must know of it.
    private struct NameServer {
        var name: Name
        var addresses: [IPAddress]
    }

    func perform(_ arguments: Arguments) async throws -> JSON {
        let origin = try commands.origin(arguments)
        guard try await !commands.zones.origins().contains(origin) else {
            throw ZoneFailure.zoneExists(origin)
        }
        let text = try text(of: origin, arguments)
        let domain = try? Domain(origin.description)
        let hosted = try await commands.registry.domains().map(\.name)
        guard let domain, hosted.contains(domain), !arguments.flag("plain") else {
            return try await commands.changes.make(
                ZoneChanges.Wish(arguments), "created the zone"
            ) {
                [try await commands.zones.plan(replacing: origin, with: text)]
            }
        }
        return try await make(origin, domain, text, arguments)
    }

    /// With the records of the template in the same version.
    private func make(
        _ origin: Name, _ domain: Domain, _ text: [UInt8], _ arguments: Arguments
    ) async throws -> JSON {
        var settings = TemplateSettings(nil)
        try settings.set(domain, arguments)
        let chosen = settings.text
        let facts = try await ZoneTemplates(commands).facts(settings)
        let bare = try await commands.zones.plan(replacing: origin, with: text)
        let (template, marks) = facts.plan([], bare.after, origin)
        var whole = text
        if !template.edits.isEmpty {
            let change = try ZoneChange(template.edits, in: bare.after, origin: origin)
            var document = try ZoneDocument(parsing: text, origin: origin)
            try document.apply(removing: change.removed, adding: change.added)
            whole = document.text
        }
        let answer = try await commands.changes.make(
            ZoneChanges.Wish(arguments), "created the zone"
        ) {
            var plan = try await commands.zones.plan(replacing: origin, with: whole)
            plan.managed = marks
            plan.options[ZoneTemplates.option] = .some(chosen)
            return [plan]
        }
        let notes = ZoneTemplates.json(template.notes, commands.language)
        return .object((answer.object ?? []) + [("notes", notes)])
    }

    private func text(of origin: Name, _ arguments: Arguments) throws -> [UInt8] {
        var servers = try nameServers(of: origin, arguments)
        if servers.isEmpty, let host = commands.host {
            servers = [NameServer(name: host.name, addresses: host.addresses)]
        }
        guard let primary = servers.first else {
            throw ControlFailure.usage("`ns` is missing: name the zone's name servers")
        }
        let responsible = try arguments.json["responsible"]?.string.map(Self.responsible)
        let person = responsible ?? origin.prepending("postmaster".utf8) ?? origin
        let ttl = try ZoneArguments.ttl(arguments.json) ?? ZoneChange.defaultTTL
        var lines = [
            "$ORIGIN \(origin.absolute)", "$TTL \(ttl)",
            "@\tSOA\t\(primary.name.absolute) \(person.absolute) 1 \(Self.times.refresh) "
                + "\(Self.times.retry) \(Self.times.expire) \(Self.times.minimum)",
        ]
        lines += servers.map { "@\tNS\t\($0.name.absolute)" }
        for server in servers where server.name.isEqualOrBelow(origin) {
            lines += server.addresses.map {
                "\(server.name.absolute)\t\($0.isIPv4 ? "A" : "AAAA")\t\($0)"
            }
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// `NAME`, or `NAME=ADDRESS,ADDRESS` for one within the zone.
    private func nameServers(
        of origin: Name, _ arguments: Arguments
    ) throws(ControlFailure) -> [NameServer] {
        var servers: [NameServer] = []
        for json in arguments.json["ns"]?.array ?? [] {
            let text = json.string ?? ""
            let parts = text.split(separator: "=", maxSplits: 1)
            let name = try ZoneArguments.name(String(parts.first ?? ""), below: origin)
            var server = NameServer(name: name, addresses: [])
            if name == commands.host?.name { server.addresses = commands.host?.addresses ?? [] }
            if parts.count > 1 {
                server.addresses = []
                for part in parts[1].split(separator: ",") {
                    guard let address = IPAddress(part) else {
                        throw .data("`\(part)` is no IP address")
                    }
                    server.addresses.append(address)
                }
            }
            servers.append(server)
        }
        guard servers.count <= Self.maximumNameServers else {
            throw .data("at most \(Self.maximumNameServers) name servers are of use")
        }
        return servers
    }

    /// RFC 1035 §8: the local part is the first label, its dots escaped.
    private static func responsible(_ text: String) throws(ControlFailure) -> Name {
        guard let at = text.lastIndex(of: "@") else { return try ZoneArguments.name(text) }
        let domain = try ZoneArguments.name(String(text[text.index(after: at)...]))
        guard let name = domain.prepending(text[..<at].utf8) else {
            throw .data("`\(text)` is no mail address")
        }
        return name
    }
}
