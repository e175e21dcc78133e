// SPDX-License-Identifier: Apache-2.0

import DNS
import Foundation
import Testing

@Suite("Zone files are judged as other programs judge them", .built)
struct ZoneToolTests {
    private static let head = """
        $ORIGIN example.org.
        $TTL 3600
        @ SOA ns1 host 1 7200 900 1209600 300
        @ NS ns1
        ns1 A 192.0.2.1

        """

    private static let accepted = [
        "a 1h30m A 192.0.2.1", "a IN 300 AAAA 2001:db8::1", "a 300 IN MX 10 mx",
        "a MX ( 10 ; half\n mx )", #"a TXT "a;b" c\;d "e\"f" \065"#, "a CNAME b.example.com.",
        "a SRV 0 0 587 b", #"a CAA 0 issue "ca.example.net; policy=ev""#,
        "a TLSA 3 1 1 ( \(digest.prefix(32))\n \(digest.suffix(32)) )", "a SSHFP 4 2 \(digest)",
        #"a NAPTR 100 10 "s" "SIP+D2T" "" _sip._tcp"#,
        "a LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", #"a HINFO "PC" Linux"#,
        "a RP host.example.org. txt", "a DNAME b", "a DS 1 13 2 \(digest)",
        "a CERT PKIX 1 RSASHA256 AAAA", "a APL 1:192.0.2.0/24 !2:2001:db8::/32",
        #"a SVCB 1 . alpn="h2,h3" port=853"#, "a HTTPS 0 b", #"a URI 10 1 "https://example.org/""#,
        "a EUI48 00-00-5e-00-53-2a", ##"a TYPE65280 \# 4 01020304"##, ##"a TYPE1 \# 4 c0000201"##,
        ##"a A \# 4 c0000201"##, #"a\.b\032c A 192.0.2.1"#, "$ORIGIN sub\nx A 192.0.2.1",
        "$TTL 2d\nx A 192.0.2.1",
    ]

    private static let refused = [
        "a A 192.0.2.256", "a A 192.0.2", "a A", "a A 192.0.2.1 x", "a AAAA 2001:db8:::1",
        "a MX mx",
        "a MX 65536 mx", "a MX 10", "a MX 10 a..b", "a TXT \"open", #"a TXT \256"#, "a NOSUCH x",
        "a A ( 192.0.2.1", "a A 192.0.2.1 )", "a SRV 0 0 b", #"a CAA 256 issue "x""#,
        "a TLSA 3 1 1 xyz", "a DS 1 13 2 0123x", "a LOC 91 0 0 N 0 0 0 E 0m", "a SVCB 1 . port=x",
        ##"a TYPE65280 \# 3 01020304"##, ##"a A \# 3 c00002"##,
        String(repeating: "a", count: 64) + " A 192.0.2.1", "$ORIGIN a..b",
        "$INCLUDE nowhere.zone", "$NOSUCH x", "a X25 1.2.3.4",
    ]

    private static let digest = String(repeating: "0123456789abcdef", count: 4)

    @Test("Lines that named-compilezone takes or refuses", .installed("named-compilezone"))
    func lines() async throws {
        try await withStage { stage in
            for (isAccepted, lines) in [(true, Self.accepted), (false, Self.refused)] {
                for line in lines {
                    let file = try stage.write(Self.head + line + "\n", to: "a.zone")
                    let ours = try await stage.run(
                        Postreiter.binary, ["zone", "parse", file, "--origin", "example.org"])
                    let theirs = try await stage.run(
                        "named-compilezone",
                        [
                            "-q", "-i", "none", "-k", "ignore", "-o", "/dev/null", "example.org",
                            file,
                        ]
                    )
                    #expect((ours.status == 0) == isAccepted, "\(line): \(ours.output)")
                    #expect((theirs.status == 0) == isAccepted, "\(line): \(theirs.output)")
                }
            }
        }
    }

    /// What the others are known to see differently.
    private static let exceptions: [String: Set<String>] = [
        "nsd-checkzone": [
            "$ORIGIN sub\nx A 192.0.2.1", "a MX 65536 mx", #"a TXT \256"#, "a A ( 192.0.2.1",
            #"a CAA 256 issue "x""#, "a LOC 91 0 0 N 0 0 0 E 0m", ##"a TYPE65280 \# 3 01020304"##,
        ],
        "ldns-read-zone": [
            "a IN 300 AAAA 2001:db8::1", "a MX 65536 mx", "a TXT \"open", "a A ( 192.0.2.1",
            "a A 192.0.2.1 )", #"a CAA 256 issue "x""#, "a LOC 91 0 0 N 0 0 0 E 0m", "$NOSUCH x",
            "a X25 1.2.3.4",
        ],
    ]

