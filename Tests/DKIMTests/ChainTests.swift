// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Testing

@testable import ARC
@testable import DKIM

/// Makes chains of ARC sets whose fields may be written in any way, right or wrong.
private struct ChainMaker {
    /// The text of a set: results, signature of the message, seal; each with its name and CRLF.
    typealias Texts = [String]

    let key: any SigningKey
    let header: String
    let body: [UInt8]
    var sets: [Texts] = []

    init() throws {
        key = try #require(LiveSigningKey(pem: Example.edwardsSecret))
        header = Example.unsigned.prefixOfHeader.replacing("\n", with: "\r\n")
        body = parts(Example.unsigned).body
    }

    /// Where the key is, and how the rest of a signature begins.
    static let signer = "a=ed25519-sha256; d=football.example.com; s=brisbane"
    static let names = "h=from:to:subject"

    private var bodyHash: String {
        var bodies = BodyHashing([.relaxed], LiveMailCryptography())
        body.withUnsafeBytes { bodies.update($0) }
        return Base64.encode(bodies.finish()[.relaxed]?.value ?? [])
    }

    static func status(_ instance: Int) -> String { instance == 1 ? "none" : "pass" }

    /// Adds a set; `@` in a text stands for its signature, `#` for the hash of the body.
    mutating func add(results: String? = nil, message: String? = nil, seal: String? = nil) throws {
        let number = sets.count + 1
        let results = results ?? " i=\(number); mx.example; spf=pass"
        let message =
            message ?? " i=\(number); \(Self.signer); c=relaxed/relaxed; \(Self.names); bh=#; b=@"
        let seal = seal ?? " i=\(number); cv=\(Self.status(number)); \(Self.signer); b=@"
        var texts = ["ARC-Authentication-Results:\(results)\r\n"]
        let chosen = FieldList(Array(header.utf8)).chosen(
            ["from", "to", "subject"].map { Array($0.utf8)[...] })
        texts.append(
            try signed(
                "ARC-Message-Signature:" + message.replacing("#", with: bodyHash) + "\r\n",
                behind: chosen))
        let earlier = (sets.joined() + texts).flatMap { FieldList(Array($0.utf8)).fields }
        texts.append(try signed("ARC-Seal:\(seal)\r\n", behind: earlier))
        sets.append(texts)
    }

    /// Relaxed, as a seal always is.
    private func signed(_ text: String, behind fields: [FieldList.Field]) throws -> String {
        let own = FieldList(Array(text.replacing("@", with: "").utf8)).fields
        var octets = Canonicalization.relaxed.canonical(fields + own)
        octets.removeLast(2)
        return text.replacing("@", with: Base64.encode(try key.signature(of: octets)))
    }

    /// The verdict on all fields in the order in which they are given, above the message's own.
    func verdict(_ fields: [String]? = nil, body: [UInt8]? = nil) async throws
        -> ReceivedChain.Verdict
    {
        let own = fields ?? sets.reversed().flatMap { $0.reversed() }
        var validation = ChainValidation(
            ReceivedChain(FieldList(Array((own.joined() + header).utf8))),
            cryptography: LiveMailCryptography())
        (body ?? self.body).withUnsafeBytes { validation.update($0) }
        return await validation.finish(resolver: try Example.keys())
    }
}

extension BodyHashing.Kind {
    fileprivate static let relaxed = Self(form: .relaxed, hash: .sha256, length: nil)
}

extension String {
    /// Up to the empty line, without it.
    fileprivate var prefixOfHeader: String {
        firstRange(of: "\n\n").map { String(self[..<$0.lowerBound]) + "\n" } ?? self
    }
}

@Suite("RFC 8617 §5.2 chains of every form")
struct ChainTests {
    private static let signer = ChainMaker.signer
    private static let rest = "\(signer); b=@"

