// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Synchronization
package import World

/// Who came to this host's port 25 lately, written down by its connections.
package final class ArrivalBook: Sendable {
    private struct Pages {
        var counter: ArrivalCounter
        /// When a message was last refused because it could not be stored.
        var lastUnable: Instant?
    }

    private let pages: Mutex<Pages>
    private let time: any Time

    package init(time: any Time) {
        self.time = time
        pages = Mutex(Pages(counter: ArrivalCounter(at: time.now)))
    }

    /// A client has connected.
    package func connected(_ client: IPAddress) {
        let now = time.now
        pages.withLock { $0.counter.connected(client, at: now) }
    }

    /// A client's message was accepted.
    package func accepted(_ client: IPAddress) {
        let now = time.now
        pages.withLock {
            $0.lastUnable = nil
            $0.counter.accepted(client, at: now)
        }
    }

    /// A message was refused, because the spool takes none at the moment.
    package func unable() {
        let now = time.now
        pages.withLock { $0.lastUnable = now }
    }

    /// Since when there is counting, and when the last message came.
    package var facts: Drain.Facts.Arrivals {
        let (now, timestamp) = (time.now, time.timestamp)
        let counter = pages.withLock { $0.counter }
        return Drain.Facts.Arrivals(
            watchedSince: timestamp + (counter.beginning - now),
            lastMessage: counter.lastMessage.map { timestamp + ($0 - now) })
    }

    /// The last minutes, by `ArrivalCounter.spans`.
    package var summaries: [ArrivalCounter.Summary] {
        let now = time.now
        let counter = pages.withLock { $0.counter }
        return ArrivalCounter.spans.map { counter.summary(ofMinutes: $0, at: now) }
    }

    /// Whether the last message that came could not be stored, not long ago.
    package var isSpoolFull: Bool {
        let now = time.now
        return pages.withLock { $0.lastUnable }.map { now - $0 < Self.unableFor } ?? false
    }

    /// Then somebody may try again.
    private static let unableFor = Duration.minutes(10)
}
