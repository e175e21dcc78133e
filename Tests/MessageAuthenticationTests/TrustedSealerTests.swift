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

@Suite("Whose ARC seals speak for a message that fails (RFC 8617 §7.2.1)")
struct TrustedSealerTests {
    /// What the first sealer found, who has sealed, and whether the message is taken.
    @Test(
        "all sealers are trusted, and the first knew this author",
        arguments: [
            (["dmarc=pass"], ["list.example"], true),
            (
                ["spf=fail", "dmarc=pass (p=reject) header.from=bank.example"], ["list.example"],
                true
            ),
            (["DMARC=Pass action=none header.from=Bank.Example"], ["list.example"], true),
            (["dmarc=pass"], ["relay.example", "list.example"], true),
            (["dmarc=pass"], ["relay.example", "evil.example"], false),
            (["dmarc=pass"], ["evil.example", "list.example"], false),
            (["dmarc=pass"], [], false),
            // Of another author: somebody has written another one into From since.
            (["dmarc=pass header.from=evil.example"], ["list.example"], false),
            (
                ["dmarc=pass header.from=bank.example header.from=evil.example"], ["list.example"],
                false
            ),
            (["dmarc=pass (header.from=evil.example)"], ["list.example"], true),
            (["dmarc=fail header.from=bank.example"], ["list.example"], false),
            (["dkim=pass header.d=bank.example"], ["list.example"], true),
            (["dkim=pass header.d=evil.example (header.d=bank.example)"], ["list.example"], false),
            (["dkim=pass reason=\" header.d=bank.example \""], ["list.example"], false),
            (["spf=pass smtp.mailfrom=x@bank.example"], ["list.example"], true),
            (["spf=pass smtp.mailfrom=bank.example"], ["list.example"], true),
            (["spf=softfail smtp.mailfrom=bank.example"], ["list.example"], false),
            (["spf=pass smtp.helo=bank.example"], ["list.example"], false),
            ([], ["list.example"], false),
        ])
    func rule(_ origin: [String], _ sealers: [String], isTaken: Bool) throws {
        var dmarc = AlignmentCheck.Verdict(.fail)
        dmarc.authorDomain = Name(mailDomain: "bank.example")
        dmarc.policy = .reject
        dmarc.disposition = .reject
        var chain = ReceivedChain.Verdict(status: .pass)
        chain.sealers = sealers
        chain.originResults = origin
        var policy = InboundPolicy()
        policy.trustedSealers = ["list.example", "relay.example"]
        for status in [ReceivedChain.Status.pass, .fail] {
            chain.status = status
            let decision = policy.decision(
                on: Findings(
                    sender: SenderFacts(
                        client: .v4(IPv4Address(192, 0, 2, 1)), hello: "mail.list.example",
                        reversePath: .address(try Address("x@list.example")),
                        mailFrom: .init(.none), reverseName: .init(.pass)),
                    signatures: [], signatureResult: .none, chain: chain,
                    authors: AuthorDomains(FieldList(Array("From: <x@bank.example>\r\n".utf8))),
                    dmarc: dmarc))
            let expected: InboundPolicy.Action = isTaken && status == .pass ? .accept : .reject
            #expect(decision.action == expected, "\(decision)")
            #expect((decision.override?.kind == .trustedForwarder) == (expected == .accept))
        }
    }
}
