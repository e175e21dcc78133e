// SPDX-License-Identifier: Apache-2.0

/// A zone as its answers need it: names numbered, sets in wire form, all in one piece of memory.
///
/// Everything that does not depend on the question is found out here: which cut or DNAME stands
/// above a name, which wildcard below it, which hosts' addresses help. Answering reads pointers
/// and copies octets; it allocates nothing and counts no references.
///
/// Unchecked: nothing in it changes after `init`.
final class CompiledZone: @unchecked Sendable {
    /// A name: one of the zone's, an ancestor of it, or one that only stands in data.
    struct Entry: BitwiseCopyable {
        var hash: UInt64
        /// Where its wire form begins, the letter case kept.
        var wire: UInt32
        /// The name without its first label, its letter case the same; the root is its own.
        var parent: UInt32
        /// The name of the zone that is the same but for letter case, plus one; 0: none.
        var existing: UInt32
        /// The uppermost name strictly above that takes over: by a delegation or a DNAME.
        var barrier: UInt32
        /// `*` right below, plus one.
        var wildcard: UInt32
        var firstSet: UInt32
        var setCount: UInt16
        /// Of the wire form.
        var octets: UInt8
        var marks: UInt8
    }

    /// What a name is to the answering, in `Entry.marks`.
    enum Mark {
        /// Has NS records, and is not the origin (RFC 1034 §4.2.1).
        static let cut: UInt8 = 1
        static let dname: UInt8 = 2
        static let cname: UInt8 = 4
        static let wildcard: UInt8 = 8
    }

    /// The records of one type at one name (RFC 2181 §5).
    struct RecordSet: BitwiseCopyable {
        var type: UInt16
        var count: UInt16
        var ttl: UInt32
        /// Where the data begins; how it is laid out is said by `hasNames`.
        var data: UInt32
        var octets: UInt32
        /// `Help` of hosts named in the data.
        var help: UInt32
        var helpCount: UInt16
        /// Names in the data may be compressed.
        ///
        /// Then each record is a `Layout` and what it describes. Otherwise the records stand there as they travel, owned by the question's name.
        var hasNames: Bool
        /// The place of the signatures over it, a set of its own, plus one; 0: none.
        var signatures: UInt32 = 0
    }

    /// Data with names: so many octets before them, their numbers, so many octets after them.
    struct Layout {
        static let octets = 4
        var prefix: Int
        var names: Int
        var suffix: Int
    }

    /// A host that data names, and where in this zone its addresses stand.
    struct Help: BitwiseCopyable {
        var name: UInt32
        /// The name itself or a wildcard that speaks for it, plus one; 0: not in this zone.
        var source: UInt32
        /// Below a cut: glue, good for referrals alone.
        var isGlue: Bool
    }

    /// A record of the chain that denies names (RFC 4034 §4, RFC 5155 §3), in the chain's order.
    struct Link: BitwiseCopyable {
        /// Where the octets begin that sort as its name does: canonical ones, or the hash.
        var key: UInt32
        /// The NSEC or NSEC3 record.
        var set: UInt32
        /// Its owner.
        var name: UInt32
        var keyOctets: UInt16
    }

    /// The links, plus one, that speak of a name; 0: none.
    struct Denial: BitwiseCopyable {
        /// Its own, or by NSEC that which covers a name without records.
        var own: UInt32 = 0
        /// Of `*` right below: its own, or that which covers it.
        var wildcard: UInt32 = 0
    }

    /// How the denial of a zone works.
    struct Chain {
        /// Nil: by NSEC.
        var parameters: NSEC3PARAM?
        var links: [Link] = []
        /// By name; empty without links.
        var denials: [Denial] = []
    }

    /// Where everything is; copied freely, good as long as the zone lives.
    struct View: BitwiseCopyable {
        var entries: UnsafePointer<Entry>
        var sets: UnsafePointer<RecordSet>
        var helps: UnsafePointer<Help>
        /// Names that exist, by hash: number plus one, 0 for none.
        var slots: UnsafePointer<UInt32>
        var slotMask: UInt64
        var octets: UnsafeRawPointer
        var origin: UInt32
        /// The SOA's place in `sets`, and its TTL in negative answers (RFC 2308 §5).
        var start: Int
        var negativeTTL: UInt32
        var links: UnsafePointer<Link>
        /// 0: the zone is not signed, or cannot prove what it does not have.
        var linkCount: Int
        var denials: UnsafePointer<Denial>
        var isHashed: Bool
        /// RFC 5155 §3.1: behind the octets of names; of no use without `isHashed`.
        var salt: UnsafeRawPointer
        var saltOctets: Int
        var iterations: Int
        /// What was copied is too old to be answered (RFC 1035 §3.3.13).
        var isExpired: Bool
    }

    let view: View
    private let memory: UnsafeMutableRawPointer
    /// What the zone takes.
    let memoryOctets: Int

    /// Names are compared eight octets at a time, so that some more must be readable behind.
    static let slack = 8

