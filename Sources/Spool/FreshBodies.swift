// SPDX-License-Identifier: Apache-2.0

import MessageStore
import Synchronization

/// The octets of messages just accepted: what goes out at once need not be read back first.
///
/// The spool alone answers for a message; what has been forgotten here is read there. Each id
/// has one slot, which the next one that falls on it takes over: memory is bounded, and nothing
/// has to be cleaned up.
final class FreshBodies: Sendable {
    private struct Slot: Sendable {
        let id: Content.ID
        let body: [UInt8]
    }

    private let slots = Mutex([Slot?](repeating: nil, count: count))

    /// Many more than are on their way to a connection at a moment.
    private static let count = 256
    /// Of a larger one, reading is the smaller part of the work.
    private static let limitOctets = 32 << 10

    /// Keeps the octets of a message that has just been committed.
    func keep(_ body: [UInt8], of id: Content.ID) {
        guard body.count <= Self.limitOctets else { return }
        slots.withLock { $0[Self.place(of: id)] = Slot(id: id, body: body) }
    }

    /// The octets, forgotten herewith; nil if they are to be read.
    func take(_ id: Content.ID) -> [UInt8]? {
        slots.withLock { slots in
            let place = Self.place(of: id)
            guard slots[place]?.id == id else { return nil }
            return slots[place].take()?.body
        }
    }

    private static func place(of id: Content.ID) -> Int { Int(id.value & Int64(count - 1)) }
}
