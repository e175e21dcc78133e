// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Testing

@testable import DKIM

/// Keys in the DNS, by name.
struct KeyTable: Resolver {
    var texts: [Name: [UInt8]] = [:]
    var isDown = false

    mutating func publish(_ name: String, _ text: String) throws {
        texts[try Name(name)] = Array(text.utf8)
    }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        if isDown { return Answer(.failure(.timeout)) }
        guard let text = texts[name], type == .txt else { return Answer(.nameError) }
        let strings = stride(from: 0, to: text.count, by: 255).map {
            Array(text[$0..<min($0 + 255, text.count)])
        }
        return Answer(
            .records,
            records: [ResourceRecord(owner: name, type: .txt, ttl: 60, data: .txt(strings))])
    }
}

/// Splits a message written with LF line ends.
func parts(_ message: String) -> (header: FieldList, body: [UInt8]) {
    let octets = Array(message.replacing("\n", with: "\r\n").utf8)
    let end = Array("\r\n\r\n".utf8)
    for index in octets.indices where octets[index...].starts(with: end) {
        return (FieldList(Array(octets[..<(index + 2)])), Array(octets[(index + 4)...]))
    }
    return (FieldList(octets), [])
}

/// What verifying comes to.
func verify(
    _ message: String, _ keys: KeyTable, now: Int64 = 1_528_637_909, piece: Int = .max,
    policy: Verification.Policy = .init()
) async -> (result: DKIMResult, findings: [Verification.Finding]) {
    let (header, body) = parts(message)
    var verification = Verification(
        header: header, policy: policy, cryptography: LiveMailCryptography())
    body.withUnsafeBytes { body in
        var start = 0
        while start < body.count {
            let end = piece == .max ? body.count : min(start + piece, body.count)
            verification.update(UnsafeRawBufferPointer(rebasing: body[start..<end]))
            start = end
        }
    }
    return await verification.finish(resolver: keys, now: now)
}

enum Example {
    static let edwardsSecret = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

    static let rsaSecret = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
        Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
        KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
        AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
        6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
        zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
        6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
        uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
        WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
        WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
        licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
        o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
        uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
        -----END RSA PRIVATE KEY-----
        """

    static let edwardsRecord = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

    static let rsaRecord =
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
        + "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
        + "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
        + "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

    static func keys(rsa: String = rsaRecord) throws -> KeyTable {
        var keys = KeyTable()
        try keys.publish("brisbane._domainkey.football.example.com", edwardsRecord)
        try keys.publish("test._domainkey.football.example.com", rsa)
        return keys
    }

    static let signatures = """
        DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=brisbane; t=1528637909; h=from : to :
         subject : date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
         Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=test; t=1528637909; h=from : to : subject :
         date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
         DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
         dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=

        """

    static let unsigned = """
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.

