// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import KeyLife
import KeyRing
import Mail
import SimulatedWorld
import Storage
import Testing
import World

/// A store, the keys in it, and a domain.
private struct Bench: Sendable {
    let store: SQLiteStore
    let time: Simulation
    let cryptography: SimulatedMailCryptography
    let domain: Domain
    var secret: UInt8 = 9

    init(_ store: SQLiteStore, _ time: Simulation) throws {
        self.store = store
        self.time = time
        cryptography = SimulatedMailCryptography(entropy: time)
        domain = try Domain("example.org")
    }

    func keys() -> SigningKeys {
        SigningKeys(
            store: store, secretKey: SecretKey([UInt8](repeating: secret, count: 32)),
            entropy: time, cryptography: cryptography)
    }

    /// Keys that sign.
    func active() throws -> SigningKeys {
        let keys = keys()
        var rules = KeyRules()
        rules.confirmation = 0
        let now = time.timestamp
        try keys.change(domain) { [rules] domainKeys, maker in
            _ = try domainKeys.rotate([.rsa, .ed25519], at: now, maker)
            for key in domainKeys.keys {
                for _ in 0..<2 {
                    _ = domainKeys.observe(.right, of: key.selector, at: now, rules)
                }
            }
        }
        return keys
    }
}

private func withBench(
    _ body: @escaping @Sendable (Bench) async throws -> Void
) throws {
    let simulation = Simulation(seed: 1)
    try simulation.run {
        let store = try SQLiteStore(on: MemoryDisk(), schema: [.keyRing])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            try await body(try Bench(store, simulation))
            group.cancelAll()
        }
    }
}

/// What the zone would answer.
private struct Zone: Resolver {
    let keys: DomainKeys

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        guard type == .txt, let key = keys.keys.first(where: { $0.name(of: keys.domain) == name })
        else { return Answer(.nameError) }
        return Answer(
            .records,
            records: [
                ResourceRecord(
                    owner: name, type: .txt, ttl: 60, data: .txt([Array(key.record.utf8)]))
            ])
    }
}

@Suite("RFC 6376 §5: the keys of domains, and signing with them")
struct SigningKeysTests {
    private static let header = Array(
        """
        Received: by somebody\r
        From: Anna <anna@example.org>\r
        To: bert@example.net\r
        Subject: Hello\r
        Date: Sat, 21 Nov 2026 12:00:00 +0000\r
        Message-ID: <1@example.org>\r
        \r

        """.utf8)
    private static let body = Array("One line\r\nand another  one\r\n\r\n\r\n".utf8)

    @Test("A message is signed with both keys, whatever pieces its body comes in")
    func signs() throws {
        try withBench { bench in
            let keys = try bench.active()
            for size in [1, 7, Self.body.count] {
                var signing = try #require(
                    keys.signing(Self.header, for: bench.domain, at: bench.time.timestamp))
                var rest = Self.body[...]
                while !rest.isEmpty {
                    signing.update(rest.prefix(size))
                    rest = rest.dropFirst(size)
                }
                let fields = signing.finish()
                var verification = Verification(
                    header: FieldList(fields + Self.header), cryptography: bench.cryptography)
                Self.body.withUnsafeBytes { verification.update($0) }
                let zone = Zone(keys: try #require(keys.keys(of: bench.domain)))
                let (_, findings) = await verification.finish(
                    resolver: zone, now: bench.time.timestamp.seconds)
                #expect(findings.map(\.result) == [.pass, .pass])
                #expect(findings.map(\.algorithm) == ["rsa-sha256", "ed25519-sha256"])
                #expect(findings.map(\.domain) == ["example.org", "example.org"])
            }
        }
    }

    @Test("Nobody may add a field that readers go by")
    func oversigned() throws {
        try withBench { bench in
            let keys = try bench.active()
            let zone = Zone(keys: try #require(keys.keys(of: bench.domain)))
            var signing = try #require(
                keys.signing(Self.header, for: bench.domain, at: bench.time.timestamp))
            signing.update(Self.body[...])
            let fields = signing.finish()
            for (added, result) in [
                ("From: eve@example.org", DKIMResult.fail), ("To: x@example.org", .fail),
                ("Subject: Other", .fail), ("Date: Sun, 22 Nov 2026 12:00:00 +0000", .fail),
                ("Cc: x@example.org", .fail), ("Reply-To: x@example.org", .fail),
                ("Content-Type: text/html", .fail), ("MIME-Version: 1.0", .fail),
                ("X-Seen: yes", .pass), ("Received: by another", .pass),
            ] {
                var verification = Verification(
                    header: FieldList(fields + Array((added + "\r\n").utf8) + Self.header),
                    cryptography: bench.cryptography)
                Self.body.withUnsafeBytes { verification.update($0) }
                let (overall, _) = await verification.finish(
                    resolver: zone, now: bench.time.timestamp.seconds)
                #expect(overall == result, "\(added)")
            }
        }
    }

    @Test("A domain without a key that was seen, and another domain, are not signed for")
    func unsigned() throws {
        try withBench { bench in
            let keys = bench.keys()
            let now = bench.time.timestamp
            #expect(keys.signing(Self.header, for: bench.domain, at: now) == nil)
            try keys.change(bench.domain) { domainKeys, maker in
                _ = try domainKeys.rotate([.rsa], at: now, maker)
            }
            #expect(keys.signing(Self.header, for: bench.domain, at: now) == nil)
            let active = try bench.active()
            #expect(active.signs(for: bench.domain))
            #expect(active.signing(Self.header, for: try Domain("example.net"), at: now) == nil)
        }
    }

