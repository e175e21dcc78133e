// SPDX-License-Identifier: Apache-2.0

package import Journal
package import MessageStore
package import Storage
package import World

/// The durable queue: what was accepted and is not yet done.
///
/// `Draft` puts messages in, `claim` takes out what is due, `settle` ends an attempt. What is due
/// later is held nowhere but here.
package struct Spooler: Sendable {
    let store: any Store
    let bodies: any BodyFiles
    let ids: QueueIDSource
    let time: any Time
    /// This host among those that share a spool.
    let node: String
    package let lifetimes: Lifetimes
    let fresh = FreshBodies()
    /// Told of what was delivered into mailboxes.
    package let mailboxChanges = MailboxChanges()

    /// How long an attempt may take before the recipient counts as abandoned.
    ///
    /// Longer than RFC 5321 §4.5.3.2 lets any attempt last, unless octets keep flowing; then
    /// `extend` the claim.
    package static let claimDuration: Duration = .hours(2)

    package init(
        store: any Store, bodies: any BodyFiles, ids: QueueIDSource, time: any Time, node: String,
        lifetimes: Lifetimes = Lifetimes()
    ) {
        self.store = store
        self.bodies = bodies
        self.ids = ids
        self.time = time
        self.node = node
        self.lifetimes = lifetimes
    }

    /// Reads the octets of a message.
    package func read(_ message: SpooledMessage) -> ContentReader {
        guard let body = fresh.take(message.content) else {
            return ContentReader(message.content, store: store, bodies: bodies)
        }
        return ContentReader(message.content, store: store, bodies: bodies, whole: body)
    }

    func newClaim(at now: Timestamp) -> Claim {
        Claim(token: ids.next().value, expires: now + Self.claimDuration)
    }
}