    @Test(
        "how a seal may be written (§4.1.3)",
        arguments: [
            (" i=1; cv=none; \(rest)", ReceivedChain.Status.pass),
            (" i=1; cv=none; \(rest);", .pass), (" cv=none; \(rest); i=1", .pass),
            ("\r\n\ti = 1 ;\r\n cv = none ; \(signer) ; t = 12345 ; b = @", .pass),
            // [CFWS] instance [CFWS]
            (" (first; of all) i=1 (one (1\\) );) ; cv=none; \(rest)", .pass),
            // Tags that it does not have are passed over, but for h.
            (" i=1; v=1; x_y=z; bh=AAAA; c=simple; l=0; cv=none; \(rest)", .pass),
            (" i=1; h=from; cv=none; \(rest)", .fail),
            (" i=1; cv=none;; \(rest)", .fail), (" i=1; cv=none; cv=none; \(rest)", .fail),
            (" i=1; cv=none; t=soon; \(rest)", .fail), (" i=1; cv=none; t=; \(rest)", .fail),
            // RFC 6376 §3.2: names and values count as they are written.
            (" i=1; cv=None; \(rest)", .fail), (" i=1; CV=none; \(rest)", .fail),
            (" I=1; cv=none; \(rest)", .fail),
            (" i=1; cv=none; \(rest.replacing("ed25519", with: "ED25519"))", .fail),
            (" i=1; cv=pass; \(rest)", .fail), (" i=1; cv=fail; \(rest)", .fail),
            (" i=1; cv=; \(rest)", .fail), (" i=1; \(rest)", .fail),
            (" i=0; cv=none; \(rest)", .fail), (" i=one; cv=none; \(rest)", .fail),
            (" i=; cv=none; \(rest)", .fail), (" cv=none; \(rest)", .fail),
            (" i=1; cv=none; a=ed25519-sha256; s=brisbane; b=@", .fail),
            (" i=1; cv=none; a=ed25519-sha256; d=football.example.com; b=@", .fail),
            (" i=1; cv=none; d=football.example.com; s=brisbane; b=@", .fail),
            (" i=1; cv=none; \(signer)", .fail), (" i=1; cv=none; \(signer); b=", .fail),
            (" i=1; cv=none; \(signer.replacing("football", with: "baseball")); b=@", .fail),
            (" ", .fail), (" nonsense", .fail),
        ])
    func seals(_ text: String, expected: ReceivedChain.Status) async throws {
        var maker = try ChainMaker()
        try maker.add(seal: text)
        let verdict = try await maker.verdict()
        #expect(verdict.status == expected, "\(verdict.reason ?? "")")
    }

    @Test(
        "how the signature of the message and the results may be written (§4.1.1, §4.1.2)",
        arguments: [
            (1, " i=1 (one); \(signer); c=relaxed/relaxed; h=from:to:subject; bh=#; b=@", true),
            // §4.1.2: v is not defined, so that any is passed over.
            (1, " v=9; i=1; \(signer); c=relaxed/relaxed; h=from:to:subject; bh=#; b=@", true),
            (1, " i=1; \(signer); c=relaxed/; h=from:to:subject; bh=#; b=@", false),
            (1, " i=1; \(signer); c=Relaxed/Relaxed; h=from:to:subject; bh=#; b=@", false),
            (1, " i=1; \(signer); c=relaxed/relaxed; h=from:to:arc-seal; bh=#; b=@", false),
            (1, " i=1; \(signer); c=relaxed/relaxed; h=from:to:subject; bh=AAAA; b=@", false),
            (1, " i=1; \(signer); c=relaxed/relaxed; h=from:to:subject; b=@", false),
            (1, " i=1; \(signer); c=relaxed/relaxed; bh=#; b=@", false),
            (0, " i=1(one; more) ; mx.example; none", true),
            (0, " (\\(;) i = 1\r\n ;mx.example; spf=pass (ü)", true),
            (0, " mx.example; i=1; spf=pass", false), (0, " mx.example; spf=pass", false),
        ])
    func others(_ kind: Int, _ text: String, passes: Bool) async throws {
        var maker = try ChainMaker()
        try maker.add(results: kind == 0 ? text : nil, message: kind == 1 ? text : nil)
        let verdict = try await maker.verdict()
        #expect((verdict.status == .pass) == passes, "\(verdict.reason ?? "")")
    }

