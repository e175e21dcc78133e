// SPDX-License-Identifier: Apache-2.0

import Synchronization
import World

/// Whether something has happened in an account's mailboxes since a session last looked.
///
/// Put by whoever changes them, from any task; a session that waits for news is woken.
final class News: Sendable {
    private let connection: any Connection
    private let isThere = Atomic(false)
    private let wakes = Atomic(false)

    init(_ connection: any Connection) { self.connection = connection }

    func put() {
        isThere.store(true, ordering: .sequentiallyConsistent)
        if wakes.load(ordering: .sequentiallyConsistent) { connection.interrupt() }
    }

    /// Whether there was something; from now on there is not.
    func take() -> Bool { isThere.exchange(false, ordering: .sequentiallyConsistent) }

    /// Whether the session is to be woken from its waiting for the client.
    func interrupts(_ isWanted: Bool) {
        wakes.store(isWanted, ordering: .sequentiallyConsistent)
    }
}
