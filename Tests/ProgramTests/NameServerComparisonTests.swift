// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Foundation
import Testing

/// A question as all servers get it.
private struct Asked: Hashable, CustomStringConvertible {
    enum Way: String {
        case plain, extended, stream, secured, securedStream

        var isStream: Bool { self == .stream || self == .securedStream }
        var isSecured: Bool { self == .secured || self == .securedStream }
    }

    var name: String
    var type: RecordType
    var way: Way

    var description: String { "\(name) \(type) (\(way.rawValue))" }

    func query() throws -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: UInt16.random(in: 0...UInt16.max)), limit: 512)
        var isWhole = writer.write(Question(name: try Name(name), type: type))
        if way != .plain {
            let edns = ExtendedDNS(wantsSignatures: way.isSecured)
            isWhole = writer.write(edns) && isWhole
        }
        try #require(isWhole)
        return writer.octets
    }
}

/// What of a response must be the same: code, flags, and the sections as sets.
private struct Seen: Equatable, CustomStringConvertible {
    var code: UInt16
    var isAuthoritative: Bool
    var isTruncated: Bool
    var answers: Set<ResourceRecord>
    var authorities: Set<ResourceRecord>
    var additionals: Set<ResourceRecord>

    init(_ octets: [UInt8]) throws {
        let message = try Message(parsing: octets)
        code = message.responseCode.rawValue
        isAuthoritative = message.header.isAuthoritative
        isTruncated = message.header.isTruncated
        answers = Set(message.answers)
        authorities = Set(message.authorities)
        additionals = Set(message.additionals)
    }

    var description: String {
        let lines = [("an", answers), ("ns", authorities), ("ar", additionals)].flatMap {
            section, records in
            records.map {
                "\(section) \($0.owner) \($0.ttl) \($0.type) \($0.data.text(as: $0.type))"
            }
            .sorted()
        }
        return "\(code)\(isAuthoritative ? " AA" : "")\(isTruncated ? " TC" : "")\n"
            + lines.joined(separator: "\n")
    }
}

/// What another server does otherwise, and why we do not.
private struct Difference: Sendable {
    enum Peer: String { case nsd, knot }

    let peers: [Peer]
    let reason: String
    /// Changes what the peer said into what it would have said but for this difference; says
    /// nothing when it is not this one.
    let settle: @Sendable (Asked, _ ours: Seen, inout Seen) -> Void

