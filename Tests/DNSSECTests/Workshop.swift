// SPDX-License-Identifier: Apache-2.0

import DNSSEC
import SimulatedWorld
import Testing
import World
import ZoneCheck

@testable import DNS

/// Keys and zones for signing, and a judge of what came out.
enum Workshop {
    static let cryptography = SimulatedZoneCryptography()
    static let now = Timestamp(seconds: 1_800_000_000)

    /// Everything that is signed in its own way: delegations with and without DS and with glue, an
    /// empty name, wildcards, an alias, a DNAME, sets of two, escapes in names.
    static let zone = """
        $TTL 3600
        @       SOA ns1 hostmaster 1 7200 900 1209600 300
                NS  ns1
                NS  ns2.example.net.
                MX  10 mx1
                MX  20 mx2
                TXT "v=spf1 mx -all"
        ns1     A 192.0.2.1
        mx1     A 192.0.2.3
                AAAA 2001:db8::3
        mx2     300 A 192.0.2.4
        WWW     CNAME @
        *.wild  MX 10 mx1
                TXT "a wildcard"
        deep.in.the.forest TXT "names between are empty"
        \\000\\001.odd A 192.0.2.9
        signed  NS ns.signed
                DS 12345 13 2 ( 0123456789abcdef0123456789abcdef
                                0123456789abcdef0123456789abcdef )
        ns.signed A 192.0.2.5
        plain   NS ns.plain
                NS ns1
        ns.plain A 192.0.2.6
        a.ns.plain A 192.0.2.7
        moved   DNAME elsewhere.example.
        """

    static func records(_ text: String = zone, serial: UInt32 = 1) throws -> [ResourceRecord] {
        let file = MasterFile.parse(Array(text.utf8), origin: try Name("example.org"))
        try #require(file.faults == [])
        return file.records.map { record in
            guard case .soa(var soa) = record.data else { return record }
            soa.serial = serial
            var record = record
            record.data = .soa(soa)
            return record
        }
    }

    static func key(_ number: UInt8, _ algorithm: SigningAlgorithm = .ecdsaP256) throws
        -> any ZoneSigningKey
    {
        try #require(
            cryptography.key(
                algorithm, secret: [UInt8](repeating: number, count: 32)))
    }

    /// The first key signs keys, the others data.
    static func keySet(
        _ numbers: [UInt8], _ algorithm: SigningAlgorithm = .ecdsaP256
    ) throws -> KeySet {
        let keys = try numbers.map { try key($0, algorithm) }
        var set = KeySet(ttl: 3600)
        set.published = keys.enumerated().map { index, key in
            DNSKEY(isEntry: index == 0, algorithm: algorithm.rawValue, key: key.publicKey)
        }
        set.announced = [set.published[0]]
        set.keySigners = [keys[0]]
        set.dataSigners = keys.count > 1 ? Array(keys[1...]) : keys
        return set
    }

    static func sign(
        _ records: [ResourceRecord], _ keys: KeySet, _ denial: DenialOfExistence = .nsec,
        previous: [ResourceRecord] = [], now: Timestamp = now,
        policy: SigningPolicy = SigningPolicy()
    ) throws -> SignedZone {
        let origin = try Name("example.org")
        return ZoneSigning.sign(
            records, announcements: keys.announcements(at: origin, cryptography),
            previous: previous,
            .init(origin: origin, keys: keys, denial: denial, policy: policy, now: now))
    }

    /// What the examiner of zones finds wrong with signatures and denials.
    static func faults(_ records: [ResourceRecord], now: Timestamp = now) async throws -> [String] {
        let examiner = ZoneExaminer(
            validation: .init(
                cryptography: Judge(), now: UInt32(truncatingIfNeeded: now.seconds)))
        let report = await examiner.report(on: records, origin: try Name("example.org"))
        return report.findings.filter { $0.severity != .notice }.map {
            "\($0.code.rawValue): \($0.text.english)"
        }
    }

    private struct Judge: ZoneCryptography {
        func digest(_ kind: DigestKind, of octets: [UInt8]) -> [UInt8] {
            switch kind {
            case .sha256: cryptography.digest(.sha256, of: octets)
            case .sha384: cryptography.digest(.sha384, of: octets)
            case .sha1: sha1(octets)
            case .sha512: []
            }
        }

        private func sha1(_ octets: [UInt8]) -> [UInt8] {
            var digest = [UInt8](repeating: 0, count: SHA1.octets)
            octets.withUnsafeBytes { octets in
                digest.withUnsafeMutableBytes { digest in
                    if let base = digest.baseAddress { SHA1.hash(octets, into: base) }
                }
            }
            return digest
        }

        func verifies(
            _ signature: [UInt8], over octets: [UInt8], algorithm: UInt8, publicKey: [UInt8]
        ) -> Bool? {
            cryptography.verifies(signature, over: octets, publicKey: publicKey)
        }
    }
}
