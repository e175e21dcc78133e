// SPDX-License-Identifier: Apache-2.0

package import World

/// A day in UTC about which one domain gets one report.
package struct Period: Hashable, Sendable {
    /// What a report is about.
    package enum Kind: String, Hashable, Sendable {
        /// Messages, by DMARC (RFC 9990).
        case aggregate = "dmarc"
        /// Sessions, by TLSRPT (RFC 8460).
        case transport = "tls"
        /// Single messages (RFC 5965, RFC 6591); these are only received.
        case feedback
    }

    package var kind: Kind
    package var domain: String
    /// Counted from 1970.
    package var day: Int64

    package init(kind: Kind, domain: String, day: Int64) {
        self.kind = kind
        self.domain = domain
        self.day = day
    }

    package var begin: Timestamp { Timestamp(seconds: day * 86_400) }
    /// Its last second (RFC 9990 appendix B, RFC 8460 §4.4).
    package var end: Timestamp { Timestamp(seconds: day * 86_400 + 86_399) }
}
