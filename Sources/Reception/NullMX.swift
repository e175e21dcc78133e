// SPDX-License-Identifier: Apache-2.0

import DNS
import Mail
import Synchronization
import World

/// Whether domains say that they take no mail (RFC 7505), asked in bounded time and remembered.
///
/// A fault of the DNS says nothing about a domain: it never makes mail fail.
final class NullMX: Sendable {
    private struct Entry {
        let isStated: Bool
        let expires: Instant
    }

    /// A dialogue must not wait longer for a nicety; delivery asks again anyway.
    static let patience = Duration.seconds(3)
    /// Domains remembered; a full memory starts anew.
    static let capacity = 10_000
    /// However long or short the answer's TTL is.
    static let longestMemory = Duration.hours(1)
    static let shortestMemory = Duration.seconds(30)
    /// Who cannot be asked now is not waited for with every message.
    static let memoryOfFaults = Duration.minutes(10)

    private let resolver: any Resolver
    private let time: any Time
    private let entries = Mutex<[Domain: Entry]>([:])

    init(_ resolver: any Resolver, time: any Time) {
        self.resolver = resolver
        self.time = time
    }

    func isStated(by domain: Domain) async -> Bool {
        let now = time.now
        if let entry = entries.withLock({ $0[domain] }), now < entry.expires {
            return entry.isStated
        }
        guard let name = try? Name(domain.name) else { return false }
        let answer = await ask(name)
        let isStated = answer.map { Self.isNullMX($0) } ?? false
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll() }
            entries[domain] = Entry(isStated: isStated, expires: now + Self.memory(of: answer))
        }
        return isStated
    }

    private static func memory(of answer: Answer?) -> Duration {
        guard let answer else { return memoryOfFaults }
        if case .failure = answer.outcome { return memoryOfFaults }
        return min(max(.seconds(Int(answer.ttl)), shortestMemory), longestMemory)
    }

    /// The answer, if it comes in time.
    private func ask(_ name: Name) async -> Answer? {
        await withTaskGroup(of: Answer?.self) { group in
            group.addTask { [resolver] in await resolver.resolve(name, .mx) }
            group.addTask { [time] in
                try? await time.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// RFC 7505 §3: a single MX record, of preference 0, that names the root.
    private static func isNullMX(_ answer: Answer) -> Bool {
        guard answer.outcome == .records, answer.records.count == 1,
            case .mx(let mx) = answer.records[0].data
        else { return false }
        return mx.preference == 0 && mx.exchange.isRoot
    }
}