    @Test("fields may stand in any order, but each set has all three once (§5.2 step 3)")
    func structure() async throws {
        var maker = try ChainMaker()
        for _ in 0..<3 { try maker.add() }
        let fields = maker.sets.flatMap(\.self)
        for order in [fields, fields.reversed(), fields.sorted()] {
            #expect(try await maker.verdict(order).status == .pass)
        }
        for index in fields.indices {
            var fewer = fields
            fewer.remove(at: index)
            #expect(try await maker.verdict(fewer).status == .fail, "without \(index)")
            #expect(try await maker.verdict(fields + [fields[index]]).status == .fail)
            #expect(try await maker.verdict([fields[index]]).status == .fail)
            let changed = fields[index].replacing("example", with: "exampel")
            #expect(
                try await maker.verdict(fewer + [changed]).status == .fail, "changed \(index)")
        }
        #expect(try await maker.verdict(Array(fields[..<3])).status == .pass)
        #expect(try await maker.verdict(Array(fields[3...])).status == .fail)
        #expect(try await maker.verdict([]).status == .none)
    }

    @Test("what each cv= must be (§5.2 steps 2 and 3)", arguments: ["none", "fail", "pass"])
    func statuses(_ status: String) async throws {
        var maker = try ChainMaker()
        try maker.add()
        try maker.add(seal: " i=2; cv=\(status); \(Self.rest)")
        let expected: ReceivedChain.Status = status == "pass" ? .pass : .fail
        #expect(try await maker.verdict().status == expected)
        try maker.add()
        #expect(try await maker.verdict().status == expected)
    }

    @Test("fifty sets are a chain, one more is none (§4.2.1)")
    func length() async throws {
        var maker = try ChainMaker()
        for _ in 0..<50 { try maker.add() }
        #expect(try await maker.verdict().status == .pass)
        try maker.add()
        #expect(try await maker.verdict().status == .fail)
    }

    @Test("the message may have changed before the newest set, not behind it (§5.2 steps 4 and 5)")
    func changes() async throws {
        var maker = try ChainMaker()
        let old = " i=1; \(Self.signer); c=relaxed/relaxed; h=from:to; bh=AAAA; b=@"
        try maker.add(message: old)
        #expect(try await maker.verdict().status == .fail)
        try maker.add()
        let verdict = try await maker.verdict()
        #expect(verdict.status == .pass)
        #expect(verdict.oldestPass == 2)
        #expect(try await maker.verdict(body: maker.body + [0x78]).status == .fail)
    }
}

@Suite("RFC 8601 §5 whose results a field says they are")
struct ResultsOwnerTests {
    @Test(
        "however our name is written, it is ours",
        arguments: [
            (" mx.example; spf=pass", true), ("MX.Example;none", true), (" mx.example", true),
            ("\r\n\tmx.example 1;\r\n spf=pass", true), (" \"mx.example\"; spf=pass", true),
            (" \"mx\\.exam\\ple\" 1; none", true), (" (a) mx.example (b); none", true),
            (" (a\\)b) mx.example; none", true), (" (a(b)c;\"d) mx.example; none", true),
            (" mx.example(a;b); none", true), (" (\\() mx.example; none", true),
            (" other.example; spf=pass (mx.example)", false), (" (mx.example) other; none", false),
            (" \"mx.example;\"; none", false), (" mx.example.org; none", false),
            (" xmx.example; none", false), ("", false), (" ;", false),
        ])
    func names(_ value: String, isOurs: Bool) throws {
        let header = "A: b\r\nAuthentication-Results :\(value)\r\nC: d\r\n"
        let field = try #require(
            FieldList(Array(header.utf8)).all(named: "authentication-results".utf8).first)
        #expect(AuthenticationResults.isOf(field, authservID: "mx.example") == isOurs)
        let left = AuthenticationResults.removed(
            from: Array(header.utf8), authservID: "mx.example")
        #expect(String(lossy: left) == (isOurs ? "A: b\r\nC: d\r\n" : header))
    }

    @Test(
        "several fields of ours are one, and `none` stands only alone",
        arguments: [
            (
                [" mx.example; spf=pass", " other; x=y", " mx.example 1; dkim=fail\r\n (a;b)"],
                ["spf=pass", "dkim=fail (a;b)"]
            ),
            ([" mx.example; none", " mx.example; spf=pass;"], ["spf=pass"]),
            ([" mx.example; none", " mx.example; None"], ["none"]),
            ([" mx.example", " mx.example;"], []), ([" other; none"], []), ([], []),
        ])
    func merging(_ values: [String], into expected: [String]) {
        let header = values.map { "Authentication-Results:\($0)\r\n" }.joined()
        let merged = AuthenticationResults.merged(
            from: FieldList(Array(header.utf8)), authservID: "mx.example")
        #expect(merged == expected)
    }

    @Test("in U-labels it is the same name; behind thousands of fields it is found, too")
    func hidden() throws {
        let field = "Authentication-Results: mx.bücher.example; spf=pass\r\n"
        let left = AuthenticationResults.removed(
            from: Array(field.utf8), authservID: "mx.xn--bcher-kva.example")
        #expect(left.isEmpty)
        let many = String(repeating: "a:\r\n", count: 64 * 1024)
        let few = AuthenticationResults.removed(
            from: Array((many + "Authentication-Results: mx.example; spf=pass\r\n").utf8),
            authservID: "mx.example")
        #expect(few.elementsEqual(many.utf8))
    }
}
