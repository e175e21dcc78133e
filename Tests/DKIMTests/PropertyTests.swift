// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Testing

@testable import DKIM

/// Numbers that a seed determines.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }

    /// Text of the parts that canonicalization is about.
    mutating func text(_ parts: [String], _ count: ClosedRange<Int>) -> [UInt8] {
        var octets: [UInt8] = []
        for _ in 0..<Int.random(in: count, using: &self) {
            octets += (parts.randomElement(using: &self) ?? "").utf8
        }
        return octets
    }

    mutating func pieces(_ octets: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = octets[...]
        let most = Int.random(in: 1...40, using: &self)
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...most, using: &self))
            pieces.append(piece)
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}

@Suite("RFC 6376 §3.4.3, §3.4.4: bodies at random")
struct RandomBodyTests {
    private static let parts = [
        "a", "bc", " ", "  ", "\t", "\r\n", "\r\n\r\n", "\r", "\n", " \r\n", "x y z ",
        "a line of more than sixteen octets ", "and another one\r\n",
    ]

    /// The standard's words, one after another, on the whole body.
    private static func reference(_ form: Canonicalization, _ body: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < body.count {
            if body[index] == 0x0D, index + 1 < body.count, body[index + 1] == 0x0A {
                lines.append([])
                index += 2
            } else {
                lines[lines.count - 1].append(body[index])
                index += 1
            }
        }
        if form == .relaxed {
            lines = lines.map { line in
                var result: [UInt8] = []
                for octet in line {
                    if octet == 0x20 || octet == 0x09 {
                        if result.last != 0x20 { result.append(0x20) }
                    } else {
                        result.append(octet)
                    }
                }
                if result.last == 0x20 { result.removeLast() }
                return result
            }
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        if lines.isEmpty { return form == .simple ? [0x0D, 0x0A] : [] }
        return lines.flatMap { $0 + [0x0D, 0x0A] }
    }

    @Test("in any pieces a body becomes what the standard says")
    func reference() {
        var dice = Dice(state: 6376)
        for _ in 0..<4000 {
            let body = dice.text(Self.parts, 0...30)
            for form in [Canonicalization.simple, .relaxed] {
                var canonicalizer = BodyCanonicalizer(form)
                var result: [UInt8] = []
                for piece in dice.pieces(body) {
                    piece.withUnsafeBytes { canonicalizer.update($0) { result += $0 } }
                }
                canonicalizer.finish { result += $0 }
                #expect(result == Self.reference(form, body), "\(form) \(body)")
            }
        }
    }

    @Test("a digest of the first octets is that of a body that ends there")
    func lengths() {
        var dice = Dice(state: 8463)
        let cryptography = LiveMailCryptography()
        for _ in 0..<300 {
            let body = dice.text(Self.parts, 0...400)
            let form: Canonicalization = Bool.random(using: &dice) ? .simple : .relaxed
            let canonical = Self.reference(form, body)
            let lengths = (0..<6).map { _ in Int.random(in: 0...canonical.count, using: &dice) }
            let kinds = lengths.map { BodyHashing.Kind(form: form, hash: .sha256, length: $0) }
            var bodies = BodyHashing(
                Set(kinds + [.init(form: form, hash: .sha256, length: nil)]), cryptography)
            for piece in dice.pieces(body) { piece.withUnsafeBytes { bodies.update($0) } }
            let values = bodies.finish()
            for kind in kinds {
                var digest = cryptography.digest(.sha256)
                canonical.prefix(kind.length ?? 0).withUnsafeBytes { digest.update($0) }
                #expect(values[kind]?.value == digest.value(), "\(body) \(kind)")
                #expect(values[kind]?.octets == canonical.count)
            }
        }
    }

    @Test("a body of empty lines is counted, not kept: what is handed on comes in small parts")
    func emptyLines() {
        let lines = [UInt8]("\r\n".utf8)
        let piece = Array(repeating: lines, count: 50_000).flatMap(\.self)
        var canonicalizer = BodyCanonicalizer(.relaxed)
        var (octets, longest) = (0, 0)
        func take(_ run: UnsafeRawBufferPointer) {
            octets += run.count
            longest = max(longest, run.count)
        }
        for _ in 0..<20 { piece.withUnsafeBytes { canonicalizer.update($0, take) } }
        #expect(octets == 0)
        [UInt8](repeating: 0x61, count: 1).withUnsafeBytes { canonicalizer.update($0, take) }
        canonicalizer.finish(take)
        #expect(octets == 2_000_003)
        #expect(longest <= 4096)
    }
}

@Suite("RFC 6376 §3.7: messages at random, signed and changed")
struct RandomMessageTests {
    private static let values = [
        "word", " ", "  ", "\t", "\r\n ", "\r\n\t ", "<a@b.example>", "(c)", ";", "=?utf-8?q?=41?=",
        "longer words that fill a line", "\"q\"", "ü",
    ]