    private static let changedHeader =
        Array(
            String(lossy: header.dropLast(2)).utf8)
        + Array("Content-Transfer-Encoding: quoted-printable\r\n\r\n".utf8)
    private static let changedBody = Array("One line=20\r\nand another  one\r\n".utf8)

    /// What becomes of a signed message that is changed on its way.
    private static func renewed(
        _ keys: SigningKeys, _ top: [UInt8], _ bench: Bench, piece size: Int,
        body: [UInt8] = body
    ) async -> [UInt8]? {
        guard var renewal = keys.renewal(at: bench.time.timestamp) else { return nil }
        var (before, after) = (top + header + body, top + changedHeader + changedBody)
        while !before.isEmpty || !after.isEmpty {
            renewal.take(before: Array(before.prefix(size)))
            renewal.take(after: Array(after.prefix(size)))
            before.removeFirst(min(size, before.count))
            after.removeFirst(min(size, after.count))
        }
        guard let (octets, count) = await renewal.finish() else { return nil }
        #expect(count == top.count + header.count)
        return octets
    }

    @Test("A message that is changed on its way is signed anew, if the signature on it was ours")
    func renewal() throws {
        try withBench { bench in
            let keys = try bench.active()
            let zone = Zone(keys: try #require(keys.keys(of: bench.domain)))
            var signing = try #require(
                keys.signing(Self.header, for: bench.domain, at: bench.time.timestamp))
            signing.update(Self.body[...])
            let fields = signing.finish()
            let foreign = Array("DKIM-Signature: v=1; a=rsa-sha256; d=x.test; s=s\r\n".utf8)
            for size in [1, 50, 10_000] {
                let header = try #require(
                    await Self.renewed(keys, foreign + fields, bench, piece: size))
                #expect(
                    header.starts(with: foreign)
                        && header.suffix(4).elementsEqual([13, 10, 13, 10]))
                var verification = Verification(
                    header: FieldList(header), cryptography: bench.cryptography)
                Self.changedBody.withUnsafeBytes { verification.update($0) }
                let (_, findings) = await verification.finish(
                    resolver: zone, now: bench.time.timestamp.seconds)
                #expect(findings.map(\.result) == [.permerror, .pass, .pass])
                // What nobody could add before, nobody can add now.
                for added in ["Subject: x", "Content-Transfer-Encoding: 8bit"] {
                    var other = Verification(
                        header: FieldList(Array((added + "\r\n").utf8) + header),
                        cryptography: bench.cryptography)
                    Self.changedBody.withUnsafeBytes { other.update($0) }
                    let (result, _) = await other.finish(
                        resolver: zone, now: bench.time.timestamp.seconds)
                    #expect(result != .pass, "\(added)")
                }
            }
            // Somebody else's message in our name, and one without any signature.
            let forged = await Self.renewed(
                keys, fields, bench, piece: 50, body: Array("Send money.\r\n".utf8))
            #expect(forged == nil)
            #expect(await Self.renewed(keys, foreign, bench, piece: 50) == nil)
            #expect(await Self.renewed(keys, [], bench, piece: 50) == nil)
        }
    }

    @Test("Keys are there again after a restart, with their life and their private halves")
    func restart() throws {
        try withBench { bench in
            let keys = try bench.active()
            try await bench.time.sleep(for: .hours(30))
            let used = bench.time.timestamp
            _ = keys.signing(Self.header, for: bench.domain, at: used)
            try await keys.save(bench.domain)
            let before = try #require(keys.keys(of: bench.domain))
            #expect(before.keys.map(\.used) == [used, used])
            let again = bench.keys()
            try await again.load()
            #expect(again.lostKeys.isEmpty)
            #expect(again.keys(of: bench.domain) == before)
            #expect(again.domains == [bench.domain])
            #expect(again.signs(for: bench.domain))
        }
    }

    @Test("With another secret key nothing is signed, and it is said which keys are lost")
    func otherSecret() throws {
        try withBench { bench in
            try await bench.active().save(bench.domain)
            var bench = bench
            bench.secret = 10
            let keys = bench.keys()
            try await keys.load()
            #expect(
                keys.lostKeys.map(\.selector) == keys.keys(of: bench.domain)?.keys.map(\.selector))
            #expect(!keys.signs(for: bench.domain))
            #expect(keys.keys(of: bench.domain)?.keys.count == 2)
        }
    }

    @Test("The private half of a revoked key is gone for good")
    func revoked() throws {
        try withBench { bench in
            let keys = try bench.active()
            try await keys.save(bench.domain)
            let now = bench.time.timestamp
            let selectors = try #require(keys.keys(of: bench.domain)).keys.map(\.selector)
            try keys.change(bench.domain) { domainKeys, _ in
                _ = try domainKeys.revoke(selectors[0], at: now)
            }
            try await keys.save(bench.domain)
            let sealed = try await bench.store.read { transaction in
                try transaction.all(
                    "SELECT selector FROM signing_key WHERE sealed IS NOT NULL"
                ) { $0.text(0) }
            }
            #expect(sealed == [selectors[1]])
            let again = bench.keys()
            try await again.load()
            #expect(again.lostKeys.isEmpty)
            #expect(again.keys(of: bench.domain)?[selectors[0]]?.state == .revoked)
        }
    }

    @Test("A private half that was moved to another domain's row does not open")
    func moved() throws {
        try withBench { bench in
            try await bench.active().save(bench.domain)
            try await bench.store.write { transaction in
                try transaction.execute("UPDATE signing_domain SET domain = 'evil.example'", [])
                try transaction.execute("UPDATE signing_key SET domain = 'evil.example'", [])
            }
            let keys = bench.keys()
            try await keys.load()
            #expect(keys.lostKeys.count == 2)
            #expect(!keys.signs(for: try Domain("evil.example")))
        }
    }
}
