// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import Defence

/// Answers from a table, and counts questions.
final class ListResolver: Resolver {
    private let answers: [String: [IPv4Address]]
    private let texts: [String: String]
    private let silent: Set<String>
    private let failing: Set<String>
    private let time: any Time
    let asked = Mutex<[String]>([])

    init(
        _ answers: [String: [IPv4Address]], texts: [String: String] = [:],
        silent: Set<String> = [], failing: Set<String> = [], time: any Time
    ) {
        self.answers = answers
        self.texts = texts
        self.silent = silent
        self.failing = failing
        self.time = time
    }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let text = name.description
        asked.withLock { $0.append(text) }
        if silent.contains(where: { text.hasSuffix($0) }) {
            try? await time.sleep(for: .hours(1))
            return Answer(.failure(.timeout))
        }
        if failing.contains(where: { text.hasSuffix($0) }) {
            return Answer(.failure(.serverFailure))
        }
        if type == .txt, let words = texts[text] {
            return Answer(
                .records,
                records: [
                    ResourceRecord(
                        owner: name, type: .txt, ttl: 60, data: .txt([Array(words.utf8)]))
                ], ttl: 60)
        }
        guard let addresses = answers[text] else { return Answer(.nameError, ttl: 60) }
        return Answer(
            .records,
            records: addresses.map {
                ResourceRecord(owner: name, type: .a, ttl: 60, data: .a($0))
            }, ttl: 60)
    }
}

@Suite("RFC 5782: lists that are asked by DNS")
struct DNSListTests {
    @Test("§2.1, §2.4: an address is asked for backwards")
    func queries() throws {
        let list = try #require(DNSList("bad.example.com"))
        let v4 = try #require(IPAddress("192.0.2.99"))
        #expect(list.query(for: v4)?.description == "99.2.0.192.bad.example.com")
        let v6 = try #require(IPAddress("2001:db8:1:2:3:4:567:89ab"))
        #expect(
            list.query(for: v6)?.description
                == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bad.example.com"
        )
        let mapped = try #require(IPAddress("::ffff:192.0.2.99"))
        #expect(list.query(for: mapped) == list.query(for: v4))
    }

    @Test("A domain that is too long to be asked for is not")
    func longDomain() throws {
        let list = try #require(DNSList("bad.example.com of=domain"))
        let long = try Name(
            Array(repeating: String(repeating: "a", count: 60), count: 4).joined(separator: "."))
        #expect(list.query(for: long) == nil)
        #expect(
            try list.query(for: Name("example.org"))?.description == "example.org.bad.example.com")
    }

    @Test(
        "The line of the configuration is read, and a slip of the pen is refused",
        arguments: [
            ("bl.example", "address score 4.00 1"),
            ("bl.example action=reject weight=2.5 of=domain", "domain reject 2.50 1"),
            ("wl.example action=bypass", "address bypass -4.00 1"),
            ("bl.example action=note", "address note 0.00 1"),
            ("bl.example codes=127.0.0.2-127.0.0.11,127.0.1.4", "address score 4.00 2"),
            ("", nil), (".", nil), ("a..b", nil), ("bl.example action", nil),
            ("bl.example action=kill", nil), ("bl.example of=host", nil),
            ("bl.example weight=x", nil), ("bl.example codes=", nil),
            ("bl.example codes=10.0.0.1", nil), ("bl.example codes=127.0.0.9-127.0.0.2", nil),
            ("bl.example codes=127.0.0.1-127.0.0.2-127.0.0.3", nil), ("bl.example colour=red", nil),
        ] as [(String, String?)])
    func reads(line: String, result: String?) {
        let list = DNSList(line)
        #expect(
            list.map {
                "\($0.subject.rawValue) \($0.action.rawValue) \($0.weight) \($0.codes.count)"
            } == result)
    }

    @Test("§2.3: what is no return code is no hit, and a refusal neither")
    func codes() throws {
        let list = try #require(DNSList("bl.example codes=127.0.0.2-127.0.0.4"))
        func finding(_ addresses: String...) -> DNSList.Finding {
            list.finding(
                Answer(
                    .records,
                    records: addresses.compactMap { IPv4Address($0) }.map {
                        ResourceRecord(owner: list.zone, type: .a, ttl: 9, data: .a($0))
                    }))
        }
        #expect(
            finding("127.0.0.3", "127.0.0.2")
                == .listed([IPv4Address(127, 0, 0, 2), IPv4Address(127, 0, 0, 3)]))
        #expect(finding("127.0.0.10") == .notListed)
        #expect(finding("203.0.113.5") == .unknown("203.0.113.5 is no answer of a list"))
        #expect(
            finding("127.255.255.254", "127.0.0.2")
                == .unknown("the list refuses to answer (127.255.255.254)"))
        #expect(list.finding(Answer(.nameError)) == .notListed)
        #expect(list.finding(Answer(.noData)) == .notListed)
        guard case .unknown = list.finding(Answer(.failure(.timeout))) else {
            Issue.record("a fault lists nobody")
            return
        }
    }

    @Test("All lists are asked at once, once, and one that is silent holds nobody up for long")
    func desk() throws {
        let lists = try [
            "slow.example", "bl.example action=reject", "broken.example", "wl.example",
        ]
        .map { try #require(DNSList($0)) }
        let client = try #require(IPAddress("192.0.2.1"))
        let world = Simulation(seed: 1)
        let (first, seconds, second, asked) = try world.run {
            let resolver = ListResolver(
                ["1.2.0.192.bl.example": [IPv4Address(127, 0, 0, 2)]],
                texts: ["1.2.0.192.bl.example": "see http://bl.example/"],
                silent: ["slow.example"], failing: ["broken.example"], time: world)
            let desk = DNSListDesk(lists, resolver: resolver, time: world)
            let began = world.now
            let first = await desk.listings(of: client)
            let waited = world.now - began
            _ = await desk.listings(of: client)
            let second = resolver.asked.withLock { $0.count { $0.hasSuffix("broken.example") } }
            let asked = resolver.asked.withLock { $0.count { $0.hasSuffix("wl.example") } }
            return (first, waited, second, asked)
        }
        #expect(first.map(\.description) == ["192.0.2.1 in bl.example: 127.0.0.2"])
        #expect(first.first?.text == "see http://bl.example/")
        #expect(seconds == .seconds(5))
        #expect(second == 1 && asked == 1)
    }
}
