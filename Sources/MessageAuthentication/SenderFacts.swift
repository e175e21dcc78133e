// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DMARC
package import DNS
package import Mail
package import SPF

/// What is known of whoever sends before the message comes: who connected, what it called itself,
/// for whom it says it sends, and what the DNS says to that.
package struct SenderFacts: Sendable {
    /// Who connected.
    package let client: IPAddress
    /// What it called itself.
    package let hello: String
    package let reversePath: ReversePath
    /// Whether the client may send for the reverse-path's domain or, if that is null, under the name
    /// it has given itself (RFC 7208 §2.4).
    package var mailFrom: HostCheck.Verdict
    /// Whether it may use that name (§2.3); nil if `mailFrom` says so already.
    package var helloCheck: HostCheck.Verdict?
    /// Whether the name of its address leads back to it.
    package var reverseName: ReverseNameCheck.Verdict

    /// What SPF was asked about; empty for a client without a name.
    package var mailFromDomain: String {
        reversePath.address.map { "\($0.destination)" } ?? hello
    }

    /// `mailFromDomain`, if it is a name.
    package var domain: Name? { Name(mailDomain: mailFromDomain) }
}
