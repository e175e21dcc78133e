// SPDX-License-Identifier: Apache-2.0

package import Mail

/// A domain whose mail we take and hand on to its primary exchanger.
package struct RelayDomain: Hashable, Sendable {
    package let name: Domain
    /// Dangerous: every local part is taken.
    ///
    /// Mail to nobody must then be bounced later, often to a forged sender. Known recipients are
    /// checked at once instead.
    package var acceptsAllRecipients: Bool
    /// Where to hand it on, a host name or address with an optional port; nil: by MX.
    package var host: String?
    /// How long mail is held while the primary is down, in seconds; nil: as for other mail.
    package var lifetimeSeconds: Int64?

    /// Less than an hour would bounce at the first restart of the primary.
    package static let minimumLifetimeSeconds: Int64 = 3600
    /// A domain name or a bracketed IPv6 address, a colon and a port.
    package static let maximumHostOctets = 261

    package init(
        _ name: Domain, acceptsAllRecipients: Bool = false, host: String? = nil,
        lifetimeSeconds: Int64? = nil
    ) {
        self.name = name
        self.acceptsAllRecipients = acceptsAllRecipients
        self.host = host
        self.lifetimeSeconds = lifetimeSeconds
    }
}

/// Who is responsible for a domain.
package enum Responsibility: Hashable, Sendable {
    case local(LocalDomain)
    case relay(RelayDomain)
    /// Somebody else: found by MX.
    case elsewhere
}
