// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing
import ZoneTransfer

/// Gives messages to a reader until it has something.
private func read(
    _ messages: [[UInt8]], from serial: UInt32? = nil, isStream: Bool = true, id: UInt16 = 9,
    limits: TransferReception.Limits = .init()
) throws -> TransferReception.Outcome? {
    var reception = TransferReception(
        origin: try Name("example.org"), id: id, from: serial,
        isStream: isStream, limits: limits)
    for (place, message) in messages.enumerated() {
        if let outcome = try reception.receive(message) {
            #expect(place == messages.count - 1, "it ends before the last message")
            return outcome
        }
    }
    return nil
}

@Suite("RFC 5936 a zone from one server to another")
struct TransferTests {
    private static func large(_ count: Int) -> String {
        (0..<count).map { "h\($0) A 10.0.\($0 / 256).\($0 % 256)\nh\($0) TXT \"text of \($0)\"\n" }
            .joined()
    }

    @Test("Of any size it arrives as it was", arguments: [0, 1, 10, 400, 20_000])
    func roundTrip(count: Int) throws {
        let zone = try SampleZone.zone(Self.large(count))
        let messages = try SampleZone.messages(SampleZone.response(.whole(zone.records), zone))
        guard case .whole(let records) = try read(messages) else {
            Issue.record("it did not arrive")
            return
        }
        #expect(records.first == zone.start)
        #expect(Set(records) == Set(zone.records) && records.count == zone.records.count)
        #expect(messages.allSatisfy { $0.count < 18_000 })
        #expect(messages.count >= count / 700)
        for (place, octets) in messages.enumerated() {
            let message = try Message(parsing: octets)
            #expect(message.header.isAuthoritative && message.header.id == 9)
            #expect(message.questions.count == (place == 0 ? 1 : 0))
        }
    }

    @Test("A record of nearly the largest size, and many long ones, arrive")
    func largeRecords() throws {
        let origin = try Name("example.org")
        var records = try SampleZone.records("")
        for number in 0..<20 {
            let size = number == 0 ? 64_000 : 9000 + number
            records.append(
                ResourceRecord(
                    owner: try Name("r\(number).example.org"), type: RecordType(rawValue: 65_300),
                    ttl: 5, data: .unknown([UInt8](repeating: UInt8(number), count: size))))
        }
        let zone = try Zone(origin: origin, records: records)
        let messages = try SampleZone.messages(SampleZone.response(.whole(zone.records), zone))
        guard case .whole(let arrived) = try read(messages) else {
            Issue.record("it did not arrive")
            return
        }
        #expect(Set(arrived) == Set(records))
    }

    @Test("Messages of one record each, and in any grouping, are taken")
    func grouping() throws {
        let zone = try SampleZone.zone("a A 192.0.2.1\nb A 192.0.2.2\n")
        let all = [zone.start] + zone.records.filter { $0.type != .soa } + [zone.start]
        var single: [[UInt8]] = []
        for record in all {
            var writer = MessageWriter()
            var header = Header(id: 9)
            header.isResponse = true
            writer.begin(header, limit: 65_535)
            _ = writer.write(record, in: .answer)
            single.append(writer.octets)
        }
        // Also in answer to IXFR the SOA record may come alone in its message.
        for serial in [nil, 0] as [UInt32?] {
            guard case .whole(let records) = try read(single, from: serial) else {
                Issue.record("it did not arrive")
                return
            }
            #expect(Set(records) == Set(zone.records))
        }
    }

