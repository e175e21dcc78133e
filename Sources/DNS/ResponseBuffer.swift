// SPDX-License-Identifier: Apache-2.0

/// Writes a response (RFC 1035 §4.1) into memory of its caller, with compressed names.
///
/// What would pass the limit is taken back whole. Names are compressed by their numbers in one
/// zone, not by their octets; letter case is kept, since names written otherwise have another
/// number.
struct ResponseBuffer: ~Copyable {
    /// Where a name of the zone stands in the message; good only in its round.
    private struct Anchor: BitwiseCopyable {
        var number: UInt32
        var offset: UInt16
        var round: UInt16
    }

    /// The four counts of the header, in their order.
    enum Section: Int {
        case question = 4
        case answer = 6
        case authority = 8
        case additional = 10
    }

    private let anchors: UnsafeMutablePointer<Anchor>
    private var round: UInt16 = 1
    private(set) var base: UnsafeMutableRawPointer
    var count = 0
    /// The largest message, what is kept back for the OPT record left out.
    var limit = 0
    /// Records in each section.
    private var answers: UInt16 = 0
    private var authorities: UInt16 = 0
    private var additionals: UInt16 = 0

    /// The name of the question begins right behind the header.
    static let questionPointer: UInt16 = 0xC000 | UInt16(Header.octets)
    private static let anchorCount = 256
    /// Only the first 2^14 octets can be pointed to (RFC 1035 §4.1.4).
    private static let reach = 0x4000

    init() {
        anchors = .allocate(capacity: Self.anchorCount)
        anchors.initialize(
            repeating: Anchor(number: 0, offset: 0, round: 0), count: Self.anchorCount)
        base = UnsafeMutableRawPointer(anchors)
    }

    deinit { anchors.deallocate() }

    /// Starts a message in `memory`, behind a header that is written last.
    mutating func begin(in memory: UnsafeMutableRawPointer, limit: Int) {
        base = memory
        self.limit = limit
        count = Header.octets
        answers = 0
        authorities = 0
        additionals = 0
        forgetAnchors()
    }

    /// Makes the numbers of another zone's names usable.
    mutating func forgetAnchors() {
        round &+= 1
        if round == 0 {
            anchors.update(
                repeating: Anchor(number: 0, offset: 0, round: 0), count: Self.anchorCount)
            round = 1
        }
    }

    /// How far a message has come.
    struct Mark: BitwiseCopyable {
        fileprivate var count: Int
        fileprivate var records: (UInt16, UInt16, UInt16)
    }

    var mark: Mark { Mark(count: count, records: (answers, authorities, additionals)) }

    /// Takes back what was written since.
    mutating func goBack(to mark: Mark) {
        count = mark.count
        (answers, authorities, additionals) = mark.records
        // Some may point to what was taken back.
        forgetAnchors()
    }

    /// Empties the sections but for the question, which ends at `end`.
    mutating func clear(to end: Int) {
        count = end
        answers = 0
        authorities = 0
        additionals = 0
    }

    mutating func finish(id: UInt16, flags: UInt16, questions: UInt16) {
        let header = (id, flags, questions, answers, authorities, additionals)
        base.storeBytes(of: header.0, as: UInt16.self)
        store(header.1, at: 2)
        store(header.2, at: 4)
        store(header.3, at: 6)
        store(header.4, at: 8)
        store(header.5, at: 10)
    }

    /// The records written so far in one section; the question is not counted here.
    private mutating func add(_ records: UInt16, to section: Section) {
        switch section {
        case .question: break
        case .answer: answers &+= records
        case .authority: authorities &+= records
        case .additional: additionals &+= records
        }
    }

    // MARK: - Numbers and octets

    @inline(__always)
    func store(_ value: UInt16, at offset: Int) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    private func store(_ value: UInt32, at offset: Int) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    @inline(__always)
    private mutating func put(_ value: UInt16) {
        store(value, at: count)
        count += 2
    }

