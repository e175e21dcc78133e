// SPDX-License-Identifier: Apache-2.0

import Directory
import Mail
import Routing
import Spool

// Mail that goes on because an address here is an alias.
extension Deliverer {
    /// The reverse-path with which a job goes to other exchangers, if not with its sender's own.
    ///
    /// SPF of the sender's domain does not know us; that of the alias's domain does. The spool
    /// keeps the sender: what we have to tell him ourselves goes to him.
    func returnPath(of job: Job, by route: Route) async -> Address? {
        guard settings.rewritesSenders, let alias = job.alias,
            let sender = job.message.reversePath.address,
            // A mail store behind us checks no SPF, and shows the path as Return-Path.
            !route.hosts.contains(where: { $0.dialect == .lmtp })
        else { return nil }
        return await registry.forwardingPath(of: sender, from: alias)
    }
}
