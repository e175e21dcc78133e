// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Mail

/// One test on the way to a decision, in the order made.
package enum Step: Hashable, Sendable {
    case literal(AddressLiteral)
    case local(Domain)
    case relay(Domain)
    /// The operator has set the host that takes it.
    case relayHost(Destination, RelayHost)
    /// The domain is an alias: the name it leads to is treated as if it were the domain.
    case alias(Domain, Name)
    /// What the question for MX records gave.
    case exchangers(Domain, [MX])
    case noExchangers(Domain)
    case noSuchName(Domain)
    case lookUpFailed(Domain, Answer.Failure)
    case nullMX(Domain)
    /// No MX: the domain counts as its own exchanger (RFC 5321 §5.1).
    case implicitMX(Name)
    case ignored(Name, Finding.Fault)
    case addresses(Name, [IPAddress])
    case noAddress(Name)
    case addressesUnknown(Name, Answer.Failure)
    /// This server is itself an exchanger at a preference: dropped from there on.
    case loop(Name, preference: Int, dropped: [Name])
    case shuffled(preference: Int, [Name])
    case moved([Name])
    case limited(hosts: Int, addresses: Int)
    case fallback(Domain, [IPAddress])
    /// The order of trying.
    case order([Route.Exchange])

    /// The stable name of the rule.
    package var rule: String {
        switch self {
        case .literal: "address-literal"
        case .local: "local"
        case .relay: "relay"
        case .relayHost: "relay-host"
        case .alias: "alias"
        case .exchangers, .noExchangers, .noSuchName, .lookUpFailed: "mx"
        case .nullMX: "null-mx"
        case .implicitMX: "implicit-mx"
        case .ignored: "ignored"
        case .addresses, .noAddress, .addressesUnknown: "addresses"
        case .loop: "loop"
        case .shuffled: "equal-preference"
        case .moved: "health"
        case .limited: "limit"
        case .fallback: "address-fallback"
        case .order: "order"
        }
    }
}