        """

    static let message = signatures + unsigned
}

@Suite("RFC 8463 appendix A: one message, two signatures")
struct ExampleTests {
    @Test("both signatures pass, however the body comes", arguments: [1, 2, 7, Int.max])
    func passes(piece: Int) async throws {
        let (result, findings) = await verify(
            Example.message, try Example.keys(), piece: piece)
        #expect(result == .pass)
        #expect(findings.map(\.result) == [.pass, .pass])
        #expect(findings.map(\.algorithm) == ["ed25519-sha256", "rsa-sha256"])
    }

    @Test("what relaxed canonicalization allows changes nothing")
    func permitted() async throws {
        for (old, new) in [
            ("Subject: Is dinner", "SUBJECT :   Is \n dinner"), ("Are you", "Are  \t you"),
            ("Joe.\n", "Joe.  \n\n\n"), ("<joe@", "\t<joe@"),
        ] {
            let (result, _) = await verify(
                Example.message.replacing(old, with: new), try Example.keys())
            #expect(result == .pass, "\(old)")
        }
    }

    @Test("any other octet of what is signed fails both")
    func tampering() async throws {
        let keys = try Example.keys()
        let octets = Array(Example.message.utf8)
        let start = Array(Example.signatures.utf8).count
        for index in octets.indices where index >= start && octets[index] > 0x20 {
            var changed = octets
            changed[index] = changed[index] == 0x78 ? 0x79 : 0x78
            // The name of a field in another case is the same name.
            guard changed[index] | 0x20 != octets[index] | 0x20 else { continue }
            let (result, _) = await verify(String(decoding: changed, as: UTF8.self), keys)
            #expect(result != .pass, "octet \(index - start)")
        }
        let (added, _) = await verify(
            Example.message.replacing("To: Suzie", with: "From: x@y.example\nTo: Suzie"), keys)
        #expect(added != .pass, "From is signed once more than it is there")
    }

    @Test(
        "what is wrong with a key or a signature is told",
        arguments: [
            ("p=MIG", "p=", DKIMResult.permerror), ("k=rsa", "k=dsa", .permerror),
            ("v=DKIM1", "v=DKIM2", .permerror), ("k=rsa", "k=ed25519", .permerror),
            ("k=rsa", "h=sha1; k=rsa", .permerror), ("k=rsa", "s=tlsrpt; k=rsa", .permerror),
            ("k=rsa", "s=*; h=sha1:sha256; t=y; k=rsa", .pass), ("k=rsa", "t=s; k=rsa", .pass),
            ("p=MIG", "p=!MIG", .permerror), ("p=MIGfMA0", "p=MIGfMB0", .permerror),
            ("v=DKIM1; ", "", .pass), ("k=rsa; ", "", .pass),
            ("k=rsa; ", "x=1; v=DKIM1; ", .permerror),
        ])
    func keys(old: String, new: String, result: DKIMResult) async throws {
        var record = Example.rsaRecord.replacing(old, with: new)
        if new == "p=" { record = "v=DKIM1; k=rsa; p=" }
        let (_, findings) = await verify(Example.message, try Example.keys(rsa: record))
        #expect(findings[1].result == result, "\(findings[1].reason ?? "")")
        #expect(findings[0].result == .pass)
    }

    @Test("without names nothing is known now; without a record, never")
    func absent() async throws {
        var down = KeyTable()
        down.isDown = true
        #expect(await verify(Example.message, down).result == .temperror)
        #expect(await verify(Example.message, KeyTable()).result == .permerror)
        #expect(await verify(Example.unsigned, KeyTable()).result == .none)
    }

    @Test("a key that is too short does not count, unless it is let")
    func bits() async throws {
        var policy = Verification.Policy()
        policy.minimumRSABits = 2048
        let (_, findings) = await verify(Example.message, try Example.keys(), policy: policy)
        #expect(findings.map(\.result) == [.pass, .policy])
    }

    @Test(
        "a signature with faults is a permanent error",
        arguments: [
            ("v=1;", "v=2;"), ("v=1;", ""), ("a=rsa-sha256", "a=rsa-md5"), ("d=foot", "d=.foot"),
            ("c=relaxed/relaxed", "c=relaxed/strict"), ("q=dns/txt", "q=http"),
            ("h=from :", "h=sender :"), ("i=@football", "i=@other"), ("bh=2j", "bh=!"),
            ("t=1528637909", "t=soon"), ("t=1528637909", "t=1528637909; x=1528637908"),
            ("q=dns/txt", "l=99999"), ("q=dns/txt", "a=rsa-sha256"), ("v=1;", "v=1;;"),
            ("c=relaxed/relaxed", "c=relaxed/"), ("c=relaxed/relaxed", "c=/relaxed"),
            ("i=@football", "i=@.football"),
            // §3.2: values count as they are written.
            ("a=rsa-sha256", "a=RSA-SHA256"), ("c=relaxed/relaxed", "c=Relaxed/relaxed"),
        ])
    func faults(old: String, new: String) async throws {
        // Only the second signature.
        let parts = Example.message.split(separator: "DKIM-Signature: ")
        let message = "DKIM-Signature: " + parts[1].replacing(old, with: new, maxReplacements: 1)
        let (result, findings) = await verify(message, try Example.keys())
        #expect(result == .permerror || (old == "h=from :" && result == .fail), "\(findings)")
    }
}

@Suite("RFC 6376 §3.5 z= fields as they were signed")
struct CopiedFieldTests {
    private static let header = FieldList(
        Array(
            """
            From: foo@eng.example.net\r
            To: joe@example.com\r
            Subject: demo  run\r
            Received: a\r
            Received: b | c\r

