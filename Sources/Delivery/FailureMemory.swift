// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The failure that was told last, so that it is not told again with each message.
final class FailureMemory: Sendable {
    private let told = Mutex<String?>(nil)

    /// Whether this has not been told since things went well.
    func isNew(_ failure: any Error) -> Bool {
        let text = "\(failure)"
        return told.withLock { told in
            defer { told = text }
            return told != text
        }
    }

    /// Things go well again.
    func forget() { told.withLock { $0 = nil } }
}
