// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import DNS

/// Validates a chain (RFC 8617 §5.2) while the message comes: the header first, then the body in
/// pieces, then the keys.
package struct ChainValidation: Sendable {
    private let chain: ReceivedChain
    private let policy: Verification.Policy
    private let cryptography: any MailCryptography
    /// The signatures of the message, by instance; nil for one that has faults.
    private let signatures: [Signature?]
    private var bodies: BodyHashing

    package init(
        _ chain: ReceivedChain, policy: Verification.Policy = .init(),
        cryptography: any MailCryptography
    ) {
        self.chain = chain
        self.policy = policy
        self.cryptography = cryptography
        signatures = chain.links.map {
            try? Signature(
                ReceivedChain.withoutLeadingComments($0.messageSignature.value), isSeal: true)
        }
        bodies = BodyHashing(Set(signatures.compactMap { $0?.body }), cryptography)
    }

    /// Whether there is anything that the body is needed for.
    package var isNeeded: Bool { !chain.links.isEmpty }

    /// Takes the next piece of the body, behind the empty line.
    package mutating func update(_ piece: UnsafeRawBufferPointer) { bodies.update(piece) }

    /// Asks for the keys, and says whether the chain holds.
    package mutating func finish(resolver: any Resolver) async -> ReceivedChain.Verdict {
        guard chain.isThere else { return .init(status: .none) }
        do throws(DKIMProblem) {
            if let fault = chain.fault { throw DKIMProblem(.permerror, fault) }
            let digests = bodies.finish()
            let seals = try readSeals()
            // Step 4: the newest signature of the message must hold.
            let newest = chain.links.count - 1
            try await verifySignature(newest, digests, resolver)
            // Step 6: every seal.
            for instance in seals.indices.reversed() {
                try await verifySeal(seals[instance], upTo: instance, resolver)
            }
            var verdict = ReceivedChain.Verdict(status: .pass)
            verdict.sealers = seals.map(\.domain)
            // arc-info = instance [CFWS] ";" authres-payload (§4.1.1)
            verdict.originResults = Array(
                AuthenticationResults.parts(of: chain.links[0].authenticationResults).dropFirst(2))
            // Step 5, which nobody must take: how far back the message is as it was.
            var oldest = newest
            while oldest > 0 {
                do throws(DKIMProblem) {
                    try await verifySignature(oldest - 1, digests, resolver)
                    oldest -= 1
                } catch {
                    break
                }
            }
            verdict.oldestPass = oldest == 0 ? 0 : oldest + 1
            return verdict
        } catch {
            var verdict = ReceivedChain.Verdict(status: .fail, reason: error.reason)
            verdict.isTemporary = error.result == .temperror
            return verdict
        }
    }

    /// Whether the newest set holds, whatever those below it do: it was made over this message and
    /// these sets by whoever has its key.
    package mutating func finishNewest(resolver: any Resolver) async -> Bool {
        guard let link = chain.links.last else { return false }
        let digests = bodies.finish()
        do throws(DKIMProblem) {
            let seal = try Seal(link.seal.value)
            try await verifySignature(chain.links.count - 1, digests, resolver)
            // §5.1.2: a chain that has failed is sealed alone.
            try await SignatureClaim(
                octets: seal.octets,
                signed: ReceivedChain.sealedOctets(seal.status == .fail ? [link] : chain.links),
                algorithm: seal.algorithm, domain: seal.domain, selector: seal.selector
            ).verify(policy, cryptography, resolver)
            return true
        } catch {
            return false
        }
    }

    /// Steps 2 and 3: the form of the seals.
    private func readSeals() throws(DKIMProblem) -> [Seal] {
        var seals: [Seal] = []
        for link in chain.links { seals.append(try Seal(link.seal.value)) }
        if seals.last?.status == .fail {
            throw .init(.permerror, "it had failed before: \(seals.last?.domain ?? "")")
        }
        for (index, seal) in seals.enumerated() {
            let expected: ReceivedChain.Status = index == 0 ? .none : .pass
            guard seal.status == expected else {
                throw .init(
                    .permerror, "cv= of set \(index + 1) is not \(expected.rawValue)")
            }
        }
        return seals
    }

    private func verifySignature(
        _ index: Int, _ digests: [BodyHashing.Kind: (value: [UInt8], octets: Int)],
        _ resolver: any Resolver
    ) async throws(DKIMProblem) {
        let field = chain.links[index].messageSignature
        guard let signature = signatures[index] else {
            throw .init(.permerror, "the message signature \(index + 1) has faults")
        }
        // §4.1.2: a seal is no part of it.
        guard !signature.headers.contains(where: { $0.elementsEqual("arc-seal".utf8) }) else {
            throw .init(.permerror, "the message signature \(index + 1) names ARC-Seal")
        }
        guard let digest = digests[signature.body], digest.value == signature.bodyHash else {
            throw .init(.fail, "the body was changed behind set \(index + 1)")
        }
        try await SignatureClaim(
            octets: signature.octets, signed: signature.signedOctets(of: chain.header, field),
            algorithm: signature.algorithm, domain: signature.domain, selector: signature.selector
        ).verify(policy, cryptography, resolver)
    }

    private func verifySeal(
        _ seal: Seal, upTo index: Int, _ resolver: any Resolver
    ) async throws(DKIMProblem) {
        try await SignatureClaim(
            octets: seal.octets, signed: ReceivedChain.sealedOctets(chain.links[...index]),
            algorithm: seal.algorithm, domain: seal.domain, selector: seal.selector
        ).verify(policy, cryptography, resolver)
    }
}
