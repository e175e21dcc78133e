// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Synchronization
import Testing
import World

/// A name server on loopback for the resolver to ask.
private func withNameServer(
    _ reply: @escaping @Sendable (_ query: [UInt8]) -> [UInt8]?,
    _ body: (UnboundResolver.Way) async throws -> Void
) async throws {
    let network = LiveNetwork(threads: 1)
    let socket = try await network.bind(to: loopback(7))
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while let datagrams = try? await socket.receive(limit: 64, deadline: soon(60)) {
                socket.send(
                    datagrams.compactMap { datagram in
                        reply(datagram.octets).map { Datagram(peer: datagram.peer, octets: $0) }
                    })
            }
        }
        try await body(.forward([socket.address]))
        group.cancelAll()
    }
    await socket.close()
}

/// Answers from a zone `example.org`, as a resolver that offers recursion would.
private func zone(_ query: [UInt8]) -> [UInt8]? {
    let text = """
        $TTL 300
        @ SOA ns hostmaster 1 7200 900 1209600 60
        @ NS ns
        @ MX 20 mx2
        @ MX 10 mx1
        @ TXT "v=spf1 mx -all" "second"
        ns A 127.0.0.7
        mx1 A 192.0.2.1
        mx1 AAAA 2001:db8::1
        www CNAME web
        web CNAME mx1
        """
    guard let origin = try? Name("example.org"),
        let zone = try? Zone(
            origin: origin,
            records: MasterFile.parse(octets(text + "\n"), origin: origin).entries.map(\.record))
    else { return nil }
    guard var reply = answer(query, ZoneSnapshot(ZoneSet([zone]))) else { return nil }
    reply[3] |= 0x80
    return reply
}

@Suite("libunbound as resolver")
struct UnboundResolverTests {
    private func resolver(
        _ way: UnboundResolver.Way, patience: Duration = .seconds(10), anchors: [String] = []
    ) throws -> UnboundResolver {
        var settings = UnboundResolver.Settings(way)
        settings.rootAnchorFile = nil
        settings.anchors = anchors
        settings.patience = patience
        return try UnboundResolver(settings)
    }

