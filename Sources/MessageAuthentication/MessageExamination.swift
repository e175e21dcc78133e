// SPDX-License-Identifier: Apache-2.0

package import ARC
import Bytes
package import DKIM
package import DMARC
import DNS
import SPF

/// The examination of one message while it comes: the header first, then the body in pieces, then
/// what others must be asked for.
package struct MessageExamination: Sendable {
    private let examiner: MessageExaminer
    private let header: FieldList
    private var signatures: Verification
    private var chain: ChainValidation
    /// Whether anything wants to see the body.
    package let needsBody: Bool

    init(header octets: [UInt8], by examiner: MessageExaminer) {
        self.examiner = examiner
        header = FieldList(octets)
        var policy = Verification.Policy()
        policy.maximumSignatures = MessageExaminer.maximumSignatures
        signatures = Verification(
            header: header, policy: policy, cryptography: examiner.cryptography)
        chain = ChainValidation(
            ReceivedChain(header), policy: policy, cryptography: examiner.cryptography)
        needsBody = signatures.isNeeded || chain.isNeeded
    }

    /// Takes the next piece of the body, behind the empty line.
    package mutating func update(_ piece: ArraySlice<UInt8>) {
        guard needsBody else { return }
        piece.withUnsafeBytes { octets in
            if signatures.isNeeded { signatures.update(octets) }
            if chain.isNeeded { chain.update(octets) }
        }
    }

    /// Asks for keys and policies, and says what all of it comes to.
    package func finish(_ sender: SenderFacts) async -> Findings {
        var work = self
        guard needsBody, let executor = examiner.executor else { return await work.verify(sender) }
        return await withTaskExecutorPreference(executor) { [work] in
            var work = work
            return await work.verify(sender)
        }
    }

    private mutating func verify(_ sender: SenderFacts) async -> Findings {
        let resolver = examiner.resolver
        let now = examiner.now
        let verified = await signatures.finish(resolver: resolver, now: now)
        let chain = await chain.finish(resolver: resolver)
        let authors = AuthorDomains(header)
        let dmarc = await AlignmentCheck(resolver: resolver).verdict(
            authors: authors,
            sender: sender.domain.map { .init(sender.mailFrom.result, $0) },
            signatures: verified.findings.compactMap { finding in
                finding.domain.flatMap { Name(mailDomain: $0) }.map { .init(finding.result, $0) }
            })
        return Findings(
            sender: sender, signatures: verified.findings, signatureResult: verified.result,
            chain: chain, authors: authors, dmarc: dmarc)
    }
}

/// All that was found out about who sent a message.
package struct Findings: Sendable {
    package var sender: SenderFacts
    /// One for each signature, from the top.
    package var signatures: [Verification.Finding]
    package var signatureResult: DKIMResult
    package var chain: ReceivedChain.Verdict
    package var authors: AuthorDomains
    package var dmarc: AlignmentCheck.Verdict
}
