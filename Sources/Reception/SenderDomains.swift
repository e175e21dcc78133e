// SPDX-License-Identifier: Apache-2.0

import DNS
import Mail
import Synchronization
import World

/// Whether mail could be sent to the domains that senders name, asked in bounded time and
/// remembered.
///
/// A fault of the DNS says nothing about a domain: it never makes mail fail for good.
final class SenderDomains: Sendable {
    /// What the DNS says of a domain.
    enum Verdict: Hashable, Sendable {
        case takesMail
        /// RFC 7505: it says that it takes none.
        case nullMX
        /// There is no such name, or neither an exchanger nor an address (RFC 5321 §5.1).
        case takesNone
        /// Nobody can say at the moment.
        case unknown
    }

    private struct Entry {
        let verdict: Verdict
        let expires: Instant
    }

    /// A dialogue does not wait longer for an answer.
    static let patience = Duration.seconds(5)
    /// Domains remembered; a full memory starts anew.
    static let capacity = 10_000
    /// However long or short the answer's TTL is.
    static let longestMemory = Duration.hours(1)
    static let shortestMemory = Duration.seconds(30)
    /// Who cannot be asked now is not waited for with every message.
    static let memoryOfFaults = Duration.minutes(1)

    private let resolver: any Resolver
    private let time: any Time
    private let entries = Mutex<[Domain: Entry]>([:])

    init(_ resolver: any Resolver, time: any Time) {
        self.resolver = resolver
        self.time = time
    }

    func verdict(on domain: Domain) async -> Verdict {
        let now = time.now
        if let entry = entries.withLock({ $0[domain] }), now < entry.expires {
            return entry.verdict
        }
        guard let name = try? Name(domain.name) else { return .takesNone }
        let (verdict, ttl) = await askInTime(name) ?? (.unknown, 0)
        let memory =
            verdict == .unknown
            ? Self.memoryOfFaults
            : min(max(.seconds(Int(ttl)), Self.shortestMemory), Self.longestMemory)
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll() }
            entries[domain] = Entry(verdict: verdict, expires: now + memory)
        }
        return verdict
    }

    /// Nil if the answer does not come in time.
    private func askInTime(_ name: Name) async -> (Verdict, ttl: UInt32)? {
        await withTaskGroup(of: (Verdict, ttl: UInt32)?.self) { group in
            group.addTask { [self] in await ask(name) }
            group.addTask { [time] in
                try? await time.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// RFC 5321 §5.1: exchangers or, if none is named, addresses.
    private func ask(_ name: Name) async -> (Verdict, ttl: UInt32) {
        let answer = await resolver.resolve(name, .mx)
        switch answer.outcome {
        case .records: return (Self.isNullMX(answer) ? .nullMX : .takesMail, answer.ttl)
        case .nameError: return (.takesNone, answer.ttl)
        case .failure: return (.unknown, 0)
        case .noData: break
        }
        var verdict = Verdict.takesNone
        for type in [RecordType.a, .aaaa] {
            let addresses = await resolver.resolve(name, type)
            if addresses.outcome == .records { return (.takesMail, addresses.ttl) }
            if case .failure = addresses.outcome { verdict = .unknown }
        }
        return (verdict, answer.ttl)
    }

    /// RFC 7505 §3: a single MX record, of preference 0, that names the root.
    private static func isNullMX(_ answer: Answer) -> Bool {
        guard answer.records.count == 1, case .mx(let mx) = answer.records[0].data else {
            return false
        }
        return mx.preference == 0 && mx.exchange.isRoot
    }
}
