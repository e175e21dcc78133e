// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Mail
import Synchronization
import World

/// Couriers without work, their connections still open for the next message to the same
/// destination (RFC 5321 §4.1.1.10: the client decides when to end the session).
///
/// Mail for one destination often comes as a stream of single messages; a connection for each
/// would cost both ends more than the message does. A peer that wants its connection back closes
/// it or says 421, and the next message begins with a fresh one.
final class RestingCouriers: Sendable {
    private struct Resting: Sendable {
        let courier: Courier
        let destination: Destination
        let end: Instant
    }

    private let state = Mutex(Deque<Resting>())
    /// Something rests, where nothing did.
    private let bell = Bell()

    /// Long enough for a stream, short enough that no peer counts it as idling.
    private static let duration = Duration.seconds(1)
    /// In all: each may hold a connection to each host of a route.
    private static let limit = 100

    /// The one that rested last: its connection is the likeliest to be open.
    func take(for destination: Destination) -> Courier? {
        state.withLock { state in
            state.lastIndex { $0.destination == destination }.map { state.remove(at: $0).courier }
        }
    }

    /// Keeps a courier; returns one that has to go for it.
    func keep(_ courier: Courier, for destination: Destination, at now: Instant) -> Courier? {
        let (isFirst, surplus) = state.withLock { state in
            state.append(
                Resting(courier: courier, destination: destination, end: now + Self.duration))
            let surplus = state.count > Self.limit ? state.popFirst() : nil
            return (state.count == 1, surplus?.courier)
        }
        if isFirst { bell.ring() }
        return surplus
    }

    /// Dismisses those that found no work; returns when the task is cancelled.
    func dismissIdle(on time: any Time) async {
        while !Task.isCancelled {
            await bell.wait()
            while let end = state.withLock({ $0.first?.end }) {
                do { try await time.sleep(until: end) } catch { break }
                await close(takeAll { $0.end <= end })
            }
        }
        await close(takeAll { _ in true })
    }

    /// Dismisses all: nothing more is to be sent.
    func dismissAll() async { await close(takeAll { _ in true }) }

    private func takeAll(where isMeant: (Resting) -> Bool) -> [Courier] {
        state.withLock { state in
            let taken = state.filter(isMeant)
            state.removeAll(where: isMeant)
            return taken.map(\.courier)
        }
    }

    /// At once: a peer that is slow to say goodbye keeps nobody waiting.
    private func close(_ couriers: [Courier]) async {
        await withDiscardingTaskGroup { group in
            for courier in couriers { group.addTask { await courier.close() } }
        }
    }
}
