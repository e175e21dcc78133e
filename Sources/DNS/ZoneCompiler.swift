// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Puts a zone together: checks what records must be to be one, then lays them out for answering.
struct ZoneCompiler {
    private typealias Entry = CompiledZone.Entry

    /// Records of one type at one name, chained in the order given.
    private struct Draft {
        let type: RecordType
        var ttl: UInt32
        var count = 1
        var first: Int
        var last: Int
        /// Of the same name.
        var next: Int?
    }

    let origin: Name
    /// Every record once, in the order given.
    private(set) var records: [ResourceRecord] = []
    private(set) var faults: [String] = []

    private var entries: [Entry] = []
    private var octets: [UInt8] = []
    /// All names, by hash; those alike but for case stand one after another.
    private var table: [UInt32] = .init(repeating: 0, count: 64)
    private var originNumber = 0

    private var drafts: [Draft] = []
    /// By name: the first draft.
    private var firstDraft: [Int32] = []
    /// By record: the next of its set.
    private var nextRecord: [Int32] = []
    /// By draft, for sets so large that comparing each with each would take too long.
    private var large: [Int: Set<RecordData>] = [:]
    private static let largeCount = 32

    // What is known of the name that `intern` looks at: where its labels begin, from the left, and
    // the hash of the name from there.
    private var starts: [Int] = []
    private var hashes: [UInt64] = []
    private var folded: [UInt8] = []

    private var lastOwner: (name: Name, number: Int)?

    init(origin: Name) {
        self.origin = origin
        let root = Entry(
            hash: NameHash.root, wire: 0, parent: 0, existing: 0, barrier: 0, wildcard: 0,
            firstSet: 0, setCount: 0, octets: 1, marks: 0)
        octets = [0]
        entries = [root]
        firstDraft = [-1]
        enter(0)
        originNumber = intern(origin)
        entries[originNumber].existing = UInt32(originNumber + 1)
    }

    // MARK: - Records

    /// Takes a record, or notes why it cannot stand in the zone.
    mutating func add(_ record: ResourceRecord) {
        guard record.class == .internet else {
            faults.append("\(record.owner) \(record.type): class \(record.class) is not IN")
            return
        }
        if Self.isHashedDenial(record), record.owner.isEqualOrBelow(origin) {
            hashedDenials.append(record)
            return
        }
        guard let name = owner(record.owner) else {
            faults.append("\(record.owner) \(record.type) stands outside of \(origin)")
            return
        }
        add(record, to: name)
    }

    private mutating func add(_ record: ResourceRecord, to name: Int) {
        var last: Int?
        var place = Int(firstDraft[name])
        while place >= 0, drafts[place].type != record.type {
            last = place
            place = drafts[place].next ?? -1
        }
        let number = records.count
        guard place >= 0 else {
            if let last { drafts[last].next = drafts.count }
            if firstDraft[name] < 0 { firstDraft[name] = Int32(drafts.count) }
            drafts.append(Draft(type: record.type, ttl: record.ttl, first: number, last: number))
            records.append(record)
            nextRecord.append(-1)
            return
        }
        // RFC 2181 §5: a set has no record twice.
        guard !holds(record.data, in: place) else { return }
        nextRecord[drafts[place].last] = Int32(number)
        drafts[place].last = number
        drafts[place].count += 1
        drafts[place].ttl = min(drafts[place].ttl, record.ttl)
        records.append(record)
        nextRecord.append(-1)
    }

    private mutating func holds(_ data: RecordData, in place: Int) -> Bool {
        if drafts[place].count >= Self.largeCount {
            if large[place] == nil {
                large[place] = Set(numbers(of: place).map { records[$0].data })
            }
            return large[place]?.insert(data).inserted == false
        }
        var number = drafts[place].first
        while number >= 0 {
            if records[number].data == data { return true }
            number = Int(nextRecord[number])
        }
        return false
    }

    private func numbers(of place: Int) -> [Int] { numbers(of: drafts[place]) }

