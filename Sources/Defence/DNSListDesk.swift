// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
import Synchronization
package import World

/// Asks the lists, all at the same time, in bounded time, and remembers what they said.
///
/// A fault never lists anybody.
package final class DNSListDesk: Sendable {
    private struct Entry {
        let finding: DNSList.Finding
        let expires: Instant
    }

    private struct Key: Hashable {
        let list: DNSList
        let name: Name
    }

    /// A dialogue waits so long for all lists together; who answers later is heard next time.
    static let patience = Duration.seconds(5)
    /// Answers remembered, whatever their TTL, no shorter and no longer.
    static let capacity = 20_000
    static let shortestMemory = Duration.seconds(30)
    static let longestMemory = Duration.hours(1)
    /// A list that does not answer is not waited for with every message.
    static let memoryOfFaults = Duration.minutes(2)
    /// Of a list's own words so many octets are told on.
    static let maximumTextOctets = 200

    package let lists: [DNSList]
    private let resolver: any Resolver
    private let time: any Time
    private let entries = Mutex(RecencyCache<Key, Entry>(limit: capacity))

    package init(_ lists: [DNSList], resolver: any Resolver, time: any Time) {
        self.lists = lists
        self.resolver = resolver
        self.time = time
    }

    /// Where a client is listed, in the order of the lists.
    package func listings(of client: IPAddress) async -> [DNSListing] {
        await listings(
            lists.filter { $0.subject == .address }.map { list in
                (list, client.unmapped.description, list.query(for: client))
            })
    }

    /// Where any of the domains is listed, each once.
    package func listings(of domains: [Name]) async -> [DNSListing] {
        await listings(
            lists.filter { $0.subject == .domain }.flatMap { list in
                domains.map { (list, $0.description, list.query(for: $0)) }
            })
    }

    private func listings(
        _ questions: [(list: DNSList, subject: String, name: Name?)]
    ) async -> [DNSListing] {
        guard !questions.isEmpty else { return [] }
        let findings = await withTaskGroup(of: (Int, DNSList.Finding)?.self) { group in
            for (index, question) in questions.enumerated() {
                guard let name = question.name else { continue }
                group.addTask { (index, await self.finding(question.list, name)) }
            }
            group.addTask { [time] in
                try? await time.sleep(for: Self.patience)
                return nil
            }
            var findings: [Int: DNSList.Finding] = [:]
            var open = questions.count { $0.name != nil }
            while open > 0, let result = await group.next() {
                guard let (index, finding) = result else { break }
                findings[index] = finding
                open -= 1
            }
            group.cancelAll()
            return findings
        }
        var listings: [DNSListing] = []
        for (index, question) in questions.enumerated() {
            guard case .listed(let codes)? = findings[index] else { continue }
            var listing = DNSListing(question.list, subject: question.subject, codes: codes)
            if question.list.action == .reject, let name = question.name {
                listing.text = await text(name)
            }
            listings.append(listing)
        }
        return listings
    }

    private func finding(_ list: DNSList, _ name: Name) async -> DNSList.Finding {
        let key = Key(list: list, name: name)
        let now = time.now
        if let entry = entries.withLock({ $0.value(for: key) }), now < entry.expires {
            return entry.finding
        }
        let answer = await resolver.resolve(name, .a)
        guard !Task.isCancelled else { return .unknown("no answer in time") }
        let finding = list.finding(answer)
        let memory: Duration =
            if case .unknown = finding {
                Self.memoryOfFaults
            } else {
                min(max(.seconds(Int(answer.ttl)), Self.shortestMemory), Self.longestMemory)
            }
        entries.withLock {
            $0.insert(Entry(finding: finding, expires: time.now + memory), for: key)
        }
        return finding
    }

    /// RFC 5782 §2.1: a TXT record says why; where there is none, nothing does.
    private func text(_ name: Name) async -> String? {
        let answer = await withTaskGroup(of: Answer?.self) { group in
            group.addTask { [resolver] in await resolver.resolve(name, .txt) }
            group.addTask { [time] in
                try? await time.sleep(for: Self.patience)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
        guard let answer, case .txt(let strings)? = answer.records.first?.data else { return nil }
        return String(lossy: strings.joined().prefix(Self.maximumTextOctets))
    }
}
