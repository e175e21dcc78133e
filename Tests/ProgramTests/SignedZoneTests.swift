// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Signed zones in the eyes of others", .built, .serialized)
struct SignedZoneTests {
    private static func zone(_ origin: String, on address: String) -> String {
        """
        $ORIGIN \(origin).
        $TTL 3600
        @ SOA ns1 host 1 7200 900 1209600 300
        @ NS ns1
        @ MX 10 mx
        ns1 A \(address)
        mx A 192.0.2.25
        mx AAAA 2001:db8::25
        WWW CNAME mx
        *.wild MX 10 mx
        *.wild TXT "wild"
        *.alias CNAME mx
        deep.in.the.forest TXT "names between are empty"
        plain NS ns1
        moved DNAME mx
        \\000.odd A 192.0.2.9
        many 300 A 192.0.2.1
        many 600 A 192.0.2.2

        """
    }

    /// Not signed, below a signed one.
    private static func plain(_ origin: String, on address: String) -> String {
        """
        $ORIGIN plain.\(origin).
        $TTL 3600
        @ SOA ns1.\(origin). host.\(origin). 1 7200 900 1209600 300
        @ NS ns1.\(origin).
        x A 192.0.2.77

        """
    }

    struct Way: Sendable, CustomTestStringConvertible {
        let origin: String
        let options: [String]
        var testDescription: String { "\(origin) \(options.joined(separator: " "))" }
    }

    private static let ways = [
        Way(origin: "plain13.test", options: []),
        Way(origin: "plain15.test", options: ["--algorithm", "15", "--single-key"]),
        Way(origin: "hashed13.test", options: ["--nsec3", "--single-key"]),
        Way(origin: "hashed15.test", options: ["--nsec3", "--algorithm", "15"]),
    ]

    /// A name and type, and whether it is there and secure.
    private static let questions: [(name: String, type: String, status: String, secure: Bool)] = [
        ("", "MX", "NOERROR", true), ("mx.", "AAAA", "NOERROR", true),
        ("mx.", "TXT", "NOERROR", true), ("nope.", "A", "NXDOMAIN", true),
        ("a.b.c.nope.", "A", "NXDOMAIN", true), ("x.wild.", "MX", "NOERROR", true),
        ("x.y.wild.", "TXT", "NOERROR", true), ("x.wild.", "A", "NOERROR", true),
        ("x.alias.", "A", "NOERROR", true), ("x.alias.", "TXT", "NOERROR", true),
        ("the.forest.", "A", "NOERROR", true), ("x.the.forest.", "A", "NXDOMAIN", true),
        ("www.", "A", "NOERROR", true), ("x.moved.", "A", "NXDOMAIN", true),
        ("many.", "A", "NOERROR", true), ("\\000.odd.", "A", "NOERROR", true),
        ("\\001.odd.", "A", "NXDOMAIN", true), ("", "DNSKEY", "NOERROR", true),
        ("plain.", "DS", "NOERROR", true), ("x.plain.", "A", "NOERROR", false),
        ("nope.plain.", "A", "NXDOMAIN", false),
    ]