    private func message(
        _ records: [ResourceRecord], id: UInt16 = 9, flags: UInt16 = 0x8400,
        question: Question? = nil
    ) -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id, flags: flags), limit: 65_535)
        if let question { _ = writer.write(question) }
        for record in records { _ = writer.write(record, in: .answer) }
        return writer.octets
    }

    @Test("What makes no sense is refused, wherever it stands")
    func hostile() throws {
        let zone = try SampleZone.zone("a A 192.0.2.1\n")
        let newer = try SampleZone.zone("a A 192.0.2.1\n", serial: 2)
        let start = zone.start
        let a = try #require(zone.records.first { $0.type == .a })
        var chaos = a
        chaos.class = .chaos
        let other = Question(name: try Name("other.example"), type: .axfr)
        let cases: [(String, [[UInt8]])] = [
            ("no octets", [[]]),
            ("random", [[UInt8](repeating: 0xFF, count: 100)]),
            ("another identifier", [message([start, a, start], id: 8)]),
            ("a query", [message([start, a, start], flags: 0x0400)]),
            ("another opcode", [message([start, a, start], flags: 0xA400)]),
            ("TC", [message([start, a, start], flags: 0x8600)]),
            ("another question", [message([start, a, start], question: other)]),
            ("no SOA record first", [message([a, start])]),
            ("another SOA record last", [message([start, a, newer.start])]),
            ("another class", [message([start, chaos, start])]),
            ("more behind the end", [message([start, a, start, a])]),
            ("a message behind the end", [message([start, a, start]), message([a])]),
            ("an empty message", [message([start, a]), message([])]),
        ]
        for (name, messages) in cases {
            var reception = TransferReception(origin: zone.origin, id: 9, from: nil)
            #expect(throws: TransferReception.Failure.self, "\(name)") {
                for message in messages { _ = try reception.receive(message) }
            }
        }
        #expect(throws: TransferReception.Failure.refused(.refused)) {
            _ = try read([message([], flags: 0x8405)])
        }
        // What is outside is left out.
        let outside = ResourceRecord(
            owner: try Name("example.com"), type: .a, ttl: 1, data: .a(IPv4Address(10, 0, 0, 1)))
        guard case .whole(let records) = try read([message([start, outside, a, start])]) else {
            Issue.record("it did not arrive")
            return
        }
        #expect(records == [start, a])
    }

    @Test("No more is taken than the limits say")
    func limits() throws {
        let zone = try SampleZone.zone(Self.large(400))
        let messages = try SampleZone.messages(SampleZone.response(.whole(zone.records), zone))
        var limits = TransferReception.Limits()
        limits.records = 500
        #expect(throws: TransferReception.Failure.tooLarge) {
            _ = try read(messages, limits: limits)
        }
        limits = .init()
        limits.octets = 10_000
        #expect(throws: TransferReception.Failure.tooLarge) {
            _ = try read(messages, limits: limits)
        }
    }

    @Test("Each message cut short anywhere is refused, or waits for more")
    func cutShort() throws {
        let zone = try SampleZone.zone("a A 192.0.2.1\nb MX 10 a\n")
        let octets = try #require(
            SampleZone.messages(SampleZone.response(.whole(zone.records), zone)).first)
        for count in 0..<octets.count {
            var reception = TransferReception(origin: zone.origin, id: 9, from: nil)
            #expect(throws: TransferReception.Failure.self) {
                _ = try reception.receive(Array(octets.prefix(count)))
            }
        }
    }
}

@Suite("RFC 1995 differences from one server to another")
struct IncrementalTransferTests {
    private func zones(_ count: Int = 4) throws -> [Zone] {
        let fixed = (0..<30).map { "f\($0) A 192.0.2.\($0)\n" }.joined()
        return try (1...count).map {
            try SampleZone.zone(fixed + "a TXT \"version \($0)\"\n", serial: $0)
        }
    }

    private func chain(_ zones: [Zone]) throws -> [DifferenceSequence] {
        try zip(zones, zones.dropFirst()).map {
            try #require(DifferenceSequence(from: $0.records, to: $1.records))
        }
    }

    @Test("From each serial the differences lead to the latest version")
    func roundTrip() throws {
        let zones = try zones()
        let latest = try #require(zones.last)
        let chain = try chain(zones)
        for serial in 1...3 as ClosedRange<UInt32> {
            let content = TransferResponse.content(
                from: serial, of: latest, chain: chain)
            let messages = try SampleZone.messages(
                SampleZone.response(content, latest, from: serial))
            guard case .differences(let found) = try read(messages, from: serial) else {
                Issue.record("\(serial): no differences")
                return
            }
            #expect(found == Array(chain[(Int(serial) - 1)...]))
            let result = try DifferenceSequence.apply(found, to: zones[Int(serial) - 1].records)
            #expect(Set(result) == Set(latest.records))
        }
    }

