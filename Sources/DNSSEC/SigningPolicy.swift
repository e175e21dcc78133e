// SPDX-License-Identifier: Apache-2.0

/// How long signatures hold, and when they are made anew (RFC 6781 §4.4.2); all in seconds.
package struct SigningPolicy: Hashable, Sendable {
    /// From now until they expire, at most.
    package var validity: Int64 = 14 * 86400
    /// So much less for some, so that not all are due at once.
    package var spread: Int64 = 3 * 86400
    /// With less than this left, a signature is made anew.
    package var refresh: Int64 = 7 * 86400
    /// What is due so soon is made anew along with the rest: fewer versions of the zone.
    package var gathered: Int64 = 6 * 3600
    /// Clocks of validators go wrong too.
    package var backdated: Int64 = 3600
    /// A signature with less than this left is an alarm: something keeps it from being made anew.
    package static let alarm: Int64 = 3 * 86400

    package init() {}
}

/// How a zone proves what it does not have.
package enum DenialOfExistence: String, Hashable, Sendable {
    case nsec
    /// Without further iterations and salt (RFC 9276 §3.1).
    case nsec3
}