    @Test(
        "Unbound validates every kind of answer, and finds what was tampered with",
        .installed("unbound"), .installed("nsd"), arguments: ways)
    func unbound(_ way: Way) async throws {
        try await withStage { stage in
            let address = stage.address()
            let host = try await Postreiter(stage, address: address)
            let text = try await host.sign(
                way.origin, Self.zone(way.origin, on: address), way.options)
            let plain = try stage.write(
                Self.plain(way.origin, on: address), to: "plain.zone")
            let taken = try await host.command([
                "zone", "import", plain, "--origin", "plain.\(way.origin)", "--force",
            ])
            try #require(taken.status == 0, "\(taken.output)")
            let anchor = try await host.entryKey(of: way.origin)
            let server = "\(address)@\(Postreiter.Port.dns)"
            let unbound = try await Unbound(
                stage, address: stage.address(),
                stubs: [way.origin: server, "plain.\(way.origin)": server], anchors: [anchor])
            for question in Self.questions {
                let output = try await stage.dig(
                    unbound.address, port: unbound.port, question.name + way.origin,
                    question.type, "+dnssec", full: true)
                #expect(
                    output.contains("status: \(question.status)"), "\(question): \(output)")
                let flags = output.split(separator: "\n").first { $0.hasPrefix(";; flags:") } ?? ""
                let isSecure = flags.split(whereSeparator: { " ;".contains($0) }).contains("ad")
                #expect(isSecure == question.secure, "\(question): \(output)")
            }
            try await Self.tamper(stage, way, text, anchor)
        }
    }

    /// The same zone by another server, with one address changed.
    private static func tamper(
        _ stage: Stage, _ way: Way, _ text: String, _ anchor: String
    ) async throws {
        let changed = text.replacing("192.0.2.25", with: "192.0.2.66")
        try #require(changed != text)
        let nsd = try await NSD(
            stage, address: stage.address(), zones: [way.origin: changed])
        let deceived = try await Unbound(
            stage, address: stage.address(),
            stubs: [way.origin: "\(nsd.address)@\(nsd.port)"], anchors: [anchor])
        let bogus = try await stage.dig(
            deceived.address, port: deceived.port, "mx.\(way.origin)", "A", full: true)
        #expect(bogus.contains("status: SERVFAIL"), "\(bogus)")
        let sound = try await stage.dig(
            deceived.address, port: deceived.port, "mx.\(way.origin)", "AAAA", full: true)
        #expect(sound.contains("status: NOERROR"), "\(sound)")
    }

    @Test("delv validates what we answer", .installed("delv"), arguments: ways)
    func delv(_ way: Way) async throws {
        try await withStage { stage in
            let address = stage.address()
            let host = try await Postreiter(stage, address: address)
            _ = try await host.sign(way.origin, Self.zone(way.origin, on: address), way.options)
            let key = try await host.entryKey(of: way.origin).split(separator: "\t")
            let fields = try #require(key.last).split(separator: " ", maxSplits: 3)
            let anchors = try stage.write(
                """
                trust-anchors {
                    "\(way.origin)." static-key \(fields[0]) \(fields[1]) \(fields[2])
                        "\(fields[3].filter { $0 != " " })";
                };
                """, to: "anchors-\(address)")
            for question in Self.questions where question.secure {
                let result = try await stage.run(
                    "delv",
                    [
                        "@\(address)", "-p", "\(Postreiter.Port.dns)", "-a", anchors,
                        "+root=\(way.origin)", question.name + way.origin, question.type,
                    ])
                #expect(result.output.contains("fully validated"), "\(question): \(result.output)")
            }
        }
    }

    @Test(
        "ldns-verify-zone, kzonecheck and our own examiner find the zone right",
        .installed("ldns-verify-zone"), .installed("kzonecheck"), arguments: ways)
    func whole(_ way: Way) async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let text = try await host.sign(
                way.origin, Self.zone(way.origin, on: host.address), way.options)
            let file = try stage.write(text, to: "signed.zone")
            let ldns = try await stage.run("ldns-verify-zone", [file])
            #expect(ldns.status == 0, "\(ldns.output)")
            let knot = try await stage.run(
                "kzonecheck", ["-o", way.origin, "-d", "on", file])
            #expect(knot.status == 0, "\(knot.output)")
            let ours = try await stage.run(
                Postreiter.binary, ["zone", "check", file, "--origin", way.origin, "--dnssec"])
            #expect(ours.output.contains(" records, no errors"), "\(ours.output)")
        }
    }

    @Test("Names are hashed as knsec3hash hashes them", .installed("knsec3hash"))
    func hashes() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let text = try await host.sign(
                "hashed.test", Self.zone("hashed.test", on: host.address), ["--nsec3"])
            let names = [
                "hashed.test", "mx.hashed.test", "www.hashed.test", "the.forest.hashed.test",
                "*.wild.hashed.test", "plain.hashed.test",
            ]
            for name in names {
                let theirs = try await stage.run("knsec3hash", ["-", "1", "0", name])
                let hash = try #require(theirs.output.split(separator: " ").first).lowercased()
                #expect(
                    text.contains("\n\(hash).hashed.test.\t300\tIN\tNSEC3\t1 0 0 - "), "\(name)")
            }
        }
    }

    @Test("An edit, the state as JSON, the DS record too early, a roll, and the end")
    func commands() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let origin = "own-signed.test"
            _ = try await host.sign(origin, Self.zone(origin, on: host.address))
            func command(_ words: String...) async throws -> (status: Int32?, output: String) {
                try await host.command(["zone", "dnssec"] + words)
            }
            let again = try await command("enable", origin)
            #expect(again.status == 65 && again.output.contains("already"), "\(again.output)")
            let early = try await command("ds", origin)
            #expect(early.status == 1 && early.output.contains("Wait: from "), "\(early.output)")
            let edited = try await host.command([
                "zone", "record", "add", "new.\(origin)", "A", "192.0.2.99",
            ])
            #expect(edited.status == 0, "\(edited.output)")
            let answer = try await stage.dig(
                host.address, port: Postreiter.Port.dns, "new.\(origin)", "A", "+dnssec")
            #expect(answer.contains("192.0.2.99") && answer.contains("A 13 3 3600"), "\(answer)")
            let rolled = try await command("roll", origin, "zsk")
            #expect(rolled.status == 0 && rolled.output.contains("published"), "\(rolled.output)")
            let twice = try await command("roll", origin, "zsk")
            #expect(twice.status == 65, "\(twice.output)")
            await host.stop()
            let offline = try await command("status", origin)
            #expect(offline.status == 69, "\(offline.output)")
            try await host.start()
            let json = try await command("status", origin, "--json")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            #expect(object["signed"] as? Bool == true && object["alarm"] as? Bool == false)
            #expect((object["keys"] as? [Any])?.count == 3)
            #expect(object["duty"] as? String == "wait")
            let ended = try await command("disable", origin, "--now")
            #expect(ended.output.contains("is not signed"), "\(ended.output)")
            #expect(!(try await host.signedText(of: origin)).contains("RRSIG"))
        }
    }
}
