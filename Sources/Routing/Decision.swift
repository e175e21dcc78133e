// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail

/// Where mail for a destination goes, and how that was found out.
///
/// The same value steers a delivery and is printed by `mx explain`.
package struct Decision: Sendable {
    package var destination: Destination
    package var verdict: Verdict
    /// Whether the domain has no MX record, so that its own address counted as one.
    package var isImplicit: Bool
    package var steps: [Step]
    package var findings: [Finding]

    /// Nothing can be decided while the store does not answer.
    package static func directoryUnknown(for destination: Destination) -> Decision {
        Decision(
            destination: destination, verdict: .transient(.directoryUnknown), isImplicit: false,
            steps: [], findings: [])
    }

    /// What was decided.
    package enum Verdict: Hashable, Sendable {
        case route(Route)
        /// The mailbox is here.
        case local
        case permanent(Reason)
        case transient(Reason)
    }

    package var route: Route? { if case .route(let route) = verdict { route } else { nil } }

    /// Why mail cannot go now or ever; nil for a route and for a local domain.
    package var reason: Reason? {
        switch verdict {
        case .permanent(let reason), .transient(let reason): reason
        case .route, .local: nil
        }
    }

    /// The reason as the end of an attempt; nil for a route and for a local domain.
    package var outcome: Mail.Outcome? {
        switch verdict {
        case .permanent(let reason): .permanent(.init(reason.status, reason.text(.english)))
        case .transient(let reason):
            .transient(
                .init(
                    EnhancedStatus(4, reason.status.subject, reason.status.detail),
                    reason.text(.english)))
        case .route, .local: nil
        }
    }
}

/// Why there is no way, or none now: a status of RFC 3463 and a sentence.
package enum Reason: Hashable, Sendable {
    /// NXDOMAIN, or a name that no DNS can hold.
    case noSuchDomain(Domain)
    /// Neither MX nor address.
    case noMailHost(Domain)
    /// An address literal of a kind that nobody has defined (RFC 5321 §4.1.3).
    case unknownLiteral(AddressLiteral)
    /// RFC 7505.
    case nullMX(Domain)
    /// Every exchanger certainly has no address.
    case noAddress(Domain)
    /// All that is left is this server itself.
    case loop(Destination)
    case lookUpFailed(Domain, Answer.Failure)
    /// No exchanger has an address that is known now, but one may have later.
    case addressesUnknown(Domain)
    /// The host that the operator has set has no address: his mistake is no reason to give up.
    case relayHostUnknown(RelayHost)
    /// The store does not say whether an operator has set a way.
    case directoryUnknown
    /// An operator wants no mail to go to any of the hosts for the time being.
    case hostsSuspended([String])

    package var status: EnhancedStatus {
        switch self {
        case .noSuchDomain, .noMailHost, .unknownLiteral: EnhancedStatus(5, 1, 2)
        case .nullMX: EnhancedStatus(5, 1, 10)  // RFC 7505 §4.1
        case .noAddress: EnhancedStatus(5, 4, 4)
        case .loop: EnhancedStatus(5, 4, 6)
        case .lookUpFailed: EnhancedStatus(4, 4, 3)
        case .addressesUnknown, .relayHostUnknown: EnhancedStatus(4, 4, 4)
        case .directoryUnknown: EnhancedStatus(4, 3, 0)
        case .hostsSuspended: EnhancedStatus(4, 3, 2)
        }
    }

    /// The basic code with which a server refuses such a recipient.
    package var replyCode: Int {
        switch self {
        case .nullMX: 556  // RFC 7505 §4.1
        case .lookUpFailed, .addressesUnknown, .relayHostUnknown, .directoryUnknown,
            .hostsSuspended:
            451
        case .noSuchDomain, .noMailHost, .unknownLiteral, .noAddress, .loop: 550
        }
    }
}
