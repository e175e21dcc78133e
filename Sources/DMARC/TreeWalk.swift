// SPDX-License-Identifier: Apache-2.0

import DNS

/// The DNS Tree Walk (RFC 9989 §4.10): the records at a domain and above it, each asked for once.
struct TreeWalk {
    /// What stands at one name.
    enum Finding {
        case record(PolicyRecord)
        /// None, or several, which count as none.
        case nothing
        case failure(Answer.Failure)
    }

    /// The DNS does not say what is needed.
    struct Fault: Error {
        let domain: Name
        let failure: Answer.Failure
    }

    private let resolver: any Resolver
    private var findings: [Name: Finding] = [:]
    /// Names that are known to exist, because something stands below them (RFC 8020).
    private var existing: Set<Name> = []
    /// What was asked and found, for people; nil if nobody wants to know.
    private(set) var steps: [String]?

    /// §4.10: step 4 of the walk goes on with as many labels, so that there are at most eight
    /// questions.
    private static let labelsAfterShortcut = 7

    init(resolver: any Resolver, explains: Bool) {
        self.resolver = resolver
        steps = explains ? [] : nil
    }

    mutating func note(_ text: @autoclosure () -> String) {
        guard steps != nil else { return }
        steps?.append(text())
    }

    /// Where a walk from a domain comes by, beginning there (§4.10 steps 1, 4 and 7).
    static func way(from domain: Name) -> [Name] {
        var way = [domain]
        var count = domain.labels.count
        var name = domain
        while let parent = name.parent, !parent.isRoot {
            name = parent
            count -= 1
            if count <= labelsAfterShortcut { way.append(name) }
        }
        return way
    }

    /// The record of a domain (§4.10 steps 1 and 2).
    mutating func record(at domain: Name) async throws(Fault) -> PolicyRecord? {
        let finding: Finding
        if let known = findings[domain] {
            finding = known
        } else {
            finding = await ask(domain)
            findings[domain] = finding
        }
        switch finding {
        case .record(let record): return record
        case .nothing: return nil
        case .failure(let failure): throw Fault(domain: domain, failure: failure)
        }
    }

    private mutating func ask(_ domain: Name) async -> Finding {
        // A name too long to have one below it has no record.
        guard let place = domain.prepending("_dmarc".utf8) else { return .nothing }
        let answer = await resolver.resolve(place, .txt)
        if case .failure(let failure) = answer.outcome {
            note("\(place) cannot be looked up: \(failure)")
            return .failure(failure)
        }
        if answer.outcome != .nameError || !answer.aliases.isEmpty { existing.insert(domain) }
        var found: PolicyRecord?
        for record in answer.records {
            guard case .txt(let strings) = record.data else { continue }
            let text = strings.count == 1 ? strings[0] : Array(strings.joined())
            guard let record = PolicyRecord(parsing: text) else { continue }
            guard found == nil else {
                // Step 2: if there are several, they are all discarded.
                note("\(place) has several DMARC records, which all do not count")
                return .nothing
            }
            note("\(place): \(String(decoding: text, as: UTF8.self))")
            found = record
        }
        guard let found else {
            note("\(place) has no DMARC record")
            return .nothing
        }
        return .record(found)
    }

    /// Whether a domain exists: only NXDOMAIN says that it does not (§3.2.13, A.4).
    mutating func exists(_ domain: Name) async throws(Fault) -> Bool {
        if existing.contains(domain) { return true }
        let answer = await resolver.resolve(domain, .a)
        if case .failure(let failure) = answer.outcome {
            note("whether \(domain) exists cannot be looked up: \(failure)")
            throw Fault(domain: domain, failure: failure)
        }
        // Of an alias that leads nowhere the name itself exists.
        let exists = answer.outcome != .nameError || !answer.aliases.isEmpty
        note("\(domain) \(exists ? "exists" : "does not exist")")
        return exists
    }

    /// The Organizational Domain of a domain (§4.10.2), and the record with `psd=y` above it.
    mutating func organization(
        of domain: Name
    ) async throws(Fault) -> (domain: Name, suffix: Name?) {
        var highest: Name?
        for name in Self.way(from: domain) {
            if let record = try await record(at: name) {
                // 1.
                if record.publicSuffix == .no { return (name, nil) }
                if record.publicSuffix == .yes {
                    // 2. But for the record where the walk began.
                    guard name != domain else { return (domain, nil) }
                    return (Self.oneBelow(name, toward: domain), name)
                }
                // 3. The fewest labels count.
                highest = name
            }
        }
        return (highest ?? domain, nil)
    }

    /// The name one label longer than `name`, at or above `domain`; the walk may have passed it by.
    private static func oneBelow(_ name: Name, toward domain: Name) -> Name {
        var below = domain
        while let parent = below.parent, parent != name { below = parent }
        return below
    }
}
