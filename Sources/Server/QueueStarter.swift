// SPDX-License-Identifier: Apache-2.0

import Delivery
import Directory
import Logging
import Mail
import Reception
import SMTP
import Spool
import World

/// Starts queues for clients that ask by ETRN (RFC 1985).
///
/// Apart from the server, whose offering holds it: a circle would keep the store's lock for ever.
struct QueueStarter: Sendable {
    let node: Node
    let deliverer: Deliverer
    let time: any Time
    let log: Logger

    /// RFC 1985 §5.1: the domains that this host holds mail for, and no others.
    func start(_ request: ServerSession.QueueRequest) async -> SMTPService.QueueStart {
        do {
            let relays = try await node.registry.relays().map(\.name).filter { name in
                name == request.domain
                    || request.includesSubdomains && name.name.hasSuffix("." + request.domain.name)
            }
            guard !relays.isEmpty else { return .notAllowed }
            var count = 0
            for relay in relays {
                count += try await node.spooler.hasten(.domain(relay), at: time.timestamp)
            }
            if count > 0 { deliverer.wake() }
            return .started(count)
        } catch {
            log.warning("ETRN for \(request.domain) could not be obeyed: \(error)")
            return .unable
        }
    }
}