    @inline(__always)
    private mutating func put(_ value: UInt32) {
        base.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt32.self)
        count += 4
    }

    /// Copies octets, if they fit.
    @inline(__always)
    mutating func copy(_ octets: UnsafeRawPointer, _ length: Int) -> Bool {
        guard count + length <= limit else { return false }
        (base + count).copyMemory(from: octets, byteCount: length)
        count += length
        return true
    }

    // MARK: - Names

    /// Remembers that a name of the zone, with all its ancestors, stands at an offset in full.
    mutating func anchor(_ name: Int, _ zone: UnsafePointer<CompiledZone.View>, at offset: Int) {
        var name = name
        var offset = offset
        while name != 0 {
            setAnchor(name, offset)
            offset += Int(zone.pointee.entries[name].octets)
            name = Int(zone.pointee.entries[name].parent)
            offset -= Int(zone.pointee.entries[name].octets)
        }
    }

    @inline(__always)
    private func setAnchor(_ name: Int, _ offset: Int) {
        guard offset < Self.reach else { return }
        anchors[name & (Self.anchorCount - 1)] = Anchor(
            number: UInt32(name), offset: UInt16(offset), round: round)
    }

    /// Where a name stands already; nil if it does not, or not any more.
    @inline(__always)
    func offset(of name: Int) -> Int? {
        let anchor = anchors[name & (Self.anchorCount - 1)]
        guard anchor.round == round, anchor.number == UInt32(name) else { return nil }
        return Int(anchor.offset)
    }

    /// Writes a name of the zone, its longest known end as a pointer (RFC 1035 §4.1.4).
    mutating func write(_ name: Int, _ zone: UnsafePointer<CompiledZone.View>) -> Bool {
        var name = name
        while name != 0 {
            if let offset = offset(of: name) {
                guard count + 2 <= limit else { return false }
                put(0xC000 | UInt16(offset))
                return true
            }
            let entry = zone.pointee.entries[name]
            let parent = Int(entry.parent)
            let length = Int(entry.octets) - Int(zone.pointee.entries[parent].octets)
            setAnchor(name, count)
            guard copy(zone.pointee.octets + Int(entry.wire), length) else { return false }
            name = parent
        }
        guard count < limit else { return false }
        base.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
        count += 1
        return true
    }

    // MARK: - Records

    /// Who owns records that are written.
    enum Owner {
        /// A name that stands at an offset within reach.
        case pointer(UInt16)
        /// A name of the zone.
        case name(Int)
        /// A name in wire form, where no pointer reaches.
        case wire(UnsafeRawPointer, Int)
    }

    @inline(__always)
    private mutating func write(
        _ owner: Owner, _ zone: UnsafePointer<CompiledZone.View>
    ) -> Bool {
        switch owner {
        case .pointer(let pointer):
            guard count + 2 <= limit else { return false }
            put(pointer)
            return true
        case .name(let name): return write(name, zone)
        case .wire(let wire, let length): return copy(wire, length)
        }
    }

    /// Writes a whole set, or nothing and false; `ttl` instead of its own if given.
    ///
    /// Names in the data are those of `zone`, whose numbers the anchors mean, unless the set has
    /// none: then only the owner is.
    mutating func write(
        _ set: UnsafePointer<CompiledZone.RecordSet>, of zone: UnsafePointer<CompiledZone.View>,
        owner: Owner, ownerZone: UnsafePointer<CompiledZone.View>, ttl: UInt32? = nil,
        in section: Section
    ) -> Bool {
        let mark = count
        let isWritten =
            set.pointee.hasNames
            ? writeNamed(set, zone, owner, ttl ?? set.pointee.ttl)
            : writePlain(set, zone, owner, ownerZone, ttl)
        guard isWritten else {
            count = mark
            // Some may point to what was taken back.
            forgetAnchors()
            return false
        }
        add(set.pointee.count, to: section)
        return true
    }

    /// Records that lie there as they travel, owned by the question's name.
    private mutating func writePlain(
        _ set: UnsafePointer<CompiledZone.RecordSet>, _ zone: UnsafePointer<CompiledZone.View>,
        _ owner: Owner, _ ownerZone: UnsafePointer<CompiledZone.View>, _ ttl: UInt32?
    ) -> Bool {
        var data = zone.pointee.octets + Int(set.pointee.data)
        let end = data + Int(set.pointee.octets)
        if case .pointer(let pointer) = owner {
            let start = count
            guard copy(data, Int(set.pointee.octets)) else { return false }
            guard pointer != Self.questionPointer || ttl != nil else { return true }
            var offset = start
            while offset < count {
                store(pointer, at: offset)
                if let ttl { store(ttl, at: offset + 6) }
                offset += Self.recordOctets(base + offset)
            }
            return true
        }
        while data < end {
            let length = Self.recordOctets(data)
            guard write(owner, ownerZone), copy(data + 2, length - 2) else { return false }
            // Behind the owner stand type and class, then the TTL.
            if let ttl { store(ttl, at: count - length + 6) }
            data += length
        }
        return true
    }

    /// The octets of a record whose owner is a pointer.
    private static func recordOctets(_ record: UnsafeRawPointer) -> Int {
        12 + Int(UInt16(bigEndian: record.loadUnaligned(fromByteOffset: 10, as: UInt16.self)))
    }

    private mutating func writeNamed(
        _ set: UnsafePointer<CompiledZone.RecordSet>, _ zone: UnsafePointer<CompiledZone.View>,
        _ owner: Owner, _ ttl: UInt32
    ) -> Bool {
        var place = Int(set.pointee.data)
        for _ in 0..<Int(set.pointee.count) {
            guard write(owner, zone), count + 10 <= limit else { return false }
            put(set.pointee.type)
            put(RecordClass.internet.rawValue)
            put(ttl)
            let start = count
            count += 2
            let layout = zone.pointee.layout(at: place)
            place += CompiledZone.Layout.octets
            let numbers = place
            place += 4 * layout.names
            guard copy(zone.pointee.octets + place, layout.prefix) else { return false }
            place += layout.prefix
            for index in 0..<layout.names {
                let name = zone.pointee.number(at: numbers + 4 * index)
                guard write(name, zone) else { return false }
            }
            guard copy(zone.pointee.octets + place, layout.suffix) else { return false }
            place += layout.suffix
            store(UInt16(count - start - 2), at: start)
        }
        return true
    }

    /// Writes one CNAME record whose target stands in wire form, the last labels of it as a name
    /// of the zone; the offset of the target, or nil when it does not fit.
    mutating func writeAlias(
        owner: Owner, ttl: UInt32, prefix: UnsafeRawPointer, _ length: Int, target: Int,
        of zone: UnsafePointer<CompiledZone.View>
    ) -> Int? {
        let mark = count
        guard write(owner, zone), count + 10 <= limit else {
            count = mark
            forgetAnchors()
            return nil
        }
        put(RecordType.cname.rawValue)
        put(RecordClass.internet.rawValue)
        put(ttl)
        count += 2
        let start = count
        guard copy(prefix, length), write(target, zone) else {
            count = mark
            forgetAnchors()
            return nil
        }
        store(UInt16(count - start), at: start - 2)
        answers &+= 1
        return start
    }

    /// Writes one record that is given as it travels.
    mutating func writeAnswer(_ record: UnsafeRawPointer, _ length: Int) -> Bool {
        guard copy(record, length) else { return false }
        answers &+= 1
        return true
    }

    /// Writes the fixed part of the OPT record (RFC 6891 §6.1.2); the caller kept room back.
    mutating func writeOPT(code: UInt16, wantsSignatures: Bool) {
        base.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
        count += 1
        put(RecordType.opt.rawValue)
        put(ExtendedDNS.safePayloadOctets)
        put((code >> 4) << 8)
        put(wantsSignatures ? UInt16(0x8000) : 0)
        put(UInt16(0))
        additionals &+= 1
    }

    /// Adds an option of `length` octets to the OPT record, which is the last one written; returns
    /// where the option's data goes.
    mutating func writeOption(
        _ code: UInt16, _ length: Int, ofOPTAt start: Int
    ) -> UnsafeMutableRawPointer {
        put(code)
        put(UInt16(length))
        let data = base + count
        count += length
        store(UInt16(count - start - 11), at: start + 9)
        return data
    }
}
