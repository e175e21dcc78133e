// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import Directory
import Feedback
import KeyRing
import LiveWorld
import Mail
import ReportStore
import Testing
import World

@testable import Reporting

@Suite("RFC 8460 §3, §5.3: reports on TLS are signed by who reports")
struct SignersTests {
    private static func report(_ id: String) -> TLSReport {
        var report = TLSReport(organization: "Big", reportID: id)
        report.contact = "tls@big.example"
        report.begin = Timestamp(seconds: 19_999 * 86_400)
        report.end = Timestamp(seconds: 20_000 * 86_400 - 1)
        report.policies = [.init(type: .none, domain: "example.org", successes: 1)]
        return report
    }

    private static func mail(_ id: String) throws -> [UInt8] {
        ReportMail(
            from: try Address("tls@big.example"), to: [try Address("tlsrpt@example.org")],
            host: try Domain("mx.big.example"), at: Office.noon
        ).message(report(id), about: "example.org", entropy: CountingEntropy())
    }

    private static func signature(
        above mail: [UInt8], of domain: String, _ key: LiveSigningKey
    ) throws -> [UInt8] {
        let end = try #require(mail.firstRange(of: Array("\r\n\r\n".utf8)))
        var signing = MessageSigning(
            Array(mail[..<end.lowerBound]) + [.carriageReturn, .lineFeed],
            [.init(domain: domain, selector: "s", key: key)], at: Office.noon,
            LiveMailCryptography())
        signing.update(mail[end.upperBound...])
        return signing.finish()
    }

    @Test("The fields that say whose report it is are signed, so that nobody adds another")
    func fields() throws {
        let key = try LiveSigningKey(new: .ed25519)
        let mail = try Self.mail("1")
        func names(_ signature: [UInt8]) -> [Substring] {
            let text = String(lossy: signature).filter { !$0.isWhitespace }
            let tag = text.split(separator: ";").first { $0.hasPrefix("h=") } ?? ""
            return tag.dropFirst(2).split(separator: ":")
        }
        let signed = names(try Self.signature(above: mail, of: "big.example", key))
        #expect(signed.filter { $0 == "tls-report-domain" }.count == 2)
        #expect(signed.filter { $0 == "tls-report-submitter" }.count == 2)
        let other = Array("From: a@big.example\r\nSubject: x\r\n\r\nhello\r\n".utf8)
        let usual = names(try Self.signature(above: other, of: "big.example", key))
        #expect(!usual.isEmpty && !usual.contains { $0.hasPrefix("tls-report") })
    }

    /// Who signs, the services of the key's record, and what becomes of the report; nil: the DNS
    /// does not answer.
    static let signers: [(String, String?, String)] = [
        ("big.example", "", "authentic"), ("big.example", "s=*; ", "authentic"),
        ("big.example", "s=tlsrpt; ", "authentic"),
        ("big.example", "s=email:tlsrpt; ", "authentic"),
        ("big.example", "s=other; ", "ignored"), ("big.example", nil, "kept"),
        ("mx.big.example", "", "authentic"),
        ("evil.example", "", "ignored"), ("notbig.example", "s=tlsrpt; ", "ignored"),
        ("", "", "ignored"),
    ]

    @Test("A report counts if the reporting domain has signed it", arguments: signers.indices)
    func counts(index: Int) async throws {
        let (domain, services, expected) = Self.signers[index]
        let key = try LiveSigningKey(new: .ed25519)
        let record = services.map {
            "v=DKIM1; k=ed25519; \($0)p=\(Base64.encode(key.publicKey))"
        }
        let resolver = TextRecords(["s._domainkey.\(domain)": record])
        try await Office.run { office in
            try await office.registry.add(
                domain: .init(try Domain("example.org")), by: "test")
            let filing = ReportFiling(
                reports: office.reports, registry: office.registry,
                authservID: "mx.here.example",
                signers: ReportSigners(
                    resolver: resolver, cryptography: LiveMailCryptography(), time: office.clock))
            var mail = try Self.mail("1")
            if !domain.isEmpty {
                mail = try Self.signature(above: mail, of: domain, key) + mail
            }
            let filed = try await filing.file(mail)
            #expect((filed == nil) == (expected == "ignored"), "\(domain) \(services ?? "-")")
            let summary = try await office.reports.summary(
                .transport, of: "example.org", since: Office.noon + .days(-3))
            #expect((summary.authentic == 1) == (expected == "authentic"))
        }
    }

    @Test("What is added behind the signed part makes a signature worthless for reports")
    func unsignedEnd() async throws {
        let key = try LiveSigningKey(new: .ed25519)
        let resolver = TextRecords([
            "s._domainkey.big.example":
                "v=DKIM1; k=ed25519; p=\(Base64.encode(key.publicKey))"
        ])
        let mail = try Self.mail("1")
        let end = try #require(mail.firstRange(of: Array("\r\n\r\n".utf8)))
        let header = FieldList(Array(mail[..<end.lowerBound]) + [.carriageReturn, .lineFeed])
        // With l=, by hand: our own signer writes none.
        let body = Array(mail[end.upperBound...])
        var hash = LiveMailCryptography().digest(.sha256)
        body.withUnsafeBytes { hash.update($0) }
        let unsigned =
            "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d=big.example; s=s; "
            + "h=from; l=\(body.count); bh=\(Base64.encode(hash.value())); b="
        let from = try #require(header.all(named: "from".utf8).first)
        let signed = Array(from.whole) + Array(unsigned.utf8)
        let signature = Base64.encode(try key.signature(of: signed))
        let whole = Array((unsigned + signature + "\r\n").utf8) + mail
        let signers = ReportSigners(
            resolver: resolver, cryptography: LiveMailCryptography(), time: HandClock())
        #expect(await signers.haveSigned(Self.report("1"), in: whole) == false)
        // It is l= alone that is wrong with it.
        var verification = Verification(
            header: FieldList(Array(whole[..<(whole.count - body.count - 2)])),
            cryptography: LiveMailCryptography())
        body.withUnsafeBytes { verification.update($0) }
        let verdict = await verification.finish(
            resolver: resolver, now: Office.noon.seconds)
        #expect(verdict.result == .pass, "\(verdict.findings)")
    }
}