    @Test("Records, their absence and the name's absence are three different answers")
    func outcomes() async throws {
        try await withNameServer(zone) { way in
            let resolver = try resolver(way)
            let exchangers = await resolver.resolve(try Name("example.org"), .mx)
            #expect(exchangers.outcome == .records)
            #expect(
                Set(exchangers.records.map(\.data)) == [
                    .mx(MX(preference: 10, exchange: try Name("mx1.example.org"))),
                    .mx(MX(preference: 20, exchange: try Name("mx2.example.org"))),
                ])
            #expect((1...300).contains(exchangers.ttl))
            #expect(!exchangers.isSecure)
            let texts = await resolver.resolve(try Name("EXAMPLE.org"), .txt)
            #expect(
                texts.records.map(\.data) == [.txt([octets("v=spf1 mx -all"), octets("second")])])
            let address = await resolver.resolve(try Name("mx1.example.org"), .aaaa)
            #expect(address.records.map(\.owner) == [try Name("mx1.example.org")])
            let absent = await resolver.resolve(try Name("mx1.example.org"), .mx)
            #expect(absent.outcome == .noData)
            let unknown = await resolver.resolve(try Name("no.example.org"), .mx)
            #expect(unknown.outcome == .nameError)
            #expect(unknown.records.isEmpty)
        }
    }

    @Test("Aliases are followed and named in order")
    func aliases() async throws {
        try await withNameServer(zone) { way in
            let answer = try await resolver(way).resolve(try Name("www.example.org"), .a)
            #expect(answer.outcome == .records)
            #expect(
                answer.aliases == [try Name("web.example.org"), try Name("mx1.example.org")])
            #expect(answer.records.map(\.data) == [.a(IPv4Address(192, 0, 2, 1))])
            #expect(answer.records.map(\.owner) == [try Name("mx1.example.org")])
            let absent = try await resolver(way).resolve(try Name("www.example.org"), .mx)
            #expect(absent.outcome == .noData)
            #expect(absent.aliases.last == (try Name("mx1.example.org")))
        }
    }

    @Test("A server that fails, or refuses, is a failure")
    func failures() async throws {
        for code: UInt8 in [2, 5] {
            let fail: @Sendable ([UInt8]) -> [UInt8]? = { query in
                var reply = query
                reply[2] |= 0x80
                reply[3] = 0x80 | code
                return reply
            }
            try await withNameServer(fail) { way in
                let answer = try await resolver(way).resolve(try Name("example.org"), .mx)
                guard case .failure = answer.outcome else {
                    Issue.record("\(answer)")
                    return
                }
            }
        }
    }

    @Test("A silent server is given up when patience ends, or the task")
    func silence() async throws {
        try await withNameServer({ _ in nil }) { way in
            let resolver = try resolver(way, patience: .milliseconds(300))
            let start = time.now
            let answer = await resolver.resolve(try Name("example.org"), .mx)
            #expect(answer.outcome == .failure(.timeout))
            let waited = time.now - start
            #expect(waited >= .milliseconds(290) && waited < .seconds(5), "waited \(waited)")
        }
        try await withNameServer({ _ in nil }) { way in
            let resolver = try resolver(way, patience: .seconds(60))
            let start = time.now
            let asking = Task { await resolver.resolve(try Name("example.org"), .mx) }
            try await time.sleep(for: .milliseconds(100))
            asking.cancel()
            #expect(try await asking.value.outcome == .failure(.timeout))
            #expect(time.now - start < .seconds(10))
        }
    }

    @Test("An unsigned answer below a trust anchor is bogus, with the reason")
    func bogus() async throws {
        let anchor =
            "example.org. DS 12345 13 2 "
            + "49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE3BFB3B9B7C0C0B5C2F4D8F63"
        try await withNameServer(zone) { way in
            let resolver = try resolver(way, anchors: [anchor])
            #expect(resolver.isValidating)
            let answer = await resolver.resolve(try Name("example.org"), .mx)
            guard case .failure(.bogus(let reason)) = answer.outcome else {
                Issue.record("\(answer)")
                return
            }
            #expect(!reason.isEmpty)
            #expect(answer.records.isEmpty)
        }
    }

    @Test("A signed answer below a trust anchor is secure; a forged one is bogus")
    func signed() async throws {
        for forged in [false, true] {
            let zone = try SignedZone(forged: forged)
            try await withNameServer({ zone.reply(to: $0) }) { way in
                let resolver = try resolver(way, anchors: [zone.anchor])
                let answer = await resolver.resolve(try Name("example.org"), .mx)
                if forged {
                    guard case .failure(.bogus) = answer.outcome else {
                        Issue.record("\(answer)")
                        return
                    }
                    #expect(!answer.isSecure)
                } else {
                    #expect(answer.outcome == .records)
                    #expect(answer.isSecure)
                }
            }
        }
    }

    @Test("A thousand questions at a time are all answered")
    func many() async throws {
        let asked = Atomic(0)
        let count: @Sendable ([UInt8]) -> [UInt8]? = { query in
            asked.add(1, ordering: .relaxed)
            return zone(query)
        }
        try await withNameServer(count) { way in
            let resolver = try resolver(way)
            let outcomes = await withTaskGroup(of: Answer.Outcome.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        guard let name = try? Name("n\(number % 400).example.org") else {
                            return .noData
                        }
                        return await resolver.resolve(name, .a)
                            .outcome
                    }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes == [.nameError: 1000])
        }
    }

    @Test("Local records need nobody; what libunbound does not take is named")
    func localRecords() async throws {
        var settings = UnboundResolver.Settings(.forward([loopback(1, port: 9)]))
        settings.rootAnchorFile = nil
        settings.localRecords = ["local.test. 60 IN A 127.0.0.42"]
        let resolver = try UnboundResolver(settings)
        #expect(!resolver.isValidating)
        let answer = await resolver.resolve(try Name("local.test"), .a)
        #expect(answer.records.map(\.data) == [.a(IPv4Address(127, 0, 0, 42))])
        settings.rootAnchorFile = "/nonexistent/root.key"
        settings.localRecords = ["nonsense"]
        #expect(throws: NetworkFailure.self) { _ = try UnboundResolver(settings) }
    }
}