    static let all = [
        Difference(
            peers: [.knot],
            reason: "RRSIG and NSEC may stand beside an alias, so Knot does not follow it; where "
                + "none stands we do as for any other type, as NSD does"
        ) { asked, ours, theirs in
            guard [.rrsig, .nsec].contains(asked.type), theirs.answers.isEmpty,
                ours.answers.contains(where: { $0.type == .cname })
            else { return }
            theirs = ours
        },
        Difference(
            peers: [.nsd],
            reason: "NSD adds the zone's NS records, and their addresses, to each answer: octets "
                + "that nobody asked for, and that Knot leaves out too"
        ) { asked, ours, theirs in
            guard !ours.answers.isEmpty, ours.authorities.isEmpty,
                theirs.authorities.allSatisfy({ $0.type == .ns })
            else { return }
            theirs.authorities = []
            if theirs.additionals.isSuperset(of: ours.additionals) {
                theirs.additionals = ours.additionals
            }
        },
        Difference(
            peers: [.nsd, .knot],
            reason: "ANY: they answer with one set always, and with help; we answer with all sets "
                + "over TCP, where nobody can be flooded (RFC 8482 §4.1 allows either)"
        ) { asked, ours, theirs in
            guard asked.type == .any, !theirs.answers.isEmpty,
                Set(theirs.answers.map(\.type)).count == 1,
                asked.way.isStream
                    ? ours.answers.isSuperset(of: theirs.answers)
                    : Set(ours.answers.map(\.type)).count == 1
            else { return }
            theirs.answers = ours.answers
            theirs.additionals = ours.additionals
            theirs.isTruncated = ours.isTruncated
        },
        Difference(
            peers: [.nsd, .knot],
            reason: "aliases that never end: NSD stops after one DNAME, Knot after five; we after "
                + "sixteen, or where the first comes back"
        ) { asked, ours, theirs in
            guard ["loop", "self", "drec"].contains(where: asked.name.contains),
                theirs.code == 0, ours.code == 0, ours.answers.isSuperset(of: theirs.answers)
            else { return }
            theirs.answers = ours.answers
            theirs.isTruncated = ours.isTruncated
        },
        Difference(
            peers: [.knot],
            reason: "Knot follows five aliases, and leaves the rest to the resolver"
        ) { asked, ours, theirs in
            guard theirs.answers.count == 5, ours.answers.isSuperset(of: theirs.answers),
                theirs.answers.allSatisfy({ $0.type == .cname })
            else { return }
            theirs.answers = ours.answers
            theirs.authorities = ours.authorities
            theirs.additionals = ours.additionals
        },
        Difference(
            peers: [.nsd],
            reason: "a referral without the addresses below the cut is TC (RFC 9471 §2.1); NSD 4.6 "
                + "is older than that"
        ) { asked, ours, theirs in
            guard ours.answers.isEmpty, !ours.authorities.isEmpty, !ours.isAuthoritative,
                ours.isTruncated, theirs.authorities == ours.authorities
            else { return }
            theirs.isTruncated = true
            theirs.additionals = ours.additionals
        },
        Difference(
            peers: [.nsd, .knot],
            reason: "which of the addresses are left out when there is no room is a matter of order"
        ) { asked, ours, theirs in
            guard !asked.way.isStream, theirs.authorities == ours.authorities,
                theirs.answers == ours.answers, ours.answers.count + ours.authorities.count > 9
            else { return }
            theirs.additionals = ours.additionals
        },
        Difference(
            peers: [.knot],
            reason: "Knot helps with glue below a cut, of which the zone is no authority"
        ) { asked, ours, theirs in
            let more = theirs.additionals.subtracting(ours.additionals)
            guard asked.type == .mx,
                more.allSatisfy({ "\($0.owner)".lowercased().hasSuffix("mx.child.torture.test") })
            else { return }
            theirs.additionals.subtract(more)
        },
        Difference(
            peers: [.knot],
            reason: "Knot adds the SOA to YXDOMAIN, which denies nothing, and the wildcard's "
                + "records for a name that does not arise"
        ) { asked, ours, theirs in
            guard ours.code == 6, theirs.authorities.allSatisfy({ $0.type == .soa }) else { return }
            theirs.authorities = []
            theirs.answers.formIntersection(ours.answers)
        },
        Difference(
            peers: [.knot],
            reason: "Knot takes an alias into another zone of its own for a referral; we answer "
                + "(RFC 1034 §4.3.2 step 3a)"
        ) { asked, ours, theirs in
            guard asked.name == "to-child.parent.test", theirs.answers.count == 1 else { return }
            theirs.answers = ours.answers
            theirs.authorities = ours.authorities
            theirs.additionals = ours.additionals
        },
        Difference(
            peers: [.nsd, .knot],
            reason: "NSD does not help with the hosts of AFSDB, Knot not with those of RT and KX "
                + "either"
        ) { asked, ours, theirs in
            guard [18, 21, 36].contains(asked.type.rawValue), theirs.answers == ours.answers,
                theirs.additionals.isDisjoint(with: ours.additionals)
            else { return }
            theirs.additionals = ours.additionals
        },
    ]
}

