// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
import World

/// Who guesses passwords waits longer and longer.
///
/// Counted by network (an IPv4 address, an IPv6 /64), because names are free to invent; a success
/// does not clear the count, or one good account would buy endless guesses.
final class LoginFailures: Sendable {
    /// Networks watched at a time; an attacker with more of them is slowed by each anew.
    static let limit = 10_000
    /// A person's slips cost nothing noticeable; then the pause doubles.
    static let freeFailures = 3
    static let firstPause = Duration.seconds(1)
    /// Less than the patience of mail programs, so that a person with a wrong password in a
    /// program learns it as a wrong password, not as a dead server.
    static let longestPause = Duration.seconds(15)
    /// After so long without a failure a network starts anew.
    static let memory = Duration.minutes(15)

    private struct Record {
        var count: Int
        var last: Instant
    }

    private let records = Mutex(RecencyCache<IPAddress, Record>(limit: limit))

    /// Counts a failure and says how long to wait before answering it.
    func add(from peer: IPAddress, at now: Instant) -> Duration {
        records.withLock { records in
            let network = peer.network
            let known = records.value(for: network)
            let isRecent = known.map { now - $0.last < Self.memory } ?? false
            let count = (isRecent ? known?.count ?? 0 : 0) + 1
            records.insert(Record(count: count, last: now), for: network)
            guard count > Self.freeFailures else { return .zero }
            let doublings = min(count - Self.freeFailures - 1, 10)
            return min(Self.firstPause * (1 << doublings), Self.longestPause)
        }
    }
}

extension IPAddress {
    /// What one customer has: the address, or the /64 of an IPv6 address.
    fileprivate var network: IPAddress {
        guard case .v6(let address) = self, address.mappedIPv4 == nil else { return self }
        return .v6(IPv6Address(high: address.high, low: 0))
    }
}
