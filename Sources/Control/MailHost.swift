// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import ZoneCheck

/// This host, as the zones of the domains it hosts speak of it.
package struct MailHost: Sendable {
    package var name: Name
    /// Those at which others reach it.
    package var addresses: [IPAddress]
    /// What mail programs find here, with the port.
    package var services: [(service: MailFacts.Service, port: UInt16)]

    /// Whether it answers for MTA-STS policies (RFC 8461 §3.3) and tells programs how they are set
    /// up.
    package var hasWebServer: Bool

    package init(
        name: Name, addresses: [IPAddress],
        services: [(service: MailFacts.Service, port: UInt16)], hasWebServer: Bool = false
    ) {
        self.hasWebServer = hasWebServer
        self.name = name
        self.addresses = addresses
        self.services = services
    }
}