extension Difference {
    /// Of signed zones only.
    static let secured = [
        Difference(
            peers: [.nsd],
            reason: "NSD adds the zone's NS records, signed, and their addresses to each answer"
        ) { asked, ours, theirs in
            guard !ours.answers.isEmpty, theirs.answers == ours.answers else { return }
            theirs.authorities = theirs.authorities.filter { record in
                record.type != .ns
                    && (record.type != .rrsig || RRSIG.typeCovered(by: record.data) != .ns)
            }
            if theirs.additionals.isSuperset(of: ours.additionals) {
                theirs.additionals = ours.additionals
            }
        },
        Difference(
            peers: [.nsd],
            reason: "NSD adds NS records, so that it has less room for addresses"
        ) { asked, ours, theirs in
            guard asked.way == .secured, theirs.answers == ours.answers,
                theirs.authorities == ours.authorities, !ours.additionals.isEmpty
            else { return }
            theirs.additionals = ours.additionals
        },
        Difference(
            peers: [.nsd],
            reason: "where a DNAME leads to a wildcard without the type, NSD shows a record that "
                + "covers the encloser, which exists, instead of the name, as RFC 4035 §3.1.3.4 asks"
        ) { asked, ours, theirs in
            guard ours.answers.contains(where: { $0.type == .dname }),
                theirs.answers == ours.answers, theirs.code == 0,
                theirs.authorities.count >= ours.authorities.count
            else { return }
            theirs.authorities = ours.authorities
        },
        Difference(
            peers: [.nsd],
            reason: "of a wildcard that is asked for by its own name, or an empty name, NSD proves "
                + "more than is asked: that nothing stands closer"
        ) { asked, ours, theirs in
            let more = theirs.authorities.subtracting(ours.authorities)
            guard asked.name.contains("*"), theirs.answers == ours.answers,
                more.allSatisfy({ [.nsec, .nsec3, .rrsig].contains($0.type) })
            else { return }
            theirs.authorities = ours.authorities
        },
        Difference(
            peers: [.knot],
            reason: "Knot follows five aliases, and leaves the rest to the resolver"
        ) { asked, ours, theirs in
            guard theirs.answers.count(where: { $0.type == .cname }) == 5,
                ours.answers.isSuperset(of: theirs.answers)
            else { return }
            theirs = ours
        },
        Difference(
            peers: [.knot],
            reason: "Knot takes an alias into another zone of its own for a referral"
        ) { asked, ours, theirs in
            guard asked.name == "to-child.parent.test", theirs.answers.count == 2 else { return }
            theirs = ours
        },
    ]
}

@Suite("Answer by answer beside NSD and Knot")
struct NameServerComparisonTests {
    /// Asks one server, over UDP twice at most.
    private static func ask(
        _ address: String, _ port: Int, _ asked: Asked
    ) throws -> Seen {
        let query = try asked.query()
        if asked.way.isStream {
            let wire = try Wire(address, port, timeoutSeconds: 5)
            try wire.write(MessageFrames.frame(query)[...])
            let head = try wire.read(2)
            return try Seen(wire.read(Int(head[0]) << 8 | Int(head[1])))
        }
        for _ in 0..<3 {
            if let response = try exchange(address, port, query) { return try Seen(response) }
        }
        throw Wire.Broken("\(address) does not answer \(asked)")
    }

