// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import SPF
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import MessageAuthentication

/// Says what its lines say for a minute, and counts how often it is asked.
private final class CountingResolver: Resolver {
    private let lines: [[String]]
    private let asked = Mutex(0)

    init(_ zone: String) {
        lines = zone.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }

    var count: Int { asked.withLock { $0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        asked.withLock { $0 += 1 }
        let here = lines.filter { (try? Name($0[0])) == name }
        if here.contains(where: { $0[2] == "timeout" }) { return Answer(.failure(.timeout)) }
        let records = here.compactMap { Self.data($0, type) }.map {
            ResourceRecord(owner: name, type: type, ttl: 60, data: $0)
        }
        if records.isEmpty { return Answer(here.isEmpty ? .nameError : .noData, ttl: 60) }
        return Answer(.records, records: records, ttl: 60)
    }

    private static func data(_ words: [String], _ type: RecordType) -> RecordData? {
        switch (words[1], type) {
        case ("TXT", .txt): .txt([Array(words[2...].joined(separator: " ").utf8)])
        case ("PTR", .ptr): (try? Name(words[2])).map { .ptr($0) }
        case ("A", .a): IPv4Address(words[2]).map { .a($0) }
        default: nil
        }
    }
}

@Suite("RFC 7208: who has been looked at lately is known")
struct VerdictMemoryTests {
    private static let zone = """
        1.2.0.192.in-addr.arpa PTR mail.good.example
        mail.good.example A 192.0.2.1
        mail.good.example TXT v=spf1 a -all
        good.example TXT v=spf1 a:mail.good.example -all
        local.example TXT v=spf1 exists:%{l}.local.example -all
        anna.local.example A 127.0.0.2
        slow.example TXT timeout
        """

    private static func run(
        _ body:
            @escaping @Sendable (Simulation, CountingResolver, MessageExaminer) async throws ->
            Void
    ) throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let resolver = CountingResolver(zone)
            let examiner = MessageExaminer(
                authservID: "here.example", resolver: resolver, time: simulation,
                cryptography: SimulatedMailCryptography(entropy: simulation))
            try await body(simulation, resolver, examiner)
        }
    }

    private static func facts(
        _ examiner: MessageExaminer, _ sender: String, hello: String = "mail.good.example",
        client: String = "192.0.2.1"
    ) async throws -> SenderFacts {
        await examiner.senderFacts(
            client: try #require(IPAddress(client)), hello: hello,
            reversePath: .address(try Address(sender)))
    }

    @Test("the same client with the same claims asks nothing of the DNS, until a record ends")
    func again() throws {
        try Self.run { simulation, resolver, examiner in
            let first = try await Self.facts(examiner, "x@good.example")
            #expect(first.mailFrom.result == .pass)
            #expect(first.reverseName.result == .pass)
            let asked = resolver.count
            #expect(asked > 0)
            let second = try await Self.facts(examiner, "x@good.example")
            #expect(resolver.count == asked)
            #expect(second.mailFrom == first.mailFrom)
            #expect(second.helloCheck == first.helloCheck)
            #expect(second.reverseName == first.reverseName)
            try await simulation.sleep(for: .seconds(61))
            _ = try await Self.facts(examiner, "x@good.example")
            #expect(resolver.count == 2 * asked)
        }
    }

    @Test("whatever a record may ask for makes it another one")
    func others() throws {
        try Self.run { _, resolver, examiner in
            _ = try await Self.facts(examiner, "x@good.example")
            let rows: [(String, String, String, SPFResult)] = [
                ("x@good.example", "mail.good.example", "192.0.2.2", .fail),
                ("x@good.example", "other.example", "192.0.2.1", .pass),
                ("y@good.example", "mail.good.example", "192.0.2.1", .pass),
                ("anna@local.example", "mail.good.example", "192.0.2.1", .pass),
                ("ben@local.example", "mail.good.example", "192.0.2.1", .fail),
            ]
            for (sender, hello, client, expected) in rows {
                let asked = resolver.count
                let facts = try await Self.facts(examiner, sender, hello: hello, client: client)
                #expect(facts.mailFrom.result == expected, "\(sender) \(hello) \(client)")
                #expect(resolver.count > asked)
            }
        }
    }

    @Test("what the DNS could not say is asked again")
    func faults() throws {
        try Self.run { _, resolver, examiner in
            for _ in 0..<2 {
                let asked = resolver.count
                let facts = try await Self.facts(examiner, "x@slow.example")
                #expect(facts.mailFrom.result == .temperror)
                #expect(resolver.count > asked)
            }
        }
    }
}
