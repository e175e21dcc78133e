// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import SPF
import Testing

@testable import ARC
@testable import DKIM
@testable import DMARC
@testable import MessageAuthentication

@Suite("Which reverse-paths count as forged, so that nothing answers them")
struct ForgeryTests {
    /// The first has one organization with all below it; nobody knows whose the second is.
    private struct Records: Resolver {
        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            switch String(lossy: name.lowercased.dotted) {
            case "_dmarc.bank.example":
                Answer(
                    .records,
                    records: [
                        ResourceRecord(
                            owner: name, type: .txt, ttl: 60,
                            data: .txt([Array("v=DMARC1; p=none".utf8)]))
                    ])
            case let other where other.hasSuffix("slow.example"): Answer(.failure(.timeout))
            default: Answer(.nameError)
            }
        }
    }

    /// One message: what was found, and what that makes of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var sender = "x@bank.example"
        var spf = SPFResult.pass
        var dmarc = DMARCResult.none
        var author = "bank.example"
        var signers: [(DKIMResult, String)] = []
        var isOwn = false
        let expected: Envelope.Forgery?

        var testDescription: String {
            "<\(sender)> spf=\(spf) dmarc=\(dmarc) (\(author)) dkim=\(signers)"
        }
    }

    static let rows: [Row] =
        [SPFResult.none, .neutral, .softfail, .temperror, .permerror, .pass].map {
            Row(spf: $0, expected: nil)
        } + [
            Row(dmarc: .pass, expected: nil),
            Row(dmarc: .temperror, expected: nil), Row(dmarc: .permerror, expected: nil),
            // Whatever SPF says of another domain.
            Row(dmarc: .fail, expected: .dmarc),
            Row(spf: .softfail, dmarc: .fail, expected: .dmarc),
            Row(spf: .fail, dmarc: .fail, expected: .dmarc),
            Row(spf: .fail, expected: .spf),
            Row(spf: .fail, signers: [(.pass, "bank.example")], expected: nil),
            Row(spf: .fail, signers: [(.pass, "BANK.example")], expected: nil),
            // Of the same organization (RFC 9989 §4.10.2).
            Row(spf: .fail, signers: [(.pass, "mail.bank.example")], expected: nil),
            Row(
                sender: "x@a.bank.example", spf: .fail, signers: [(.pass, "b.bank.example")],
                expected: nil),
            Row(
                spf: .fail, dmarc: .pass, author: "news.bank.example",
                signers: [(.neutral, "bank.example")], expected: nil),
            // What vouches for somebody else, or does not pass.
            Row(spf: .fail, signers: [(.pass, "evil.example")], expected: .spf),
            Row(spf: .fail, signers: [(.pass, "example")], expected: .spf),
            Row(spf: .fail, signers: [(.pass, "bank.example.test")], expected: .spf),
            Row(spf: .fail, signers: [(.fail, "bank.example")], expected: .spf),
            Row(spf: .fail, signers: [(.temperror, "bank.example")], expected: .spf),
            Row(spf: .fail, dmarc: .pass, author: "evil.example", expected: .spf),
            Row(spf: .fail, dmarc: .none, author: "bank.example", expected: .spf),
            // Without a record each domain is its own.
            Row(
                sender: "x@a.plain.example", spf: .fail, signers: [(.pass, "plain.example")],
                expected: .spf),
            // The DNS does not say now whose it is; another one vouches.
            Row(
                sender: "x@slow.example", spf: .fail, signers: [(.pass, "m.slow.example")],
                expected: .spf),
            Row(
                spf: .fail,
                signers: [(.pass, "m.slow.example"), (.pass, "m.bank.example")], expected: nil),
            Row(sender: "", spf: .fail, dmarc: .fail, expected: nil),
            Row(spf: .fail, dmarc: .fail, isOwn: true, expected: nil),
        ]

    @Test("DMARC counts if it fails, SPF if nothing vouches for the domain", arguments: rows)
    func rule(_ row: Row) async throws {
        let header = FieldList(Array("From: <x@\(row.author)>\r\n\r\n".utf8))
        var dmarc = AlignmentCheck.Verdict(row.dmarc)
        dmarc.authorDomain = Name(mailDomain: row.author)
        let findings = Findings(
            sender: SenderFacts(
                client: .v4(IPv4Address(192, 0, 2, 1)), hello: "mail.evil.example",
                reversePath: row.sender.isEmpty ? .null : .address(try Address(row.sender)),
                mailFrom: .init(row.spf), reverseName: .init(.pass)),
            signatures: row.signers.map { .init(result: $0.0, domain: $0.1) },
            signatureResult: .none, chain: .init(status: .none), authors: AuthorDomains(header),
            dmarc: dmarc)
        var policy = InboundPolicy()
        // Whether policies are followed does not matter.
        policy.isEnforced = false
        if row.isOwn { policy.ownNetworks = [IPNetwork("192.0.2.0/24")].compactMap(\.self) }
        #expect(await policy.forgery(in: findings, resolver: Records()) == row.expected)
    }
}
