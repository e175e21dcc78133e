// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
import World

/// How many responses of one kind a network gets by datagram, so that a forged source address
/// cannot make this server the weapon against its owner.
///
/// Shared by all threads that answer, without a lock: each bucket is one word. A collision of two
/// networks forgets the one before, which errs on the side of answering.
///
/// Unchecked: the buckets are atomic, and stay where they are.
package final class ResponseRateLimit: @unchecked Sendable {
    /// What the response says, as far as repeating it is concerned.
    enum Kind: UInt64 {
        case answer = 1
        case denial = 2
        case referral = 3
        case error = 4
    }

    /// What becomes of a response.
    enum Verdict {
        case send
        /// Nothing but TC: a true client asks again over TCP.
        case truncate
        case drop
    }

    private let buckets: UnsafeMutablePointer<Atomic<UInt64>>
    private let turn: Atomic<UInt32>
    /// Time units between responses in the long run.
    private let interval: Int64

    /// 16 microseconds.
    private static let unitNanoseconds: Int64 = 16_000
    /// A bucket's time has 40 bits (half a year), the rest is its owner's tag.
    private static let timeMask: UInt64 = 1 << 40 - 1
    /// Responses for one second may come at once.
    private static let burst: Int64 = 1_000_000_000 / unitNanoseconds
    /// 512 KiB; more networks than that at a time share.
    private static let count = 1 << 16
    /// Every second response beyond the limit is TC rather than silence.
    private static let slip: UInt32 = 2
    private static let attempts = 3

    /// As many responses of a kind per second as a resolver ever needs: it caches them.
    package static let usualPerSecond = 200

    package init(perSecond: Int = usualPerSecond) {
        precondition(perSecond > 0, "a rate is positive")
        interval = max(1, Self.burst / Int64(perSecond))
        turn = Atomic(0)
        buckets = .allocate(capacity: Self.count)
        for place in 0..<Self.count { (buckets + place).initialize(to: Atomic(0)) }
    }

    deinit {
        buckets.deinitialize(count: Self.count)
        buckets.deallocate()
    }

    /// Counts a response; `subject` is the hash of the name that it is about.
    func judge(_ kind: Kind, _ subject: UInt64, to address: IPAddress, at now: Instant) -> Verdict {
        if take(key(kind, subject, address), at: now) { return .send }
        let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
        return turn.isMultiple(of: Self.slip) ? .truncate : .drop
    }

    private func key(_ kind: Kind, _ subject: UInt64, _ address: IPAddress) -> UInt64 {
        let prefix: UInt64
        switch address {
        case .v4(let address): prefix = UInt64(address.rawValue >> 8)
        case .v6(let address): prefix = address.high >> 8 | 1 << 63
        }
        var key = NameHash.mix(prefix ^ kind.rawValue << 58, 0x9E37_79B9_7F4A_7C15)
        if kind != .error { key = NameHash.mix(key ^ subject, 0xD6E8_FEB8_6659_FD93) }
        return key
    }

    /// The generic cell rate algorithm: a bucket holds when it will be empty again.
    private func take(_ key: UInt64, at now: Instant) -> Bool {
        let bucket = buckets + Int(key & UInt64(Self.count - 1))
        let tag = key & ~Self.timeMask
        let now = now.nanoseconds / Self.unitNanoseconds
        for _ in 0..<Self.attempts {
            let word = bucket.pointee.load(ordering: .relaxed)
            var ahead: Int64 = 0
            if word & ~Self.timeMask == tag {
                ahead = (Int64(word & Self.timeMask) &- now) & Int64(Self.timeMask)
                // Before now, or nonsense after half a year of silence.
                if ahead > Self.burst + interval { ahead = 0 }
            }
            guard ahead <= Self.burst else { return false }
            let next = tag | UInt64(now &+ ahead &+ interval) & Self.timeMask
            let (exchanged, _) = bucket.pointee.compareExchange(
                expected: word, desired: next, ordering: .relaxed)
            if exchanged { return true }
        }
        return true
    }
}
