// SPDX-License-Identifier: Apache-2.0

package import DNS
package import World

/// A zone as people keep it, apart from what is made of it for answering.
package struct StoredZone: Sendable {
    /// Where its contents come from.
    package enum Kind: String, Sendable {
        /// It is edited here.
        case primary
        /// It is copied from another server (RFC 1034 §4.3.5); its text is empty.
        case secondary
    }

    package let origin: Name
    package let kind: Kind
    /// Counts each change of the zone or of its options; 1 is the first.
    package let version: Int64
    /// A master file (RFC 1035 §5), as it was written and edited.
    package let text: [UInt8]
    /// What is set for this zone, by name.
    package let options: [String: String]
    /// The records that we put there, without their TTLs: `ResourceRecord.mark`.
    package let managed: Set<ResourceRecord>

    /// The records in the order of the text.
    package func records() throws(ZoneFailure) -> [ResourceRecord] {
        let file = MasterFile.parse(text, origin: origin)
        guard file.faults.isEmpty else { throw .unreadable(origin, file.faults) }
        return file.records
    }
}

extension ResourceRecord {
    /// The record without its TTL: by this it is told whether we put it there, so that another TTL
    /// does not make it somebody else's.
    package var mark: ResourceRecord {
        var mark = self
        mark.ttl = 0
        return mark
    }
}

/// One line of the list of zones.
package struct ZoneSummary: Hashable, Sendable {
    package let origin: Name
    package let kind: StoredZone.Kind
    package let version: Int64
    /// When it was last changed; nil if that is not known any more.
    package let changed: Timestamp?
    /// Of the text.
    package let octets: Int
    /// The serial that is answered; nil before the first time.
    package let serial: UInt32?
}

/// One change of a zone.
package struct ZoneVersion: Hashable, Sendable {
    package let number: Int64
    package let time: Timestamp
    package let author: String
    /// One line for people.
    package let summary: String
}