    private func numbers(of draft: Draft) -> [Int] {
        var numbers: [Int] = []
        var number = draft.first
        while number >= 0 {
            numbers.append(number)
            number = Int(nextRecord[number])
        }
        return numbers
    }

    private func drafts(of name: Int) -> [Int] {
        var places: [Int] = []
        var place = Int(firstDraft[name])
        while place >= 0 {
            places.append(place)
            place = drafts[place].next ?? -1
        }
        return places
    }

    private func draft(_ type: RecordType, of name: Int) -> Draft? {
        drafts(of: name).first { drafts[$0].type == type }.map { drafts[$0] }
    }

    /// The SOA, when there is precisely one.
    var start: ResourceRecord? {
        guard let draft = draft(.soa, of: originNumber), draft.count == 1 else { return nil }
        var record = records[draft.first]
        record.ttl = draft.ttl
        return record
    }

    /// NSEC3 records and the signatures over them: their owners are no names of the zone
    /// (RFC 5155 §7.2.8), if it is signed in that way.
    private var hashedDenials: [ResourceRecord] = []
    /// Owners of NSEC3 records, each once.
    private var hashedOwners: [Int] = []
    private var parameters: NSEC3PARAM?
    /// Signatures and denials are given to those who ask for them (RFC 4035 §3.1).
    private var isSigned = false
    /// Answering hashes a name for each denial: what asks for more costs too much, and validators
    /// take no notice of it (RFC 9276 §3.2).
    private static let maximumIterations: UInt16 = 150

    private static func isHashedDenial(_ record: ResourceRecord) -> Bool {
        record.type == .nsec3
            || record.type == .rrsig && RRSIG.typeCovered(by: record.data) == .nsec3
    }

    /// Finds out whether and how the zone is signed; then its NSEC3 records find their place.
    private mutating func settleDenial() {
        if let signatures = draft(.rrsig, of: originNumber) {
            isSigned = numbers(of: signatures).contains {
                RRSIG.typeCovered(by: records[$0].data) == .soa
            }
        }
        if isSigned, let draft = draft(.nsec3param, of: originNumber) {
            parameters =
                numbers(of: draft).compactMap { NSEC3PARAM(records[$0].data) }
                .first {
                    $0.algorithm == 1 && $0.flags == 0 && $0.iterations <= Self.maximumIterations
                }
        }
        for record in hashedDenials {
            guard parameters != nil else {
                if let name = owner(record.owner) { add(record, to: name) }
                continue
            }
            let name = intern(record.owner)
            if record.type == .nsec3, draft(.nsec3, of: name) == nil { hashedOwners.append(name) }
            add(record, to: name)
        }
        hashedDenials = []
    }

    /// Judges the whole: one SOA, NS at the origin, nothing beside an alias.
    mutating func judge() {
        settleDenial()
        let starts = draft(.soa, of: originNumber)?.count ?? 0
        if starts != 1 { faults.append("\(origin) has \(starts) SOA records instead of one") }
        if draft(.ns, of: originNumber) == nil { faults.append("\(origin) has no NS record") }
        for (number, record) in records.enumerated() where record.type == .cname {
            guard let name = owner(record.owner) else { continue }
            // RFC 4034 §3, §4: signatures and their denial may stand beside an alias.
            let types = drafts(of: name).map { drafts[$0].type }
            if let other = types.first(where: { ![.cname, .rrsig, .nsec].contains($0) }) {
                faults.append("\(record.owner) has a CNAME and also \(other)")
            }
            if let aliases = draft(.cname, of: name), aliases.count > 1, aliases.first == number {
                faults.append("\(record.owner) has more than one CNAME")
            }
        }
    }

    // MARK: - Names

