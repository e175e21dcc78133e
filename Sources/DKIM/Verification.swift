// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// Verifies the signatures of one message (RFC 6376 §6) while it comes: the header first, then the
/// body in pieces, then the keys.
package struct Verification: Sendable {
    /// What is asked of signatures beyond the standard.
    package struct Policy: Sendable {
        /// RFC 8301 §3.2.
        package var minimumRSABits = 1024
        /// RFC 8301 §3.1: nobody does any more.
        package var allowsSHA1 = false
        /// RFC 6376 §6.1: signatures beyond are not looked at.
        package var maximumSignatures = 20
        /// RFC 6376 §3.6.1 `s=`: keys for none of these do not count.
        package var services: Set<String> = ["email"]
        /// `l=`: whether what stands behind may be unsigned.
        package var allowsUnsignedEnd = true

        package init() {}
    }

    /// What came of one signature.
    package struct Finding: Hashable, Sendable {
        package var result: DKIMResult
        package var domain: String?
        package var selector: String?
        package var algorithm: String?
        /// `i=` of a signature that can be read.
        package var identity: String?
        /// The first octets of `b=` in Base64, by which two of a domain are told apart (RFC 6008).
        package var hint: String?
        package var reason: String?
        package var isTesting = false
        /// `z=` of a signature that can be read, for `CopiedField.all`.
        package var copies: ArraySlice<UInt8>?
    }

    fileprivate enum Candidate: Sendable {
        case signature(Signature, FieldList.Field)
        case fault(Signature.Fault)
        case surplus

        var isReadable: Bool { if case .signature = self { true } else { false } }
    }

    private let header: FieldList
    private let policy: Policy
    private let cryptography: any MailCryptography
    private let candidates: [Candidate]
    private var bodies: BodyHashing

    package init(
        header: FieldList, policy: Policy = Policy(), cryptography: any MailCryptography
    ) {
        self.header = header
        self.policy = policy
        self.cryptography = cryptography
        candidates = header.all(named: "dkim-signature".utf8).enumerated().map { index, field in
            guard index < policy.maximumSignatures else { return .surplus }
            do throws(Signature.Fault) {
                return .signature(try Signature(field.value), field)
            } catch {
                return .fault(error)
            }
        }
        var kinds: Set<BodyHashing.Kind> = []
        for case .signature(let signature, _) in candidates { kinds.insert(signature.body) }
        bodies = BodyHashing(kinds, cryptography)
    }

    /// Whether there is anything that the body is needed for.
    package var isNeeded: Bool { !candidates.isEmpty }

    /// Takes the next piece of the body, behind the empty line.
    package mutating func update(_ piece: UnsafeRawBufferPointer) { bodies.update(piece) }

    /// Asks for the keys, and says what came of each signature, from the top.
    ///
    /// `now` is in seconds since 1970.
    package mutating func finish(
        resolver: any Resolver, now: Int64
    ) async -> (result: DKIMResult, findings: [Finding]) {
        let digests = bodies.finish()
        var findings = candidates.map { Finding($0) }
        let readable = candidates.indices.filter { candidates[$0].isReadable }
        let verification = self
        if readable.count <= 1 || readable.allSatisfy({ isKeyRemembered($0, by: resolver) }) {
            for index in readable {
                findings[index] = await verification.finding(
                    index, digests, resolver: resolver, now: now)
            }
        } else {
            // All keys are asked for at once: a slow one holds no other up.
            await withTaskGroup(of: (Int, Finding).self) { group in
                for index in readable {
                    group.addTask {
                        let finding = await verification.finding(
                            index, digests, resolver: resolver, now: now)
                        return (index, finding)
                    }
                }
                for await (index, finding) in group { findings[index] = finding }
            }
        }
        return (DKIMResult.overall(findings.map(\.result)), findings)
    }

    /// Whether nobody has to be asked for the key, so that no task is worth while.
    private func isKeyRemembered(_ index: Int, by resolver: any Resolver) -> Bool {
        guard case .signature(let signature, _) = candidates[index],
            let name = KeyRecord.name(selector: signature.selector, domain: signature.domain)
        else { return true }
        return resolver.remembers(name, .txt)
    }

    private func finding(
        _ index: Int, _ digests: [BodyHashing.Kind: (value: [UInt8], octets: Int)],
        resolver: any Resolver, now: Int64
    ) async -> Finding {
        var finding = Finding(candidates[index])
        guard case .signature(let signature, let field) = candidates[index] else { return finding }
        do throws(DKIMProblem) {
            let digest = digests[signature.body] ?? ([], 0)
            finding.isTesting = try await verify(
                signature, field, digest, resolver: resolver, now: now)
        } catch {
            finding.result = error.result
            finding.reason = error.reason
        }
        return finding
    }

    /// Returns for a signature that holds; says whether its domain is only testing.
    private func verify(
        _ signature: Signature, _ field: FieldList.Field, _ digest: (value: [UInt8], octets: Int),
        resolver: any Resolver, now: Int64
    ) async throws(DKIMProblem) -> Bool {
        if let expiration = signature.expiration, expiration < now {
            throw DKIMProblem(.fail, "it has expired")
        }
        guard policy.allowsUnsignedEnd || signature.bodyLength == nil else {
            throw DKIMProblem(.policy, "l= leaves the end of the body unsigned")
        }
        // §3.5: l= is no larger than the body.
        if let length = signature.bodyLength, length > digest.octets {
            throw DKIMProblem(.permerror, "l= is larger than the body")
        }
        guard digest.value == signature.bodyHash else {
            throw DKIMProblem(.fail, "the body was changed")
        }
        let claim = SignatureClaim(
            octets: signature.octets, signed: signature.signedOctets(of: header, field),
            algorithm: signature.algorithm, domain: signature.domain,
            selector: signature.selector, identityDomain: signature.identityDomain.lowercased())
        return try await claim.verify(policy, cryptography, resolver).isTesting
    }
}

extension Verification.Finding {
    /// What is known before the key is; a signature that can be read is taken to hold.
    fileprivate init(_ candidate: Verification.Candidate) {
        switch candidate {
        case .surplus: self.init(result: .policy, reason: "there are too many signatures")
        case .fault(let fault):
            self.init(
                result: fault.problem.result, domain: fault.domain, selector: fault.selector,
                algorithm: fault.algorithm, reason: fault.problem.reason)
        case .signature(let signature, _):
            self.init(
                result: .pass, domain: signature.domain, selector: signature.selector,
                algorithm: signature.algorithm.rawValue, identity: signature.identity,
                // Eight letters: RFC 6008 §3.
                hint: Base64.encode(signature.octets.prefix(6)), copies: signature.copies)
        }
    }
}

extension Signature {
    /// The digest of the body that it needs.
    package var body: BodyHashing.Kind {
        BodyHashing.Kind(form: bodyForm, hash: algorithm.hash, length: bodyLength)
    }

    /// What the signature is of (§3.7): the chosen fields, then the signature's own with an empty
    /// `b=` and without its final CRLF.
    package func signedOctets(of header: FieldList, _ field: FieldList.Field) -> [UInt8] {
        var octets = headerForm.canonical(
            header.chosen(headers, except: field) + [Self.withoutSignature(field)])
        octets.removeLast(2)
        return octets
    }
}
