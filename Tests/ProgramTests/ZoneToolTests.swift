// SPDX-License-Identifier: Apache-2.0

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