    /// The number of a name in or at the top of the zone, which exists from now on; nil outside.
    private mutating func owner(_ name: Name) -> Int? {
        // Records of one owner mostly stand together.
        if let last = lastOwner, last.name.wire == name.wire { return last.number }
        guard name.isEqualOrBelow(origin) else { return nil }
        var number = intern(name)
        if entries[number].existing == 0 { entries[number].existing = existing(number) }
        if entries[number].existing == 0 {
            entries[number].existing = UInt32(number + 1)
            // Names without records between here and the origin exist too (RFC 8020).
            var above = Int(entries[number].parent)
            while true {
                if entries[above].existing == 0 { entries[above].existing = existing(above) }
                guard entries[above].existing == 0 else { break }
                entries[above].existing = UInt32(above + 1)
                above = Int(entries[above].parent)
            }
        }
        number = Int(entries[number].existing) - 1
        lastOwner = (name, number)
        return number
    }

    /// The name that exists and is the same but for letter case, plus one; 0 if there is none.
    private func existing(_ number: Int) -> UInt32 {
        let entry = entries[number]
        let mask = UInt64(table.count - 1)
        var slot = entry.hash & mask
        while table[Int(slot)] != 0 {
            let other = Int(table[Int(slot)]) - 1
            if entries[other].existing == UInt32(other + 1), entries[other].hash == entry.hash,
                wire(other).equalsIgnoringCase(wire(number))
            {
                return UInt32(other + 1)
            }
            slot = (slot + 1) & mask
        }
        return 0
    }

    private func wire(_ number: Int) -> ArraySlice<UInt8> {
        let start = Int(entries[number].wire)
        return octets[start..<start + Int(entries[number].octets)]
    }

    /// The number of a name by its very octets; it need not exist in the zone.
    private mutating func intern(_ name: Name) -> Int {
        let wire = name.wire
        starts.removeAll(keepingCapacity: true)
        var index = 0
        while wire[index] != 0 {
            starts.append(index)
            index += 1 + Int(wire[index])
        }
        hashAll(wire)
        var known = 0
        var missing = starts.count
        for place in starts.indices {
            guard let number = find(hashes[place], wire[starts[place]...]) else { continue }
            known = number
            missing = place
            break
        }
        guard missing > 0 else { return known }
        let base = octets.count
        octets += wire
        for place in (0..<missing).reversed() {
            entries.append(
                Entry(
                    hash: hashes[place], wire: UInt32(base + starts[place]),
                    parent: UInt32(known), existing: 0, barrier: 0, wildcard: 0, firstSet: 0,
                    setCount: 0, octets: UInt8(wire.count - starts[place]), marks: 0))
            firstDraft.append(-1)
            known = entries.count - 1
            enter(known)
        }
        return known
    }

    private mutating func hashAll(_ wire: [UInt8]) {
        folded.removeAll(keepingCapacity: true)
        for octet in wire { folded.append(octet.lowercased) }
        for _ in 0..<CompiledZone.slack { folded.append(0) }
        while hashes.count < starts.count { hashes.append(0) }
        var hash = NameHash.root
        folded.withUnsafeBytes { folded in
            guard let base = folded.baseAddress else { return }
            for place in starts.indices.reversed() {
                hash = NameHash.child(of: hash, base + starts[place])
                hashes[place] = hash
            }
        }
    }

