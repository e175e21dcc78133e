// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing
import ZoneTransfer

private let text = """
    www A 192.0.2.1
    www A 192.0.2.2
    alias CNAME www
    @ MX 10 www
    only TXT one
    sub NS ns.sub
    sub DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123
    ns.sub A 192.0.2.9
    """

private func name(_ label: String) throws -> Name {
    try Name(label == "@" ? "example.org" : "\(label).example.org")
}

private func data(_ type: RecordType, _ text: String) throws -> RecordData {
    try RecordData(type, text: text, origin: Name("example.org"))
}

private func record(
    _ label: String, _ type: RecordType, _ text: String, ttl: UInt32 = 3600
) throws -> ResourceRecord {
    ResourceRecord(owner: try name(label), type: type, ttl: ttl, data: try data(type, text))
}

/// The result of an update that has travelled, on the zone above.
private func update(
    _ changes: [UpdateRequest.Change], if prerequisites: [UpdateRequest.Prerequisite] = [],
    isPermitted: (Name, RecordType) -> Bool = { _, _ in true }
) throws -> UpdateResult {
    let request = UpdateRequest(
        header: Header(id: 6), origin: try Name("example.org"), prerequisites: prerequisites,
        changes: changes)
    let arrived = try UpdateRequest(parsing: try #require(request.octets))
    #expect(arrived.prerequisites == prerequisites && arrived.changes == changes)
    return try UpdateResult(
        arrived, on: SampleZone.records(text, serial: 10), isPermitted: isPermitted)
}

@Suite("RFC 2136 §3.2 prerequisites")
struct PrerequisiteTests {
    private func judge(_ prerequisite: UpdateRequest.Prerequisite) throws -> ResponseCode {
        do throws(TransferQuery.Refused) {
            let request = UpdateRequest(
                header: Header(id: 6), origin: name0, prerequisites: [prerequisite])
            _ = try UpdateResult(request, on: records)
            return .noError
        } catch {
            return error.code
        }
    }
    private let name0: Name
    private let records: [ResourceRecord]

    init() throws {
        name0 = try Name("example.org")
        records = try SampleZone.records(text, serial: 10)
    }

    @Test("All five forms hold and fail as the table of §3.2.4 says")
    func forms() throws {
        let one = try data(.a, "192.0.2.1")
        let two = try data(.a, "192.0.2.2")
        let cases: [(UpdateRequest.Prerequisite, ResponseCode)] = [
            (.nameInUse(try name("www")), .noError),
            (.nameInUse(try name("no")), .nameError),
            // A name that exists only because others stand below it holds no record.
            (.nameInUse(try name("below.no")), .nameError),
            (.nameNotInUse(try name("no")), .noError),
            (.nameNotInUse(try name("www")), .nameTooLong),
            (.setExists(try name("www"), .a), .noError),
            (.setExists(try name("WWW"), .a), .noError),
            (.setExists(try name("www"), .mx), .setMissing),
            (.setExists(try name("no"), .a), .setMissing),
            (.setMissing(try name("www"), .mx), .noError),
            (.setMissing(try name("www"), .a), .setExists),
            (.setIs(try name("www"), .a, [two, one]), .noError),
            (.setIs(try name("www"), .a, [one]), .setMissing),
            (.setIs(try name("www"), .a, [one, two, try data(.a, "192.0.2.3")]), .setMissing),
            (.setIs(try name("no"), .a, [one]), .setMissing),
        ]
        for (prerequisite, code) in cases {
            #expect(try judge(prerequisite) == code, "\(prerequisite)")
        }
    }

    @Test("Records of one set are compared together, in whatever order they came")
    func together() throws {
        let request = UpdateRequest(
            header: Header(id: 6), origin: name0,
            prerequisites: [.setIs(try name("www"), .a, [try data(.a, "192.0.2.2")])])
        var octets = try #require(request.octets)
        // The other record of the set, in its own right.
        let other = UpdateRequest(
            header: Header(id: 6), origin: name0,
            prerequisites: [.setIs(try name("www"), .a, [try data(.a, "192.0.2.1")])])
        octets += try #require(other.octets).dropFirst(12 + 17)
        octets[7] = 2
        let parsed = try UpdateRequest(parsing: octets)
        #expect(parsed.prerequisites.count == 1)
        _ = try UpdateResult(parsed, on: records)
    }
}

@Suite("RFC 2136 §3.1, §3.4.1 what is no update")
struct UpdateFormTests {
    /// An update with one record, in the section that is given by its place in the header.
    private func request(
        _ section: MessageWriter.Section, _ owner: String, _ type: UInt16, _ class: UInt16,
        ttl: UInt32 = 0, _ data: [UInt8] = []
    ) throws -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: 1, flags: 5 << 11), limit: 65_535)
        _ = writer.write(Question(name: try Name("example.org"), type: .soa))
        _ = writer.write(
            ResourceRecord(
                owner: try Name(owner), type: RecordType(rawValue: type),
                class: RecordClass(rawValue: `class`), ttl: ttl, data: .unknown(data)),
            in: section)
        return writer.octets
    }

    private func code(_ octets: [UInt8]) -> ResponseCode {
        do throws(TransferQuery.Refused) {
            _ = try UpdateRequest(parsing: octets)
            return .noError
        } catch {
            return error.code
        }
    }

    @Test("Prerequisites out of form")
    func prerequisites() throws {
        let a: [UInt8] = [192, 0, 2, 1]
        let cases: [(String, UInt16, UInt16, UInt32, [UInt8], ResponseCode)] = [
            ("a.example.org", 255, 255, 0, [], .noError),
            ("a.example.org", 255, 255, 1, [], .formatError),
            ("a.example.org", 255, 255, 0, a, .formatError),
            ("a.example.org", 1, 254, 0, a, .formatError),
            ("a.example.org", 1, 1, 0, a, .noError),
            ("a.example.org", 1, 1, 60, a, .formatError),
            ("a.example.org", 1, 1, 0, [1, 2, 3], .formatError),
            ("a.example.org", 1, 3, 0, a, .formatError),
            ("a.example.org", 252, 255, 0, [], .formatError),
            ("a.example.com", 1, 255, 0, [], .notInZone),
            ("org", 1, 255, 0, [], .notInZone),
        ]
        for (owner, type, `class`, ttl, data, expected) in cases {
            let octets = try request(.answer, owner, type, `class`, ttl: ttl, data)
            #expect(code(octets) == expected, "\(owner) \(type) \(`class`) \(ttl) \(data)")
        }
    }

    @Test("Changes out of form, or of another zone")
    func changes() throws {
        let a: [UInt8] = [192, 0, 2, 1]
        let cases: [(String, UInt16, UInt16, UInt32, [UInt8], ResponseCode)] = [
            ("a.example.org", 1, 1, 60, a, .noError),
            ("a.example.org", 255, 1, 60, a, .formatError),
            ("a.example.org", 252, 1, 60, a, .formatError),
            ("a.example.org", 250, 1, 60, a, .formatError),
            ("a.example.org", 41, 1, 60, a, .formatError),
            ("a.example.org", 0, 1, 60, a, .formatError),
            ("a.example.org", 1, 1, 60, [], .formatError),
            ("a.example.org", 1, 255, 0, [], .noError),
            ("a.example.org", 1, 255, 0, a, .formatError),
            ("a.example.org", 1, 255, 9, [], .formatError),
            ("a.example.org", 255, 255, 0, [], .noError),
            ("a.example.org", 252, 255, 0, [], .formatError),
            ("a.example.org", 1, 254, 0, a, .noError),
            ("a.example.org", 1, 254, 9, a, .formatError),
            ("a.example.org", 255, 254, 0, a, .formatError),
            ("a.example.org", 1, 3, 0, a, .formatError),
            ("example.com", 1, 1, 60, a, .notInZone),
            ("example.com", 255, 255, 0, [], .notInZone),
            // A type that nobody knows is data like others (RFC 3597).
            ("a.example.org", 65_400, 1, 60, a, .noError),
        ]
        for (owner, type, `class`, ttl, data, expected) in cases {
            let octets = try request(.authority, owner, type, `class`, ttl: ttl, data)
            #expect(code(octets) == expected, "\(owner) \(type) \(`class`) \(ttl) \(data)")
        }
    }

    @Test("Another zone section, counts that lie, and octets too few or too many")
    func frame() throws {
        let fine = try request(.authority, "a.example.org", 1, 1, ttl: 60, [192, 0, 2, 1])
        #expect(code(fine) == .noError)
        for count in 0..<fine.count {
            #expect(code(Array(fine.prefix(count))) == .formatError, "\(count)")
        }
        #expect(code(fine + [0]) == .formatError)
        for (place, value, expected) in [
            (5, 0, ResponseCode.formatError), (5, 2, .formatError), (9, 2, .formatError),
            (8, 0xFF, .formatError), (12 + 13 + 1, 1, .formatError),
            (12 + 13 + 3, 3, .notAuthoritative),
        ] as [(Int, UInt8, ResponseCode)] {
            var changed = fine
            changed[place] = value
            #expect(code(changed) == expected, "octet \(place) is \(value)")
        }
    }
}

