// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Mail

/// Something about a domain's zone, or about this server's place in it, that someone should know.
package enum Finding: Hashable, Sendable {
    /// How bad it is.
    package enum Severity: String, Hashable, Sendable {
        /// Breaks a rule of the standards, or makes an exchanger useless.
        case error
        /// Works today, and may surprise.
        case warning
        case information = "info"
    }

    /// Why an exchanger is passed over.
    package enum Fault: Hashable, Sendable {
        /// `.` among other MX records (RFC 7505 §3).
        case nullMX
        /// `.` alone, but with a preference other than 0.
        case nullMXPreference(UInt16)
        /// An MX names a host, never an address (RFC 5321 §5.1).
        case writtenAsAddress
    }

    case ignored(Name, Fault)
    /// RFC 2181 §10.3 and RFC 5321 §5.1 forbid it.
    case exchangeIsAlias(Name, to: Name)
    case exchangeWithoutAddress(Name)
    /// The domain stands twice at the end: the final dot was forgotten in the zone.
    case originTwice(Name, Domain)
    case exchangeUnknown(Name, Answer.Failure)
    /// One family was answered, the other not.
    case familyUnknown(Name, RecordType, Answer.Failure)
    case unusableAddress(Name, IPAddress)
    case privateAddress(Name, IPAddress)
    case notAHostName(Name)
    case duplicateExchange(Name)
    case sharedAddress(IPAddress, [Name])
    case onlyIPv4
    case onlyIPv6
    case domainIsAlias(Domain, Name)
    case writtenWithoutBrackets(Domain)
    case tooManyExchangers(Int)
    case down(Name)
    case ownExchange(Name, preference: Int)
    /// This server would hold mail for a domain that does not name it.
    case relayNotListed(Domain)
    /// This server is the best exchanger of a domain that it only holds mail for.
    case relayIsBest(Domain)
    case notResponsible(Domain)
    case addressFallback(Domain)

    /// The stable name.
    package var code: String {
        switch self {
        case .ignored(_, .nullMX): "null-mx-among-others"
        case .ignored(_, .nullMXPreference): "null-mx-preference"
        case .ignored(_, .writtenAsAddress): "exchange-is-address"
        case .exchangeIsAlias: "exchange-is-alias"
        case .exchangeWithoutAddress: "exchange-without-address"
        case .originTwice: "origin-twice"
        case .exchangeUnknown: "exchange-unknown"
        case .familyUnknown: "family-unknown"
        case .unusableAddress: "unusable-address"
        case .privateAddress: "private-address"
        case .notAHostName: "not-a-host-name"
        case .duplicateExchange: "duplicate-exchange"
        case .sharedAddress: "shared-address"
        case .onlyIPv4: "only-ipv4"
        case .onlyIPv6: "only-ipv6"
        case .domainIsAlias: "domain-is-alias"
        case .writtenWithoutBrackets: "address-without-brackets"
        case .tooManyExchangers: "too-many-exchangers"
        case .down: "host-down"
        case .ownExchange: "own-exchange"
        case .relayNotListed: "relay-not-listed"
        case .relayIsBest: "relay-is-best"
        case .notResponsible: "not-responsible"
        case .addressFallback: "address-fallback"
        }
    }

    package var severity: Severity {
        switch self {
        case .ignored, .exchangeIsAlias, .exchangeWithoutAddress, .originTwice, .unusableAddress,
            .relayIsBest:
            .error
        case .exchangeUnknown, .familyUnknown, .privateAddress, .notAHostName, .duplicateExchange,
            .sharedAddress, .onlyIPv6, .writtenWithoutBrackets, .tooManyExchangers, .down,
            .relayNotListed, .notResponsible, .addressFallback:
            .warning
        case .onlyIPv4, .domainIsAlias, .ownExchange: .information
        }
    }
}
