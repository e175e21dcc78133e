// SPDX-License-Identifier: Apache-2.0

/// Which keys a zone has and how long they serve; all times in seconds.
package struct KeyPolicy: Hashable, Sendable {
    package var algorithm = SigningAlgorithm.ecdsaP256
    /// One key for all instead of two.
    package var isCombined = false
    /// A key that signs data is replaced after this; nil: never by itself.
    package var zoneKeyLifetime: Int64? = 90 * 86400
    /// The same of one that the zone above names.
    ///
    /// A roll waits for the zone above for as long as that takes.
    package var entryKeyLifetime: Int64? = 365 * 86400
    /// Of the records DNSKEY, CDS, CDNSKEY.
    package var keyTTL: UInt32 = 3600
    /// Until all our name servers have a change, at the latest.
    package var propagation: Int64 = 3600
    /// The same for those of the zone above, which may take changes once a day.
    package var parentPropagation: Int64 = 86400
    /// The TTL of DS records above, if a larger one was not seen.
    package var parentTTL: Int64 = 86400

    package init() {}

    var roles: [ZoneKey.Role] { isCombined ? [.combined] : [.keySigning, .zoneSigning] }
}
