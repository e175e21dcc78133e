// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing
import World

@Suite("RFC 5452 a stub resolver believes only replies to its own question")
struct StubSessionTests {
    let first = SocketAddress(.v4(IPv4Address(192, 0, 2, 1)), port: 53)
    let second = SocketAddress(.v4(IPv4Address(192, 0, 2, 2)), port: 53)
    let start = Instant(nanoseconds: 0)

    private func session(
        _ type: RecordType = .mx, trust: Bool = false
    ) throws -> StubSession {
        var policy = StubSession.Policy()
        policy.trustsAuthenticData = trust
        return try StubSession(
            name: Name("a.example"), type: type, servers: [first, second], policy: policy,
            now: start)
    }

    private func reply(
        _ name: String = "a.example", id: UInt16 = 7, flags: UInt16 = 0x8180,
        _ answers: String = "", authority: String = "", type: RecordType = .mx
    ) throws -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id, flags: flags), limit: 65535)
        _ = writer.write(Question(name: try Name(name), type: type))
        for (text, section) in [(answers, MessageWriter.Section.answer), (authority, .authority)] {
            for record in MasterFile.parse(Array(text.utf8), origin: .root).records {
                _ = writer.write(record, in: section)
            }
        }
        return writer.octets
    }

    /// The server asked, whether over a stream, and the message.
    private func ask(
        _ session: inout StubSession, at seconds: Double = 0
    ) throws -> (SocketAddress, Bool, Message) {
        let step = session.next(now: start + .milliseconds(Int(seconds * 1000)), chance: 7)
        guard case .ask(let server, let query, let isStream, _) = step else {
            throw SyntaxError(at: 0, expected: "a question, not \(step)")
        }
        return (server, isStream, try Message(parsing: query))
    }

    private func finished(_ session: inout StubSession, at seconds: Int = 0) -> Answer? {
        guard case .finished(let answer) = session.next(now: start + .seconds(seconds), chance: 9)
        else { return nil }
        return answer
    }

    static let mx = "a.example. 60 MX 1 m.example."

    @Test("The query asks for recursion, with EDNS, under an id of chance")
    func query() throws {
        var session = try session()
        let (server, isStream, message) = try ask(&session)
        #expect(server == first)
        #expect(!isStream)
        #expect(message.header.id == 7)
        #expect(message.header.flags == 0x0100)
        #expect(message.edns?.payloadOctets == 1232)
        #expect(try message.questions == [Question(name: Name("a.example"), type: .mx)])
    }

    @Test("Authorities are asked without recursion, and only what they serve themselves counts")
    func authorities() throws {
        var policy = StubSession.Policy()
        policy.asksAuthorities = true
        var session = try StubSession(
            name: Name("a.example"), type: .mx, servers: [first, second], policy: policy,
            now: start)
        let (_, _, message) = try ask(&session)
        #expect(message.header.flags == 0)
        // A resolver's cache, or a server that knows nothing of the zone any more.
        #expect(session.received(try reply(flags: 0x8080, Self.mx), from: first))
        #expect(try ask(&session).0 == second)
        #expect(session.received(try reply(flags: 0x8400, Self.mx), from: second))
        #expect(finished(&session)?.outcome == .records)
        var lame = try StubSession(
            name: Name("a.example"), type: .mx, servers: [first], policy: policy, now: start)
        _ = try ask(&lame)
        #expect(lame.received(try reply(flags: 0x8003), from: first))
        #expect(
            finished(&lame)?.outcome == .failure(.malformed("the server does not serve the zone")))
    }

    @Test("A reply with another id, question or sender, or a query, is passed over")
    func forgeries() throws {
        var session = try session()
        _ = try ask(&session)
        let forged: [([UInt8], SocketAddress)] = [
            (try reply(id: 8, Self.mx), first), (try reply("a.example", Self.mx), second),
            (try reply("b.example", Self.mx), first),
            (try reply(flags: 0x0100, Self.mx), first),
            (try reply("a.example", Self.mx, type: .a), first), ([], first), ([0, 7], first),
        ]
        for (octets, peer) in forged {
            let accepted = session.received(octets, from: peer)
            #expect(!accepted)
        }
        let accepted = session.received(try reply("A.EXAMPLE", Self.mx), from: first)
        #expect(accepted)
        let answer = try #require(finished(&session))
        #expect(answer.outcome == .records)
        #expect(answer.ttl == 60)
        #expect(!answer.isSecure)
    }

    @Test("AD counts only from a server that is trusted")
    func authenticData() throws {
        for trust in [false, true] {
            var session = try session(trust: trust)
            _ = try ask(&session)
            _ = session.received(try reply(flags: 0x81A0, Self.mx), from: first)
            #expect(finished(&session)?.isSecure == trust)
        }
    }

    @Test("TC leads to the same question over a stream")
    func truncated() throws {
        var session = try session()
        _ = try ask(&session)
        _ = session.received(try reply(flags: 0x8380), from: first)
        let (server, isStream, _) = try ask(&session)
        #expect(server == first)
        #expect(isStream)
        _ = session.received(try reply("a.example", Self.mx), from: first)
        #expect(finished(&session)?.outcome == .records)
    }

    @Test(
        "How a reply ends the question",
        arguments: [
            (
                UInt16(0x8180), "a.example. 1 CNAME b.example.\nb.example. 2 MX 1 m.", "",
                Answer.Outcome.records, 1, UInt32(1)
            ),
            (0x8183, "", "example. 9 SOA a. b. 1 2 3 4 5", .nameError, 0, 5),
            (0x8180, "", "example. 4 SOA a. b. 1 2 3 4 5", .noData, 0, 4),
            (
                0x8180, "a.example. 1 CNAME b.example.", "example. 9 SOA a. b. 1 2 3 4 5",
                .noData, 1, 1
            ),
            (
                0x8183, "a.example. 8 CNAME b.example.", "example. 9 SOA a. b. 1 2 3 4 5",
                .nameError, 1, 5
            ),
            (0x8180, "", "", .noData, 0, 0),
            // Records of other names and classes answer nothing.
            (0x8180, "b.example. 1 MX 1 m.\na.example. 1 CH MX 1 m.", "", .noData, 0, 0),
        ])
    func outcomes(
        flags: UInt16, answers: String, authority: String, outcome: Answer.Outcome, aliases: Int,
        ttl: UInt32
    ) throws {
        var session = try session()
        _ = try ask(&session)
        _ = session.received(
            try reply(flags: flags, answers, authority: authority), from: first)
        let answer = try #require(finished(&session))
        #expect(answer.outcome == outcome)
        #expect(answer.aliases.count == aliases)
        #expect(answer.ttl == ttl)
    }

    @Test("An alias that the server did not follow is asked for")
    func alias() throws {
        var session = try session()
        _ = try ask(&session)
        _ = session.received(try reply("a.example", "a.example. 5 CNAME b.other."), from: first)
        let (_, _, message) = try ask(&session)
        #expect(try message.questions.map(\.name) == [Name("b.other")])
        _ = session.received(try reply("b.other", "b.other. 6 MX 1 m."), from: first)
        let answer = try #require(finished(&session))
        #expect(try answer.aliases == [Name("b.other")])
        #expect(answer.ttl == 5)
    }

    @Test("A circle of aliases is an answer that cannot be used")
    func circle() throws {
        var session = try session()
        _ = try ask(&session)
        _ = session.received(
            try reply("a.example", "a.example. 5 CNAME b.\nb. 5 CNAME a.example."), from: first)
        guard case .failure(.malformed) = finished(&session)?.outcome else {
            Issue.record("a circle must fail")
            return
        }
    }

    @Test("A server that fails is left for the next; when all have, the last reason counts")
    func failures() throws {
        var session = try session()
        _ = try ask(&session)
        _ = session.received(try reply(flags: 0x8182), from: first)
        #expect(try ask(&session).0 == second)
        _ = session.received(try reply(flags: 0x8185), from: second)
        #expect(finished(&session)?.outcome == .failure(.refused))
    }

    @Test("A server that does not know EDNS is asked without")
    func plain() throws {
        var session = try session()
        _ = try ask(&session)
        let accepted = session.received(
            [0, 7, 0x81, 0x81] + [UInt8](repeating: 0, count: 8), from: first)
        #expect(accepted)
        let (server, _, message) = try ask(&session)
        #expect(server == first)
        #expect(message.edns == nil)
    }

    @Test("Silence: the servers in turn, until the time is over")
    func silence() throws {
        var session = try session()
        #expect(try ask(&session).0 == first)
        session.failed()
        #expect(try ask(&session, at: 1).0 == second)
        session.failed()
        #expect(try ask(&session, at: 1.5).0 == first)
        session.failed()
        #expect(finished(&session, at: 2)?.outcome == .failure(.timeout))
    }

    @Test("No changed octet of a reply breaks the session")
    func mutations() throws {
        let whole = try reply(
            "a.example. 1 CNAME b.example.\nb.example. 2 MX 1 m.",
            authority: "example. 9 SOA a. b. 1 2 3 4 5")
        for index in whole.indices {
            for octet in [0x00, 0xC0, 0xFF, whole[index] ^ 1] as [UInt8] {
                var session = try session()
                _ = try ask(&session)
                var changed = whole
                changed[index] = octet
                _ = session.received(changed, from: first)
                _ = session.received(Array(whole[..<index]), from: first)
                _ = finished(&session, at: 1)
            }
        }
    }
}
