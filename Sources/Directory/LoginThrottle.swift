// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// Who guesses passwords waits longer and longer, and is then not listened to any more.
///
/// The pause is counted by network (an IPv4 address, an IPv6 /64), because names are free to
/// invent. The refusal is counted by account and network together, so that the owner of an account
/// that somebody attacks can still log in from elsewhere. A value without a clock, of bounded size.
struct LoginThrottle {
    /// Networks, and pairs of account and network, watched at a time; an attacker with more of
    /// them is slowed by each anew.
    static let limit = 10_000
    /// A person's slips cost nothing noticeable; then the pause doubles.
    static let freeFailures = 3
    static let firstPause = Duration.seconds(1)
    /// Less than the patience of mail programs, so that a person with a wrong password in a
    /// program learns it as a wrong password, not as a dead server.
    static let longestPause = Duration.seconds(15)
    /// Wrong passwords for one account from one network until none is looked at any more.
    static let maximumFailures = 20
    /// After so long without a failure that counts, everything starts anew.
    static let memory = Duration.minutes(15)
    /// Of a name only so much is kept.
    private static let keptCharacters = 320

    private struct Record {
        var count: Int
        var last: Instant
    }

    private struct Pair: Hashable {
        let name: String
        let network: IPAddress
    }

    private var networks = RecencyCache<IPAddress, Record>(limit: limit)
    private var pairs = RecencyCache<Pair, Record>(limit: limit)

    /// How much is remembered.
    var count: Int { networks.count + pairs.count }

    /// Whether a password for this name from there is not even looked at.
    ///
    /// Such attempts do not count, so that it ends by itself.
    mutating func isRefused(_ name: String, from peer: IPAddress, at now: Instant) -> Bool {
        guard let record = pairs.value(for: Self.pair(name, peer)) else { return false }
        return record.count >= Self.maximumFailures && now - record.last < Self.memory
    }

    /// Counts a failure and says how long to wait before answering it; nil for a name that was
    /// never given.
    mutating func add(_ name: String?, from peer: IPAddress, at now: Instant) -> Duration {
        if let name, !isRefused(name, from: peer, at: now) {
            let pair = Self.pair(name, peer)
            pairs.insert(Self.next(pairs.value(for: pair), at: now), for: pair)
        }
        let record = Self.next(networks.value(for: peer.network), at: now)
        networks.insert(record, for: peer.network)
        guard record.count > Self.freeFailures else { return .zero }
        let doublings = min(record.count - Self.freeFailures - 1, 10)
        return min(Self.firstPause * (1 << doublings), Self.longestPause)
    }

    /// Somebody knew the password.
    ///
    /// The network's count stays, or one good account would buy endless guesses at others.
    mutating func succeed(_ name: String, from peer: IPAddress) {
        pairs.remove(Self.pair(name, peer))
    }

    private static func next(_ known: Record?, at now: Instant) -> Record {
        let isRecent = known.map { now - $0.last < memory } ?? false
        return Record(count: (isRecent ? known?.count ?? 0 : 0) + 1, last: now)
    }

    private static func pair(_ name: String, _ peer: IPAddress) -> Pair {
        Pair(name: String(name.asciiLowercased.prefix(keptCharacters)), network: peer.network)
    }
}

extension IPAddress {
    /// What one customer has: the address, or the /64 of an IPv6 address.
    fileprivate var network: IPAddress {
        guard case .v6(let address) = unmapped else { return unmapped }
        return .v6(IPv6Address(high: address.high, low: 0))
    }
}