    private static func message(_ dice: inout Dice) -> (header: [UInt8], body: [UInt8]) {
        var header: [UInt8] = []
        for name in ["From", "to", "Subject ", "DATE", "X-Other", "Subject", "Message-ID"] {
            guard name == "From" || Bool.random(using: &dice) else { continue }
            header += (name + ":").utf8
            // A line of white space alone would be none (RFC 5322 §2.2.3).
            header += Array("v".utf8) + dice.text(values, 0...8) + Array("e\r\n".utf8)
        }
        return (header, dice.text(["a", " ", "\t", "\r\n", "text ", "more of it\r\n"], 0...20))
    }

    private static func identities() throws -> [Signer.Identity] {
        try [Example.rsaSecret, Example.edwardsSecret].map { secret in
            let key = try #require(LiveSigningKey(pem: secret))
            return Signer.Identity(
                domain: "football.example.com", selector: key.kind == .rsa ? "test" : "brisbane",
                key: key)
        }
    }

    private static func results(_ header: [UInt8], _ body: [UInt8]) async throws -> [DKIMResult] {
        var verification = Verification(
            header: FieldList(header), cryptography: LiveMailCryptography())
        body.withUnsafeBytes { verification.update($0) }
        let keys = try Example.keys()
        return await verification.finish(resolver: keys, now: 0).findings.map(\.result)
    }

    @Test("both signatures pass in every form, and none does when an octet is another")
    func changes() async throws {
        var dice = Dice(state: 5322)
        let identities = try Self.identities()
        for round in 0..<60 {
            let (header, body) = Self.message(&dice)
            var settings = Signer.Settings()
            settings.headerForm = round & 1 == 0 ? .simple : .relaxed
            settings.bodyForm = round & 2 == 0 ? .simple : .relaxed
            var signer = Signer(
                header: FieldList(header), settings: settings,
                cryptography: LiveMailCryptography())
            body.withUnsafeBytes { signer.update($0) }
            let fields = Array(try signer.finish(identities).joined())
            let passing = try await Self.results(fields + header, body)
            #expect(passing == [.pass, .pass], "\(header) \(body)")
            // What is neither white space nor of the field that nobody signs.
            let names = FieldList(header).fields
            let free = names.first { $0.name.elementsEqual("X-Other".utf8) }?.whole.indices
            for _ in 0..<20 {
                let index = Int.random(in: 0..<(header.count + body.count), using: &dice)
                var (changedHeader, changedBody) = (header, body)
                let octet = index < header.count ? header[index] : body[index - header.count]
                guard octet > 0x20, octet != 0x3A, free?.contains(index) != true else { continue }
                // Neither the same letter in the other case nor white space.
                let other: UInt8 = octet | 0x20 == 0x7A ? 0x71 : 0x7A
                if index < header.count {
                    changedHeader[index] = other
                } else {
                    changedBody[index - header.count] = other
                }
                let results = try await Self.results(fields + changedHeader, changedBody)
                #expect(!results.contains(.pass), "octet \(index) of \(header) \(body)")
            }
        }
    }