    private static func exchange(
        _ address: String, _ port: Int, _ query: [UInt8]
    ) throws -> [UInt8]? {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var time = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withSocketAddress(address, port) { connect(descriptor, $0, $1) }
        try #require(isConnected == 0)
        guard send(descriptor, query, query.count, 0) == query.count else { return nil }
        var response = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &response, response.count, 0)
        return count > 0 ? Array(response[..<count]) : nil
    }

    /// Each name of the zones, some that stand nowhere, and each type.
    private static func questions() throws -> [Asked] {
        var names: Set<String> = [
            ".", "test", "nowhere.example", "x.y.nope.torture.test", "a.dname.test",
            "a.b.c.dname.test", "x.child.parent.test", "a.*.star.torture.test",
            "MiXeD.cAsE.TORTURE.test", "TORTURE.Test",
            ["a", "b", "c"].map { String(repeating: $0, count: 60) }.joined(separator: ".")
                + ".dlong.torture.test",
        ]
        for (origin, text) in TortureZone.zones {
            let file = MasterFile.parse(Array(text.utf8), origin: try Name(origin))
            try #require(file.faults.isEmpty)
            for name in Set(file.records.map(\.owner)) where !"\(name)".contains("host") {
                names.formUnion(["\(name)", "\(name.parent ?? .root)"])
                if name.wire.count < 200 {
                    names.formUnion(["below.\(name)", "a.b.\(name)"])
                }
            }
        }
        let usual: [RecordType] = [
            .a, .aaaa, .mx, .ns, .soa, .cname, .dname, .ds, .txt, .srv, .any,
        ]
        let further: [UInt16] = [
            12, 13, 14, 17, 18, 21, 29, 35, 36, 44, 46, 47, 48, 52, 59, 61, 62, 64, 99, 104, 105,
            106, 107, 108, 109, 256, 257, 65280,
        ]
        var asked: [Asked] = []
        for (number, name) in names.sorted().enumerated() {
            asked += usual.map { Asked(name: name, type: $0, way: .extended) }
            asked += [.a, .mx, .ns, .txt].map { Asked(name: name, type: $0, way: .plain) }
            if number % 4 == 0 {
                asked += [.any, .mx, .a].map { Asked(name: name, type: $0, way: .stream) }
            }
            let owned = further.filter { type in number % 5 == Int(type) % 5 }
            asked += owned.map {
                Asked(name: name, type: RecordType(rawValue: $0), way: .extended)
            }
        }
        return asked
    }

    /// The same of signed zones: what is answered, and what is denied with its proof.
    private static func securedQuestions() throws -> [Asked] {
        var names: Set<String> = ["nope.torture.test", "x.y.nope.torture.test", "a.dname.test"]
        for (origin, text) in TortureZone.zones {
            let file = MasterFile.parse(Array(text.utf8), origin: try Name(origin))
            for name in Set(file.records.map(\.owner)) where !"\(name)".contains("host") {
                names.formUnion(["\(name)", "\(name.parent ?? .root)"])
                if name.wire.count < 200 { names.formUnion(["below.\(name)", "a.b.\(name)"]) }
            }
        }
        names.subtract([".", "test"])
        var asked: [Asked] = []
        for (number, name) in names.sorted().enumerated() {
            let types: [RecordType] = [
                .a, .mx, .ns, .soa, .cname, .ds, .txt, .dnskey, .nsec3param, .cdnskey,
            ]
            for type in types {
                asked.append(Asked(name: name, type: type, way: .securedStream))
                if (number + Int(type.rawValue)) % 3 == 0 {
                    asked.append(Asked(name: name, type: type, way: .secured))
                }
            }
        }
        return asked
    }

    @Test(
        "Signed zones: the same answers, signatures and proofs, with NSEC and with NSEC3",
        .installed("nsd"), .installed("knotd"), arguments: [[], ["--nsec3", "--algorithm", "15"]])
    func secured(_ options: [String]) async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            var zones: [String: String] = [:]
            for (origin, text) in TortureZone.zones.sorted(by: { $0.key < $1.key }) {
                zones[origin] = try await host.sign(origin, text, options)
            }
            let nsd = try await NSD(stage, address: stage.address(), zones: zones)
            let knot = try await Knot(stage, address: stage.address(), zones: zones)
            let peers: [(Difference.Peer, String, Int)] = [
                (.nsd, nsd.address, nsd.port), (.knot, knot.address, knot.port),
            ]
            let (address, port) = (host.address, Postreiter.Port.dns)
            let unexplained = try await onThread { () -> [String] in
                var unexplained: [String] = []
                for asked in try Self.securedQuestions() {
                    let ours = try Self.ask(address, port, asked)
                    for (peer, peerAddress, peerPort) in peers {
                        var theirs = try Self.ask(peerAddress, peerPort, asked)
                        let said = theirs
                        for difference in Difference.all + Difference.secured
                        where difference.peers.contains(peer) && theirs != ours {
                            difference.settle(asked, ours, &theirs)
                        }
                        if theirs != ours {
                            unexplained.append("\(asked)\nours: \(ours)\n\(peer): \(said)")
                        }
                    }
                }
                return unexplained
            }
            #expect(
                unexplained.isEmpty,
                "\(unexplained.count):\n\(unexplained.prefix(5).joined(separator: "\n\n"))")
        }
    }

    @Test(
        "Thousands of questions, the same answers but for what is explained",
        .installed("nsd"), .installed("knotd"))
    func compare() async throws {
        try await withStage { stage in
            let zones = TortureZone.zones
            let host = try await Postreiter(stage, zones: zones)
            let nsd = try await NSD(stage, address: stage.address(), zones: zones)
            let knot = try await Knot(stage, address: stage.address(), zones: zones)
            let peers: [(Difference.Peer, String, Int)] = [
                (.nsd, nsd.address, nsd.port), (.knot, knot.address, knot.port),
            ]
            let (address, port) = (host.address, Postreiter.Port.dns)
            let result = try await onThread { () -> (unexplained: [String], used: Set<String>) in
                var unexplained: [String] = []
                var used: Set<String> = []
                for asked in try Self.questions() {
                    let ours = try Self.ask(address, port, asked)
                    for (peer, peerAddress, peerPort) in peers {
                        var theirs = try Self.ask(peerAddress, peerPort, asked)
                        let said = theirs
                        for difference in Difference.all
                        where difference.peers.contains(peer) && theirs != ours {
                            let before = theirs
                            difference.settle(asked, ours, &theirs)
                            if theirs != before { used.insert(difference.reason) }
                        }
                        if theirs != ours {
                            unexplained.append("\(asked)\nours: \(ours)\n\(peer): \(said)")
                        }
                    }
                }
                return (unexplained, used)
            }
            #expect(
                result.unexplained.isEmpty,
                "\(result.unexplained.count):\n\(result.unexplained.prefix(5).joined(separator: "\n\n"))"
            )
            // What is explained must happen, or the explanation is out of date.
            #expect(Set(Difference.all.map(\.reason)) == result.used)
        }
    }
}

