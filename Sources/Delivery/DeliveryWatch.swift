// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail
package import Spool

/// Who is told what happens in delivery; nobody, unless said otherwise.
package struct DeliveryWatch: Sendable {
    /// A session with an exchanger of the open net has begun, or could not be protected.
    package var session: @Sendable (SessionFact) -> Void = { _ in }
    /// A message goes into a mailbox here: the message, and to whom it was sent.
    package var arrival: @Sendable (SpooledMessage, Address) -> Void = { _, _ in }

    package init() {}
}

/// A session with an exchanger that an MX record names, as a report on TLS wants it (RFC 8460).
package struct SessionFact: Hashable, Sendable {
    /// What came of TLS.
    package enum Outcome: Hashable, Sendable {
        case protected
        /// The host does not offer STARTTLS.
        case notOffered
        /// It was tried and failed, with the words for it.
        case failed(String)
    }

    /// Whose mail it was for.
    package var domain: Domain
    /// The exchanger, as its record names it.
    package var host: String
    package var address: IPAddress?
    /// The address from which it was tried, if others can see it.
    package var source: IPAddress?
    package var outcome: Outcome
}
