// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// NSEC records (RFC 4034 §4, RFC 4035 §2.3).
extension Examination {
    mutating func checkDenial() {
        let names = view.names.filter { isAnswered($0) }
        for (index, name) in names.enumerated() {
            guard let node = view[name] else { continue }
            guard let set = node[.nsec], let first = set.records.first else {
                find(
                    .denialMissing, .error, at: [node.place],
                    Wording("\(name) has no NSEC record.", "\(name) hat keinen NSEC-Eintrag."),
                    .signAgain)
                continue
            }
            guard set.records.count == 1, let nsec = NSEC(first.record.data) else {
                find(
                    .denialTwice, .error, set.records,
                    Wording(
                        "\(name) has more than one NSEC record.",
                        "\(name) hat mehr als einen NSEC-Eintrag."), .signAgain)
                continue
            }
            let next = names[(index + 1) % names.count]
            if nsec.next != next { findBroken(first, name, next.description) }
            var types = self.types(at: node)
            types.formUnion([.nsec, .rrsig])
            if nsec.types != types { findTypes(first, name) }
        }
        for node in view.inOrder where !isAnswered(node.name) {
            guard let set = node[.nsec] else { continue }
            findOrphans(set.records, node.name)
        }
    }

    /// Whether the zone answers for the name: then its records are signed.
    private func isAnswered(_ name: Name) -> Bool {
        let cut = view.cut(over: name)
        guard cut == nil || cut == name, let node = view[name] else { return false }
        return !node.types.allSatisfy { [.nsec3, .rrsig].contains($0) }
    }

    /// The types that are to be listed; at a delegation only those of the parent.
    private func types(at node: ZoneView.Node) -> Set<RecordType> {
        let types = Set(node.types)
        guard view.cut(over: node.name) != nil else { return types }
        return types.intersection([.ns, .ds])
    }

    private mutating func findBroken(_ record: PlacedRecord, _ name: Name, _ next: String) {
        find(
            .denialChain, .error, [record],
            Wording(
                "The chain of denial is broken at \(name): \(next) comes next.",
                "Die Kette der Verneinungen ist bei \(name) unterbrochen: Es folgt \(next)."),
            .signAgain)
    }

    private mutating func findTypes(_ record: PlacedRecord, _ name: Name) {
        find(
            .denialTypes, .error, [record],
            Wording(
                "The denial for \(name) does not list the types that stand there.",
                "Die Verneinung für \(name) nennt nicht die Typen, die dort stehen."), .signAgain)
    }

    private mutating func findOrphans(_ records: [PlacedRecord], _ name: Name) {
        find(
            .denialOrphaned, .error, records,
            Wording(
                "\(name) has a denial, but no name that belongs to it.",
                "\(name) hat eine Verneinung, aber keinen Namen, der dazugehört."), .signAgain)
    }

    // MARK: - NSEC3 (RFC 5155 §7.1)

    /// Names are hashed at most this often; RFC 9276 §3.2 lets validators refuse far fewer.
    static let maximumIterations: UInt16 = 500

    mutating func checkHashedDenial(_ cryptography: any ZoneCryptography) {
        guard let parameters = hashParameters() else { return }
        let chain = HashedChain(view: view, origin: origin, parameters: parameters)
        for record in chain.foreign {
            find(
                .hashParameters, .error, [record],
                Wording(
                    "The NSEC3 record \(record.record.owner) has other parameters than NSEC3PARAM.",
                    "Der NSEC3-Eintrag \(record.record.owner) hat andere Parameter als NSEC3PARAM."),
                .signAgain)
        }
        for record in chain.surplus {
            find(
                .denialTwice, .error, [record],
                Wording(
                    "\(record.record.owner) has more than one NSEC3 record.",
                    "\(record.record.owner) hat mehr als einen NSEC3-Eintrag."), .signAgain)
        }
        for (index, link) in chain.links.enumerated() {
            let next = chain.links[(index + 1) % chain.links.count]
            guard link.next != next.hash else { continue }
            findBroken(link.record, link.record.record.owner, next.hash)
        }
        checkNames(chain, cryptography)
    }

    private mutating func hashParameters() -> NSEC3PARAM? {
        let set = view[origin]?[.nsec3param]?.records ?? []
        let read = set.compactMap { record in
            NSEC3PARAM(record.record.data).map { (record: record, parameters: $0) }
        }
        for (record, parameters) in read {
            let isKnown = parameters.algorithm == 1
            guard
                parameters.flags != 0 || !isKnown
                    || parameters.iterations > Self.maximumIterations
            else { continue }
            find(
                .hashParameters, .error, [record],
                Wording(
                    "The NSEC3PARAM record of \(origin) has an unknown algorithm, flags, or too many "
                        + "iterations.",
                    "Der NSEC3PARAM-Eintrag von \(origin) hat einen unbekannten Algorithmus, Flags "
                        + "oder zu viele Wiederholungen."), .signAgain)
        }
        let usable = read.first {
            $0.parameters.flags == 0 && $0.parameters.algorithm == 1
                && $0.parameters.iterations <= Self.maximumIterations
        }
        if let usable, usable.parameters.iterations > 0 {
            find(
                .hashIterations, .notice, [usable.record],
                Wording(
                    "\(origin) hashes names \(usable.parameters.iterations) times more than "
                        + "RFC 9276 §3.1 allows.",
                    "\(origin) hasht Namen \(usable.parameters.iterations)-mal mehr, als RFC 9276 "
                        + "§3.1 erlaubt."),
                Wording("Use no additional iterations.", "Keine weiteren Wiederholungen verwenden.")
            )
        }
        return usable?.parameters
    }

