// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing
import World

private func octets(_ hexadecimal: String) throws -> [UInt8] {
    try #require(Hexadecimal.decode(hexadecimal.utf8.filter { $0 != 0x20 }))
}

/// An EDNS option on the wire.
private func option(_ code: UInt16, _ data: [UInt8]) -> [UInt8] {
    [UInt8(code >> 8), UInt8(code & 255), 0, UInt8(data.count)] + data
}

/// The data of an option in a response; nil when it is not there.
private func data(of code: UInt16, in message: Message) -> [UInt8]? {
    var options = (message.edns?.options ?? [])[...]
    while options.count >= 4 {
        let head = Array(options.prefix(4))
        options = options.dropFirst(4)
        let length = Int(head[2]) << 8 | Int(head[3])
        if UInt16(head[0]) << 8 | UInt16(head[1]) == code { return Array(options.prefix(length)) }
        options = options.dropFirst(length)
    }
    return nil
}

private func ask(
    _ options: [UInt8], _ asker: Responder.Asker, _ policy: Responder.Policy,
    name: String = "example.org", type: RecordType = .mx
) throws -> Message {
    let query = try Scenario.query(name, type, edns: ExtendedDNS(options: options))
    let zones = ZoneSnapshot(try ResponderTests.zones())
    return try Message(parsing: try #require(answer(query, zones, asker, policy)))
}

@Suite("RFC 7873, RFC 9018 DNS cookies")
struct CookieTests {
    static let old = "e5e973e5a6b2a43f48e7dc849e37bfcf"
    static let vectors: [(String, String, String?, String, String, UInt32)] = [
        // Client cookie or whole cookie, secret, former secret, address, response, time.
        (
            "2464c4abcf10c957", old, nil, "198.51.100.100",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_731_985
        ),
        (
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480", old, nil, "198.51.100.100",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", 1_559_734_385
        ),
        (
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", old, nil, "203.0.113.203",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", 1_559_734_700
        ),
        (
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715",
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1_559_741_961
        ),
    ]

    private static func policy(_ secret: String, _ former: String?) throws -> Responder.Policy {
        var policy = Responder.Policy()
        policy.cookies = ServerCookies(
            secret: try octets(secret), former: try former.map { try octets($0) })
        return policy
    }

    private static func asker(_ address: String, _ seconds: UInt32) -> Responder.Asker {
        Responder.Asker(address: IPAddress(address), seconds: seconds)
    }

    @Test("The cookies of RFC 9018, appendix A", arguments: vectors)
    func vector(
        cookie: String, secret: String, former: String?, address: String, expected: String,
        seconds: UInt32
    ) throws {
        let message = try ask(
            option(10, try octets(cookie)), Self.asker(address, seconds),
            try Self.policy(secret, former))
        #expect(data(of: 10, in: message).map { Hexadecimal.encode($0) } == expected)
        #expect(message.responseCode == .noError)
        #expect(message.answers.count == 2)
    }

    @Test(
        "A query without a question learns a cookie, or that its own is good or bad",
        arguments: [
            ("2464c4abcf10c957", 1_559_731_985, 0),
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_731_985, 0),
            // An hour old at most, five minutes ahead at most.
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_735_585, 0),
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_735_586, 23),
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_731_685, 0),
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1_559_731_684, 23),
            ("2464c4abcf10c957010000005cf79f111f8130c3eee29481", 1_559_731_985, 23),
            ("2464c4abcf10c957020000005cf79f111f8130c3eee29480", 1_559_731_985, 23),
            ("2464c4abcf10c957010000005cf79f11", 1_559_731_985, 23),
        ] as [(String, UInt32, UInt16)])
    func withoutQuestion(cookie: String, seconds: UInt32, code: UInt16) throws {
        let cookie = try octets(cookie)
        var query = try octets("1234 0000 0000 0000 0000 0001 00 0029 04d0 00000000")
        query += [0, UInt8(cookie.count + 4)] + option(10, cookie)
        let response = try #require(
            answer(
                query, ZoneSnapshot(try ResponderTests.zones()),
                Self.asker("198.51.100.100", seconds), try Self.policy(Self.old, nil)))
        let message = try Message(parsing: response)
        #expect(message.questions == [])
        #expect(message.responseCode.rawValue == code)
        #expect(data(of: 10, in: message)?.count == 24)
    }

    @Test("A cookie of a length that none has is an error", arguments: [0, 7, 9, 15, 41])
    func lengths(count: Int) throws {
        let message = try ask(
            option(10, [UInt8](repeating: 1, count: count)), Self.asker("192.0.2.9", 1),
            try Self.policy(Self.old, nil))
        #expect(message.responseCode == .formatError)
        #expect(data(of: 10, in: message) == nil)
    }

    @Test("Without a secret cookies are ignored")
    func none() throws {
        let message = try ask(
            option(10, [1, 2, 3, 4, 5, 6, 7, 8]), Self.asker("192.0.2.9", 1), .init())
        #expect(message.responseCode == .noError)
        #expect(message.edns?.options == [])
    }
}

