// SPDX-License-Identifier: Apache-2.0

package import DNS
import SPF

/// What a template changes in a zone, whose records stay a person's wherever one has touched them.
///
/// A place (see `TemplatePlace`) is the template's if it holds exactly the records marked there, or
/// nothing and never held a mark. Everything else belongs to a person: it is left alone and told.
/// So planning again after the change changes nothing.
package struct TemplatePlan: Sendable {
    /// Empty when the zone says already what it should.
    package private(set) var edits: [ZoneEdit] = []
    /// The marks from then on, in the order of the zone's places.
    package private(set) var marks: [ManagedRecord] = []
    package private(set) var notes: [TemplateNote] = []

    private let origin: Name
    private var working: [TemplatePlace: [ResourceRecord]] = [:]
    private var names: [Name: [RecordType: Int]] = [:]
    private let marked: [TemplatePlace: [ManagedRecord]]
    private let view: ZoneView

    /// Plans for every domain of a zone that has a template, all at once.
    ///
    /// `marks` are those of before; `restoring` brings back what a person has removed.
    package init(
        for domains: [MailFacts], hosts: [HostFacts], records: [ResourceRecord], origin: Name,
        marks: [ManagedRecord], restoring: Bool = false
    ) {
        self.origin = origin
        view = ZoneView(origin: origin, records: records.map { PlacedRecord(record: $0) })
        marked = Dictionary(grouping: marks) { TemplatePlace($0) }
        for record in records where record.class == .internet {
            working[TemplatePlace(ManagedRecord(record)), default: []].append(record)
            names[record.owner, default: [:]][record.type, default: 0] += 1
        }
        let template = MailTemplate(domains, hosts: hosts, origin: origin)
        let wanted = Set(template.entries.map(\.place))
        // What goes first makes room: an alias that is no more leaves its name free.
        var seen: Set<TemplatePlace> = []
        for mark in marks {
            let place = TemplatePlace(mark)
            guard !wanted.contains(place), seen.insert(place).inserted, isOurs(place) else {
                continue
            }
            for record in working[place] ?? [] { remove(record) }
        }
        for entry in template.entries { settle(entry, restoring: restoring) }
        notes += template.notes
    }

    /// Whether the place holds what was marked there and nothing else.
    private func isOurs(_ place: TemplatePlace) -> Bool {
        let own = (working[place] ?? []).map { ManagedRecord($0) }
        let marks = marked[place] ?? []
        return own.count == marks.count && Set(own) == Set(marks)
    }

    private mutating func settle(_ entry: MailTemplate.Entry, restoring: Bool) {
        let place = entry.place
        let own = working[place] ?? []
        let marks = marked[place] ?? []
        if own.isEmpty {
            guard marks.isEmpty || restoring else {
                self.marks += marks
                return notes.append(.declined(entry))
            }
            if let obstacle = obstacle(to: entry) { return notes.append(.blocked(entry, obstacle)) }
            for mark in entry.marks { add(mark) }
            self.marks += entry.marks
        } else if isOurs(place) {
            let wanted = Set(entry.marks)
            for record in own where !wanted.contains(ManagedRecord(record)) { remove(record) }
            for mark in entry.marks where !marks.contains(mark) { add(mark) }
            self.marks += entry.marks
        } else if !Self.isSatisfied(entry, by: own.map(\.data)) {
            notes.append(.kept(entry, own: own.map(\.data)))
        }
    }

    private func obstacle(to entry: MailTemplate.Entry) -> TemplateObstacle? {
        let owner = entry.owner
        if let cut = view.cut(over: owner) { return .delegated(cut) }
        if let above = view.dname(above: owner) { return .delegated(above) }
        let types = names[owner] ?? [:]
        if let count = types[.cname], count > 0 {
            guard case .cname(let target)? = view[owner]?[.cname]?.data.first else {
                return .others
            }
            return .alias(target)
        }
        guard entry.type == .cname, types.contains(where: { $0.value > 0 }) else { return nil }
        return .others
    }

    private mutating func remove(_ record: ResourceRecord) {
        edits.append(.removeRecords(record.owner, record.type, record.data))
        names[record.owner]?[record.type, default: 0] -= 1
    }

    private mutating func add(_ mark: ManagedRecord) {
        // A set has one TTL (RFC 2181 §5.2); that of the records beside it stays.
        let ttl = view[mark.owner]?[mark.type]?.records.first?.record.ttl
        edits.append(
            .addRecord(
                ResourceRecord(
                    owner: mark.owner, type: mark.type, ttl: ttl ?? ZoneChange.defaultTTL,
                    data: mark.data)))
        names[mark.owner, default: [:]][mark.type, default: 0] += 1
    }

    /// Whether a person's own records do what the template is for.
    private static func isSatisfied(_ entry: MailTemplate.Entry, by own: [RecordData]) -> Bool {
        switch entry.purpose {
        case .exchangers:
            let wanted = Set(entry.data.compactMap(Self.exchange))
            return wanted.isSubset(of: own.compactMap(Self.exchange))
        case .senders:
            // RFC 7208 §5.4: the exchangers of the domain may send.
            return own.contains { data in
                guard let text = data.text, let record = try? SenderPolicy(parsing: text) else {
                    return false
                }
                return record.directives.contains {
                    $0.result == .pass && $0.mechanism == .mx(nil, .init())
                }
            }
        case .address:
            return Set(entry.data).isSubset(of: own)
        case .alignment:
            return own.count == 1
        default:
            return Set(own.map { ManagedRecord(owner: entry.owner, type: entry.type, data: $0) })
                == Set(entry.marks)
        }
    }

    private static func exchange(_ data: RecordData) -> Name? {
        if case .mx(let mx) = data { mx.exchange } else { nil }
    }
}
