// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import World

/// 1. The zones, and the name server that answers from them over UDP and TCP.
struct NamesChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    func tell() async throws {
        story.chapter(1, "The names", "Die Namen")
        story.say(
            "Two domains, each with a zone file of its own:",
            "Zwei Domains, jede mit einer eigenen Zonendatei:")
        for (name, text) in DemoPlan.zones.prefix(2) {
            story.say("\(name).zone", "\(name).zone")
            story.quote(text.dropLast())
        }
        story.say(
            "A third file, example.zone, plays the rest of the world for chapters 4 to 6.",
            "Eine dritte Datei, example.zone, spielt für die Kapitel 4 bis 6 den Rest der Welt.")
        let counts = world.zones.map { "\($0.zone.origin): \($0.zone.records.count)" }
            .joined(separator: ", ")
        try story.verify(
            world.zones.count == 3, "all three are read without a fault (records: \(counts))",
            "alle drei sind ohne Fehler gelesen (Einträge: \(counts))")
        story.say(
            "Our own name server answers for them on \(world.nameServer).",
            "Unser eigener Nameserver antwortet für sie auf \(world.nameServer).")
        try await ask()
    }

    private func ask() async throws {
        let iris = try Name("iris.example")
        let expected: Set<String> = ["10 mx1.iris.example", "20 mx2.iris.example"]
        for isStream in [false, true] {
            let how = isStream ? "TCP" : "UDP"
            let begin = world.time.now
            let answer = try await exchange(iris, .mx, isStream: isStream)
            let took = story.duration(world.time.now - begin)
            let found = exchangers(answer)
            try story.verify(
                Set(found) == expected && answer.records.count == 2,
                "over \(how): iris.example MX \(found.joined(separator: ", ")) (\(took))",
                "über \(how): iris.example MX \(found.joined(separator: ", ")) (\(took))",
                found: "\(answer.outcome)")
        }
        let resolver = StubResolver(servers: [world.nameServer], world: Live.surroundings)
        let post = await resolver.resolve(try Name("post.lotus.example"), .a)
        try story.verify(
            post.records.map { $0.data.text(as: .a) } == [DemoPlan.post.address],
            "post.lotus.example has the address \(DemoPlan.post.address)",
            "post.lotus.example hat die Adresse \(DemoPlan.post.address)",
            found: "\(post.outcome)")
        let nowhere = await resolver.resolve(try Name("nowhere.example"), .mx)
        try story.verify(
            nowhere.outcome == .nameError, "nowhere.example does not exist (NXDOMAIN)",
            "nowhere.example gibt es nicht (NXDOMAIN)", found: "\(nowhere.outcome)")
    }

    private func exchangers(_ answer: Answer) -> [String] {
        answer.records.compactMap { record -> (UInt16, String)? in
            guard case .mx(let mx) = record.data else { return nil }
            return (mx.preference, "\(mx.preference) \(mx.exchange)")
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// One question over exactly the transport that is asked for; a resolver would choose by size.
    private func exchange(_ name: Name, _ type: RecordType, isStream: Bool) async throws -> Answer {
        let live = Live.surroundings
        var session = StubSession(
            name: name, type: type, servers: [world.nameServer], policy: .init(),
            now: live.time.now)
        guard
            case .ask(let server, let query, _, let deadline) = session.next(
                now: live.time.now, chance: live.entropy.next())
        else { throw DemoFailure("DNS") }
        let reply =
            isStream
            ? try await askByStream(server, query, deadline)
            : try await askByDatagram(server, query, deadline)
        _ = session.received(reply, from: server)
        guard
            case .finished(let answer) = session.next(
                now: live.time.now, chance: live.entropy.next())
        else { throw DemoFailure("DNS: \(name) \(type): \(Hexadecimal.encode(reply))") }
        return answer
    }

    private func askByDatagram(
        _ server: SocketAddress, _ query: [UInt8], _ deadline: Instant
    ) async throws -> [UInt8] {
        let own = SocketAddress(try DemoPlan.names.ip, port: 0)
        let socket = try await Live.network.bind(to: own)
        socket.send([Datagram(peer: server, octets: query)])
        do {
            let reply = try await socket.receive(limit: 1, deadline: deadline)
            await socket.close()
            return reply.first?.octets ?? []
        } catch {
            await socket.close()
            throw error
        }
    }

    private func askByStream(
        _ server: SocketAddress, _ query: [UInt8], _ deadline: Instant
    ) async throws -> [UInt8] {
        let connection = try await Live.network.connect(to: server, from: nil, deadline: deadline)
        var frames = MessageFrames()
        connection.write(MessageFrames.frame(query))
        do {
            while true {
                if let reply = frames.next() {
                    await connection.close()
                    return reply
                }
                guard let octets = try await connection.receive(deadline: deadline) else {
                    throw NetworkFailure.disconnected
                }
                frames.append(octets)
            }
        } catch {
            await connection.close()
            throw error
        }
    }
}