@Suite("RFC 5001, RFC 4892, RFC 7828, RFC 7830 further options")
struct ServerOptionTests {
    private static var named: Responder.Policy {
        var policy = Responder.Policy()
        policy.identity = Array("ns1.example".utf8)
        return policy
    }

    @Test("The server says who it is to those who ask, if it shall")
    func identity() throws {
        #expect(
            data(of: 3, in: try ask(option(3, []), .init(), Self.named))
                == Array("ns1.example".utf8))
        #expect(try ask(option(3, []), .init(), .init()).edns?.options == [])
        #expect(try ask([], .init(), Self.named).edns?.options == [])
    }

    @Test(
        "Class CHAOS: its name, and nothing else",
        arguments: [
            ("id.server", RecordType.txt, true), ("HOSTNAME.bind", .txt, true),
            ("version.bind", .txt, false), ("id.server", .a, false),
            ("example.org", .txt, false),
        ])
    func chaos(name: String, type: RecordType, isTold: Bool) throws {
        var writer = MessageWriter()
        writer.begin(Header(id: 1), limit: 512)
        #expect(
            writer.write(Question(name: try Name(name), type: type, class: .chaos)))
        let zones = ZoneSnapshot(try ResponderTests.zones())
        let message = try Message(
            parsing: try #require(answer(writer.octets, zones, .init(), Self.named)))
        #expect(message.responseCode == (isTold ? .noError : .refused))
        #expect(message.answers.map(\.data) == (isTold ? [.txt([Self.named.identity])] : []))
        let silent = try Message(parsing: try #require(answer(writer.octets, zones)))
        #expect(silent.responseCode == .refused)
    }

    @Test("How long a connection may idle is said in a stream alone")
    func idleTime() throws {
        let stream = try ask(option(11, []), .init(isStream: true), .init())
        #expect(data(of: 11, in: stream) == [0, 100])
        #expect(try ask(option(11, []), .init(), .init()).edns?.options == [])
        #expect(
            try ask(option(11, [0, 5]), .init(isStream: true), .init()).responseCode
                == .formatError)
    }

    @Test("Padding and unknown options are passed over")
    func padding() throws {
        let message = try ask(
            option(12, [0, 0, 0]) + option(65001, [1]) + option(3, []), .init(), Self.named)
        #expect(message.edns?.options.count == 4 + 11)
        #expect(message.answers.count == 2)
    }

    @Test(
        "Options that lie about their length are an error", arguments: [[0, 3, 0], [0, 3, 0, 1]])
    func lies(options: [UInt8]) throws {
        #expect(try ask(options, .init(), .init()).responseCode == .formatError)
    }
}

@Suite("Response rate limiting")
struct RateLimitTests {
    private let zones: ZoneSnapshot
    private var policy = Responder.Policy()

    init() throws {
        zones = ZoneSnapshot(try ResponderTests.zones())
        policy.limit = ResponseRateLimit(perSecond: 10)
        policy.cookies = ServerCookies(secret: [UInt8](repeating: 7, count: 16))
    }