    @Test("What is current gets the SOA record alone, what is unknown everything")
    func otherwise() throws {
        let zones = try zones()
        let latest = try #require(zones.last)
        let chain = try chain(zones)
        for serial in [4, 5, 100] as [UInt32] {
            let content = TransferResponse.content(
                from: serial, of: latest, chain: chain)
            let messages = try SampleZone.messages(
                SampleZone.response(content, latest, from: serial))
            #expect(try read(messages, from: serial) == .current(latest.start))
        }
        for serial in [0, 0xFFFF_FFF0] as [UInt32] {
            let content = TransferResponse.content(
                from: serial, of: latest, chain: chain)
            let messages = try SampleZone.messages(
                SampleZone.response(content, latest, from: serial))
            guard case .whole(let records) = try read(messages, from: serial) else {
                Issue.record("\(serial): not everything")
                return
            }
            #expect(Set(records) == Set(latest.records))
        }
        // Differences longer than the zone are not worth it (§5).
        let small = try (1...60).map { try SampleZone.zone("a TXT \"\($0)\"\n", serial: $0) }
        let end = try #require(small.last)
        guard
            case .whole = TransferResponse.content(
                from: 1, of: end, chain: try self.chain(small))
        else {
            Issue.record("differences longer than the zone")
            return
        }
    }

    @Test("In a datagram the differences come if they fit, else the SOA record alone")
    func datagram() throws {
        let zones = try zones(30)
        let latest = try #require(zones.last)
        let chain = try chain(zones)
        func ask(_ serial: UInt32, _ limit: Int) throws -> TransferReception.Outcome? {
            let octets = TransferResponse.datagram(
                .differences(Array(chain[(Int(serial) - 1)...])), start: latest.start,
                to: Header(id: 9), Question(name: latest.origin, type: .ixfr), hasEDNS: true,
                limit: limit)
            #expect(octets.count <= limit)
            #expect(try Message(parsing: octets).edns != nil)
            return try read([octets], from: serial, isStream: false)
        }
        guard case .differences(let found) = try ask(29, 512) else {
            Issue.record("it would have fitted")
            return
        }
        #expect(found == [chain[28]])
        #expect(try ask(1, 512) == .truncated(latest.start))
        #expect(try ask(1, 1232) == .truncated(latest.start))
    }

    @Test("Differences that are no chain, go backwards, or end elsewhere are refused")
    func hostile() throws {
        let zones = try zones()
        let latest = try #require(zones.last)
        let chain = try chain(zones)
        func refuses(_ chain: [DifferenceSequence], _ why: String) throws {
            let messages = try SampleZone.messages(
                SampleZone.response(.differences(chain), latest, from: 1))
            #expect(throws: TransferReception.Failure.self, "\(why)") {
                if try read(messages, from: 1) == nil {
                    throw TransferReception.Failure.malformed("it never ends")
                }
            }
        }
        try refuses([chain[0], chain[2]], "a gap")
        try refuses([chain[0], chain[1]], "it ends early")
        var back = chain
        back[1].to = chain[0].from
        back[2].from = chain[0].from
        try refuses(back, "backwards")
    }

    @Test("A query for a transfer is read as it was written, and others are not")
    func query() throws {
        let zone = try zones()[0]
        let ixfr = try TransferQuery(
            parsing: TransferQuery.octets(origin: zone.origin, id: 3, from: zone.start))
        #expect(ixfr.serial == 1 && ixfr.header.id == 3)
        let axfr = try TransferQuery(
            parsing: TransferQuery.octets(origin: zone.origin, id: 4, from: nil))
        #expect(axfr.serial == nil && axfr.origin == zone.origin)
        var withoutStart = TransferQuery.octets(origin: zone.origin, id: 4, from: nil)
        withoutStart[withoutStart.count - 3] = 251
        #expect(throws: TransferQuery.Refused(code: .formatError)) {
            _ = try TransferQuery(parsing: withoutStart)
        }
        #expect(throws: TransferQuery.Refused(code: .formatError)) {
            _ = try TransferQuery(parsing: [1, 2, 3])
        }
    }
}
