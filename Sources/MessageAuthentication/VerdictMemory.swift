// SPDX-License-Identifier: Apache-2.0

import DNS
import Synchronization
import World

/// What was said lately about claims: who comes again and claims the same is what he was, as long
/// as all the records hold that said so.
///
/// A claim is all that the verdict depends on beside the DNS. What the DNS could not say is not
/// remembered.
final class VerdictMemory<Claim: Hashable & Sendable, Verdict: Sendable>: Sendable {
    private struct Entry {
        let verdict: Verdict
        let expires: Instant
    }

    private let time: any Time
    private let entries: Mutex<RecencyCache<Claim, Entry>>

    /// Of a kilobyte or two each.
    static var capacity: Int { 10_000 }
    /// However long the records hold.
    static var longest: Duration { .hours(1) }

    init(_ time: any Time) {
        self.time = time
        entries = Mutex(RecencyCache(limit: Self.capacity))
    }

    /// What is remembered, or what `check` says with answers of this resolver.
    ///
    /// `lasts`: whether a verdict depends on nothing but the claim and these answers.
    func verdict(
        on claim: Claim, by resolver: any Resolver, lasts: (Verdict) -> Bool,
        check: (any Resolver) async -> Verdict
    ) async -> Verdict {
        let now = time.now
        let known = entries.withLock { $0.value(for: claim) }
        if let known, now < known.expires { return known.verdict }
        let watch = AnswerWatch(resolver)
        let verdict = await check(watch)
        guard watch.seconds > 0, lasts(verdict), !Task.isCancelled else { return verdict }
        let memory = min(.seconds(Int(watch.seconds)), Self.longest)
        entries.withLock { $0.insert(Entry(verdict: verdict, expires: now + memory), for: claim) }
        return verdict
    }
}

/// Passes questions on, and notes how long all the answers hold.
private final class AnswerWatch: Resolver {
    private let resolver: any Resolver
    private let least = Mutex(UInt32.max)

    init(_ resolver: any Resolver) { self.resolver = resolver }

    /// 0 if anything was not to be had.
    var seconds: UInt32 { least.withLock { $0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let answer = await resolver.resolve(name, type)
        var seconds = answer.ttl
        if case .failure = answer.outcome { seconds = 0 }
        least.withLock { $0 = min($0, seconds) }
        return answer
    }

    func remembers(_ name: Name, _ type: RecordType) -> Bool { resolver.remembers(name, type) }
}
