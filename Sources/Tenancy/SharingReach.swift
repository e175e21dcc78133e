// SPDX-License-Identifier: Apache-2.0

package import Mail
import Synchronization

/// Which domains share with each other at the moment: the settings may change while sessions last.
package final class SharingReach: Sendable {
    private let state: Mutex<SharingDomains>

    package init(_ domains: SharingDomains = SharingDomains()) { state = Mutex(domains) }

    package var domains: SharingDomains { state.withLock { $0 } }

    /// Holds for lists that are changed from now on; what stands in them stays.
    package func change(to domains: SharingDomains) { state.withLock { $0 = domains } }
}