    init(
        entries: [Entry], sets: [RecordSet], helps: [Help], slots: [UInt32], octets: [UInt8],
        origin: UInt32, start: Int, negativeTTL: UInt32, isExpired: Bool,
        chain: Chain = Chain()
    ) {
        func size<Element>(_ array: [Element]) -> Int {
            (array.count * MemoryLayout<Element>.stride + 7) & ~7
        }
        memoryOctets =
            size(entries) + size(sets) + size(helps) + size(slots) + size(chain.links)
            + size(chain.denials) + octets.count + Self.slack + Int(UInt8.max)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: memoryOctets, alignment: 16)
        var offset = 0
        func place<Element>(_ array: [Element]) -> UnsafePointer<Element> {
            let start = (memory + offset).initializeMemory(
                as: Element.self, from: array, count: array.count)
            offset += size(array)
            return UnsafePointer(start)
        }
        var view = View(
            entries: place(entries), sets: place(sets), helps: place(helps), slots: place(slots),
            slotMask: UInt64(slots.count - 1), octets: UnsafeRawPointer(memory),
            origin: origin, start: start, negativeTTL: negativeTTL, links: place(chain.links),
            linkCount: chain.links.count, denials: place(chain.denials),
            isHashed: chain.parameters != nil, salt: UnsafeRawPointer(memory), saltOctets: 0,
            iterations: Int(chain.parameters?.iterations ?? 0), isExpired: isExpired)
        view.octets = UnsafeRawPointer(memory + offset)
        octets.withUnsafeBytes { octets in
            (memory + offset).copyMemory(
                from: octets.baseAddress ?? UnsafeRawPointer(memory), byteCount: octets.count)
        }
        (memory + offset + octets.count).initializeMemory(
            as: UInt8.self, repeating: 0, count: Self.slack)
        offset += octets.count + Self.slack
        view.salt = UnsafeRawPointer(memory + offset)
        for octet in chain.parameters?.salt ?? [] {
            memory.storeBytes(of: octet, toByteOffset: offset + view.saltOctets, as: UInt8.self)
            view.saltOctets += 1
        }
        self.memory = memory
        self.view = view
    }

    deinit { memory.deallocate() }
}

extension CompiledZone.View {
    /// The number of a name that exists; nil for any other.
    @inline(__always)
    func find(_ hash: UInt64, _ lowercased: UnsafeRawPointer, octets count: Int) -> Int? {
        var slot = hash & slotMask
        while true {
            let number = slots[Int(slot)]
            if number == 0 { return nil }
            let entry = entries + Int(number - 1)
            if entry.pointee.hash == hash, Int(entry.pointee.octets) == count,
                NameHash.areEqual(
                    octets + Int(entry.pointee.wire), lowercased: lowercased, count: count)
            {
                return Int(number - 1)
            }
            slot = (slot &+ 1) & slotMask
        }
    }

    /// The place in `sets` of a name's records of a type.
    @inline(__always)
    func set(_ type: UInt16, of name: Int) -> Int? {
        let entry = entries + name
        let first = Int(entry.pointee.firstSet)
        for place in first..<first + Int(entry.pointee.setCount)
        where sets[place].type == type {
            return place
        }
        return nil
    }

    /// The link that is the key's own or covers it: the last one that is not above it, since the
    /// chain is a circle.
    func link(_ key: UnsafeRawPointer, octets count: Int) -> Int {
        var low = 0
        var high = linkCount
        while low < high {
            let middle = (low + high) / 2
            let link = links + middle
            let isAbove = Self.isAscending(
                key, count, octets + Int(link.pointee.key), Int(link.pointee.keyOctets))
            if isAbove { high = middle } else { low = middle + 1 }
        }
        return low > 0 ? low - 1 : linkCount - 1
    }

    /// Whether the first octets sort before the second.
    private static func isAscending(
        _ first: UnsafeRawPointer, _ firstCount: Int, _ second: UnsafeRawPointer, _ secondCount: Int
    ) -> Bool {
        let count = min(firstCount, secondCount)
        var index = 0
        while index + 8 <= count {
            let left = first.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let right = second.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if left != right { return left.bigEndian < right.bigEndian }
            index += 8
        }
        while index < count {
            let left = first.load(fromByteOffset: index, as: UInt8.self)
            let right = second.load(fromByteOffset: index, as: UInt8.self)
            if left != right { return left < right }
            index += 1
        }
        return firstCount < secondCount
    }

    /// RFC 5155 §5.
    func hash(_ name: UnsafeRawPointer, _ count: Int, into digest: UnsafeMutableRawPointer) {
        SHA1.hashName(
            name, count, salt: UnsafeRawBufferPointer(start: salt, count: saltOctets),
            iterations: iterations, into: digest)
    }

    /// How the record at an offset of `octets` is laid out, for a set that has names.
    @inline(__always)
    func layout(at offset: Int) -> CompiledZone.Layout {
        let word = UInt32(
            littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        return CompiledZone.Layout(
            prefix: Int(word & 0xFF), names: Int(word >> 8 & 0xFF), suffix: Int(word >> 16))
    }

    @inline(__always)
    func number(at offset: Int) -> Int {
        Int(UInt32(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
}
