// SPDX-License-Identifier: Apache-2.0

package import DKIM

/// How the keys of domains live; times in seconds.
package struct KeyRules: Hashable, Sendable {
    /// What every domain is to have: receivers that do not know Ed25519 take RSA (RFC 8463 §3).
    package var kinds: [KeyKind] = [.rsa, .ed25519]
    /// After so long a key gets a successor; nil: only when somebody asks for it.
    package var lifetime: Int64? = 180 * 86400
    /// So long a new record must have been seen before anything relies on it: other servers of the
    /// zone, which may have been asked or not, get it in that time.
    package var confirmation: Int64 = 600
    /// So long after its last signature a key is kept: what was signed with it is delivered or
    /// given up in that time (RFC 5321 §4.5.4.1).
    package var kept: Int64 = 7 * 86400
    /// So long the empty record of a revoked key stays.
    package var remembered: Int64 = 30 * 86400

    package init() {}

    /// A record that is awaited is looked for so often at first, and later.
    static let eagerLook: Int64 = 60
    static let patientLook: Int64 = 900
    /// Somebody who puts a record into a zone by hand does so in this time, or some day.
    static let eagerTime: Int64 = 3600
    /// A record that was right is looked at so often.
    static let usualLook: Int64 = 6 * 3600
    /// After this time without an answer something is wrong with the zone.
    package static let blindness: Int64 = 3 * 86400
}