@Suite("Real clients of the name server")
struct NameServerClientTests {
    @Test(
        "dig, drill and kdig find what they ask for, with cookies and options",
        .installed("dig"), .installed("drill"), .installed("kdig"))
    func clients() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, zones: TortureZone.zones)
            let port = "\(Postreiter.Port.dns)"
            let dig = { (more: [String]) async throws in
                try await stage.run(
                    "dig", ["@\(host.address)", "-p", port, "+time=3", "+norec"] + more
                ).output
            }
            // dig sends a client cookie by itself, and judges the one that it gets.
            let first = try await dig(["torture.test", "MX"])
            #expect(first.contains("status: NOERROR") && first.contains("(good)"), "\(first)")
            #expect(first.contains("flags: qr aa;") && first.contains("udp: 1232"))
            for options in [["+nsid"], ["+ednsopt=65001:00"], ["+padding=128"]] {
                let output = try await dig(options + ["mx1.torture.test", "A"])
                #expect(output.contains("192.0.2.25"), "\(options): \(output)")
            }
            let keepalive = try await dig(["+tcp", "+keepalive", "mx1.torture.test", "A"])
            #expect(keepalive.contains("TCP KEEPALIVE: 10.0 secs"), "\(keepalive)")
            #expect(try await dig(["+edns=1", "+noednsneg", "torture.test"]).contains("BADVERS"))
            #expect(try await dig(["+opcode=15", "torture.test"]).contains("NOTIMP"))
            #expect(try await dig(["torture.test", "AXFR"]).contains("Transfer failed"))
            let big = try await dig(["big-d.torture.test", "A"])
            #expect(big.contains("retrying in TCP mode") && big.contains("ANSWER: 250"))
            // Several questions over one connection.
            let both = try await stage.run(
                "kdig",
                [
                    "@\(host.address)", "-p", port, "+tcp", "+keepopen", "+cookie", "torture.test",
                    "MX", "mx1.torture.test", "AAAA",
                ]
            ).output
            #expect(both.contains("2001:db8::25") && both.contains("20 MX2.torture.test."))
            let drill = try await stage.run(
                "drill", ["-p", port, "www.torture.test", "@\(host.address)", "A"]
            ).output
            #expect(drill.contains("rcode: NOERROR") && drill.contains("192.0.2.25"), "\(drill)")
        }
    }

    @Test("Unbound as resolver above us finds every kind of answer", .installed("unbound"))
    func resolver() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, zones: TortureZone.zones)
            let server = "\(host.address)@\(Postreiter.Port.dns)"
            let unbound = try await Unbound(
                stage, address: stage.address(),
                stubs: ["torture.test": server, "parent.test": server])
            let cases = [
                ("torture.test", "MX", "20 mx2.torture.test."),
                ("x.wild.torture.test", "A", "192.0.2.30"),
                ("www.torture.test", "A", "192.0.2.25"),
                ("host.old.torture.test", "A", "192.0.2.50"),
                ("big-d.torture.test", "A", "10.0.0.250"),
                ("nope.x.wmx.torture.test", "A", "NOERROR"),
                ("a.host.wild.torture.test", "A", "NXDOMAIN"),
                ("c.d.ent.torture.test", "A", "NOERROR"),
                ("Mixed.CASE.torture.test", "TXT", "beside"),
            ]
            for (name, type, expected) in cases {
                let output = try await stage.run(
                    "dig",
                    [
                        "@\(unbound.address)", "-p", "\(unbound.port)", "+time=5", name, type,
                    ]
                ).output
                #expect(
                    output.lowercased().contains(expected.lowercased()),
                    "\(name) \(type): \(output)")
            }
        }
    }
}
