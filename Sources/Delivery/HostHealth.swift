// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Synchronization
import World

/// Which addresses did not answer lately, and whose mail waits for them: one table for all
/// connections, so that what one has found out the others need not find out again.
final class HostHealth: Sendable {
    private struct Entry {
        var failures = 0
        var downUntil: Instant
        /// Who failed because of it.
        var destinations: Set<Destination> = []
    }

    /// Addresses that are remembered: beyond them, those whose pause is over are forgotten.
    private static let maximumEntries = 10_000
    /// Of one address: a big provider serves thousands of domains, whose own retries will do.
    private static let maximumDestinations = 200

    private let entries = Mutex<[IPAddress: Entry]>([:])
    /// Whose mail waited when the server was started; which host it was that failed is forgotten.
    private let waiting = Mutex<Set<Destination>>([])
    private let firstPause: Duration
    private let longestPause: Duration

    init(firstPause: Duration, longestPause: Duration) {
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    func isDown(_ address: IPAddress, at now: Instant) -> Bool {
        entries.withLock { $0[address].map { now < $0.downUntil } ?? false }
    }

    /// No connection was made, or it ended before the host was ready.
    func noteFailure(of address: IPAddress, for destinations: [Destination], at now: Instant) {
        entries.withLock { entries in
            if entries[address] == nil, entries.count >= Self.maximumEntries {
                entries = entries.filter { now < $0.value.downUntil }
                guard entries.count < Self.maximumEntries else { return }
            }
            var entry = entries[address] ?? Entry(downUntil: now)
            // Many connections that fail together are one failure.
            if now >= entry.downUntil {
                entry.failures += 1
                let pause = firstPause * (1 << min(entry.failures - 1, 16))
                entry.downUntil = now + min(pause, longestPause)
            }
            for destination in destinations
            where entry.destinations.count < Self.maximumDestinations {
                entry.destinations.insert(destination)
            }
            entries[address] = entry
        }
    }

    /// What the spool holds at the start.
    func noteWaiting(_ destinations: [Destination]) {
        waiting.withLock { $0.formUnion(destinations) }
    }

    /// The host is ready for mail; returns the destinations whose mail waited for it, in order.
    func noteSuccess(of address: IPAddress, for destinations: [Destination]) -> [Destination] {
        let entry = entries.withLock { $0.removeValue(forKey: address) }
        var waited = entry?.destinations ?? []
        waiting.withLock { waiting in
            guard !waiting.isEmpty else { return }
            for destination in destinations where waiting.remove(destination) != nil {
                waited.insert(destination)
            }
        }
        return waited.sorted { $0.description < $1.description }
    }
}
