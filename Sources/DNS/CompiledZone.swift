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
    }

    let view: View
    private let memory: UnsafeMutableRawPointer
    /// What the zone takes.
    let memoryOctets: Int

    /// Names are compared eight octets at a time, so that some more must be readable behind.
    static let slack = 8

    init(
        entries: [Entry], sets: [RecordSet], helps: [Help], slots: [UInt32], octets: [UInt8],
        origin: UInt32, start: Int, negativeTTL: UInt32
    ) {
        func size<Element>(_ array: [Element]) -> Int {
            (array.count * MemoryLayout<Element>.stride + 7) & ~7
        }
        memoryOctets =
            size(entries) + size(sets) + size(helps) + size(slots) + octets.count + Self.slack
        let memory = UnsafeMutableRawPointer.allocate(byteCount: memoryOctets, alignment: 16)
        var offset = 0
        func place<Element>(_ array: [Element]) -> UnsafePointer<Element> {
            let start = (memory + offset).initializeMemory(
                as: Element.self, from: array, count: array.count)
            offset += size(array)
            return UnsafePointer(start)
        }
        let view = View(
            entries: place(entries), sets: place(sets), helps: place(helps), slots: place(slots),
            slotMask: UInt64(slots.count - 1), octets: UnsafeRawPointer(memory + offset),
            origin: origin, start: start, negativeTTL: negativeTTL)
        octets.withUnsafeBytes { octets in
            (memory + offset).copyMemory(
                from: octets.baseAddress ?? UnsafeRawPointer(memory), byteCount: octets.count)
        }
        (memory + offset + octets.count).initializeMemory(
            as: UInt8.self, repeating: 0, count: Self.slack)
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