@Suite("RFC 2136 §3.4.2 what an update does")
struct UpdateResultTests {
    @Test("Records are added, a set takes the new TTL, what is there already changes nothing")
    func add() throws {
        let fresh = try record("new", .a, "192.0.2.7", ttl: 60)
        #expect(try update([.add(fresh)]).added == [fresh])
        let third = try record("www", .a, "192.0.2.3", ttl: 60)
        let result = try update([.add(third)])
        #expect(Set(result.added.map(\.ttl)) == [60] && result.added.count == 3)
        #expect(result.removed.count == 2)
        #expect(try update([.add(record("www", .a, "192.0.2.2"))]).isEmpty)
        let shorter = try update([.add(record("only", .txt, "one", ttl: 5))])
        #expect(shorter.removed.count == 1 && shorter.added.map(\.ttl) == [5])
    }

    @Test("Records, sets and names are removed; what is not there is passed over")
    func remove() throws {
        let www = try name("www")
        #expect(
            try update([.remove(www, .a, data(.a, "192.0.2.1"))]).removed
                == [record("www", .a, "192.0.2.1")])
        #expect(try update([.remove(www, .a, data(.a, "192.0.2.77"))]).isEmpty)
        #expect(try update([.removeSet(www, .a)]).removed.count == 2)
        #expect(try update([.removeSet(www, .aaaa)]).isEmpty)
        #expect(try update([.removeName(www)]).removed.count == 2)
        #expect(try update([.removeName(name("sub"))]).removed.count == 2)
    }

    @Test("In order: what one change adds the next may remove")
    func order() throws {
        let fresh = try record("www", .a, "192.0.2.7")
        let result = try update([
            .add(fresh), .removeSet(name("www"), .a), .add(record("www", .a, "192.0.2.1")),
        ])
        #expect(try result.removed == [record("www", .a, "192.0.2.2")])
        #expect(result.added.isEmpty)
    }

    @Test("An alias stands alone: neither comes beside other data, nor other data beside it")
    func alias() throws {
        #expect(try update([.add(record("www", .cname, "only"))]).isEmpty)
        #expect(try update([.add(record("alias", .a, "192.0.2.1"))]).isEmpty)
        let result = try update([.add(record("alias", .cname, "only"))])
        #expect(try result.removed == [record("alias", .cname, "www")])
        #expect(try result.added == [record("alias", .cname, "only")])
        // The way that people take: away with it, then the other.
        let replaced = try update([
            .removeSet(name("alias"), .cname), .add(record("alias", .a, "192.0.2.1")),
        ])
        #expect(replaced.removed.count == 1 && replaced.added.count == 1)
    }

    @Test("The SOA record is replaced by a newer one at the origin, and never removed")
    func start() throws {
        let newer = "ns hostmaster 11 7200 3600 1209600 300"
        let result = try update([.add(record("@", .soa, newer))])
        #expect(result.removed.map(\.type) == [.soa] && result.added.map(\.type) == [.soa])
        for older in ["ns x 10 1 1 1 1", "ns x 9 1 1 1 1"] {
            #expect(try update([.add(record("@", .soa, older))]).isEmpty)
        }
        #expect(try update([.add(record("www", .soa, newer))]).isEmpty)
        #expect(try update([.removeSet(name("@"), .soa)]).isEmpty)
        #expect(
            try update([
                .remove(name("@"), .soa, data(.soa, "ns hostmaster 10 7200 3600 1209600 300"))
            ]).isEmpty)
    }

    @Test("The zone's last name server stays, and others may go")
    func nameServers() throws {
        let apex = try name("@")
        #expect(try update([.removeSet(apex, .ns)]).isEmpty)
        #expect(try update([.remove(apex, .ns, data(.ns, "ns"))]).isEmpty)
        let other = try record("@", .ns, "ns2")
        let changed = try update([.add(other), .remove(apex, .ns, data(.ns, "ns"))])
        #expect(changed.added == [other] && changed.removed.count == 1)
        // All of the name at the origin: SOA and NS records stay.
        #expect(try update([.removeName(apex)]).removed.map(\.type) == [.mx])
        // A delegation's may go.
        #expect(try update([.removeSet(name("sub"), .ns)]).removed.count == 1)
    }

    @Test("What is not permitted hinders everything")
    func permission() throws {
        let fine = try record("new", .a, "192.0.2.7")
        let isOnlyA: (Name, RecordType) -> Bool = { $1 == .a }
        #expect(try update([.add(fine)], isPermitted: isOnlyA).added == [fine])
        for change in [
            UpdateRequest.Change.add(try record("x", .txt, "t")),
            .removeSet(try name("www"), .txt), .removeName(try name("only")),
            .removeName(try name("sub")),
        ] {
            #expect(throws: TransferQuery.Refused(code: .refused)) {
                _ = try update([.add(fine), change], isPermitted: isOnlyA)
            }
        }
        #expect(try update([.removeName(name("www"))], isPermitted: isOnlyA).removed.count == 2)
        // A prerequisite that fails is said first (§3.2 comes before §3.3).
        #expect(throws: TransferQuery.Refused(code: .nameError)) {
            _ = try update(
                [.add(record("x", .txt, "t"))], if: [.nameInUse(name("no"))], isPermitted: isOnlyA)
        }
    }

    @Test("Grants cover their names and types, and never what holds the zone together")
    func grants() throws {
        let key = try Name("host1.example.org")
        let other = try Name("other.key")
        func grant(_ scope: UpdateGrant.Scope, _ types: [RecordType]? = nil) -> UpdateGrant {
            UpdateGrant(key: key, scope: scope, types: types)
        }
        let inside = try Name("a.host1.example.org")
        let cases: [(UpdateGrant, Name, RecordType, Bool)] = [
            (grant(.zone), try name("www"), .a, true),
            (grant(.zone), try name("www"), .ns, false),
            (grant(.zone), try name("@"), .soa, false),
            (grant(.zone), try name("@"), .dnskey, false),
            (grant(.zone, [.ns]), try name("www"), .ns, true),
            (grant(.zone, [.ns]), try name("www"), .a, false),
            (grant(.zone, [.rrsig]), try name("www"), .rrsig, false),
            (grant(.own), key, .a, true),
            (grant(.own), inside, .a, false),
            (grant(.subtree(key)), inside, .txt, true),
            (grant(.subtree(key)), key, .txt, true),
            (grant(.subtree(key)), try name("www"), .txt, false),
            (grant(.name(inside), [.txt]), inside, .txt, true),
            (grant(.name(inside), [.txt]), key, .txt, false),
        ]
        for (grant, name, type, isPermitted) in cases {
            #expect(
                grant.permits(name, type, for: key) == isPermitted, "\(grant) \(name) \(type)")
            #expect(!grant.permits(name, type, for: other))
            #expect(UpdateGrant.Scope(grant.scope.description) == grant.scope)
        }
        for text in ["", "zones", "name", "subtree a b", "name ..", "zone x"] {
            #expect(UpdateGrant.Scope(text) == nil, "\(text)")
        }
    }
}