    @Test("relaxed, white space may change within lines and go at their ends; letters of names too")
    func permitted() async throws {
        var dice = Dice(state: 2822)
        let identities = try Self.identities()
        for _ in 0..<40 {
            let (header, body) = Self.message(&dice)
            var signer = Signer(
                header: FieldList(header), cryptography: LiveMailCryptography())
            body.withUnsafeBytes { signer.update($0) }
            let fields = Array(try signer.finish(identities).joined())
            var changedHeader: [UInt8] = []
            for field in FieldList(header).fields {
                changedHeader += field.name.map { octet -> UInt8 in
                    octet > 0x40 && octet & 1 == 0 ? octet ^ 0x20 : octet
                }
                changedHeader += " : \r\n\t".utf8
                for octet in field.value.dropLast(2) {
                    if octet.isWhitespace { changedHeader.append(0x09) }
                    changedHeader.append(octet)
                }
                changedHeader += "  \r\n".utf8
            }
            var changedBody = body.flatMap { octet -> [UInt8] in
                octet.isWhitespace ? [octet, 0x09] : [octet]
            }
            changedBody += " \t\r\n\r\n \r\n".utf8
            let results = try await Self.results(fields + changedHeader, changedBody)
            #expect(results == [.pass, .pass], "\(header) \(body)")
        }
    }
}

@Suite("DKIM of hostile messages")
struct HostileMessageTests {
    private func judge(_ header: [UInt8], _ body: [UInt8]) async -> [Verification.Finding] {
        var verification = Verification(
            header: FieldList(header), cryptography: LiveMailCryptography())
        body.withUnsafeBytes { verification.update($0) }
        guard let keys = try? Example.keys() else { return [] }
        return await verification.finish(resolver: keys, now: 0).findings
    }

    /// What takes the square of its time would not end within hours.
    @Test(
        "of thousands of signatures twenty are looked at, and the rest is said to be too many",
        .timeLimit(.minutes(10)))
    func manySignatures() async {
        let field =
            "DKIM-Signature: v=1; a=rsa-sha256; d=football.example.com; s=test; "
            + "h=from; bh=AAAA; b=AAAA\r\n"
        let header = Array((String(repeating: field, count: 8000) + "From: x\r\n").utf8)
        let body = [UInt8](repeating: 0x61, count: 1 << 20)
        let findings = await judge(header, body)
        #expect(findings.count == 8000)
        #expect(findings.filter { $0.result == .policy }.count == 7980)
    }

    @Test("different l= of as many signatures cost one passage of the body")
    func manyLengths() async {
        let fields = (0..<20).map {
            "DKIM-Signature: v=1; a=rsa-sha256; d=football.example.com; s=test; "
                + "h=from; l=\($0); bh=AAAA; b=AAAA\r\n"
        }
        let header = Array((fields.joined() + "From: x\r\n").utf8)
        let findings = await judge(header, [UInt8](repeating: 0x61, count: 1 << 20))
        #expect(findings.map(\.result) == Array(repeating: .fail, count: 20))
    }

    @Test(
        "a header of a megabyte is read in bounded time, whatever it is made of",
        .timeLimit(.minutes(10)))
    func hugeHeaders() async {
        let signature =
            "DKIM-Signature: v=1; a=rsa-sha256; d=football.example.com; s=test; "
            + "h=from\(String(repeating: ":x-a", count: 990)); bh=AAAA; b=AAAA\r\n"
        let many = String(repeating: signature, count: 20)
        for filling in [
            String(repeating: "a", count: 1 << 20), String(repeating: "X-A: b\r\n", count: 1 << 17),
            "X: " + String(repeating: "\r\n ", count: 1 << 18),
            String(repeating: ":", count: 1 << 20),
            (0..<100_000).map { "X\($0):\r\n" }.joined(),
            "DKIM-Signature: "
                + String(repeating: "a=b;", count: 1 << 18),
            "DKIM-Signature: v=1; b=" + String(repeating: "QQ\r\n ", count: 1 << 18),
        ] {
            let header = Array((many + "From: x\r\n" + filling + "\r\n").utf8)
            let findings = await judge(header, [0x61])
            #expect(findings.count >= 20, "\(filling.prefix(30))")
        }
    }

    @Test("Base64 may be folded anywhere, and nowhere else may stand what is none")
    func base64() async throws {
        let start = try #require(Example.message.firstRange(of: "b=F45d")).lowerBound
        let end = try #require(Example.message.firstRange(of: "FADY+8=")).upperBound
        let value = Example.message[start..<end].dropFirst(2).filter { !$0.isWhitespace }
        for (separator, result) in [
            (" ", DKIMResult.pass), ("\n\t", .pass), (" \n ", .pass), ("", .pass),
            ("-", .permerror),
            ("=", .permerror), ("\u{B}", .permerror),
        ] {
            let text = "b=" + value.map(String.init).joined(separator: separator)
            let message =
                Example.message[..<start] + text + Example.message[end...]
            let (_, findings) = await verify(String(message), try Example.keys())
            #expect(findings[1].result == result, "\(separator.debugDescription)")
        }
    }
}
