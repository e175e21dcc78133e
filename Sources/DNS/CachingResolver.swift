// SPDX-License-Identifier: Apache-2.0

package import World

/// A `Resolver` that remembers what another one answered (RFC 1034 §5.3.1, RFC 2308 §5).
///
/// Answers are kept for their TTL on the monotonic clock, and their TTLs shrink with their age.
/// Who asks what is being asked already waits for that answer.
package actor CachingResolver: Resolver {
    private struct Key: Hashable {
        let name: Name
        let type: RecordType
    }

    private struct Entry {
        let answer: Answer
        let stored: Instant
        let expires: Instant
    }

    /// RFC 8767 §4: a TTL of weeks is a mistake more often than not.
    static let maximumSeconds: UInt32 = 86_400
    /// RFC 2308 §5: absence is remembered for one to three hours at most.
    static let maximumNegativeSeconds: UInt32 = 10_800
    /// RFC 9520 §3.2: a failure is remembered for at least a second.
    static let failureSeconds: UInt32 = 5

    private let resolver: any Resolver
    private let time: any Time
    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// The keys of `entries` in the order they were first stored, from `oldest` on.
    private var order: [Key] = []
    private var oldest = 0
    private var waiting: [Key: [CheckedContinuation<Answer?, Never>]] = [:]

    /// At most `capacity` answers are kept, of some kilobytes each; the oldest go first.
    package init(_ resolver: any Resolver, time: any Time, capacity: Int = 10_000) {
        precondition(capacity > 0, "a cache holds something")
        self.resolver = resolver
        self.time = time
        self.capacity = capacity
    }

    package var count: Int { entries.count }

    /// Forgets everything.
    package func removeAll() {
        entries = [:]
        order = []
        oldest = 0
    }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let key = Key(name: name, type: type)
        while true {
            if let answer = remembered(key) { return answer }
            guard waiting[key] != nil else { return await ask(key) }
            let answer = await withCheckedContinuation { waiting[key]?.append($0) }
            if let answer { return answer }
            // Who asked was cancelled, and its answer says nothing.
            if Task.isCancelled { return Answer(.failure(.timeout)) }
        }
    }

    private func remembered(_ key: Key) -> Answer? {
        guard let entry = entries[key] else { return nil }
        let now = time.now
        guard now < entry.expires else { return nil }
        let age = UInt32(clamping: (now - entry.stored).components.seconds)
        var answer = entry.answer
        answer.ttl -= min(answer.ttl, age)
        for index in answer.records.indices {
            answer.records[index].ttl -= min(answer.records[index].ttl, age)
        }
        return answer
    }

    private func ask(_ key: Key) async -> Answer {
        waiting[key] = []
        let answer = await resolver.resolve(key.name, key.type)
        let isVoid = Task.isCancelled
        if !isVoid { store(answer, key) }
        for waiter in waiting.removeValue(forKey: key) ?? [] {
            waiter.resume(returning: isVoid ? nil : answer)
        }
        return answer
    }

    private func store(_ answer: Answer, _ key: Key) {
        let seconds =
            switch answer.outcome {
            case .records: min(answer.ttl, Self.maximumSeconds)
            case .noData, .nameError: min(answer.ttl, Self.maximumNegativeSeconds)
            case .failure: Self.failureSeconds
            }
        let now = time.now
        // What may not be kept replaces what is kept only by being over at once.
        if seconds == 0, entries[key] == nil { return }
        if entries[key] == nil {
            order.append(key)
            makeRoom()
        }
        entries[key] = Entry(
            answer: answer, stored: now, expires: now + .seconds(Int(seconds)))
    }

    private func makeRoom() {
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
