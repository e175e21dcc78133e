// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import DNS

@Suite("RFC 1035 §4 messages")
struct MessageTests {
    private func octets(_ text: String) throws -> [UInt8] {
        try #require(Hexadecimal.decode(text.utf8.filter { $0 != 0x20 }))
    }

    @Test("What is written compressed is read as it was, and shares ends only of the same case")
    func compression() throws {
        var writer = MessageWriter()
        writer.begin(Header(id: 7, flags: 0x8400), limit: 512)
        let records = [
            ResourceRecord(
                owner: try Name("a.Example.org"), type: .mx, ttl: 1,
                data: .mx(MX(preference: 1, exchange: try Name("mx.a.Example.org")))),
            ResourceRecord(
                owner: try Name("b.example.org"), type: .srv, ttl: 2,
                data: .srv(SRV(priority: 1, weight: 2, port: 3, target: try Name("b.example.org")))),
            ResourceRecord(
                owner: .root, type: .ns, ttl: 3, data: .ns(try Name("b.example.org"))),
        ]
        var wrote = [writer.write(Question(name: try Name("a.Example.org"), type: .mx))]
        for record in records { wrote.append(writer.write(record, in: .answer)) }
        #expect(wrote == [true, true, true, true])
        let message = try Message(parsing: writer.octets)
        #expect(message.answers == records)
        #expect(message.answers[1].owner.description == "b.example.org")
        #expect(message.answers[0].owner.description == "a.Example.org")
        // Header, question, pointer + MX with pointer, name (org shared) + SRV whole, NS pointer.
        let expected = 12 + 19 + (2 + 10 + 2 + 5) + (12 + 10 + 21) + (1 + 10 + 2)
        #expect(writer.octets.count == expected)
    }

    @Test("A record that does not fit leaves no trace")
    func limit() throws {
        var writer = MessageWriter()
        writer.begin(Header(id: 7), limit: 60)
        let record = ResourceRecord(
            owner: try Name("a.example"), type: .txt, ttl: 1,
            data: .txt([[UInt8](repeating: 0x61, count: 20)]))
        let first = writer.write(record, in: .answer)
        let before = writer.octets
        let second = writer.write(record, in: .answer)
        #expect([first, second] == [true, false])
        #expect(writer.octets == before)
        #expect(try Message(parsing: writer.octets).answers == [record])
    }

    @Test(
        "Hostile messages are refused, never followed",
        arguments: [
            ("a pointer to itself", "0000 8000 0001 0000 0000 0000 c00c 0001 0001"),
            ("a pointer forward", "0000 8000 0001 0000 0000 0000 c00e 0000 0001 0001"),
            ("pointers in a circle", "0000 8000 0001 0000 0000 0000 0161 c00c 0001 0001"),
            ("a reserved label type", "0000 8000 0001 0000 0000 0000 4161 00 0001 0001"),
            ("a label past the end", "0000 8000 0001 0000 0000 0000 3f61 00 0001 0001"),
            ("a count that lies", "0000 8000 ffff 0000 0000 0000 00 0001 0001"),
            ("a record cut short", "0000 8000 0000 0001 0000 0000 00 0001 0001 00000001 0004 7f00"),
            (
                "an A of five octets",
                "0000 8000 0000 0001 0000 0000 00 0001 0001 00000001 0005 7f00000100"
            ),
            ("an MX without host", "0000 8000 0000 0001 0000 0000 00 000f 0001 00000001 0002 0001"),
            (
                "a TXT whose string lies",
                "0000 8000 0000 0001 0000 0000 00 0010 0001 00000001 0002 0561"
            ),
            ("an empty TXT", "0000 8000 0000 0001 0000 0000 00 0010 0001 00000001 0000"),
            (
                "a name that runs out of its RDATA",
                "0000 8000 0000 0001 0000 0000 00 0002 0001 00000001 0002 016100"
            ),
            ("a header cut short", "0000 8000 0000"),
        ])
    func hostile(what: String, text: String) throws {
        let octets = try octets(text)
        #expect(throws: SyntaxError.self, "\(what)") { try Message(parsing: octets) }
    }

    @Test("A name of 255 octets is read, of 256 refused, by pointers too")
    func longNames() throws {
        let label = "3f" + String(repeating: "61", count: 63)
        let head = "0000 8000 0002 0000 0000 0000"
        // 3 * 64 + 62 + 1 = 255.
        let name = String(repeating: label, count: 3) + "3d" + String(repeating: "62", count: 61)
        let fits = try octets(head + name + "00 0001 0001 c00c 0001 0001")
        #expect(try Message(parsing: fits).questions[1].name.wire.count == 255)
        let over = try octets(head + name + "00 0001 0001 0163 c00c 0001 0001")
        #expect(throws: SyntaxError.self) { try Message(parsing: over) }
    }

    @Test("A TTL with its highest bit counts as zero (RFC 2181 §8)")
    func ttl() throws {
        let message = try Message(
            parsing: octets("0000 8000 0000 0001 0000 0000 00 0001 0001 80000001 0004 7f000001"))
        #expect(message.answers.map(\.ttl) == [0])
    }

    @Test("Messages in a stream come out whole, octet by octet and many at once")
    func frames() {
        let messages: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 9, count: 700)]
        let stream = messages.flatMap(MessageFrames.frame)
        for size in [1, 2, 5, stream.count] {
            var frames = MessageFrames()
            var found: [[UInt8]] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                frames.append(Array(stream[start..<min(start + size, stream.count)]))
                while let message = frames.next() { found.append(message) }
            }
            #expect(found == messages)
            #expect(!frames.holdsPart)
        }
    }
}
