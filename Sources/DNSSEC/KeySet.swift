// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What keys do for a zone at one moment.
package struct KeySet: Sendable {
    /// The TTL of the records here, in seconds.
    package var ttl: UInt32
    /// The DNSKEY records.
    package var published: [DNSKEY] = []
    /// The key that the zone above is to trust (RFC 7344); empty: nothing is said.
    package var announced: [DNSKEY] = []
    /// RFC 8078 §4: the zone above is to trust none.
    package var announcesNone = false
    /// They sign the sets DNSKEY, CDS and CDNSKEY.
    package var keySigners: [any ZoneSigningKey] = []
    /// They sign everything else.
    package var dataSigners: [any ZoneSigningKey] = []

    package init(ttl: UInt32) { self.ttl = ttl }

    /// CDS and CDNSKEY, for the zone above (RFC 7344 §3, RFC 8078 §4).
    package func announcements(
        at origin: Name, _ cryptography: some ZoneSigningCryptography
    ) -> [ResourceRecord] {
        func record(_ type: RecordType, _ data: RecordData) -> ResourceRecord {
            ResourceRecord(owner: origin, type: type, ttl: ttl, data: data)
        }
        if announcesNone {
            return [
                record(.cds, DS(tag: 0, algorithm: 0, digestType: 0, digest: [0]).data),
                record(.cdnskey, .unknown([0, 0, 3, 0, 0])),
            ]
        }
        return announced.flatMap { key in
            [
                record(.cds, cryptography.delegationSigner(of: key, at: origin).data),
                record(.cdnskey, key.data),
            ]
        }
    }
}
