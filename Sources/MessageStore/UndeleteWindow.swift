// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// How long what was removed can be brought back; it can change while mail flows.
final class UndeleteWindow: Sendable {
    private let duration = Mutex(Duration.zero)

    var value: Duration {
        get { duration.withLock { $0 } }
        set { duration.withLock { $0 = newValue } }
    }
}
