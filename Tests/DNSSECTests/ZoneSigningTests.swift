// SPDX-License-Identifier: Apache-2.0

import DNS
import DNSSEC
import Testing
import World

@Suite("RFC 4034, RFC 4035 §2: a zone is signed")
struct ZoneSigningTests {
    private static func signatures(_ zone: SignedZone) -> [RRSIG] {
        zone.records.filter { $0.type == .rrsig }.compactMap { RRSIG($0.data) }
    }

    /// `owner type` of each set that is signed.
    private static func covered(_ zone: SignedZone) -> Set<String> {
        Set(
            zone.records.filter { $0.type == .rrsig }.map {
                "\($0.owner) \(RRSIG.typeCovered(by: $0.data)?.description ?? "?")"
            })
    }

    @Test(
        "What is signed is signed rightly and in full, in the eyes of the zone's examiner",
        arguments: [DenialOfExistence.nsec, .nsec3], SigningAlgorithm.allCases)
    func whole(_ denial: DenialOfExistence, _ algorithm: SigningAlgorithm) async throws {
        let keys = try Workshop.keySet([1, 2], algorithm)
        let zone = try Workshop.sign(Workshop.records(), keys, denial)
        // A name with TTLs of its own, and the CNAME's letter case, are as they were.
        #expect(try await Workshop.faults(zone.records) == [])
        #expect(zone.made == zone.signatures && zone.made > 25)
        #expect(Self.signatures(zone).count == zone.signatures)
    }

    @Test("One key alone can sign all")
    func combined() async throws {
        let zone = try Workshop.sign(Workshop.records(), Workshop.keySet([7]), .nsec)
        #expect(try await Workshop.faults(zone.records) == [])
        #expect(Set(Self.signatures(zone).map(\.tag)).count == 1)
    }