    private mutating func checkNames(_ chain: HashedChain, _ cryptography: any ZoneCryptography) {
        var expected: Set<String> = []
        let (names, required) = answeredNames()
        for name in names {
            guard let node = view[name] else { continue }
            let hash = chain.hash(name, cryptography)
            expected.insert(hash)
            var types = self.types(at: node)
            // What is signed has signatures; an unsigned delegation and an empty name have none.
            if view.cut(over: name) != nil {
                if types.contains(.ds) { types.insert(.rrsig) }
            }
            guard let link = chain.byHash[hash] else {
                // RFC 5155 §7.1: opt-out leaves out unsigned delegations, and what only stands
                // above such.
                if !required.contains(name), chain.covering(hash)?.isOptOut == true { continue }
                find(
                    .denialMissing, .error, at: [node.place],
                    Wording("\(name) has no NSEC3 record.", "\(name) hat keinen NSEC3-Eintrag."),
                    .signAgain)
                continue
            }
            if link.types != types { findTypes(link.record, name) }
        }
        for link in chain.links where !expected.contains(link.hash) {
            findOrphans([link.record], link.record.record.owner)
        }
    }

    /// The names that the chain is for, in canonical order, those too that only stand above others;
    /// and those of them that opt-out may not leave out.
    private func answeredNames() -> (names: [Name], required: Set<Name>) {
        var names: Set<Name> = []
        var required: Set<Name> = []
        for name in view.names where isAnswered(name) {
            var isOptional = false
            if view.cut(over: name) == name, let node = view[name] { isOptional = node[.ds] == nil }
            var current: Name? = name
            while let next = current, next.isEqualOrBelow(origin) {
                let isNew = names.insert(next).inserted
                let isNewlyRequired = !isOptional && required.insert(next).inserted
                guard isNew || isNewlyRequired else { break }
                current = next.parent
            }
        }
        let sorted = names.map { (key: $0.canonicalKey, name: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.name)
        return (sorted, required)
    }
}

/// The NSEC3 records of a zone in the order of their hashes.
struct HashedChain: Sendable {
    struct Link: Sendable {
        /// In base 32, as the owner's first label.
        var hash: String
        var next: String
        var types: Set<RecordType>
        var isOptOut: Bool
        var record: PlacedRecord
    }

    let parameters: NSEC3PARAM
    private(set) var links: [Link] = []
    private(set) var byHash: [String: Link] = [:]
    /// Records with other parameters, and second ones at one name.
    private(set) var foreign: [PlacedRecord] = []
    private(set) var surplus: [PlacedRecord] = []

    init(view: ZoneView, origin: Name, parameters: NSEC3PARAM) {
        self.parameters = parameters
        for node in view.inOrder {
            for (index, record) in (node[.nsec3]?.records ?? []).enumerated() {
                guard let nsec3 = NSEC3(record.record.data), let label = node.name.labels.first,
                    node.name.parent == origin, nsec3.parameters.algorithm == parameters.algorithm,
                    nsec3.parameters.iterations == parameters.iterations,
                    nsec3.parameters.salt == parameters.salt
                else {
                    foreign.append(record)
                    continue
                }
                guard index == 0 else {
                    surplus.append(record)
                    continue
                }
                let hash = String(decoding: label.map(\.lowercased), as: UTF8.self)
                let link = Link(
                    hash: hash, next: Base32Hex.encode(nsec3.nextHash), types: nsec3.types,
                    isOptOut: nsec3.isOptOut, record: record)
                links.append(link)
                byHash[hash] = link
            }
        }
        links.sort { $0.hash < $1.hash }
    }

    /// RFC 5155 §5.
    func hash(_ name: Name, _ cryptography: any ZoneCryptography) -> String {
        var digest = cryptography.digest(.sha1, of: name.lowercased.wire + parameters.salt)
        for _ in 0..<parameters.iterations {
            digest = cryptography.digest(.sha1, of: digest + parameters.salt)
        }
        return Base32Hex.encode(digest)
    }

    /// The record whose range a hash falls into (RFC 5155 §1.3 "cover").
    func covering(_ hash: String) -> Link? {
        var low = 0
        var high = links.count
        while low < high {
            let middle = (low + high) / 2
            if links[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? links[low - 1] : links.last
    }
}

extension ZoneView.Node {
    /// Where the name stands first.
    var place: Finding.Place {
        sets.first?.records.first?.place ?? Finding.Place(owner: name, type: .any)
    }
}
