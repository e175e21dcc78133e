// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Mail
package import SMTP
package import Spool
import World

/// How a server delivers.
package struct DeliverySettings: Sendable {
    /// For EHLO and notifications; also one of the names that mean this server.
    package var hostName: Domain
    /// Further names by which this server is known in mail transactions (RFC 5321 §5.1).
    package var ownNames: Set<Name>
    /// The addresses on which this server is reached.
    package var ownAddresses: Set<IPAddress>
    /// Where other servers listen; another one only where no real mail flows.
    package var port: UInt16 = 25
    /// The addresses to come from; nil: the system chooses.
    package var sourceIPv4: IPv4Address?
    package var sourceIPv6: IPv6Address?
    /// At the start; `Deliverer.change` replaces it.
    package var schedule = RetrySchedule.standard
    package var queue = QueueLimits()
    package var timeouts = ClientSession.Timeouts()
    /// For a connection to be made: whoever has not answered by then is overloaded or away.
    package var connectTimeout = Duration.seconds(30)
    /// Domains whose own address is tried last when all exchangers refuse the connection.
    package var addressFallback: Set<Domain> = []
    /// Of notifications to senders whose message does not name one.
    package var language = Language.english
    /// Whether the postmaster is told of messages that failed and have no sender to be told, as
    /// notifications themselves have none.
    package var tellsPostmaster = false
    /// Whether mail that an alias sends on to another host gets a reverse-path of ours (SRS).
    package var rewritesSenders = true
    /// How often the spool is asked for what other nodes or operators have made due.
    package var pollInterval = Duration.seconds(30)

    package init(
        hostName: Domain, ownNames: Set<Name> = [], ownAddresses: Set<IPAddress> = []
    ) {
        self.hostName = hostName
        self.ownNames = ownNames
        if let name = try? Name(hostName.name) { self.ownNames.insert(name) }
        self.ownAddresses = ownAddresses
    }

    /// Makes every pause between attempts shorter by a factor, so that a trial need not wait hours.
    ///
    /// Time limits within a connection stay.
    package mutating func shortenPauses(by factor: Int) {
        precondition(factor > 0, "pauses are divided by 1 or more")
        schedule.shortenPauses(by: factor)
        queue.firstPause /= factor
        queue.longestPause /= factor
        pollInterval /= factor
    }

    func source(towards address: IPAddress) -> IPAddress? {
        address.isIPv4 ? sourceIPv4.map { .v4($0) } : sourceIPv6.map { .v6($0) }
    }
}