    @Test("Delegations and what is behind them are not signed, but for DS and NSEC")
    func delegations() throws {
        let zone = try Workshop.sign(Workshop.records(), Workshop.keySet([1, 2]))
        let covered = Self.covered(zone)
        #expect(covered.contains("signed.example.org DS"))
        #expect(covered.contains("signed.example.org NSEC"))
        #expect(covered.contains("plain.example.org NSEC"))
        #expect(!covered.contains { $0.hasSuffix("plain.example.org NS") })
        #expect(!covered.contains { $0.contains("ns.plain") || $0.contains("ns.signed") })
        let denial = try #require(
            zone.records.first { $0.owner.description == "plain.example.org" && $0.type == .nsec })
        #expect(denial.data.text(as: .nsec).hasSuffix(" NS RRSIG NSEC"))
        // RFC 9077 §3: the SOA's last field, which is less than its TTL.
        #expect(denial.ttl == 300)
    }

    @Test("The data of NSEC3 lists RRSIG only where something is signed")
    func hashedTypes() throws {
        let zone = try Workshop.sign(Workshop.records(), Workshop.keySet([1, 2]), .nsec3)
        func types(_ name: String) throws -> String {
            let hash = Base32Hex.encode(NSEC3PARAM.usual.hash(try Name(name)))
            let record = try #require(
                zone.records.first {
                    $0.type == .nsec3 && $0.owner.description == "\(hash).example.org"
                }, "\(name)")
            return record.data.text(as: .nsec3).split(separator: " ").dropFirst(5)
                .joined(separator: " ")
        }
        #expect(try types("plain.example.org") == "NS")
        #expect(try types("signed.example.org") == "NS DS RRSIG")
        #expect(try types("the.forest.example.org") == "")
        #expect(
            try types("example.org") == "NS SOA MX TXT RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY")
        let parameters = try #require(zone.records.first { $0.type == .nsec3param })
        #expect(parameters.data.text(as: .nsec3param) == "1 0 0 -")
    }

    @Test("A wildcard's signature does not count the asterisk")
    func wildcard() throws {
        let zone = try Workshop.sign(Workshop.records(), Workshop.keySet([1, 2]))
        let own = zone.records.filter { $0.owner.description == "*.wild.example.org" }
            .compactMap { $0.type == .rrsig ? RRSIG($0.data) : nil }
        #expect(own.count == 3)
        #expect(own.allSatisfy { $0.labels == 3 })
    }

    @Test("Keys and what the zone above looks for are signed by the key that it names")
    func roles() throws {
        let keys = try Workshop.keySet([1, 2])
        let zone = try Workshop.sign(Workshop.records(), keys)
        for signature in Self.signatures(zone) {
            let isKeySet = [.dnskey, .cds, .cdnskey].contains(signature.typeCovered)
            #expect(signature.tag == keys.published[isKeySet ? 0 : 1].tag)
        }
    }

    @Test("What the zone above shall forget stands alone")
    func deletion() async throws {
        var keys = try Workshop.keySet([1, 2])
        keys.announcesNone = true
        let zone = try Workshop.sign(
            Workshop.records(Workshop.zone + "\n@ CDS 1 13 2 00"), keys)
        let told = zone.records.filter { [.cds, .cdnskey].contains($0.type) }
            .map { "\($0.type) \($0.data.text(as: $0.type))" }
        #expect(told == ["CDS 0 0 0 00", "CDNSKEY 0 3 0 AA=="])
    }

    // MARK: - Signing again

    @Test("An unchanged zone keeps all signatures; an edit costs only what it touches")
    func increments() async throws {
        let keys = try Workshop.keySet([1, 2])
        let first = try Workshop.sign(Workshop.records(), keys)
        let later = Workshop.now + .hours(3)
        let same = try Workshop.sign(
            Workshop.records(), keys, previous: first.records, now: later)
        #expect(same.made == 0)
        #expect(same.records == first.records)
        let edited = try Workshop.sign(
            Workshop.records(Workshop.zone + "\nnew A 192.0.2.77", serial: 2), keys,
            previous: same.records, now: later)
        // The SOA, the new set, its NSEC and the one before it.
        #expect(edited.made == 4)
        #expect(try await Workshop.faults(edited.records, now: later) == [])
    }

    @Test("Signatures are made anew long before they expire, and never all at once")
    func refreshing() async throws {
        let keys = try Workshop.keySet([1, 2])
        let policy = SigningPolicy()
        var text = Workshop.zone
        for number in 0..<200 { text += "\nh\(number) A 192.0.2.1" }
        let records = try Workshop.records(text)
        var zone = try Workshop.sign(records, keys)
        let total = zone.signatures
        var now = Workshop.now
        var rounds = 0
        while now < Workshop.now + .days(40) {
            // As the publisher does: awake when the first is due.
            now = zone.expiration + .seconds(-policy.refresh)
            zone = try Workshop.sign(records, keys, previous: zone.records, now: now)
            #expect(zone.made > 0)
            #expect(zone.made < total / 3)
            #expect(zone.expiration - now > .seconds(policy.refresh))
            rounds += 1
        }
        #expect((20...200).contains(rounds))
        #expect(try await Workshop.faults(zone.records, now: now) == [])
    }

    @Test("Signatures of a key that is not there any more, or came back as another, are dropped")
    func otherKeys() async throws {
        let first = try Workshop.sign(Workshop.records(), Workshop.keySet([1, 2]))
        let rolled = try Workshop.keySet([1, 3])
        let second = try Workshop.sign(Workshop.records(), rolled, previous: first.records)
        #expect(try await Workshop.faults(second.records) == [])
        let tags = Set(Self.signatures(second).map(\.tag))
        #expect(tags == Set(rolled.published.map(\.tag)))
        // The key set has changed too.
        #expect(second.made >= second.signatures - 2)
    }

    @Test("A clock that went back makes no signature that is not valid yet")
    func clock() async throws {
        let keys = try Workshop.keySet([1, 2])
        let first = try Workshop.sign(Workshop.records(), keys)
        let earlier = Workshop.now + .days(-30)
        let second = try Workshop.sign(
            Workshop.records(), keys, previous: first.records, now: earlier)
        #expect(second.made == second.signatures)
        #expect(try await Workshop.faults(second.records, now: earlier) == [])
    }

    @Test("From NSEC to NSEC3 and back leaves nothing of the other behind")
    func denials() async throws {
        let keys = try Workshop.keySet([1, 2])
        let plain = try Workshop.sign(Workshop.records(), keys, .nsec)
        let hashed = try Workshop.sign(
            Workshop.records(), keys, .nsec3, previous: plain.records)
        #expect(!hashed.records.contains { $0.type == .nsec })
        // What was signed before may be signed again.
        let back = try Workshop.sign(plain.records, keys, .nsec, previous: hashed.records)
        #expect(Set(back.records.map(\.type)) == Set(plain.records.map(\.type)))
        #expect(try await Workshop.faults(back.records) == [])
    }

    @Test("Signing in steps comes to the same")
    func steps() throws {
        let origin = try Name("example.org")
        let keys = try Workshop.keySet([1, 2])
        let records = try Workshop.records()
        var signing = ZoneSigning(
            records, announcements: [], previous: [],
            .init(origin: origin, keys: keys, now: Workshop.now))
        var steps = 1
        while signing.advance(signatures: 1) { steps += 1 }
        #expect(steps > 10)
        let whole = ZoneSigning.sign(
            records, .init(origin: origin, keys: keys, now: Workshop.now))
        #expect(signing.finish().records == whole.records)
    }
}
