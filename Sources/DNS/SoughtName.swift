// SPDX-License-Identifier: Apache-2.0

/// The name that a responder looks for, with the hashes of itself and all its ancestors.
struct SoughtName: ~Copyable {
    /// As it is written; not its own memory.
    private(set) var wire: UnsafeRawPointer
    private var count = 1
    private var labels = 0
    private let lower: UnsafeMutableRawPointer
    private let starts: UnsafeMutablePointer<UInt8>
    /// From each label on; that of the root stands last.
    private let hashes: UnsafeMutablePointer<UInt64>
    /// Two, in turn, for names that are made from others.
    private let made: UnsafeMutableRawPointer
    private var isSecondMade = false

    private static let maximumLabels = 127
    private static let room = Name.maximumOctets + 1 + CompiledZone.slack

    init() {
        lower = .allocate(byteCount: Self.room, alignment: 8)
        lower.initializeMemory(as: UInt8.self, repeating: 0, count: Self.room)
        starts = .allocate(capacity: Self.maximumLabels + 1)
        starts.initialize(repeating: 0, count: Self.maximumLabels + 1)
        hashes = .allocate(capacity: Self.maximumLabels + 1)
        hashes.initialize(repeating: 0, count: Self.maximumLabels + 1)
        made = .allocate(byteCount: 2 * Self.room, alignment: 8)
        made.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Self.room)
        wire = UnsafeRawPointer(lower)
    }

    deinit {
        lower.deallocate()
        starts.deallocate()
        hashes.deallocate()
        made.deallocate()
    }

    var labelCount: Int { labels }
    @inline(__always) func start(_ place: Int) -> Int {
        place < labels ? Int(starts[place]) : count - 1
    }
    /// The hash of the name without its first `place` labels.
    @inline(__always) func hash(from place: Int) -> UInt64 { hashes[place] }
    @inline(__always) func lowercased(from place: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(lower) + start(place)
    }
    @inline(__always) func octets(from place: Int) -> Int { count - start(place) }

    /// Writes the octets that sort as the name does (RFC 4034 §6.1), as `Name.canonicalKey` has
    /// them, and returns how many; there is room for twice a name.
    func writeCanonicalKey(to key: UnsafeMutableRawPointer) -> Int {
        var length = 0
        var place = labels
        while place > 0 {
            place -= 1
            let start = Int(starts[place])
            let label = Int(lower.load(fromByteOffset: start, as: UInt8.self))
            for index in 0..<label {
                let octet = lower.load(fromByteOffset: start + 1 + index, as: UInt8.self)
                if octet <= 1 {
                    key.storeBytes(of: 1, toByteOffset: length, as: UInt8.self)
                    length += 1
                }
                key.storeBytes(
                    of: octet <= 1 ? octet + 1 : octet, toByteOffset: length, as: UInt8.self)
                length += 1
            }
            key.storeBytes(of: 0, toByteOffset: length, as: UInt8.self)
            length += 1
        }
        return length
    }

    /// Whether the rest of the name is written with these very octets.
    @inline(__always)
    func isSame(from place: Int, _ octets: UnsafeRawPointer, _ length: Int) -> Bool {
        let start = start(place)
        guard count - start == length else { return false }
        let rest = wire + start
        var index = 0
        while index + 8 <= length {
            guard
                rest.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    == octets.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index += 8
        }
        while index < length {
            guard
                rest.load(fromByteOffset: index, as: UInt8.self)
                    == octets.load(fromByteOffset: index, as: UInt8.self)
            else { return false }
            index += 1
        }
        return true
    }

    /// Takes a well-formed name of `length` octets; `wire` is where it stays meanwhile.
    mutating func set(
        _ wire: UnsafeRawPointer, _ length: Int, copying source: UnsafeRawPointer
    ) {
        self.wire = wire
        count = length
        var index = 0
        while index + 8 <= length {
            let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            lower.storeBytes(
                of: NameHash.lowercased(word), toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < length {
            let octet = source.load(fromByteOffset: index, as: UInt8.self)
            let isUpper = octet &- 0x41 < 26
            lower.storeBytes(
                of: isUpper ? octet | 0x20 : octet, toByteOffset: index, as: UInt8.self)
            index += 1
        }
        lower.storeBytes(of: 0, toByteOffset: length, as: UInt64.self)
        hash()
    }

    private mutating func hash() {
        labels = 0
        var index = 0
        while true {
            let label = Int(lower.load(fromByteOffset: index, as: UInt8.self))
            if label == 0 { break }
            starts[labels] = UInt8(truncatingIfNeeded: index)
            labels += 1
            index += 1 + label
        }
        var hash = NameHash.root
        hashes[labels] = hash
        var place = labels
        while place > 0 {
            place -= 1
            hash = NameHash.child(of: hash, UnsafeRawPointer(lower) + Int(starts[place]))
            hashes[place] = hash
        }
    }

    /// Keeps the first octets and puts another end behind them, as a DNAME does.
    mutating func replaceEnd(keeping kept: Int, with end: UnsafeRawPointer, _ length: Int) {
        let memory = isSecondMade ? made : made + Self.room
        isSecondMade.toggle()
        memory.copyMemory(from: wire, byteCount: kept)
        (memory + kept).copyMemory(from: end, byteCount: length)
        set(UnsafeRawPointer(memory), kept + length, copying: UnsafeRawPointer(memory))
    }

    /// Whether it is one of some names, given in wire form and lower case.
    func isOne(of names: [StaticString]) -> Bool {
        names.contains { name in
            name.utf8CodeUnitCount == count
                && UnsafeRawBufferPointer(start: lower, count: count).elementsEqual(
                    UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
    }
}
