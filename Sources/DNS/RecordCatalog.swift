// SPDX-License-Identifier: Apache-2.0

/// Records by their owner, and the names that exist because others stand below them.
struct RecordCatalog: Sendable {
    private var records: [Name: [ResourceRecord]] = [:]
    /// Empty non-terminals too (RFC 8020).
    private var existing: Set<Name> = []

    /// As many aliases in a row as anyone follows; more are a circle or a mistake.
    static let maximumAliases = 16

    mutating func add(_ record: ResourceRecord) {
        records[record.owner, default: []].append(record)
        add(record.owner)
    }

    mutating func add(_ name: Name) {
        var name: Name? = name
        while let current = name, existing.insert(current).inserted { name = current.parent }
    }

    func exists(_ name: Name) -> Bool { existing.contains(name) }

    func records(of name: Name) -> [ResourceRecord] { records[name] ?? [] }

    func records(of name: Name, _ type: RecordType) -> [ResourceRecord] {
        records(of: name).filter { $0.type == type || type == .any }
    }

    /// The wildcard that speaks for a name that does not exist (RFC 4592 §3.3.1): that of the
    /// closest name above it that exists.
    func wildcard(for name: Name) -> Name? {
        var encloser = name.parent
        while let current = encloser, !exists(current) { encloser = current.parent }
        guard let encloser, let wildcard = Name(labels: [[0x2A]] + encloser.labels.map(Array.init))
        else { return nil }
        return exists(wildcard) ? wildcard : nil
    }

    /// Follows aliases to the records asked, or to their absence.
    func resolve(
        _ name: Name, _ type: RecordType, hasWildcards: Bool = false,
        isSecure: (Name) -> Bool = { _ in false },
        failure: (Name) -> Answer.Failure? = { _ in nil }
    ) -> Answer {
        var current = name
        var answer = Answer(.noData, isSecure: true, ttl: .max)
        while true {
            answer.isSecure = answer.isSecure && isSecure(current)
            if let failure = failure(current) {
                return Answer(.failure(failure), aliases: answer.aliases)
            }
            guard
                let source = exists(current) ? current : hasWildcards ? wildcard(for: current) : nil
            else { return absent(&answer, .nameError, at: current) }
            let found = records(of: source, type)
            if !found.isEmpty {
                answer.outcome = .records
                answer.records = found.map { record in
                    var record = record
                    record.owner = current
                    return record
                }
                answer.ttl = found.map(\.ttl).reduce(answer.ttl, min)
                return answer
            }
            guard let alias = records(of: source).first(where: { $0.type == .cname }),
                case .cname(let target) = alias.data
            else { return absent(&answer, .noData, at: current) }
            answer.ttl = min(answer.ttl, alias.ttl)
            answer.aliases.append(target)
            guard answer.aliases.count <= Self.maximumAliases else {
                return Answer(
                    .failure(.malformed("the aliases of \(name) never end")),
                    aliases: answer.aliases)
            }
            current = target
        }
    }

    /// Absence is remembered for as long as the SOA above says (RFC 2308 §5).
    private func absent(
        _ answer: inout Answer, _ outcome: Answer.Outcome, at name: Name
    ) -> Answer {
        answer.outcome = outcome
        var above: Name? = name
        while let current = above {
            if let record = records(of: current).first(where: { $0.type == .soa }),
                case .soa(let soa) = record.data
            {
                answer.ttl = min(answer.ttl, record.ttl, soa.minimum)
                return answer
            }
            above = current.parent
        }
        answer.ttl = min(answer.ttl, 300)
        return answer
    }
}
