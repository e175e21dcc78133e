// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Writes a message (RFC 1035 §4) with compressed names into an array that is used again and again.
///
/// What would pass the limit is taken back whole, so that a message is never cut within a record.
package struct MessageWriter: Sendable {
    /// The four parts of a message, in their order.
    package enum Section: Int, Sendable {
        case question
        case answer
        case authority
        case additional
    }

    package private(set) var octets: [UInt8] = []
    /// The largest message; what `reserve` keeps back counts too.
    private var limit = 0
    /// Where names begin that later ones may point to, each below 2^14.
    private var targets: [Int] = []

    /// Looking through more than this costs more than it saves.
    private static let maximumTargets = 128

    package init() { octets.reserveCapacity(Int(ExtendedDNS.safePayloadOctets)) }

    /// Starts a new message; the array's memory stays.
    package mutating func begin(_ header: Header, limit: Int) {
        octets.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        self.limit = min(limit, Message.maximumOctets)
        octets.appendShort(header.id)
        octets.appendShort(header.flags)
        for _ in 0..<4 { octets.appendShort(0) }
    }

    /// Keeps octets back for what is written last, or gives them free with a negative count.
    package mutating func reserve(_ count: Int) { limit -= count }

    /// Puts the final flags in the place of those given to `begin`.
    package mutating func setFlags(_ flags: UInt16) {
        octets[2] = UInt8(flags >> 8)
        octets[3] = UInt8(truncatingIfNeeded: flags)
    }

    /// Writes a question; false, and nothing written, if it does not fit.
    package mutating func write(_ question: Question) -> Bool {
        attempt(.question) { writer in
            writer.write(question.name)
            writer.octets.appendShort(question.type.rawValue)
            writer.octets.appendShort(question.class.rawValue)
        }
    }

    /// Writes a record, `owner` and `ttl` instead of its own if given; false if it does not fit.
    package mutating func write(
        _ record: ResourceRecord, owner: Name? = nil, ttl: UInt32? = nil, in section: Section
    ) -> Bool {
        attempt(section) { writer in
            writer.write(owner ?? record.owner)
            writer.octets.appendShort(record.type.rawValue)
            writer.octets.appendShort(record.class.rawValue)
            writer.octets.appendLong(ttl ?? record.ttl)
            let start = writer.octets.count
            writer.octets.appendShort(0)
            writer.write(record.data, record.type)
            let length = writer.octets.count - start - 2
            writer.octets[start] = UInt8(truncatingIfNeeded: length >> 8)
            writer.octets[start + 1] = UInt8(truncatingIfNeeded: length)
        }
    }

    /// The octets that `write` of EDNS takes.
    package static func octets(of edns: ExtendedDNS) -> Int { 11 + edns.options.count }

    /// Writes the OPT record (RFC 6891 §6.1.2) with the upper bits of the response code.
    package mutating func write(_ edns: ExtendedDNS, _ code: ResponseCode = .noError) -> Bool {
        attempt(.additional) { writer in
            writer.octets.append(0)
            writer.octets.appendShort(RecordType.opt.rawValue)
            writer.octets.appendShort(edns.payloadOctets)
            writer.octets.append(UInt8(truncatingIfNeeded: code.rawValue >> 4))
            writer.octets.append(edns.version)
            writer.octets.appendShort(edns.wantsSignatures ? 0x8000 : 0)
            writer.octets.appendShort(UInt16(edns.options.count))
            writer.octets += edns.options
        }
    }

    /// Writes a part and counts it, or takes it back when it passes the limit.
    private mutating func attempt(_ section: Section, _ write: (inout Self) -> Void) -> Bool {
        let count = octets.count
        let targetCount = targets.count
        write(&self)
        guard octets.count <= limit else {
            octets.removeLast(octets.count - count)
            targets.removeLast(targets.count - targetCount)
            return false
        }
        let place = 4 + 2 * section.rawValue
        let total = UInt16(octets[place]) << 8 | UInt16(octets[place + 1]) + 1
        octets[place] = UInt8(total >> 8)
        octets[place + 1] = UInt8(truncatingIfNeeded: total)
        return true
    }

    private mutating func write(_ data: RecordData, _ type: RecordType) {
        switch data {
        // RFC 3597 §4: only names in the types of RFC 1035 are compressed.
        case .cname(let name), .ns(let name), .ptr(let name): write(name)
        case .mx(let mx):
            octets.appendShort(mx.preference)
            write(mx.exchange)
        case .soa(let soa):
            write(soa.primary)
            write(soa.responsible)
            octets.appendLong(soa.serial)
            octets.appendLong(soa.refresh)
            octets.appendLong(soa.retry)
            octets.appendLong(soa.expire)
            octets.appendLong(soa.minimum)
        case .a(let address): octets.appendLong(address.rawValue)
        case .unknown(let wire): octets += wire
        default: octets += data.wire
        }
    }

    /// Writes a name, its longest known end as a pointer (RFC 1035 §4.1.4).
    ///
    /// Ends are shared only when their letter case is the same, so that each name keeps its own.
    private mutating func write(_ name: Name) {
        let wire = name.wire
        var index = 0
        while wire[index] != 0 {
            if let target = targets.first(where: { stands(wire, from: index, at: $0) }) {
                octets.appendShort(0xC000 | UInt16(target))
                return
            }
            if octets.count < 0x4000, targets.count < Self.maximumTargets {
                targets.append(octets.count)
            }
            let end = index + 1 + Int(wire[index])
            octets += wire[index..<end]
            index = end
        }
        octets.append(0)
    }

    /// Whether the name at `place` in the message is that of `wire` from `start`.
    private func stands(_ wire: [UInt8], from start: Int, at place: Int) -> Bool {
        var index = start
        var place = place
        while true {
            // Only names that this writer wrote stand here: pointers lead backwards to labels.
            while octets[place] >= 0xC0 {
                place = Int(octets[place] & 0x3F) << 8 | Int(octets[place + 1])
            }
            let length = Int(wire[index])
            guard Int(octets[place]) == length else { return false }
            if length == 0 { return true }
            var offset = 1
            while offset <= length {
                guard octets[place + offset] == wire[index + offset] else { return false }
                offset += 1
            }
            index += length + 1
            place += length + 1
            guard place < octets.count else { return false }
        }
    }
}
