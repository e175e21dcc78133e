// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// A domain whose mail comes to hosts of ours, as its zone should say it.
package struct MailFacts: Hashable, Sendable {
    /// A host that takes the domain's mail.
    package struct Exchanger: Hashable, Sendable {
        package var host: Name
        package var preference: UInt16

        package init(host: Name, preference: UInt16) {
            self.host = host
            self.preference = preference
        }
    }

    /// What mail programs look for (RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8), the best first.
    package enum Service: String, Hashable, Sendable, CaseIterable {
        case submissions, submission, imaps, imap, pop3s, pop3, sieve
    }

    /// A service that really answers.
    package struct Offer: Hashable, Sendable {
        package var service: Service
        package var host: Name
        package var port: UInt16

        package init(_ service: Service, host: Name, port: UInt16) {
            self.service = service
            self.host = host
            self.port = port
        }
    }

    /// A key that signs for the domain, as it is published (RFC 6376 §3.6.1).
    package struct SigningKey: Hashable, Sendable {
        /// One label or more, without `_domainkey`.
        package var selector: String
        /// `v=DKIM1; …`.
        package var text: String

        package init(selector: String, text: String) {
            self.selector = selector
            self.text = text
        }
    }

    /// An MTA-STS policy that is served (RFC 8461 §3).
    package struct TransportPolicy: Hashable, Sendable {
        /// Another one with each change of the policy: 1 to 32 letters and digits.
        package var identifier: String
        /// The host whose web server has it; nil: who serves it is told elsewhere.
        package var host: Name?

        package init(identifier: String, host: Name?) {
            self.identifier = identifier
            self.host = host
        }
    }

    /// What receivers are to do with mail that proves nothing (RFC 9989 §4.7).
    package enum Disposition: String, Hashable, Sendable, CaseIterable {
        case none, quarantine, reject
    }

    package let domain: Name
    package var exchangers: [Exchanger]
    package var offers: [Offer] = []
    package var signingKeys: [SigningKey] = []
    /// Only the keys are to be looked after, whoever looks after the rest.
    package var concernsKeysOnly = false
    package var disposition = Disposition.none
    /// Whom receivers tell about the domain's mail and its transport; nil: nobody.
    package var reportsTo: String?
    package var transportPolicy: TransportPolicy?
    /// The host whose web server tells mail programs how to set themselves up; nil: none does.
    package var autoconfigurationHost: Name?
    /// RFC 5321 §4.5.1, RFC 2142 §5: somebody must read it.
    package var hasPostmaster = true

    package init(domain: Name, exchangers: [Exchanger]) {
        self.domain = domain
        self.exchangers = exchangers
    }
}

/// A host of ours and what is known of it.
package struct HostFacts: Hashable, Sendable {
    package var name: Name
    /// Those at which others reach it.
    package var addresses: [IPAddress]
    /// What DANE says of its port 25 (RFC 7672), for a zone that is signed.
    package var associations: [TLSA]

    package init(_ name: Name, addresses: [IPAddress], associations: [TLSA] = []) {
        self.name = name
        self.addresses = addresses
        self.associations = associations
    }
}
