// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// What is known about a host that a record names.
struct Host: Sendable {
    enum Knowledge: Sendable {
        /// The zone or an authority said what there is.
        case definite
        /// Nobody was asked, as there is no resolver or it was asked often enough.
        case notAsked
        case failed(Answer.Failure)
    }

    var knowledge: Knowledge
    /// The names that aliases led to.
    var aliases: [Name] = []
    var addresses: [IPAddress] = []
    /// For a family that could not be asked, the other alone says nothing.
    var knowsBothFamilies = true

    var isWithoutAddress: Bool {
        if case .definite = knowledge { addresses.isEmpty } else { false }
    }
}

extension Examination {
    /// As many questions as a zone's exchangers and SPF records need; a hostile zone asks more.
    static let maximumQuestions = 2000

    /// Whether the zone itself holds what is asked.
    func isAuthoritative(_ name: Name) -> Bool { view.isAuthoritative(name) }

    /// The addresses of a host: from the zone, else from the resolver if there is one.
    mutating func host(_ name: Name) async -> Host {
        if let known = hosts[name] { return known }
        let host = await lookUp(name)
        hosts[name] = host
        return host
    }

    private mutating func lookUp(_ name: Name) async -> Host {
        var host = Host(knowledge: .definite)
        for type in [RecordType.aaaa, .a] {
            let (look, aliases) = view.look(name, type)
            if !aliases.isEmpty { host.aliases = aliases }
            switch look {
            case .records(let records):
                host.addresses += records.compactMap(\.record.data.address)
            case .noData, .nameError: break
            case .circle: return host
            case .elsewhere(let other):
                return await ask(other, aliases: aliases, glue: view.addresses(at: other))
            }
        }
        return host
    }

    private mutating func ask(
        _ name: Name, aliases: [Name], glue: [PlacedRecord]
    ) async -> Host {
        var host = Host(knowledge: .definite, aliases: aliases)
        guard let resolver = examiner.resolver(for: name),
            questions + 2 <= Self.maximumQuestions
        else {
            host.addresses = glue.compactMap(\.record.data.address)
            if host.addresses.isEmpty { host.knowledge = .notAsked }
            return host
        }
        questions += 2
        for type in [RecordType.aaaa, .a] {
            let answer = await resolver.resolve(name, type)
            if !answer.aliases.isEmpty { host.aliases = aliases + answer.aliases }
            switch answer.outcome {
            case .records: host.addresses += answer.records.compactMap(\.data.address)
            case .noData, .nameError: break
            case .failure(let failure):
                host.knowsBothFamilies = false
                host.knowledge = .failed(failure)
            }
        }
        if !host.addresses.isEmpty { host.knowledge = .definite }
        return host
    }

    /// The texts of a name's TXT records, each as one string; nil if nobody knows.
    mutating func texts(of name: Name) async -> [[UInt8]]? {
        await records(of: name, .txt)?.compactMap(\.data.text)
    }

    /// The records at the end of a name's aliases, none for a definite absence, nil if unknown.
    mutating func records(of name: Name, _ type: RecordType) async -> [ResourceRecord]? {
        switch view.look(name, type).look {
        case .records(let records): return records.map(\.record)
        case .noData, .nameError, .circle: return []
        case .elsewhere(let other):
            guard let resolver = examiner.resolver(for: other),
                questions < Self.maximumQuestions
            else { return nil }
            questions += 1
            let answer = await resolver.resolve(other, type)
            switch answer.outcome {
            case .records: return answer.records
            case .noData, .nameError: return []
            case .failure: return nil
            }
        }
    }
}

extension RecordData {
    /// A TXT record's strings as one (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    var text: [UInt8]? {
        if case .txt(let strings) = self { Array(strings.joined()) } else { nil }
    }
}
