// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import World

/// A zone as it is served once it is signed.
package struct SignedZone: Sendable {
    /// All records, in canonical order.
    package var records: [ResourceRecord]
    /// How many signatures were made; the others were kept.
    package var made: Int
    /// All of them.
    package var signatures: Int
    /// When the first of them expires.
    package var expiration: Timestamp
}

/// Signs a zone, keeping of an earlier signing what still holds (RFC 4034, RFC 4035 §2, RFC 5155 §7.1).
///
/// It is done in steps, so that a large zone holds nobody up: `advance` until it says so, then
/// `finish`.
package struct ZoneSigning: Sendable {
    private typealias Node = CanonicalZone.Node

    /// What a signing asks for.
    package struct Order: Sendable {
        package var origin: Name
        package var keys: KeySet
        package var denial: DenialOfExistence
        package var policy: SigningPolicy
        package var now: Timestamp

        package init(
            origin: Name, keys: KeySet, denial: DenialOfExistence = .nsec,
            policy: SigningPolicy = SigningPolicy(), now: Timestamp
        ) {
            self.origin = origin
            self.keys = keys
            self.denial = denial
            self.policy = policy
            self.now = now
        }
    }

    private let order: Order
    private var nodes: [Node]
    /// By node: at a delegation only some sets are signed, below one none.
    private var kinds: [Kind]
    private let previous: CanonicalZone
    private let keySigners: [Signer]
    private let dataSigners: [Signer]
    private var previousPlace = 0
    private var place = 0
    private var made = 0
    private var total = 0
    private var expiration: Timestamp
    private var records: [ResourceRecord] = []

    /// A key that signs, and what is known of it.
    private struct Signer: Sendable {
        let key: any ZoneSigningKey
        let algorithm: UInt8
        let tag: UInt16
        /// It has signed before: a tag alone does not tell keys apart.
        let isFormer: Bool

        init?(_ key: any ZoneSigningKey, _ keys: KeySet, _ previous: Set<[UInt8]>) {
            algorithm = key.algorithm.rawValue
            let number = algorithm
            guard
                let published = keys.published.first(where: {
                    $0.key == key.publicKey && $0.algorithm == number
                })
            else { return nil }
            self.key = key
            tag = published.tag
            isFormer = previous.contains(published.wire)
        }
    }

    private enum Kind: Sendable {
        case own
        /// RFC 4035 §2.2: DS and NSEC only.
        case delegation
        /// Behind a delegation or a DNAME.
        case hidden
    }

    /// Types that signing makes, and that are not taken over from what is signed.
    private static let madeTypes: Set<RecordType> = [.rrsig, .nsec, .nsec3, .nsec3param]

    /// `records` are those of the zone unsigned, `announcements` those that the zone above looks
    /// for; `previous` is an earlier result, or empty.
    package init(
        _ records: [ResourceRecord], announcements: [ResourceRecord], previous: [ResourceRecord],
        _ order: Order
    ) {
        self.order = order
        let origin = order.origin
        var zone = CanonicalZone(records) { record in
            // RFC 8078 §4: the announcement that there is no key stands alone.
            if order.keys.announcesNone, [.cds, .cdnskey].contains(record.type) { return false }
            return !Self.madeTypes.contains(record.type)
        }
        self.previous = CanonicalZone(previous)
        var previousKeys: Set<[UInt8]> = []
        if let top = self.previous.place(of: origin.canonicalKey) {
            previousKeys = Set(self.previous.nodes[top][.dnskey]?.wires ?? [])
        }
        keySigners = order.keys.keySigners.compactMap { Signer($0, order.keys, previousKeys) }
        dataSigners = order.keys.dataSigners.compactMap { Signer($0, order.keys, previousKeys) }
        expiration = order.now + .seconds(order.policy.validity)
        nodes = []
        kinds = []
        guard let top = zone.place(of: origin.canonicalKey) else { return }
        Self.addKeys(order.keys, announcements, to: &zone.nodes[top])
        let ttl = Self.denialTTL(zone.nodes[top])
        if order.denial == .nsec3 {
            zone.nodes[top].add(
                .init(type: .nsec3param, ttl: ttl, data: [NSEC3PARAM.usual.data]))
        }
        nodes = zone.nodes
        findKinds()
        switch order.denial {
        case .nsec: addChain(ttl)
        case .nsec3: addHashedChain(ttl)
        }
    }

    /// All in one go.
    package static func sign(
        _ records: [ResourceRecord], announcements: [ResourceRecord] = [],
        previous: [ResourceRecord] = [], _ order: Order
    ) -> SignedZone {
        var signing = Self(records, announcements: announcements, previous: previous, order)
        while signing.advance(signatures: .max) {}
        return signing.finish()
    }

    // MARK: - What is signed

    private static func addKeys(
        _ keys: KeySet, _ announcements: [ResourceRecord], to node: inout Node
    ) {
        node.add(.init(type: .dnskey, ttl: keys.ttl, data: keys.published.map(\.data)))
        for type in [RecordType.cds, .cdnskey] {
            let data = announcements.filter { $0.type == type }.map(\.data)
            if !data.isEmpty { node.add(.init(type: type, ttl: keys.ttl, data: data)) }
        }
    }

    /// RFC 9077 §3: the lesser of the SOA's TTL and its last field.
    private static func denialTTL(_ top: Node) -> UInt32 {
        guard let set = top[.soa], case .soa(let soa)? = set.data.first else { return 0 }
        return min(set.ttl, soa.minimum)
    }

    private mutating func findKinds() {
        let origin = order.origin
        /// The latest delegation or DNAME: what it hides comes right behind it.
        var hiding: [UInt8]?
        for node in nodes {
            if let hiding, node.key.starts(with: hiding) {
                kinds.append(.hidden)
                continue
            }
            hiding = nil
            let isDelegation = node.name != origin && node[.ns] != nil
            kinds.append(isDelegation ? .delegation : .own)
            if isDelegation || node[.dname] != nil { hiding = node.key }
        }
    }

    private func isSigned(_ type: RecordType, _ kind: Kind) -> Bool {
        switch kind {
        case .own: true
        case .delegation: type == .ds || type == .nsec
        case .hidden: false
        }
    }

    /// The types that a denial lists (RFC 4034 §4.1.2, RFC 5155 §7.1).
    private func types(at node: Node, _ kind: Kind) -> Set<RecordType> {
        let types = Set(node.sets.map(\.type))
        return kind == .delegation ? types.intersection([.ns, .ds]) : types
    }

    // MARK: - Denial

    private mutating func addChain(_ ttl: UInt32) {
        let links = nodes.indices.filter { kinds[$0] != .hidden }
        for (index, link) in links.enumerated() {
            let next = nodes[links[(index + 1) % links.count]].name
            var types = types(at: nodes[link], kinds[link])
            types.formUnion([.nsec, .rrsig])
            nodes[link].add(
                .init(type: .nsec, ttl: ttl, data: [NSEC(next: next, types: types).data]))
        }
    }

    private mutating func addHashedChain(_ ttl: UInt32) {
        let parameters = NSEC3PARAM.usual
        var links: [(hash: [UInt8], types: Set<RecordType>)] = []
        var empty: Set<Name> = []
        for (place, node) in nodes.enumerated() where kinds[place] != .hidden {
            var types = types(at: node, kinds[place])
            if types.contains(where: { isSigned($0, kinds[place]) }) { types.insert(.rrsig) }
            links.append((parameters.hash(node.name), types))
            // RFC 5155 §7.1: names without records, up to the origin.
            var above = node.name.parent
            while let name = above, name != order.origin, name.isEqualOrBelow(order.origin),
                self.place(of: name) == nil, empty.insert(name).inserted
            {
                links.append((parameters.hash(name), []))
                above = name.parent
            }
        }
        links.sort { $0.hash.lexicographicallyPrecedes($1.hash) }
        for (index, link) in links.enumerated() {
            let next = links[(index + 1) % links.count].hash
            guard let name = order.origin.prepending(Base32Hex.encode(link.hash).utf8) else {
                continue
            }
            let data = NSEC3(parameters: parameters, nextHash: next, types: link.types).data
            insert(name, .init(type: .nsec3, ttl: ttl, data: [data]))
        }
        settleHashed()
    }

    private var hashed: [Node] = []

    private mutating func insert(_ name: Name, _ set: CanonicalZone.RecordSet) {
        hashed.append(Node(name: name, key: name.canonicalKey, sets: [set]))
    }

    /// Both lists are in canonical order; a hash that is a name too stands there twice.
    private mutating func settleHashed() {
        var all: [(node: Node, kind: Kind)] = []
        all.reserveCapacity(nodes.count + hashed.count)
        var own = 0
        for node in hashed {
            while own < nodes.count, !node.key.lexicographicallyPrecedes(nodes[own].key) {
                all.append((nodes[own], kinds[own]))
                own += 1
            }
            all.append((node, .own))
        }
        while own < nodes.count {
            all.append((nodes[own], kinds[own]))
            own += 1
        }
        nodes = all.map(\.node)
        kinds = all.map(\.kind)
        hashed = []
    }

    private func place(of name: Name) -> Int? { nodes.place(of: name.canonicalKey) }

    // MARK: - Signing

    /// Makes about so many signatures; false when there is nothing left to do.
    package mutating func advance(signatures: Int) -> Bool {
        let start = made
        while place < nodes.count, made - start < signatures {
            sign(nodes[place], kinds[place])
            place += 1
        }
        return place < nodes.count
    }

    /// The result, once `advance` has nothing left to do.
    package func finish() -> SignedZone {
        precondition(place == nodes.count, "signing must be at its end")
        return SignedZone(
            records: records, made: made, signatures: total, expiration: expiration)
    }

    private mutating func sign(_ node: Node, _ kind: Kind) {
        let old = former(node)
        for set in node.sets {
            for data in set.data {
                records.append(
                    ResourceRecord(owner: node.name, type: set.type, ttl: set.ttl, data: data))
            }
        }
        for set in node.sets where isSigned(set.type, kind) {
            let isKeySet = [.dnskey, .cds, .cdnskey].contains(set.type)
            // Who signs nothing but keys does so at the origin only.
            let signers =
                isKeySet && node.name == order.origin
                ? keySigners : dataSigners
            for signer in signers {
                let signature = kept(signer, set, old) ?? make(signer, set, node)
                total += 1
                expiration = min(expiration, time(signature.expiration))
                records.append(
                    ResourceRecord(
                        owner: node.name, type: .rrsig, ttl: set.ttl, data: signature.data))
            }
        }
    }

    /// The same name in the earlier signing; both are walked through in one order.
    private mutating func former(_ node: Node) -> Node? {
        while previousPlace < previous.nodes.count,
            previous.nodes[previousPlace].key.lexicographicallyPrecedes(node.key)
        {
            previousPlace += 1
        }
        guard previousPlace < previous.nodes.count, previous.nodes[previousPlace].key == node.key
        else { return nil }
        return previous.nodes[previousPlace]
    }

    /// A signature that holds on, over a set that has not changed.
    private func kept(
        _ signer: Signer, _ set: CanonicalZone.RecordSet, _ old: Node?
    ) -> RRSIG? {
        guard signer.isFormer, let old, let former = old[set.type], former.ttl == set.ttl,
            former.wires == set.wires
        else { return nil }
        let policy = order.policy
        return old.signatures.first {
            guard $0.typeCovered == set.type, $0.algorithm == signer.algorithm,
                $0.tag == signer.tag, $0.originalTTL == set.ttl, $0.signer == order.origin
            else { return false }
            let left = time($0.expiration) - order.now
            return time($0.inception) <= order.now
                && left > .seconds(policy.refresh + policy.gathered)
                && left <= .seconds(policy.validity)
        }
    }

    private mutating func make(
        _ signer: Signer, _ set: CanonicalZone.RecordSet, _ node: Node
    ) -> RRSIG {
        made += 1
        let policy = order.policy
        let spread = Self.spread(node.key, set.type) % UInt64(max(1, policy.spread))
        let isWildcard = node.name.labels.first?.elementsEqual([0x2A]) == true
        var signature = RRSIG(
            typeCovered: set.type, algorithm: signer.algorithm,
            // RFC 4034 §3.1.3: without the asterisk.
            labels: UInt8(node.name.labelCount - (isWildcard ? 1 : 0)), originalTTL: set.ttl,
            expiration: UInt32(
                truncatingIfNeeded: order.now.seconds + policy.validity - Int64(spread)),
            inception: UInt32(truncatingIfNeeded: order.now.seconds - policy.backdated),
            tag: signer.tag, signer: order.origin.lowercased)
        signature.signature = signer.key.sign(
            Self.signedOctets(signature, node.name, set.type, set.wires))
        return signature
    }

    /// The moment that 32 bits mean, next to now (RFC 4034 §3.1.5).
    private func time(_ seconds: UInt32) -> Timestamp {
        let now = order.now.seconds
        let difference = Int32(truncatingIfNeeded: Int64(seconds) - now)
        return Timestamp(seconds: now + Int64(difference))
    }

    /// The same for the same set each time.
    private static func spread(_ key: [UInt8], _ type: RecordType) -> UInt64 {
        var hash = FowlerHash(key)
        hash.add(UInt8(truncatingIfNeeded: type.rawValue))
        return hash.value >> 16
    }

    /// RFC 4034 §3.1.8.1: the head, and each record in canonical form and order.
    static func signedOctets(
        _ signature: RRSIG, _ owner: Name, _ type: RecordType, _ wires: [[UInt8]]
    ) -> [UInt8] {
        let name = owner.lowercased.wire
        var octets = signature.signedHead
        octets.reserveCapacity(
            octets.count + wires.reduce(0) { $0 + $1.count + name.count + 10 })
        let ttl = signature.originalTTL
        for wire in wires {
            octets += name
            octets += [UInt8(type.rawValue >> 8), UInt8(truncatingIfNeeded: type.rawValue), 0, 1]
            octets += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ttl >> UInt32($0)) }
            octets += [UInt8(wire.count >> 8), UInt8(truncatingIfNeeded: wire.count)]
            octets += wire
        }
        return octets
    }
}
