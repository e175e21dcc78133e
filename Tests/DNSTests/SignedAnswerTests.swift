// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import DNS

@Suite("RFC 4035 §3.1, RFC 5155 §7.2: answers from signed zones")
struct SignedAnswerTests {
    private static let edns = ExtendedDNS(payloadOctets: 1232, wantsSignatures: true)

    private static func lines(_ text: String) throws -> Set<String> {
        let file = MasterFile.parse(Array(("$TTL 3600\n" + text + "\n").utf8), origin: .root)
        try #require(file.faults == [])
        return Set(file.records.map(line))
    }

    private static func line(_ record: ResourceRecord) -> String {
        "\(record.owner.lowercased) \(record.ttl) \(record.type) "
            + record.data.text(as: record.type)
    }

    /// Positive answers here name no name servers: that is not asked for.
    private static func withoutServers(_ lines: Set<String>) -> Set<String> {
        lines.filter { !$0.hasPrefix("example 3600 NS ") && !$0.contains(" RRSIG NS ") }
    }

    private func check(_ example: SignedExamples.Response, _ text: String) throws {
        let zone = try Scenario.zone("example", text)
        let type = try #require(RecordType(mnemonic: example.type.utf8))
        let message = try Scenario.ask(
            example.name, type, ZoneSet([zone]), edns: Self.edns, isStream: true)
        #expect(message.responseCode.rawValue == example.code)
        #expect(Set(message.answers.map(Self.line)) == (try Self.lines(example.answers)))
        #expect(message.authorities.count == Set(message.authorities.map(Self.line)).count)
        let authorities = try Self.lines(example.authorities)
        #expect(
            Set(message.authorities.map(Self.line))
                == (example.answers.isEmpty ? authorities : Self.withoutServers(authorities)))
        if example.answers.isEmpty, !example.additionals.isEmpty {
            let additionals = message.additionals.filter { $0.type != .opt }
            #expect(Set(additionals.map(Self.line)) == (try Self.lines(example.additionals)))
        }
        // Who does not ask for signatures gets none (RFC 4035 §3.1, RFC 3225 §3).
        let plain = try Scenario.ask(example.name, type, ZoneSet([zone]), isStream: true)
        #expect(plain.responseCode.rawValue == example.code)
        for record in plain.answers + plain.authorities + plain.additionals {
            #expect(record.type == type || ![.rrsig, .nsec, .nsec3].contains(record.type))
        }
    }

    @Test("A response from a zone with NSEC is the one that the RFC prints", arguments: 0..<8)
    func plain(_ index: Int) throws {
        try #require(SignedExamples.plainResponses.count == 8)
        try check(SignedExamples.plainResponses[index], SignedExamples.plainZone)
    }

    @Test("A response from a zone with NSEC3 is the one that the RFC prints", arguments: 0..<7)
    func hashed(_ index: Int) throws {
        try #require(SignedExamples.hashedResponses.count == 7)
        try check(SignedExamples.hashedResponses[index], SignedExamples.hashedZone)
    }

    @Test(
        "A name is hashed as RFC 5155 appendix A has it",
        arguments: [
            ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("A.Example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
            ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
            ("x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
            (
                "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"
            ),
        ])
    func hash(_ name: String, _ hash: String) throws {
        let parameters = NSEC3PARAM(iterations: 12, salt: [0xAA, 0xBB, 0xCC, 0xDD])
        #expect(Base32Hex.encode(parameters.hash(try Name(name))) == hash)
    }

    /// RFC 3174 §7.3, and lengths at which the padding takes another block.
    @Test(
        "SHA-1 is SHA-1",
        arguments: [
            ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            (
                "0123456701234567012345670123456701234567012345670123456701234567", 10,
                "dea356a2cddd90c7a7ecedc5ebb563934f460452"
            ),
            ("a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            ("a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
            ("a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            ("a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        ])
    func sha1(_ text: String, _ count: Int, _ expected: String) {
        let input = Array(String(repeating: text, count: count).utf8)
        var digest = [UInt8](repeating: 0, count: SHA1.octets)
        input.withUnsafeBytes { input in
            digest.withUnsafeMutableBytes { digest in
                if let base = digest.baseAddress { SHA1.hash(input, into: base) }
            }
        }
        #expect(Hexadecimal.encode(digest) == expected)
    }
}
