// SPDX-License-Identifier: Apache-2.0

/// The links of chains that a response has to show, in memory that is used again and again.
struct Proofs: ~Copyable {
    private struct Proof: BitwiseCopyable {
        var zone: UnsafePointer<CompiledZone.View>
        var link: UInt32
    }

    private let list: UnsafeMutablePointer<Proof>
    private var count = 0
    private var written = 0
    /// For a hash or the canonical octets of a name.
    let room: UnsafeMutableRawPointer

    /// Each alias may need one, and the end three.
    private static let capacity = Responder.maximumAliases + 4

    init() {
        list = .allocate(capacity: Self.capacity)
        let octets = 2 * Name.maximumOctets + CompiledZone.slack
        room = .allocate(byteCount: octets, alignment: 8)
        room.initializeMemory(as: UInt8.self, repeating: 0, count: octets)
    }

    deinit {
        list.deallocate()
        room.deallocate()
    }

    @inline(__always)
    mutating func removeAll() {
        count = 0
        written = 0
    }

    /// Notes the place of a link, plus one, unless it is noted already; 0 is none.
    mutating func add(_ link: UInt32, _ zone: UnsafePointer<CompiledZone.View>) {
        guard link != 0, count < Self.capacity else { return }
        for index in 0..<count where list[index].link == link && list[index].zone == zone { return }
        (list + count).initialize(to: Proof(zone: zone, link: link))
        count += 1
    }

    /// The next one that is not written yet.
    @inline(__always)
    mutating func next() -> (zone: UnsafePointer<CompiledZone.View>, link: Int)? {
        guard written < count else { return nil }
        defer { written += 1 }
        return (list[written].zone, Int(list[written].link) - 1)
    }
}
