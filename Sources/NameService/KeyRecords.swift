// SPDX-License-Identifier: Apache-2.0

import DNS
package import KeyLife
import Mail
package import ZoneCheck
import ZoneStore

/// What of a zone are the records of one domain's DKIM keys, and what they should be.
struct KeyRecords: Sendable {
    private let place: Name
    private let facts: MailFacts

    /// Nil for a domain whose name leaves no room for keys.
    init?(_ keys: DomainKeys) {
        guard let domain = try? Name(keys.domain.name),
            let place = domain.prepending("_domainkey".utf8)
        else { return nil }
        self.place = place
        var facts = MailFacts(domain: domain, exchangers: [])
        facts.signingKeys = keys.published
        facts.concernsKeysOnly = true
        self.facts = facts
    }

    /// Whether a record is where these keys are.
    func covers(_ record: ResourceRecord) -> Bool {
        record.type == .txt && record.owner != place && record.owner.isEqualOrBelow(place)
    }

    /// What is to be changed, and the marks from then on; those of others stay.
    ///
    /// What people wrote themselves is left alone; what they took away comes back if `restoring`.
    func plan(
        _ marks: Set<ResourceRecord>, in records: [ResourceRecord], origin: Name, restoring: Bool
    ) -> (edits: [ZoneEdit], marks: Set<ResourceRecord>) {
        let own = marks.filter(covers)
        let template = TemplatePlan(
            for: [facts], hosts: [], records: records, origin: origin,
            marks: MasterFile.canonicalOrder(of: own).map { ManagedRecord($0) },
            restoring: restoring)
        let marked = template.marks.map {
            ResourceRecord(owner: $0.owner, type: $0.type, ttl: 0, data: $0.data)
        }
        return (template.edits, marks.subtracting(own).union(marked))
    }

    /// The names that the zone should have records at.
    func owners(in origin: Name) -> [Name] {
        plan([], in: [], origin: origin, restoring: false).marks.map(\.owner).sorted {
            $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey)
        }
    }
}

extension DomainKeys {
    /// As a zone's template has them.
    package var published: [MailFacts.SigningKey] {
        keys.map { MailFacts.SigningKey(selector: $0.selector, text: $0.record) }
    }
}
