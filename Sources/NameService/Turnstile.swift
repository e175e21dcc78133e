// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
import World

/// Counts what goes on at a time, in all and by network; who does not get in is told so.
final class Turnstile: Sendable {
    private let admission: Mutex<Admission>

    init(limit: Int, perNetwork: Int) {
        admission = Mutex(Admission(.init(connections: limit, perNetwork: perNetwork)))
    }

    /// Nil: too many are in.
    func enter(_ address: IPAddress, at now: Instant) -> Admission.Pass? {
        admission.withLock { try? $0.admit(address, at: now) }
    }

    func leave(_ pass: Admission.Pass) { admission.withLock { $0.leave(pass) } }
}
