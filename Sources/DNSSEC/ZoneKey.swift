// SPDX-License-Identifier: Apache-2.0

package import DNS
package import World

/// A key of a zone and how far its life has gone (RFC 6781 §4.1, RFC 7583 §2).
package struct ZoneKey: Hashable, Sendable {
    /// What a key signs.
    package enum Role: String, Hashable, Sendable, CaseIterable {
        /// Signs the keys; the zone above names it (KSK).
        case keySigning = "ksk"
        /// Signs the data (ZSK).
        case zoneSigning = "zsk"
        /// Does both (CSK).
        case combined = "csk"

        package var signsKeys: Bool { self != .zoneSigning }
        package var signsData: Bool { self != .keySigning }
    }

    /// What a key is waiting for, or does.
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// In the zone; not every resolver has seen it yet.
        case published
        /// Every resolver knows it: the zone above may name it.
        case ready
        /// In use: named by the zone above, or signing data.
        case active
        /// Its successor is in use; resolvers may still need it.
        case retired
    }

    /// Its own among the keys of the zone, never used again.
    package var number: Int
    package var role: Role
    package var algorithm: SigningAlgorithm
    package var publicKey: [UInt8]
    package var state = State.published
    /// When the state began.
    package var since: Timestamp
    /// When it came into the zone.
    package var published: Timestamp
    /// When the state ends by itself; nil if something else ends it.
    package var due: Timestamp?
    /// It signs the zone's data now.
    package var isSigning = false
    /// Until then signatures of its own may be remembered, when it does not sign any more.
    package var signaturesEnd: Timestamp?

    package init(
        number: Int, role: Role, algorithm: SigningAlgorithm, publicKey: [UInt8],
        published: Timestamp
    ) {
        self.number = number
        self.role = role
        self.algorithm = algorithm
        self.publicKey = publicKey
        self.published = published
        since = published
    }

    package var record: DNSKEY {
        DNSKEY(isEntry: role.signsKeys, algorithm: algorithm.rawValue, key: publicKey)
    }
    package var tag: UInt16 { record.tag }
}