    @Test(
        "The same lines before NSD and ldns", .installed("nsd-checkzone", "ldns-read-zone"))
    func others() async throws {
        try await withStage { stage in
            for (isAccepted, lines) in [(true, Self.accepted), (false, Self.refused)] {
                for line in lines {
                    let file = try stage.write(Self.head + line + "\n", to: "a.zone")
                    for (program, arguments) in [
                        ("nsd-checkzone", ["example.org", file]), ("ldns-read-zone", ["-0", file]),
                    ] where Self.exceptions[program]?.contains(line) == false {
                        let verdict = try await stage.run(program, arguments)
                        #expect(
                            (verdict.status == 0) == isAccepted,
                            "\(program) on \(line): \(verdict.output)")
                    }
                }
            }
        }
    }

    private static let unsigned = """
        $ORIGIN example.org.
        $TTL 3600
        @ SOA ns1 host 1 7200 900 1209600 300
        @ NS ns1
        @ MX 10 Mx1
        ns1 A 192.0.2.1
        mx1 A 192.0.2.3
         AAAA 2001:db8::3
         HINFO Foo Bar
        *.wild A 192.0.2.7
        a.b.c.d A 192.0.2.8
        sub NS ns.sub
        ns.sub A 192.0.2.9
        x.y.unsafe NS ns1
        sec NS ns1
        sec DS 1 13 2 \(digest)
        Www CNAME MX1
        naptr NAPTR 100 50 "s" "http+I2L" "" _Http._tcp.Example.COM.

        """

    @Test(
        "A zone that BIND signed holds, and each line that is missing breaks it as for dnssec-verify",
        .installed("dnssec-keygen", "dnssec-signzone", "dnssec-verify"),
        arguments: [
            ("ECDSAP256SHA256", []), ("ED25519", ["-3", "-"]), ("RSASHA256", ["-3", "ab", "-A"]),
        ])
    func signed(algorithm: String, options: [String]) async throws {
        try await withStage { stage in
            let unsigned = try stage.write(Self.unsigned, to: "unsigned.zone")
            let signed = stage.path("signed.zone")
            let size = algorithm.hasPrefix("RSA") ? ["-b", "2048"] : []
            for flags in [[], ["-f", "KSK"]] {
                let made = try await stage.run(
                    "dnssec-keygen",
                    ["-q", "-a", algorithm, "-K", stage.folder.path] + size + flags
                        + ["example.org"])
                try #require(made.status == 0, "\(made.output)")
            }
            let signing = try await stage.run(
                "dnssec-signzone",
                ["-q", "-S", "-K", stage.folder.path, "-d", stage.folder.path, "-O", "full"]
                    + options + ["-o", "example.org", "-f", signed, unsigned])
            try #require(signing.status == 0, "\(signing.output)")
            let lines = try String(contentsOfFile: signed, encoding: .utf8)
                .split(separator: "\n").filter { !$0.hasPrefix(";") }
            // Glue is no matter of signatures; all else is judged alike.
            let places = lines.indices.filter { $0 % 5 == 2 && !lines[$0].hasPrefix("ns.sub") }
            for gone in [nil] + places.map(Optional.init) {
                let text = lines.indices.filter { $0 != gone }.map { lines[$0] + "\n" }.joined()
                let file = try stage.write(text, to: "changed.zone")
                let ours = try await stage.run(
                    Postreiter.binary, ["zone", "check", file, "--dnssec"])
                let theirs = try await stage.run(
                    "dnssec-verify", ["-q", "-o", "example.org", file])
                #expect(
                    ours.status == theirs.status,
                    "without \(gone.map { lines[$0] } ?? "nothing"): \(ours.output)\(theirs.output)"
                )
                if gone == nil { #expect(ours.status == 0, "\(ours.output)") }
            }
        }
    }
}