    private func find(_ hash: UInt64, _ wire: ArraySlice<UInt8>) -> Int? {
        let mask = UInt64(table.count - 1)
        var slot = hash & mask
        while table[Int(slot)] != 0 {
            let number = Int(table[Int(slot)]) - 1
            if entries[number].hash == hash, self.wire(number) == wire { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func enter(_ number: Int) {
        if entries.count * 2 > table.count {
            table = [UInt32](repeating: 0, count: table.count * 2)
            for number in entries.indices {
                Self.place(number, entries[number].hash, in: &table)
            }
        } else {
            Self.place(number, entries[number].hash, in: &table)
        }
    }

    private static func place(_ number: Int, _ hash: UInt64, in table: inout [UInt32]) {
        let mask = UInt64(table.count - 1)
        var slot = hash & mask
        while table[Int(slot)] != 0 { slot = (slot + 1) & mask }
        table[Int(slot)] = UInt32(number + 1)
    }

    // MARK: - Layout

    private var sets: [CompiledZone.RecordSet] = []
    private var helps: [CompiledZone.Help] = []
    /// The first one of the set that is being laid out.
    private var firstHelp = 0
    /// More exchangers' addresses than this help nobody.
    private static let maximumHelpful = 64
    /// Addresses of name servers below a cut are no mere help; a message holds fewer than these.
    private static let maximumGlueHosts = 2048

    /// The zone laid out; once, after everything was added and judged.
    consuming func compile(_ soa: SOA, ttl: UInt32, isExpired: Bool = false) -> CompiledZone {
        let owners = entries.indices.filter { entries[$0].existing == UInt32($0 + 1) }
        for name in owners { layOut(name) }
        for name in hashedOwners where entries[name].existing == 0 { layOut(name) }
        // What data names may be names of the zone, written otherwise.
        for number in entries.indices where entries[number].existing == 0 {
            entries[number].existing = existing(number)
        }
        connect(owners)
        let chain = chain(owners)
        for place in helps.indices { helps[place] = settled(helps[place]) }
        var slots = [UInt32](repeating: 0, count: Self.capacity(for: owners.count))
        for name in owners { Self.place(name, entries[name].hash, in: &slots) }
        let first = Int(entries[originNumber].firstSet)
        let start = sets[first...].firstIndex { $0.type == RecordType.soa.rawValue } ?? first
        return CompiledZone(
            entries: entries, sets: sets, helps: helps, slots: slots, octets: octets,
            origin: UInt32(originNumber), start: start, negativeTTL: min(ttl, soa.minimum),
            isExpired: isExpired, chain: chain)
    }

    /// At most half full.
    private static func capacity(for count: Int) -> Int {
        var capacity = 4
        while capacity < count * 2 { capacity *= 2 }
        return capacity
    }

    private mutating func layOut(_ name: Int) {
        var places = drafts(of: name)
        let first = sets.count
        if isSigned, let place = places.firstIndex(where: { drafts[$0].type == .rrsig }) {
            // What is said when everything is asked for is no mere signature.
            places.append(places.remove(at: place))
        }
        for place in places { sets.append(layOut(drafts[place])) }
        if isSigned, let last = places.last, drafts[last].type == .rrsig {
            layOutSignatures(drafts[last], over: first..<first + places.count - 1)
        }
        entries[name].firstSet = UInt32(first)
        entries[name].setCount = UInt16(clamping: places.count)
        var marks: UInt8 = 0
        for place in places {
            switch drafts[place].type {
            case .ns where name != originNumber: marks |= CompiledZone.Mark.cut
            case .dname: marks |= CompiledZone.Mark.dname
            case .cname: marks |= CompiledZone.Mark.cname
            default: break
            }
        }
        if wire(name).starts(with: [1, 0x2A]) { marks |= CompiledZone.Mark.wildcard }
        entries[name].marks = marks
    }

    /// Lays signatures out once more, those over each set behind the sets of the name.
    private mutating func layOutSignatures(_ draft: Draft, over places: Range<Int>) {
        let signatures = numbers(of: draft)
        for place in places {
            let start = octets.count
            var count = 0
            for number in signatures.prefix(Int(UInt16.max))
            where RRSIG.typeCovered(by: records[number].data)?.rawValue == sets[place].type {
                // RFC 4034 §3: it has the TTL of what it covers.
                appendRecord(.rrsig, sets[place].ttl, records[number].data.wire)
                count += 1
            }
            guard count > 0 else { continue }
            sets[place].signatures = UInt32(sets.count + 1)
            sets.append(
                CompiledZone.RecordSet(
                    type: RecordType.rrsig.rawValue, count: UInt16(count), ttl: sets[place].ttl,
                    data: UInt32(start), octets: UInt32(octets.count - start), help: 0,
                    helpCount: 0, hasNames: false))
        }
    }

    private mutating func appendRecord(_ type: RecordType, _ ttl: UInt32, _ wire: [UInt8]) {
        octets.appendShort(ResponseBuffer.questionPointer)
        octets.appendShort(type.rawValue)
        octets.appendShort(RecordClass.internet.rawValue)
        octets.appendLong(ttl)
        octets.appendShort(UInt16(wire.count))
        octets += wire
    }

    private mutating func layOut(_ draft: Draft) -> CompiledZone.RecordSet {
        firstHelp = helps.count
        var hasNames = false
        var data: [UInt8] = []
        var number = draft.first
        // More than 65,535 records fit into no message, and are never written.
        var count = 0
        while number >= 0, count < Int(UInt16.max) {
            hasNames = append(records[number].data, draft, to: &data) || hasNames
            number = Int(nextRecord[number])
            count += 1
        }
        let start = octets.count
        octets += data
        return CompiledZone.RecordSet(
            type: draft.type.rawValue, count: UInt16(count), ttl: draft.ttl,
            data: UInt32(start), octets: UInt32(data.count), help: UInt32(firstHelp),
            helpCount: UInt16(helps.count - firstHelp), hasNames: hasNames)
    }

    /// Whether names in it may be compressed: those of the types of RFC 1035 (RFC 3597 §4).
    private mutating func append(
        _ data: RecordData, _ draft: Draft, to octets: inout [UInt8]
    ) -> Bool {
        switch data {
        case .cname(let name), .ptr(let name): append([], [name], [], to: &octets)
        case .ns(let name):
            append([], [name], [], to: &octets)
            note(name, limit: Self.maximumGlueHosts)
        case .mx(let mx):
            var preference: [UInt8] = []
            preference.appendShort(mx.preference)
            append(preference, [mx.exchange], [], to: &octets)
            note(mx.exchange, limit: Self.maximumHelpful)
        case .soa(let soa):
            var numbers: [UInt8] = []
            for value in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
                numbers.appendLong(value)
            }
            append([], [soa.primary, soa.responsible], numbers, to: &octets)
        case .dname(let target):
            // Never compressed (RFC 6672 §2.5), but its number is needed for what follows from it.
            helps.append(.init(name: UInt32(intern(target)), source: 0, isGlue: false))
            fallthrough
        default:
            if case .srv(let srv) = data { note(srv.target, limit: Self.maximumHelpful) }
            let wire = data.wire
            noteHost(in: wire, draft.type)
            octets.appendShort(ResponseBuffer.questionPointer)
            octets.appendShort(draft.type.rawValue)
            octets.appendShort(RecordClass.internet.rawValue)
            octets.appendLong(draft.ttl)
            octets.appendShort(UInt16(wire.count))
            octets += wire
            return false
        }
        return true
    }

    private mutating func append(
        _ prefix: [UInt8], _ names: [Name], _ suffix: [UInt8], to octets: inout [UInt8]
    ) {
        octets += [UInt8(prefix.count), UInt8(names.count), UInt8(suffix.count), 0]
        for name in names {
            withUnsafeBytes(of: UInt32(intern(name)).littleEndian) { octets += $0 }
        }
        octets += prefix + suffix
    }

    /// RFC 1183 §1, §3.3, RFC 2230 §3.1: AFSDB, RT and KX name a host behind a number.
    private mutating func noteHost(in wire: [UInt8], _ type: RecordType) {
        guard [18, 21, 36].contains(type.rawValue), wire.count > 2 else { return }
        note(Name(uncheckedWire: Array(wire[2...])), limit: Self.maximumHelpful)
    }

    private mutating func note(_ host: Name, limit: Int) {
        let number = UInt32(intern(host))
        guard helps.count - firstHelp < limit, !isNoted(number) else { return }
        helps.append(.init(name: number, source: 0, isGlue: false))
    }

    private func isNoted(_ number: UInt32) -> Bool {
        helps[firstHelp...].contains { $0.name == number }
    }

    /// Finds barriers and wildcards, from the origin downward.
    private mutating func connect(_ owners: [Int]) {
        // What stands above has the shorter wire form.
        for name in owners.sorted(by: { entries[$0].octets < entries[$1].octets })
        where name != originNumber {
            let above = Int(entries[Int(entries[name].parent)].existing) - 1
            if entries[above].barrier != 0 {
                entries[name].barrier = entries[above].barrier
            } else if entries[above].marks & (CompiledZone.Mark.cut | CompiledZone.Mark.dname) != 0
            {
                entries[name].barrier = UInt32(above + 1)
            }
            if entries[name].marks & CompiledZone.Mark.wildcard != 0 {
                entries[above].wildcard = UInt32(name + 1)
            }
        }
    }

    /// Finds where the addresses of a host stand in this zone.
    private func settled(_ help: CompiledZone.Help) -> CompiledZone.Help {
        var help = help
        var name = Int(help.name)
        if entries[name].existing != 0 {
            name = Int(entries[name].existing) - 1
            help.source = UInt32(name + 1)
            help.isGlue =
                entries[name].barrier != 0 || entries[name].marks & CompiledZone.Mark.cut != 0
            return help
        }
        while name != 0, entries[name].existing == 0 { name = Int(entries[name].parent) }
        guard entries[name].existing != 0 else { return help }
        let encloser = entries[Int(entries[name].existing) - 1]
        let barriers = CompiledZone.Mark.cut | CompiledZone.Mark.dname
        if encloser.barrier == 0, encloser.marks & barriers == 0 {
            help.source = encloser.wildcard
        }
        return help
    }

    // MARK: - Denial

    /// The chain of NSEC or NSEC3 records, and what of it speaks of each name.
    private mutating func chain(_ owners: [Int]) -> CompiledZone.Chain {
        var chain = CompiledZone.Chain(parameters: parameters)
        guard isSigned else { return chain }
        var keys: [(key: [UInt8], name: Int, set: Int)] = []
        for name in parameters == nil ? owners : hashedOwners where entries[name].barrier == 0 {
            let type = parameters == nil ? RecordType.nsec : .nsec3
            guard let set = set(type, of: name), let key = chainKey(name, set) else { continue }
            keys.append((key, name, set))
        }
        keys.sort { $0.key.lexicographicallyPrecedes($1.key) }
        guard !keys.isEmpty else { return chain }
        for (key, name, set) in keys {
            chain.links.append(
                CompiledZone.Link(
                    key: UInt32(octets.count), set: UInt32(set), name: UInt32(name),
                    keyOctets: UInt16(key.count)))
            octets += key
        }
        chain.denials = .init(repeating: .init(), count: entries.count)
        for name in owners where entries[name].barrier == 0 {
            let sought = Name(uncheckedWire: Array(wire(name)))
            let own = sortKey(sought)
            let link = Self.link(own, keys)
            if parameters == nil || keys[link].key == own {
                chain.denials[name].own = UInt32(link + 1)
            }
            if let wildcard = sought.wildcard {
                chain.denials[name].wildcard = UInt32(Self.link(sortKey(wildcard), keys) + 1)
            }
        }
        return chain
    }

    private func set(_ type: RecordType, of name: Int) -> Int? {
        let first = Int(entries[name].firstSet)
        return (first..<first + Int(entries[name].setCount)).first {
            sets[$0].type == type.rawValue
        }
    }

    private func sortKey(_ name: Name) -> [UInt8] { parameters?.hash(name) ?? name.canonicalKey }

    /// Nil for a record that is no link of the zone's chain: one of another chain (RFC 5155 §7.3).
    private func chainKey(_ name: Int, _ set: Int) -> [UInt8]? {
        let owner = Name(uncheckedWire: Array(wire(name)))
        guard let parameters else { return owner.canonicalKey }
        guard let label = owner.labels.first, owner.labelCount == origin.labelCount + 1,
            let hash = Base32Hex.decode(label), hash.count == SHA1.octets,
            let draft = draft(.nsec3, of: name), let nsec3 = NSEC3(records[draft.first].data),
            nsec3.parameters.algorithm == 1, nsec3.parameters.salt == parameters.salt,
            nsec3.parameters.iterations == parameters.iterations
        else { return nil }
        return hash
    }

    private static func link(
        _ key: [UInt8], _ keys: [(key: [UInt8], name: Int, set: Int)]
    ) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if key.lexicographicallyPrecedes(keys[middle].key) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low > 0 ? low - 1 : keys.count - 1
    }
}
