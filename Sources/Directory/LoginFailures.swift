// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
import World

/// The one `LoginThrottle` of a server, whatever the protocol.
final class LoginFailures: Sendable {
    private let throttle = Mutex(LoginThrottle())

    /// Whether a password for this name from there is not even looked at.
    func isRefused(_ name: String, from peer: IPAddress, at now: Instant) -> Bool {
        throttle.withLock { $0.isRefused(name, from: peer, at: now) }
    }

    /// Counts a failure and says how long to wait before answering it.
    func add(_ name: String?, from peer: IPAddress, at now: Instant) -> Duration {
        throttle.withLock { $0.add(name, from: peer, at: now) }
    }

    /// Somebody knew the password.
    func succeed(_ name: String, from peer: IPAddress) {
        throttle.withLock { $0.succeed(name, from: peer) }
    }
}
