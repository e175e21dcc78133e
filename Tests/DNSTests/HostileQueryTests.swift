// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SimulatedWorld
import Testing
import World

@Suite("Queries that mean no good")
struct HostileQueryTests {
    private static let count = 20_000

    /// An answer or silence, never more than may be sent, and always a message.
    private func expectSense(
        of query: [UInt8], _ responder: inout Responder, _ zones: ZoneSnapshot, isStream: Bool
    ) throws {
        let asker = Responder.Asker(address: IPAddress("192.0.2.9"), isStream: isStream)
        guard let response = responder.respond(to: query, from: zones, for: asker) else { return }
        #expect(response.count <= (isStream ? 65535 : 1232))
        let message = try Message(parsing: response)
        #expect(message.header.isResponse)
        #expect(response[..<2] == query[..<2])
        // What answers is never worth more than 41 octets for an error.
        if message.responseCode == .formatError { #expect(response.count <= query.count + 41) }
    }

    private func policy() -> Responder.Policy {
        var policy = Responder.Policy()
        policy.identity = Array("ns1.example".utf8)
        policy.cookies = ServerCookies(secret: [UInt8](repeating: 3, count: 16))
        return policy
    }

    @Test("Octets of pure chance", arguments: [1, 2] as [UInt64])
    func chance(seed: UInt64) throws {
        var generator = Simulation(seed: seed).generator
        let zones = ZoneSnapshot(try ResponderTests.zones())
        var responder = Responder(policy())
        for number in 0..<Self.count {
            let length = Int.random(in: 0...80, using: &generator)
            var query = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // Half of them at least look like a query.
            if number.isMultiple(of: 2), length >= 12 {
                query.replaceSubrange(2..<12, with: [0, 0, 0, 1, 0, 0, 0, 0, 0, query[11] & 1])
            }
            try expectSense(of: query, &responder, zones, isStream: number % 3 == 0)
        }
    }

    @Test(
        "Good queries with a few octets changed, doubled or missing", arguments: [3, 4] as [UInt64])
    func changed(seed: UInt64) throws {
        var generator = Simulation(seed: seed).generator
        let zones = ZoneSnapshot(try ResponderTests.zones())
        var responder = Responder(policy())
        let names = [
            "example.org", "www.example.org", "x.wild.example.org", "a.b.child.example.org",
            "host.old.example.org", "loop.example.org", "gone.example.org",
        ]
        let options: [UInt8] = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, 0, 0, 0, 11, 0, 0]
        let good = try names.map { name in
            try Scenario.query(name, .any, edns: ExtendedDNS(options: options))
        }
        for number in 0..<Self.count {
            var query = good[number % good.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 2..<query.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: query[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: query[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: query.removeSubrange(max(12, place)...)
                default: query.insert(contentsOf: query[place...], at: place)
                }
                if query.count < 13 { break }
            }
            try expectSense(of: query, &responder, zones, isStream: number % 3 == 0)
        }
    }

    @Test(
        "Counts that lie, and names that lead in circles, are an error in a few octets",
        arguments: [
            // 65,535 additional records; a name that points to itself, into the header, ahead.
            "1234 0000 0001 0000 0000 ffff 00 0001 0001",
            "1234 0000 ffff 0000 0000 0000 00 0001 0001",
            "1234 0000 0001 0000 0000 0000 c00c 0001 0001",
            "1234 0000 0001 0000 0000 0000 c000 0001 0001",
            "1234 0000 0001 0000 0000 0000 0161 c012 0001 0001",
            "1234 0000 0001 0000 0000 0000 40 0001 0001",
            "1234 0000 0001 0000 0000 0000 80 0001 0001",
            "1234 0000 0001 0000 0000 0000 3f61 0001 0001",
            // An OPT record that is longer than the message; options longer than the record.
            "1234 0000 0001 0000 0000 0001 00 0001 0001 00 0029 1000 00000000 ffff",
            "1234 0000 0001 0000 0000 0001 00 0001 0001 00 0029 1000 00000000 0004 0003 0001",
            "1234 0000 0001 0000 0000 0001 00 0001 0001 00 0029 1000 00000000 0003 0003 00",
        ])
    func lies(text: String) throws {
        let query = try #require(Hexadecimal.decode(text.utf8.filter { $0 != 0x20 }))
        let response = try #require(answer(query, ZoneSnapshot(try ResponderTests.zones())))
        #expect(try Message(parsing: response).responseCode == .formatError)
        #expect(response.count <= query.count + 11)
    }

    @Test("A name of 255 octets is a name, one of 256 is not; so are 127 labels")
    func longNames() throws {
        let zones = ZoneSnapshot(try ResponderTests.zones())
        func query(_ labels: [Int]) -> [UInt8] {
            var query: [UInt8] = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            for label in labels { query += [UInt8(label)] + [UInt8](repeating: 0x61, count: label) }
            return query + [0, 0, 1, 0, 1]
        }
        let cases: [([Int], ResponseCode)] = [
            ([63, 63, 63, 61], .refused), ([63, 63, 63, 62], .formatError),
            ([Int](repeating: 1, count: 127), .refused),
            ([Int](repeating: 1, count: 128), .formatError),
        ]
        for (labels, code) in cases {
            let response = try #require(answer(query(labels), zones))
            #expect(try Message(parsing: response).responseCode == code, "\(labels)")
        }
    }
}
