// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import DNSSEC
import LiveWorld
import Testing
import World
import ZoneCheck

@Suite("RFC 6605 §6, RFC 8080 §6: keys of signed zones, by the system's cryptography")
struct ZoneSigningTests {
    private static let signing = LiveZoneSigningCryptography()

    private static func data(_ type: RecordType, _ text: String) throws -> RecordData {
        try RecordData(type, text: text)
    }

    struct Example: Sendable {
        let algorithm: SigningAlgorithm
        let origin: String
        let secret: String
        let key: String
        let ds: String
    }

    private static let examples = [
        Example(
            algorithm: .ecdsaP256, origin: "example.net",
            secret: "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
            key: "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
                + "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            ds: "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1"
                + "e2770ce6d6e37df61d17"),
        Example(
            algorithm: .ed25519, origin: "example.com",
            secret: "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
            key: "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            ds: "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79"
                + "a304b"),
        Example(
            algorithm: .ed25519, origin: "example.com",
            secret: "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
            key: "257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
            ds: "35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c"
                + "6614c"),
    ]

    @Test("A secret gives the key and the DS record of the RFC's example", arguments: 0..<3)
    func keys(_ index: Int) throws {
        let example = Self.examples[index]
        let secret = try #require(Base64.decode(example.secret.utf8))
        let key = try #require(Self.signing.key(example.algorithm, secret: secret))
        let record = DNSKEY(
            isEntry: true, algorithm: example.algorithm.rawValue, key: key.publicKey)
        #expect(record.data == (try Self.data(.dnskey, example.key)))
        let origin = try Name(example.origin)
        let ds = Self.signing.delegationSigner(of: record, at: origin)
        #expect(ds.data == (try Self.data(.ds, example.ds)))
        #expect(Self.signing.matches(ds, record, at: origin))
    }

    /// RFC 8080 §6.1: this algorithm has one signature for each text.
    @Test("A signature is the one of the RFC's example")
    func signature() throws {
        let example = Self.examples[1]
        let secret = try #require(Base64.decode(example.secret.utf8))
        let key = try #require(Self.signing.key(.ed25519, secret: secret))
        let origin = try Name("example.com")
        let signature = RRSIG(
            typeCovered: .mx, algorithm: 15, labels: 2, originalTTL: 3600,
            expiration: 1_440_021_600, inception: 1_438_207_200, tag: 3613, signer: origin)
        let mx = MX(preference: 10, exchange: try Name("mail.example.com"))
        let wire = RecordData.mx(mx).wire
        let octets =
            signature.signedHead + origin.wire + [0, 15, 0, 1, 0, 0, 0x0E, 0x10, 0]
            + [UInt8(wire.count)] + wire
        let expected =
            "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3f"
            + "x8A4M3e23mRZ9VrbpMngwcrqNAg=="
        #expect(Base64.encode(key.sign(octets)) == expected)
    }

    @Test("A whole zone, signed, is right in the examiner's eyes", arguments: 0..<4)
    func zone(_ number: Int) async throws {
        let algorithm = SigningAlgorithm.allCases[number % 2]
        let denial: DenialOfExistence = number < 2 ? .nsec : .nsec3
        let origin = try Name("example.org")
        let file = MasterFile.parse(
            Array(
                """
                $TTL 3600
                @ SOA ns hostmaster 1 7200 900 1209600 300
                @ NS ns
                ns A 192.0.2.53
                @ MX 10 mx
                mx A 192.0.2.25
                * A 192.0.2.80
                a.b.c TXT "deep"

                """.utf8), origin: origin)
        let now = LiveTime().timestamp
        var set = KeySet(ttl: 3600)
        for role in [true, false] {
            let (_, key) = Self.signing.makeKey(algorithm, from: LiveEntropy())
            set.published.append(
                DNSKEY(isEntry: role, algorithm: algorithm.rawValue, key: key.publicKey))
            if role { set.keySigners = [key] } else { set.dataSigners = [key] }
        }
        set.announced = [set.published[0]]
        let signed = ZoneSigning.sign(
            file.records, announcements: set.announcements(at: origin, Self.signing),
            .init(origin: origin, keys: set, denial: denial, now: now))
        let examiner = ZoneExaminer(
            validation: .init(
                cryptography: LiveZoneCryptography(),
                now: UInt32(truncatingIfNeeded: now.seconds)))
        let report = await examiner.report(on: signed.records, origin: origin)
        #expect(report.findings.filter { $0.severity != .notice }.map(\.text.english) == [])
    }
}
