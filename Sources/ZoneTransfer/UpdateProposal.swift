// SPDX-License-Identifier: Apache-2.0

package import DNS

extension UpdateRequest {
    /// An update that changes a zone elsewhere, if the sets concerned are as they were seen.
    ///
    /// So nothing is overwritten that somebody else has written meanwhile, and an update that is
    /// sent twice happens once.
    package init(
        changing origin: Name, removing removed: [ResourceRecord],
        adding added: [ResourceRecord], before: [ResourceRecord], id: UInt16
    ) {
        var seen: Set<ResourceRecord> = []
        var prerequisites: [Prerequisite] = []
        for record in removed + added {
            let mark = ResourceRecord(
                owner: record.owner, type: record.type, ttl: 0, data: .unknown([]))
            guard seen.insert(mark).inserted else { continue }
            let data = before.filter { $0.owner == record.owner && $0.type == record.type }
                .map(\.data)
            prerequisites.append(
                data.isEmpty
                    ? .setMissing(record.owner, record.type)
                    : .setIs(record.owner, record.type, data))
        }
        self.init(
            header: Header(id: id), origin: origin, prerequisites: prerequisites,
            changes: removed.map { .remove($0.owner, $0.type, $0.data) } + added.map { .add($0) })
    }
}
