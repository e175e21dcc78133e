// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("DKIM and ARC, as dkimpy sees them", .built, .installed("dkimverify", "openssl"))
struct SignatureToolTests {
    /// Keys come from a file instead of the DNS.
    private static let script = """
        import sys, dkim
        record = open(sys.argv[2], 'rb').read().strip()
        def names(name, timeout=5): return record
        what = sys.argv[1]
        message = open(sys.argv[3], 'rb').read()
        if what == 'verify':
            print('pass' if dkim.verify(message, dnsfunc=names) else 'fail')
        elif what == 'arc-verify':
            print(dkim.arc_verify(message, dnsfunc=names)[0].decode())
        else:
            key = open(sys.argv[4], 'rb').read()
            if what == 'sign':
                forms = sys.argv[5].encode().split(b'/')
                fields = dkim.sign(message, b'test', b'example.org', key,
                                   canonicalize=(forms[0], forms[1]))
            else:
                fields = b''.join(dkim.arc_sign(message, b'test', b'example.org', key,
                                                b'mx.example.org'))
            sys.stdout.buffer.write(fields + message)
        """

    /// Messages with what canonicalization is about: white space, empty lines, folded fields, none.
    private static let bodies = [
        "", "\r\n", "Hi.\r\n", "Hi.  \r\n\r\nbody \t text\r\n\r\n\r\n", " \r\n\t\r\n", "no end",
        "\r\n\r\nlate\r\n", "a\tb  c\r\n \r\nd \r\n",
    ]

    private static func message(_ body: String) -> String {
        "Authentication-Results: mx.example.org; spf=pass smtp.mfrom=a@b.example;\r\n"
            + "\tdkim=pass header.d=b.example\r\nFrom: Joe <joe@example.org>\r\nTo:x@y.example\r\n"
            + "Subject:  hello  there\r\n \t again \r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
            + "\r\n" + body
    }

    /// A key, and the files that both sides read.
    private struct Files {
        let script: String
        let key: String
        let record: String
        let zone: String

        init(_ stage: Stage) async throws {
            script = try stage.write(SignatureToolTests.script, to: "peer.py")
            key = stage.folder.appendingPathComponent("key.pem").path
            _ = try await stage.run("openssl", ["genrsa", "-out", key, "2048"])
            let (_, text) = try await stage.run("openssl", ["rsa", "-in", key, "-pubout"])
            let digits = text.split(separator: "\n").drop { !$0.hasPrefix("-----BEGIN") }
                .dropFirst().prefix { !$0.hasPrefix("-----") }.joined()
            let value = "v=DKIM1; k=rsa; p=" + digits
            record = try stage.write(value, to: "record.txt")
            zone = try stage.write(
                "test._domainkey.example.org. 60 TXT \"\(value.prefix(250))\" "
                    + "\"\(value.dropFirst(250))\"\n", to: "keys.zone")
        }

        func peer(
            _ stage: Stage, _ what: String, _ message: String, _ form: String = ""
        ) async throws -> String {
            try await stage.run("/usr/bin/python3", [script, what, record, message, key, form])
                .output
        }
    }

    @Test("they verify what we sign, and we what they sign, in every form")
    func signatures() async throws {
        try await withStage { stage in
            let files = try await Files(stage)
            for (index, body) in Self.bodies.enumerated() {
                let plain = try stage.write(Self.message(body), to: "\(index).eml")
                let ours = try await stage.run(
                    Postreiter.binary,
                    [
                        "dkim", "sign", plain, "--domain", "example.org", "--selector", "test",
                        "--key", files.key, "--time", "1700000000",
                    ]
                ).output
                let signed = try stage.write(ours, to: "\(index)-ours.eml")
                #expect(try await files.peer(stage, "verify", signed) == "pass\n", "\(index)")
                for form in [
                    "simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed",
                ] {
                    let theirs = try stage.write(
                        try await files.peer(stage, "sign", plain, form), to: "theirs.eml")
                    let verdict = try await stage.run(
                        Postreiter.binary, ["dkim", "verify", theirs, "--zone", files.zone])
                    #expect(verdict.status == 0, "\(index) \(form): \(verdict.output)")
                }
            }
        }
    }

    @Test("whoever signs may ask whether the key that stands in the DNS fits")
    func published() async throws {
        try await withStage { stage in
            let files = try await Files(stage)
            let message = try stage.write(Self.message("Hi.\r\n"), to: "letter.eml")
            for (selector, fits) in [("test", true), ("other", false)] {
                let (status, output) = try await stage.run(
                    Postreiter.binary,
                    [
                        "dkim", "sign", message, "--domain", "example.org", "--selector",
                        selector, "--key", files.key, "--zone", files.zone, "--json",
                    ])
                // It is signed all the same.
                #expect(
                    status == 0 && output.contains(#"{"header":"DKIM-Signature: "#), "\(output)")
                #expect(output.contains("the signature does not pass") != fits, "\(output)")
            }
        }
    }

    @Test("a set of ARC signs all fields that are asked for, those that are not there too")
    func names() async throws {
        try await withStage { stage in
            let files = try await Files(stage)
            let message = try stage.write(Self.message("Hi.\r\n"), to: "letter.eml")
            for (names, status) in [("From:from: To :X-None:Subject", Int32(0)), ("To", 64)] {
                let sealed = try await stage.run(
                    Postreiter.binary,
                    [
                        "arc", "seal", message, "--domain", "example.org", "--selector", "test",
                        "--key", files.key, "--authserv-id", "mx.example.org", "--headers", names,
                        "--zone", files.zone,
                    ])
                #expect(sealed.status == status, "\(sealed.output)")
                guard status == 0 else { continue }
                #expect(
                    sealed.output.contains("h=from:from:to:x-none:subject;"), "\(sealed.output)")
                let whole = try stage.write(
                    sealed.output + Self.message("Hi.\r\n"), to: "sealed.eml")
                let verified = try await stage.run(
                    Postreiter.binary, ["arc", "verify", whole, "--zone", files.zone])
                #expect(verified.status == 0, "\(verified.output)")
            }
        }
    }

    @Test("a chain that they begin and we go on with holds for both, and breaks for both")
    func chains() async throws {
        try await withStage { stage in
            let files = try await Files(stage)
            let plain = try stage.write(Self.message(Self.bodies[3]), to: "plain.eml")
            var message = try await files.peer(stage, "arc-seal", plain)
            for instance in 2...4 {
                let before = try stage.write(message, to: "before.eml")
                let set = try await stage.run(
                    Postreiter.binary,
                    [
                        "arc", "seal", before, "--domain", "example.org", "--selector", "test",
                        "--key", files.key, "--authserv-id", "mx.example.org", "--zone",
                        files.zone,
                    ]
                ).output
                #expect(set.contains("ARC-Seal: i=\(instance); a=rsa-sha256; cv=pass;"))
                message =
                    set.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n") + message
                for (text, verdict) in [
                    (message, "pass"), (message.replacing("Hi.", with: "Ho."), "fail"),
                    (message.replacing("spf=pass", with: "spf=fail"), "fail"),
                ] {
                    let file = try stage.write(text, to: "chain.eml")
                    let theirs = try await files.peer(stage, "arc-verify", file)
                    #expect(theirs == verdict + "\n")
                    let ours = try await stage.run(
                        Postreiter.binary, ["arc", "verify", file, "--zone", files.zone, "--json"])
                    #expect(ours.output.hasPrefix("{\"result\":\"\(verdict)\""), "\(ours.output)")
                }
            }
        }
    }
}
