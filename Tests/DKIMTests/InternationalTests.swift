// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DNS
import LiveWorld
import Testing

@testable import DKIM

@Suite("RFC 8616 §5 signatures of internationalized messages")
struct InternationalTests {
    /// What a signature names, and what it is read as; nil where it is refused.
    struct Names: CustomTestStringConvertible, Sendable {
        let d: String
        let s: String
        let i: String?
        let read: [String]?

        init(_ d: String, _ s: String, _ i: String?, _ read: [String]?) {
            (self.d, self.s, self.i, self.read) = (d, s, i, read)
        }

        var field: String {
            " v=1; a=ed25519-sha256; d=\(d); s=\(s); h=from; bh=AAAA; b=AAAA"
                + (i.map { "; i=\($0)" } ?? "")
        }
        var testDescription: String { "d=\(d) s=\(s) i=\(i ?? "")" }
    }

    private static let domain = "xn--bcher-kva.example"

    @Test(
        "names are read as A-labels, however they are written",
        arguments: [
            Names("bücher.example", "k", nil, [domain, "k", "@" + domain]),
            .init("BÜCHER.example", "Key", nil, [domain, "Key", "@" + domain]),
            .init("bu\u{308}cher.example", "k", nil, [domain, "k", "@" + domain]),
            .init(
                "b.example", "schlüssel.k", nil, ["b.example", "xn--schlssel-95a.k", "@b.example"]),
            .init("bücher.example", "k", "jörg@bücher.example", [domain, "k", "jörg@" + domain]),
            .init(
                "bücher.example", "k", "a@Post.Bücher.example",
                [domain, "k", "a@post." + domain]),
            .init("bücher.example", "k", "a@" + domain, [domain, "k", "a@" + domain]),
            .init(domain, "k", "@bücher.example", [domain, "k", "@" + domain]),
            .init("b.example", "k", "jörg@b.example", ["b.example", "k", "jörg@b.example"]),
            .init("bücher.example", "k", "@bucher.example", nil),
            .init("bucher.example", "k", "@bücher.example", nil),
            .init("b.example", "k", "@\u{301}b.example", nil),
            .init("b.example", "k", "a@b.example@\u{301}c.example", nil),
            // These become a semicolon and a slash of ASCII, or nothing that a label may be.
            .init("b\u{37E}c.example", "k", nil, nil), .init("ü/.example", "k", nil, nil),
            .init("-ü.example", "k", nil, nil), .init("ü..example", "k", nil, nil),
            .init("b.example", "ü k", nil, nil),
            .init(String(repeating: "ü", count: 64) + ".example", "k", nil, nil),
            .init(String(repeating: "ü.", count: 10_000) + "example", "k", nil, nil),
        ])
    func names(_ names: Names) throws {
        guard let read = names.read else {
            #expect(throws: Signature.Fault.self) { try Signature(Array(names.field.utf8)) }
            return
        }
        let signature = try Signature(Array(names.field.utf8))
        #expect([signature.domain, signature.selector, signature.identity] == read)
        #expect(signature.identityDomain.hasSuffix(signature.domain))
    }

    @Test("a field may hold UTF-8 and no other octets; a record in the DNS stays ASCII (§3)")
    func octets() {
        for (value, isField, isRead) in [
            (Array("a=ü€😀".utf8), true, true), (Array("a=ü".utf8), false, false),
            (Array("ü=a".utf8), true, false), ([0x61, 0x3D, 0xFF], true, false),
            ([0x61, 0x3D, 0xC3], true, false), ([0x61, 0x3D, 0xC0, 0xAF], true, false),
            ([0x61, 0x3D, 0xED, 0xA0, 0x80], true, false), ([0x61, 0x3D, 0x7F], true, false),
        ] {
            #expect((TagList(value, isField: isField) != nil) == isRead, "\(value)")
        }
        let record = Example.edwardsRecord + "; n=ü"
        #expect(throws: DKIMProblem.self) { try KeyRecord(parsing: Array(record.utf8)) }
    }

    private static func identity() throws -> Signer.Identity {
        Signer.Identity(
            domain: "bücher.example", selector: "schlüssel",
            key: try #require(LiveSigningKey(pem: Example.edwardsSecret)))
    }

    private static func keys() throws -> KeyTable {
        var keys = KeyTable()
        try keys.publish("xn--schlssel-95a._domainkey.\(domain)", Example.edwardsRecord)
        return keys
    }

    @Test("the key is asked for under A-labels, and the field counts as it is written (§5)")
    func signature() async throws {
        let (header, body) = parts(Example.unsigned)
        var signer = Signer(header: header, cryptography: LiveMailCryptography())
        body.withUnsafeBytes { signer.update($0) }
        let field = try #require(try signer.finish([Self.identity()]).first)
        let signed = String(lossy: field).replacing("\r\n", with: "\n") + Example.unsigned
        #expect(signed.contains("d=bücher.example;") && signed.contains("s=schlüssel;"))
        let (result, findings) = await verify(signed, try Self.keys())
        #expect(result == .pass, "\(findings)")
        #expect(findings.map(\.domain) == [Self.domain])
        #expect(findings.map(\.selector) == ["xn--schlssel-95a"])
        let rewritten = signed.replacing("d=bücher.example", with: "d=" + Self.domain)
        #expect(await verify(rewritten, try Self.keys()).result == .fail)
    }

    @Test("an ARC set may name its sealer by U-labels, too")
    func chain() async throws {
        let (unsealed, body) = parts(
            "Authentication-Results: mx.example; spf=pass\n" + Example.unsigned)
        var sealing = Sealing(
            settings: .init(authservID: "mx.example", identity: try Self.identity()),
            cryptography: LiveMailCryptography())
        body.withUnsafeBytes { sealing.update($0) }
        let fields = try sealing.finish(ReceivedChain(unsealed), .none)
        #expect(fields.filter { String(lossy: $0).contains("d=bücher.example") }.count == 2)
        let sealed = FieldList(Array(fields.joined()) + unsealed.fields.flatMap { Array($0.whole) })
        var validation = ChainValidation(
            ReceivedChain(sealed), cryptography: LiveMailCryptography())
        body.withUnsafeBytes { validation.update($0) }
        let verdict = await validation.finish(resolver: try Self.keys())
        #expect(verdict.status == .pass, "\(verdict.reason ?? "")")
        #expect(verdict.sealers == [Self.domain])
    }
}