            """.utf8))

    @Test(
        "it is told which of them the message has no more",
        arguments: [
            (
                "From:foo@eng.example.net|To:joe@example.com|\r\n Subject:demo=20run",
                [
                    "From|foo@eng.example.net|true", "To|joe@example.com|true",
                    "Subject|demo run|true",
                ]
            ),
            (
                "Subject:=20demo=20rum|subject:demo=09run",
                ["Subject|demo rum|false", "subject|demo run|true"]
            ),
            (
                "Recei\r\n ved : b=20 =7 C=20c|Received:a",
                ["Received|b | c|true", "Received|a|true"]
            ),
            ("Cc:x", ["Cc|x|false"]), ("Subject:", ["Subject||false"]),
            // Neither digits in lower case nor half an octet are any.
            ("To:=3d=3D=3=+1=", ["To|=3d==3=+1=|false"]),
            ("To:=C3=A9\u{E9}=FF", ["To|éé\u{FFFD}|false"]),
            ("", []), ("|||", []), (":x|no colon|", []), ("\u{E9}:x", []),
            (String(repeating: "|", count: 1000) + "To:x", ["To|x|false"]),
        ])
    func copies(text: String, expected: [String]) {
        let copies = CopiedField.all(Array(text.utf8)[...], in: Self.header)
        #expect(copies.map { "\($0.name)|\($0.value)|\($0.isThere)" } == expected)
    }

    @Test("a signature that has them says so, and counts with them or without")
    func signature() async throws {
        // The first of the two, whose key is another's: what matters is what is read.
        let signed = Example.message.replacing(
            "q=dns/txt; s=brisbane;", with: "q=dns/txt; z=Subject:Is=20lunch|To:; s=brisbane;")
        let (_, findings) = await verify(signed, try Example.keys())
        #expect(findings.map(\.result) == [.fail, .pass])
        #expect(
            findings.map { $0.copies.map { String(lossy: $0) } } == ["Subject:Is=20lunch|To:", nil])
    }
}

@Suite("RFC 6376 §3.5 i= on whose behalf")
struct IdentityTests {
    @Test(
        "its octets may be written as digits, with white space anywhere",
        arguments: [
            ("joe@example.org", "joe@example.org"), ("joe=40example.org", "joe@example.org"),
            ("=6A=6Fe=40e=78ample.org", "joe@example.org"),
            ("joe\r\n @ exam ple.org", "joe@example.org"),
            ("a=40evil.example@example.org", "a@evil.example@example.org"),
            ("b=jo=example.com@example.org", "b=jo=example.com@example.org"),
            ("joe@example.org=40evil.example", nil), ("joe=4", nil), ("=40", nil),
            ("joe@example.org=2Eevil.example", nil), ("joe=2Eexample.org", nil),
            ("joe@mail=2Eexample.org", "joe@mail.example.org"),
        ] as [(String, String?)])
    func identities(text: String, expected: String?) {
        let signature = try? Signature(
            Array("v=1; a=rsa-sha256; d=example.org; s=k; h=from; bh=AAAA; b=AAAA; i=\(text)".utf8))
        #expect(signature?.identity == expected)
    }
}

@Suite("RFC 6376 §5.4 signatures among what is signed")
struct OuterSignatureTests {
    @Test(
        "h= names other signatures, never its own, whatever stands above it later",
        arguments: [1, 2, 3])
    func others(named count: Int) async throws {
        var settings = Signer.Settings()
        let names = ["from"] + Array(repeating: "dkim-signature", count: count)
        settings.names = names.map { Array($0.utf8)[...] }
        let identity = Signer.Identity(
            domain: "football.example.com", selector: "brisbane",
            key: try #require(LiveSigningKey(pem: Example.edwardsSecret)))
        // Nothing to sign but itself, then the message's own two.
        for (message, others) in [(Example.unsigned, 0), (Example.message, 2)] {
            let (header, body) = parts(message)
            var signer = Signer(
                header: header, settings: settings, cryptography: LiveMailCryptography())
            body.withUnsafeBytes { signer.update($0) }
            let field = String(lossy: try signer.finish([identity])[0])
                .replacing("\r\n", with: "\n")
            let (_, findings) = await verify(field + message, try Example.keys())
            #expect(findings.map(\.result) == Array(repeating: .pass, count: others + 1))
            // Once more than they are there: nobody may add another.
            let (_, more) = await verify(field + field + message, try Example.keys())
            #expect(more[1].result == (count > others ? .fail : .pass), "\(more)")
        }
    }
}

@Suite("RFC 6376 §3.4 canonicalization")
struct CanonicalizationTests {
    private func header(_ form: Canonicalization, _ text: String) -> String {
        var octets: [UInt8] = []
        for field in FieldList(Array(text.replacing("\n", with: "\r\n").utf8)).fields {
            form.append(field, to: &octets)
        }
        return String(decoding: octets, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    private func body(_ form: Canonicalization, _ text: String, piece: Int) -> String {
        var canonicalizer = BodyCanonicalizer(form)
        var octets: [UInt8] = []
        let text = Array(text.replacing("\n", with: "\r\n").utf8)
        for start in stride(from: 0, to: text.count, by: piece) {
            Array(text[start..<min(start + piece, text.count)]).withUnsafeBytes {
                canonicalizer.update($0) { octets += $0 }
            }
        }
        canonicalizer.finish { octets += $0 }
        return String(decoding: octets, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    @Test("the example of §3.4.5", arguments: [1, 2, 3, 100])
    func example(piece: Int) {
        let fields = "A: X\nB : Y\t\n\tZ  \n"
        #expect(header(.relaxed, fields) == "a:X\nb:Y Z\n")
        #expect(header(.simple, fields) == fields)
        let text = " C \nD \t E\n\n\n"
        #expect(body(.relaxed, text, piece: piece) == " C\nD E\n")
        #expect(body(.simple, text, piece: piece) == " C \nD \t E\n")
    }

    @Test("empty bodies, and lines without an end", arguments: [1, 100])
    func ends(piece: Int) {
        for (text, relaxed, simple) in [
            ("", "", "\n"), ("\n", "", "\n"), ("\n\n\n", "", "\n"), ("a", "a\n", "a\n"),
            ("a\n", "a\n", "a\n"), ("a \n \n", "a\n", "a \n \n"), ("\n a", "\n a\n", "\n a\n"),
            (" ", "", " \n"), ("a  b\n\nc", "a b\n\nc\n", "a  b\n\nc\n"),
        ] {
            #expect(body(.relaxed, text, piece: piece) == relaxed, "\(text.debugDescription)")
            #expect(body(.simple, text, piece: piece) == simple, "\(text.debugDescription)")
        }
    }
}

@Suite("RFC 6376 §5 signing")
struct SigningTests {
    @Test("what we sign with both keys we verify, and every named field counts")
    func roundTrip() async throws {
        let (header, body) = parts(Example.unsigned)
        let identities = try [Example.rsaSecret, Example.edwardsSecret].map { secret in
            let key = try #require(LiveSigningKey(pem: secret))
            return Signer.Identity(
                domain: "football.example.com", selector: key.kind == .rsa ? "test" : "brisbane",
                key: key)
        }
        for form in [Canonicalization.simple, .relaxed] {
            for bodyForm in [Canonicalization.simple, .relaxed] {
                var settings = Signer.Settings()
                settings.headerForm = form
                settings.bodyForm = bodyForm
                settings.time = 1_528_637_909
                var signer = Signer(
                    header: header, settings: settings, cryptography: LiveMailCryptography())
                body.withUnsafeBytes { signer.update($0) }
                let fields = try signer.finish(identities)
                let signed =
                    fields.map { String(decoding: $0, as: UTF8.self) }.joined()
                    .replacing("\r\n", with: "\n") + Example.unsigned
                #expect(signed.split(separator: "\n").allSatisfy { $0.utf8.count <= 78 })
                let (result, findings) = await verify(signed, try Example.keys())
                #expect(result == .pass, "\(form) \(bodyForm): \(findings)")
                #expect(findings.map(\.result) == [.pass, .pass])
                for (old, new) in [
                    ("Subject: Is", "Subject: is"), ("Joe.", "Jim."),
                    ("To: Suzie", "Cc: x@y.example\nTo: Suzie"),
                    ("To: Suzie", "Subject: other\nTo: Suzie"),
                ] {
                    let changed = await verify(
                        signed.replacing(old, with: new), try Example.keys())
                    #expect(changed.result == .fail, "\(old)")
                }
            }
        }
    }
}

@Suite("RFC 6376 §3.2 tag lists")
struct TagListTests {
    @Test("a list of more tags than anybody writes is refused, and quickly")
    func bounded() {
        func list(_ count: Int) -> [UInt8] {
            Array((0..<count).map { "t\($0)=x" }.joined(separator: ";").utf8)
        }
        #expect(TagList(list(TagList.maximumTags))?.tags.count == TagList.maximumTags)
        #expect(TagList(list(TagList.maximumTags + 1)) == nil)
        #expect(TagList(list(200_000)) == nil)
    }
}
