// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import TransportSecurity
import World

@Suite("RFC 8461 §3.1 MTA-STS TXT records")
struct STSRecordTests {
    @Test(
        "A record says which policy there is",
        arguments: [
            ("v=STSv1; id=20160831085700Z;", "20160831085700Z"),
            ("v=STSv1;id=1", "1"),
            ("v=STSv1 \t; \tid=abc \t; ", "abc"),
            ("v=STSv1; other=x-y.z:1; id=7", "7"),
            ("v=STSv1; id=first; id=second", "first"),
            ("v=STSv1; id=first; id=not-valid", "first"),
            ("v=STSv1; id=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
        ])
    func valid(_ text: String, _ id: String) throws {
        #expect(try STSRecord(parsing: text.utf8).id == id)
    }

    @Test(
        "What is no record counts as none",
        arguments: [
            "", "v=STSv1", "v=STSv1;", "v=STSv1; ", "v=stsv1; id=1", "v=STSv2; id=1",
            " v=STSv1; id=1", "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv1; ID=1",
            "v=STSv1; id=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", "v=STSv1; id=1;; x=2",
            "v=STSv1; id=1; x", "v=STSv1; id=1; x=", "v=STSv1; id=1; x=a=b", "v=STSv1; id = 1",
            "v=STSv1; id=1 ", "v=STSv1; id=ä", "v=STSv1; -x=1; id=1", "id=1; v=STSv1",
        ])
    func invalid(_ text: String) {
        #expect(throws: SyntaxError.self) { try STSRecord(parsing: text.utf8) }
    }

    @Test("Each policy gets an id of its own, also two within one second")
    func ids() throws {
        let time = Timestamp(seconds: 1_480_000_000)
        let first = STSRecord(madeAt: time, after: nil)
        #expect(first.id == "20161124150640Z")
        let second = STSRecord(madeAt: time, after: first.id)
        let third = STSRecord(madeAt: time, after: second.id)
        #expect(Set([first.id, second.id, third.id]).count == 3)
        for record in [first, second, third] {
            #expect(try STSRecord(parsing: record.text.utf8) == record)
        }
    }
}

@Suite("RFC 8461 §3.2 MTA-STS policies")
struct STSPolicyTests {
    @Test("A policy is read, and written with CRLF as it is read")
    func roundTrip() throws {
        let text = """
            version: STSv1
            mode: enforce
            mx: mail.example.com
            mx: *.Example.net
            mx: backupmx.example.com
            max_age: 604800
            """
        let policy = try STSPolicy(parsing: text.utf8)
        #expect(policy.mode == .enforce)
        #expect(policy.maximumAgeSeconds == 604_800)
        #expect(
            policy.patterns.map(\.description) == [
                "mail.example.com", "*.example.net", "backupmx.example.com",
            ])
        #expect(
            policy.text.hasPrefix("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"))
        #expect(policy.text.hasSuffix("max_age: 604800\r\n"))
        #expect(try STSPolicy(parsing: policy.text.utf8) == policy)
    }

    @Test(
        "Unknown fields, empty lines, spaces at the end and second values are passed over",
        arguments: [
            "version:STSv1\nmode:none\nmax_age:0",
            "max_age: 0  \r\nx-note: so, and so \r\nmode: none\t\r\nversion: STSv1\r\n\r\n",
            "version: STSv1\nmode: none\nmode: whatever\nmax_age: 0\nmax_age: x\n",
        ])
    func lenient(_ text: String) throws {
        let policy = try STSPolicy(parsing: text.utf8)
        #expect(policy.mode == .none && policy.maximumAgeSeconds == 0 && policy.patterns == [])
    }

    @Test(
        "What is no policy is none",
        arguments: [
            "", "version: STSv1", "mode: none\nmax_age: 1", "version: STSv1\nmode: none",
            "version: STSv1\nmax_age: 1", "version: STSv2\nmode: none\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1",
            "Version: STSv1\nmode: none\nmax_age: 1",
            " version: STSv1\nmode: none\nmax_age: 1",
            "version : STSv1\nmode: none\nmax_age: 1",
            "version: STSv1\nmode: none\nmax_age: 31557601",
            "version: STSv1\nmode: none\nmax_age: -1",
            "version: STSv1\nmode: none\nmax_age: 00000000001",
            "version: STSv1\nmode: none\nmax_age: 1\nnonsense",
            "version: STSv1\nmode: none\nmax_age: 1\n: x",
            "version: STSv1\nmode: none\nmax_age: 1\nmx: a.*.example",
            "version: STSv1\nmode: none\nmax_age: 1\nmx: bücher.example",
            "version: STSv1\nmode: none\nmax_age: 1\nmx: a.example.",
            "version: STSv1\rmode: none\rmax_age: 1",
        ])
    func invalid(_ text: String) {
        #expect(throws: SyntaxError.self) { try STSPolicy(parsing: text.utf8) }
    }

    @Test("A policy that is too long is not looked at")
    func tooLong() {
        let text = String(repeating: "mx: a.example\n", count: 6000)
        #expect(throws: SyntaxError.self) { try STSPolicy(parsing: text.utf8) }
    }

    @Test(
        "A pattern names a host, or one label before a domain (RFC 8461 §4.1)",
        arguments: [
            ("mail.example.com", "mail.example.com", true),
            ("MAIL.example.com.", "mail.EXAMPLE.com", true),
            ("mail.example.com", "*.example.com", true),
            ("example.com", "*.example.com", false),
            ("foo.bar.example.com", "*.example.com", false),
            ("mailexample.com", "*.example.com", false),
            ("mail.example.com", "example.com", false),
            ("mail.example.com", "m*.example.com", false),
            ("mail.example.com", "mail.*.com", false),
            ("mail.example.com", "*", false),
            ("bücher.example", "xn--bcher-kva.example", true),
            ("", "*.example.com", false),
        ])
    func match(_ host: String, _ pattern: String, _ expected: Bool) {
        #expect((STSPattern(pattern)?.matches(host) ?? false) == expected)
    }
}