    /// How many of so many queries got an answer, a mere TC, nothing.
    private func flood(
        _ count: Int, from address: String, at milliseconds: Int64 = 1_000,
        _ query: [UInt8]? = nil, isStream: Bool = false
    ) throws -> [Int] {
        let query = try query ?? Scenario.query("mx1.example.org", .a)
        let asker = Responder.Asker(
            address: IPAddress(address), isStream: isStream,
            now: Instant(nanoseconds: milliseconds * 1_000_000))
        var counts = [0, 0, 0]
        for _ in 0..<count {
            guard let response = answer(query, zones, asker, policy) else {
                counts[2] += 1
                continue
            }
            let message = try Message(parsing: response)
            #expect(!message.header.isTruncated || message.answers.isEmpty)
            counts[message.header.isTruncated ? 1 : 0] += 1
        }
        return counts
    }

    @Test("A network gets a second's worth at once, then every other one TC, the rest nothing")
    func limited() throws {
        #expect(try flood(100, from: "192.0.2.1") == [11, 44, 45])
        // The whole /24 shares; others do not; half a second later there is room again.
        #expect(try flood(10, from: "192.0.2.200") == [0, 5, 5])
        #expect(try flood(10, from: "192.0.3.1") == [10, 0, 0])
        #expect(try flood(100, from: "192.0.2.1", at: 1_500)[0] == 5)
        #expect(try flood(100, from: "2001:db8::1")[0] == 11)
        #expect(try flood(100, from: "2001:db8:0:ff::2")[0] == 0)
        #expect(try flood(100, from: "2001:db8:0:100::2")[0] == 11)
    }

    @Test("Other names have a limit of their own; absent ones of one zone share it")
    func kinds() throws {
        #expect(try flood(20, from: "192.0.2.1")[0] == 11)
        #expect(try flood(20, from: "192.0.2.1", Scenario.query("ns1.example.org", .a))[0] == 11)
        #expect(try flood(20, from: "192.0.2.1", Scenario.query("a1.example.org", .a))[0] == 11)
        #expect(try flood(20, from: "192.0.2.1", Scenario.query("a2.example.org", .a))[0] == 0)
        #expect(
            try flood(20, from: "192.0.2.1", Scenario.query("x1.wild.example.org", .mx))[0] == 11)
        #expect(
            try flood(20, from: "192.0.2.1", Scenario.query("x2.wild.example.org", .mx))[0] == 0)
        #expect(try flood(20, from: "192.0.2.1", Scenario.query("x.example.com", .a))[0] == 11)
        #expect(try flood(20, from: "192.0.2.1", Scenario.query("y.example.net", .a))[0] == 0)
    }

    @Test("Streams, this machine and those with a good cookie are not limited")
    func exempt() throws {
        #expect(try flood(50, from: "192.0.2.1", isStream: true)[0] == 50)
        #expect(try flood(50, from: "127.0.0.1")[0] == 50)
        let client = option(10, [1, 2, 3, 4, 5, 6, 7, 8])
        let first = try Scenario.query(
            "mx1.example.org", .a, edns: ExtendedDNS(options: client))
        let asker = Responder.Asker(address: IPAddress("198.51.100.1"))
        let response = try #require(answer(first, zones, asker, policy))
        let learnt = try #require(data(of: 10, in: try Message(parsing: response)))
        let known = try Scenario.query(
            "mx1.example.org", .a, edns: ExtendedDNS(options: option(10, learnt)))
        #expect(try flood(50, from: "198.51.100.1", known)[0] == 50)
        // Somebody else's does not help, but the way out is told beside TC.
        #expect(try flood(50, from: "198.51.101.1", known)[0] == 11)
    }
}

@Suite("Answers in detail")
struct AnswerDetailTests {
    private static let customers = """
        $TTL 300
        @ SOA ns1.host.example. hostmaster 1 2 3 4 60
        @ NS ns1.host.example.
        @ MX 10 mx.host.example.
        @ MX 20 MX.Host.example.
        @ MX 30 back.wild.host.example.
        @ MX 40 mx.child.host.example.
        @ MX 50 nowhere.example.
        alias CNAME mx.host.example.
        long DNAME \(String(repeating: "l", count: 60)).\(String(repeating: "m", count: 60)).example.
        circle DNAME circle.circle
        both DNAME mx.host.example.
        both MX 5 deep.both
        """
    private static let host = """
        $TTL 300
        @ SOA ns1 hostmaster 1 2 3 4 60
        @ NS ns1
        ns1 A 192.0.2.1
        mx A 192.0.2.2
        mx AAAA 2001:db8::2
        *.wild A 192.0.2.3
        child NS mx.child
        mx.child A 192.0.2.4
        """