@Suite("What we export, other programs read as we do", .built)
struct ZoneExportTests {
    /// Names, aliases and wildcards of every kind, and each type that all of them know.
    private static func torture() -> String {
        let types = [
            "A 192.0.2.1", "AAAA 2001:db8::1", "MX 10 mx1", #"TXT "a;b" c\;d "e\"f" \065 "" "é""#,
            "SRV 0 0 587 mx1", #"CAA 0 issue "ca.example.net; policy=ev""#,
            "TLSA 3 1 1 \(digest)", "SSHFP 4 2 \(digest)",
            #"NAPTR 100 10 "s" "SIP+D2T" "" _sip._tcp"#,
            "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "HINFO PC Linux",
            "RP host.example.org. txt", "CERT PKIX 1 RSASHA256 AAAA", "AFSDB 1 mx1", "KX 10 mx1",
            "APL 1:192.0.2.0/24 !2:2001:db8::/32", #"SVCB 1 . alpn="h2,h3" port=853"#,
            "HTTPS 0 mx1", #"URI 10 1 "https://example.org/""#, "EUI48 00-00-5e-00-53-2a",
            "EUI64 00-00-5e-ef-10-00-00-2a", ##"TYPE65280 \# 4 01020304"##, ##"TYPE65281 \# 0"##,
            "OPENPGPKEY AAAA", "SMIMEA 3 1 1 \(digest)", "PTR mx1", "DNAME mx1",
            "CDS 1 13 2 \(digest)", "L32 10 10.1.2.0", "NID 10 14:4fff:ff20:ee64",
        ]
        return (TortureZone.zones[TortureZone.origin] ?? "")
            + types.enumerated().map { "type\($0.offset) \($0.element)\n" }.joined()
            // A quote in a name is left out: ldns writes it so that nobody can read it.
            + (0..<256).filter { $0 != 34 }.map { octet in
                let digits = String(octet)
                return "odd\\" + String(repeating: "0", count: 3 - digits.count) + digits
                    + ".\(octet) A 10.1.2.3\n"
            }.joined()
    }

    private static let digest = String(repeating: "0123456789abcdef", count: 4)

    /// Records without regard to order, as wire forms.
    private static func set(_ text: String) throws -> Set<ResourceRecord> {
        let file = MasterFile.parse(Array(text.utf8), origin: try Name(TortureZone.origin))
        try #require(file.faults.isEmpty, "\(file.faults)")
        return Set(file.records)
    }

    @Test(
        "named-compilezone, kzonecheck and ldns-read-zone take it, and find the same records",
        .installed("named-compilezone", "kzonecheck", "ldns-read-zone"))
    func agree() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, serving: false)
            let origin = TortureZone.origin
            let file = try stage.write(Self.torture(), to: "\(origin).zone")
            // It is full of what would lose mail.
            let taken = try await host.command("zone", "import", file, "--force")
            try #require(taken.status == 0, "\(taken.output.suffix(2000))")
            let canonical = try await host.command("zone", "export", origin, "--canonical").output
            #expect(try await host.command("zone", "export", origin).output == Self.torture())
            let ours = try Self.set(canonical)
            #expect(ours == (try Self.set(Self.torture())))
            #expect(ours.count > 800)
            let exported = try stage.write(canonical, to: "exported.zone")
            let named = try await stage.run(
                "named-compilezone",
                [
                    "-q", "-i", "none", "-k", "ignore", "-n", "ignore", "-m", "ignore", "-M",
                    "ignore", "-S", "ignore", "-r", "ignore", "-W", "ignore", "-T", "ignore",
                    "-s", "full", "-o", stage.path("named"), origin, exported,
                ])
            #expect(named.status == 0, "\(named.output)")
            let compiled = try String(contentsOfFile: stage.path("named"), encoding: .utf8)
            Self.compare(ours, try Self.set(compiled), "named-compilezone")
            let ldns = try await stage.run("ldns-read-zone", ["-0", exported])
            #expect(ldns.status == 0, "\(ldns.output)")
            let known = try await stage.run("kzonecheck", ["-o", origin, exported])
            #expect(known.status == 0, "\(known.output)")
            Self.compare(ours, try Self.set(ldns.output), "ldns-read-zone")
        }
    }

    private static func compare(
        _ ours: Set<ResourceRecord>, _ theirs: Set<ResourceRecord>, _ program: String
    ) {
        let lost = ours.subtracting(theirs).map(\.text).sorted()
        let more = theirs.subtracting(ours).map(\.text).sorted()
        #expect(lost.isEmpty && more.isEmpty, "\(program): lacks \(lost), has \(more)")
    }
}
