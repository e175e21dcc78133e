// SPDX-License-Identifier: Apache-2.0

package import Mail
private import Synchronization
import World

/// How long mail may wait that does not say so itself (RFC 5321 §4.5.4.1); can change while the
/// server runs, for what is accepted from then on.
package final class Lifetimes: Sendable {
    /// One for messages, and one for notifications, whose senders nobody tells.
    package struct Values: Hashable, Sendable {
        package var message: Duration
        /// No longer than that of a message.
        package var notification: Duration

        /// RFC 5321 §4.5.4.1: at least 4 to 5 days.
        package static let standard = Self(message: .days(5), notification: .days(5))

        package init(message: Duration, notification: Duration) {
            self.message = message
            self.notification = min(message, notification)
        }
    }

    private let current: Mutex<Values>

    package init(_ values: Values = .standard) { current = Mutex(values) }

    /// From now on, what comes in has these; what waits keeps what it has.
    package func change(to values: Values) { current.withLock { $0 = values } }

    /// From acceptance, or from the time its sender wants it released, to the last attempt.
    package func lifetime(from sender: ReversePath) -> Duration {
        current.withLock { sender == .null ? $0.notification : $0.message }
    }
}
