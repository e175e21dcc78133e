// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Routing
package import World

/// What a look at one address of an exchanger has found.
package struct HostReport: Sendable {
    package var preference: Int
    package var exchange: Route.Exchange
    package var address: IPAddress
    /// Why no word was heard, or not to the end; nil if all went well.
    package var failure: Failure?
    /// The first line of the greeting, without its code.
    package var banner: String?
    package var keywords: [String] = []
    package var offersTLS = false
    /// Of the handshake; nil without one.
    package var tls: TLSFacts?
    /// What a sender that checks certificates says to this one.
    package var certificate = CertificateVerdict.none
    package var dane = DANEVerdict.none
    /// From the first packet to the last reply.
    package var duration = Duration.zero

    /// Why a host is of no use.
    package enum Failure: Hashable, Sendable {
        case connection(NetworkFailure)
        /// Nothing was said in time.
        case silence
        /// 4yz or 5yz instead of a greeting, to EHLO, or to STARTTLS.
        case refused(String)
        case notSMTP(String)
        case cutShort
    }

    /// RFC 8461 §4.1 and RFC 9525: for the host's name, valid now, and issued by whom we trust.
    package enum CertificateVerdict: Hashable, Sendable {
        /// None was shown.
        case none
        case trusted
        /// With the TLS library's reason.
        case untrusted(String)
        /// Not even without checks did a handshake succeed.
        case handshakeFailed(String)
    }

    /// RFC 7672 §2.2: whether TLSA records fit the certificate.
    package enum DANEVerdict: Hashable, Sendable {
        /// There are none.
        case none
        /// There are, but DNSSEC does not vouch for them: senders pass over them.
        case notSecure
        /// They are not known now, or name an issuer (DANE-TA), or there was no handshake.
        case unknown
        /// Senders that check DANE deliver.
        case matches
        /// Senders that check DANE do not deliver.
        case differs
        /// None of them is of a kind that counts (RFC 7672 §3.1): TLS, and nothing more.
        case unusable
    }

    package init(preference: Int, exchange: Route.Exchange, address: IPAddress) {
        self.preference = preference
        self.exchange = exchange
        self.address = address
    }

    /// `mx1.example.org [192.0.2.1]`.
    package var name: String {
        exchange.name == nil ? exchange.description : "\(exchange) [\(address)]"
    }
}
