// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import World

/// A `Resolver` that remembers what another one answered (RFC 1034 §5.3.1, RFC 2308 §5).
///
/// Answers are kept for their TTL on the monotonic clock, and their TTLs shrink with their age.
/// What is remembered is said at once: each message asks for a dozen things that the one before
/// it asked for. Who asks what is being asked already waits for that answer.
package final class CachingResolver: Resolver {
    /// RFC 8767 §4: a TTL of weeks is a mistake more often than not.
    static let maximumSeconds: UInt32 = 86_400
    /// RFC 2308 §5: absence is remembered for one to three hours at most.
    static let maximumNegativeSeconds: UInt32 = 10_800
    /// RFC 9520 §3.2: a failure is remembered for at least a second.
    static let failureSeconds: UInt32 = 5

    private let resolver: any Resolver
    private let time: any Time
    private let memory: Mutex<Memory>

    /// At most `capacity` answers are kept, of some kilobytes each; the oldest go first.
    package init(_ resolver: any Resolver, time: any Time, capacity: Int = 10_000) {
        precondition(capacity > 0, "a cache holds something")
        self.resolver = resolver
        self.time = time
        memory = Mutex(Memory(capacity: capacity))
    }

    package var count: Int { memory.withLock(\.count) }

    /// Forgets everything.
    package func removeAll() { memory.withLock { $0.removeAll() } }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let key = Key(name: name, type: type)
        while true {
            let now = time.now
            switch memory.withLock({ $0.look(for: key, at: now) }) {
            case .known(let answer): return answer
            case .isOurs: return await ask(key)
            case .isAsked:
                if let answer = await another(key) { return answer }
                // Who asked was cancelled, and its answer says nothing.
                if Task.isCancelled { return Answer(.failure(.timeout)) }
            }
        }
    }

    package func remembers(_ name: Name, _ type: RecordType) -> Bool {
        let now = time.now
        return memory.withLock { $0.holds(Key(name: name, type: type), at: now) }
    }

    /// What somebody else is being told; nil if that is over, or void.
    private func another(_ key: Key) async -> Answer? {
        await withCheckedContinuation { continuation in
            let isWaiting = memory.withLock { $0.wait(for: key, continuation) }
            if !isWaiting { continuation.resume(returning: nil) }
        }
    }

    private func ask(_ key: Key) async -> Answer {
        let answer = await resolver.resolve(key.name, key.type)
        let isVoid = Task.isCancelled
        let now = time.now
        let waiting = memory.withLock { memory in
            if !isVoid { memory.store(answer, key, at: now) }
            return memory.end(key)
        }
        for waiter in waiting { waiter.resume(returning: isVoid ? nil : answer) }
        return answer
    }
}

private struct Key: Hashable, Sendable {
    let name: Name
    let type: RecordType
}

private typealias Waiter = CheckedContinuation<Answer?, Never>

/// The answers that are kept, and the questions under way.
private struct Memory {
    /// What is known of an answer.
    enum Finding {
        case known(Answer)
        /// Whoever looked is to ask, and to `end` it.
        case isOurs
        case isAsked
    }

    private struct Entry {
        /// With the TTLs of the time when it was `age` seconds old.
        var answer: Answer
        var age: UInt32 = 0
        let stored: Instant
        let expires: Instant
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// The keys of `entries` in the order they were first stored, from `oldest` on.
    private var order: [Key] = []
    private var oldest = 0
    private var waiting: [Key: [Waiter]] = [:]

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { entries.count }

    mutating func removeAll() {
        entries = [:]
        order = []
        oldest = 0
    }

    func holds(_ key: Key, at now: Instant) -> Bool {
        entries[key].map { now < $0.expires } ?? false
    }

    mutating func look(for key: Key, at now: Instant) -> Finding {
        if let answer = remembered(key, at: now) { return .known(answer) }
        guard waiting[key] == nil else { return .isAsked }
        waiting[key] = []
        return .isOurs
    }

    private mutating func remembered(_ key: Key, at now: Instant) -> Answer? {
        guard let index = entries.index(forKey: key) else { return nil }
        let entry = entries.values[index]
        guard now < entry.expires else { return nil }
        let age = UInt32(clamping: (now - entry.stored).components.seconds)
        // Written anew once in a second at most, not for each who asks.
        guard age > entry.age else { return entry.answer }
        entries.values[index].answer.grow(older: age - entry.age)
        entries.values[index].age = age
        return entries.values[index].answer
    }

    /// False if nobody asks that any more.
    mutating func wait(for key: Key, _ waiter: Waiter) -> Bool {
        guard waiting[key] != nil else { return false }
        waiting[key]?.append(waiter)
        return true
    }

    /// Nobody asks that any more; returns who waited.
    mutating func end(_ key: Key) -> [Waiter] { waiting.removeValue(forKey: key) ?? [] }

    mutating func store(_ answer: Answer, _ key: Key, at now: Instant) {
        let seconds =
            switch answer.outcome {
            case .records: min(answer.ttl, CachingResolver.maximumSeconds)
            case .noData, .nameError: min(answer.ttl, CachingResolver.maximumNegativeSeconds)
            case .failure: CachingResolver.failureSeconds
            }
        // What may not be kept replaces what is kept only by being over at once.
        if seconds == 0, entries[key] == nil { return }
        if entries[key] == nil {
            order.append(key)
            makeRoom()
        }
        entries[key] = Entry(answer: answer, stored: now, expires: now + .seconds(Int(seconds)))
    }

    private mutating func makeRoom() {
        while entries.count >= capacity, oldest < order.count {
            entries[order[oldest]] = nil
            oldest += 1
        }
        // Half of the list is spent: the rest moves to its front.
        if oldest > order.count / 2 {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}

extension Answer {
    fileprivate mutating func grow(older seconds: UInt32) {
        ttl -= min(ttl, seconds)
        for index in records.indices { records[index].ttl -= min(records[index].ttl, seconds) }
    }
}