    private static func zones() throws -> ZoneSet {
        ZoneSet([
            try Scenario.zone("customer.example", customers),
            try Scenario.zone("host.example", host),
        ])
    }

    @Test("Addresses of exchangers in another of our zones help; glue does not")
    func foreignHelp() throws {
        let message = try Scenario.ask("customer.example", .mx, Self.zones())
        #expect(
            message.told.filter { $0.hasPrefix("ar") } == [
                "ar mx.host.example 300 A 192.0.2.2", "ar mx.host.example 300 AAAA 2001:db8::2",
                "ar MX.Host.example 300 A 192.0.2.2", "ar MX.Host.example 300 AAAA 2001:db8::2",
            ])
        #expect(
            message.answers.map { $0.data.text(as: .mx) } == [
                "10 mx.host.example.", "20 MX.Host.example.", "30 back.wild.host.example.",
                "40 mx.child.host.example.", "50 nowhere.example.",
            ])
    }

    @Test("An alias is followed into another of our zones")
    func acrossZones() throws {
        let message = try Scenario.ask("Alias.customer.EXAMPLE", .aaaa, Self.zones())
        #expect(
            message.told == [
                "0 AA", "an Alias.customer.EXAMPLE 300 CNAME mx.host.example.",
                "an mx.host.example 300 AAAA 2001:db8::2",
            ])
    }

    @Test("RFC 6672 §2.2: a name that a DNAME makes too long is YXDOMAIN, with the DNAME")
    func tooLong() throws {
        let left = String(repeating: "a.", count: 66)
        let message = try Scenario.ask("\(left)long.customer.example", .a, Self.zones())
        #expect(message.responseCode == .nameTooLong)
        #expect(message.answers.map(\.type) == [.dname])
        #expect(message.header.isAuthoritative)
        let shorter = try Scenario.ask("a.long.customer.example", .a, Self.zones())
        #expect(shorter.answers.map(\.type) == [.dname, .cname])
        #expect(shorter.responseCode == .noError)
    }

    @Test("A DNAME that leads to itself ends")
    func dnameCircle() throws {
        let message = try Scenario.ask("x.circle.customer.example", .a, Self.zones())
        #expect(message.answers.count <= 2 * 17)
        let beside = try Scenario.ask("both.customer.example", .mx, Self.zones())
        #expect(beside.answers.map { $0.data.text(as: .mx) } == ["5 deep.both.customer.example."])
        #expect(beside.additionals == [])
    }

    @Test("The question comes back letter by letter; other names keep their own case")
    func letterCase() throws {
        let zones = ZoneSnapshot(try Self.zones())
        for name in ["cUsToMeR.eXaMpLe", "customer.EXAMPLE", "CUSTOMER.example"] {
            let query = try Scenario.query(name, .mx)
            let response = try #require(answer(query, zones))
            #expect(response[12..<query.count] == query[12...])
            let message = try Message(parsing: response)
            #expect(message.answers.allSatisfy { $0.owner.description == name })
            #expect(message.answers[1].data.text(as: .mx) == "20 MX.Host.example.")
        }
    }

    @Test("Names are compressed: what the largest sets take")
    func compression() throws {
        let lines = (0..<100).map { "big MX \($0) exchanger-number-\($0).mail.big" }
        let text = Self.host + "\n" + lines.joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("host.example", text)])
        let query = try Scenario.query("big.host.example", .mx)
        let response = try #require(
            answer(query, ZoneSnapshot(zones), .init(isStream: true)))
        // 12 of header, 22 of question; 12 + 2 + 21 to 22 + 2 for each but the first.
        #expect(response.count <= 34 + 100 * 38 + 10)
        #expect(try Message(parsing: response).answers.count == 100)
    }

    @Test("Sets beyond the reach of pointers stay readable")
    func farNames() throws {
        let lines = (0..<600).map { "big NS host-with-a-rather-long-name-\($0).far\($0 % 7)" }
        let glue = (0..<600).map {
            "host-with-a-rather-long-name-\($0).far\($0 % 7) A 192.0.2.\($0 % 250)"
        }
        let text = Self.host + "\n" + (lines + glue).joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("host.example", text)])
        for (name, type) in [("big.host.example", RecordType.ns), ("x.big.host.example", .a)] {
            let message = try Scenario.ask(name, type, zones, isStream: true)
            #expect(message.authorities.count == 600)
            #expect(Set(message.authorities.map(\.data)).count == 600)
            #expect(message.additionals.count > 100)
        }
    }

    @Test("A set that no message holds is TC everywhere, never a part")
    func tooLarge() throws {
        let lines = (0..<400).map { "big TXT \($0) \(String(repeating: "x", count: 250))" }
        let text = Self.host + "\n" + lines.joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("host.example", text)])
        for isStream in [false, true] {
            let message = try Scenario.ask("big.host.example", .txt, zones, isStream: isStream)
            #expect(message.header.isTruncated)
            #expect(message.answers == [])
        }
    }

    @Test("Referral: addresses below the cut must come along, others only if there is room")
    func glue() throws {
        let below = (0..<20).map { "cut NS ns\($0).cut\nns\($0).cut A 192.0.2.\($0)" }
        let beside = (0..<60).map { "side NS ns\($0).other\nns\($0).other A 192.0.2.\($0)" }
        let text = Self.host + "\n" + (below + beside).joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("host.example", text)])
        let required = try Scenario.ask("x.cut.host.example", .a, zones)
        #expect(required.header.isTruncated)
        let room = ExtendedDNS(payloadOctets: 1232)
        let fits = try Scenario.ask("x.cut.host.example", .a, zones, edns: room)
        #expect(!fits.header.isTruncated)
        #expect(fits.additionals.count == 20)
        let helpful = try Scenario.ask("x.side.host.example", .a, zones, edns: room)
        #expect(!helpful.header.isTruncated)
        #expect(helpful.authorities.count == 60)
        #expect((1..<60).contains(helpful.additionals.count))
    }

    @Test("Twenty thousand zones: each is found, and nothing beside them")
    func manyZones() throws {
        let zones = ZoneSnapshot(
            ZoneSet(
                try (0..<20_000).map { number in
                    let origin = try Name("zone\(number).example")
                    let records = [
                        ResourceRecord(
                            owner: origin, type: .soa, ttl: 60,
                            data: .soa(
                                SOA(
                                    primary: origin, responsible: origin, serial: UInt32(number),
                                    refresh: 1, retry: 1, expire: 1, minimum: 1))),
                        ResourceRecord(owner: origin, type: .ns, ttl: 60, data: .ns(origin)),
                    ]
                    return try Zone(origin: origin, records: records)
                }))
        #expect(zones.count == 20_000)
        for number in stride(from: 0, to: 20_000, by: 7) {
            let query = try Scenario.query("ZONE\(number).Example", .soa)
            let message = try Message(parsing: try #require(answer(query, zones)))
            guard case .soa(let soa) = message.answers.first?.data else {
                Issue.record("zone \(number) is not found")
                continue
            }
            #expect(soa.serial == UInt32(number))
        }
        let outside = try Scenario.query("zone20000.example", .soa)
        #expect(
            try Message(parsing: try #require(answer(outside, zones))).responseCode == .refused)
    }

    @Test("An opcode that is not spoken gets NOTIMP, whatever follows", arguments: 1...15)
    func opcodes(opcode: UInt16) throws {
        var query = try Scenario.query("example.org", .mx)
        query[2] = UInt8(opcode << 3) | 1
        let response = try #require(answer(query, ZoneSnapshot(try Self.zones())))
        #expect(response.count == 12)
        #expect(response[2] == 0x80 | query[2])
        #expect(response[3] == 4)
    }
}
