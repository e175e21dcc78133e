// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// That a domain signed some octets: held against the key that it publishes (RFC 6376 §6.1.2,
/// §6.1.3); a seal's (RFC 8617) as a message's.
package struct SignatureClaim: Sendable {
    /// `b=`.
    private let octets: [UInt8]
    private let signed: [UInt8]
    private let algorithm: Algorithm
    private let domain: String
    private let selector: String
    private let identityDomain: String

    /// `identityDomain` is that of `i=`, in lower case; nil: the domain itself.
    package init(
        octets: [UInt8], signed: [UInt8], algorithm: Algorithm, domain: String, selector: String,
        identityDomain: String? = nil
    ) {
        self.octets = octets
        self.signed = signed
        self.algorithm = algorithm
        self.domain = domain
        self.selector = selector
        self.identityDomain = identityDomain ?? domain
    }

    /// The key that it holds against; of several at one name the first that fits.
    @discardableResult
    package func verify(
        _ policy: Verification.Policy, _ cryptography: any MailCryptography,
        _ resolver: any Resolver
    ) async throws(DKIMProblem) -> KeyRecord {
        guard policy.allowsSHA1 || algorithm != .rsaSHA1 else {
            throw DKIMProblem(.permerror, "rsa-sha1 counts no more (RFC 8301)")
        }
        var problem = DKIMProblem(.permerror, "\(domain) has no key \(selector)")
        for text in try await KeyRecord.texts(selector: selector, domain: domain, resolver) {
            do throws(DKIMProblem) {
                let record = try KeyRecord(parsing: text)
                try check(record, policy, cryptography)
                return record
            } catch {
                problem = error
            }
        }
        throw problem
    }

    private func check(
        _ record: KeyRecord, _ policy: Verification.Policy, _ cryptography: any MailCryptography
    ) throws(DKIMProblem) {
        guard record.serves(policy.services) else {
            throw .init(.permerror, "the key is not for mail")
        }
        try record.check(algorithm)
        // §3.6.1 t=s.
        guard !record.isStrict || identityDomain == domain else {
            throw .init(.permerror, "the key is not for subdomains of \(domain)")
        }
        guard let key = cryptography.publicKey(record.kind, record.octets) else {
            throw .init(.permerror, "the key of \(domain) cannot be used")
        }
        guard record.kind != .rsa || key.bits >= policy.minimumRSABits else {
            throw .init(.policy, "the key of \(domain) has only \(key.bits) bits")
        }
        guard key.verifies(octets, of: signed, algorithm.hash) else {
            throw .init(.fail, "what \(domain) signed was changed, or its key is another")
        }
    }
}

extension KeyRecord {
    /// More at one name are a mistake (§3.6.2.2).
    private static let maximumRecords = 5

    /// Where a key is (§3.6.2.1); nil if there is no such name.
    static func name(selector: String, domain: String) -> Name? {
        Name(dotted: Array((selector + "._domainkey." + domain).utf8))
    }

    /// The TXT records where a key is (§3.6.2).
    static func texts(
        selector: String, domain: String, _ resolver: any Resolver
    ) async throws(DKIMProblem) -> [[UInt8]] {
        guard let name = name(selector: selector, domain: domain) else {
            throw .init(.permerror, "s= and d= make no domain name")
        }
        let answer = await resolver.resolve(name, .txt)
        switch answer.outcome {
        case .failure(let failure):
            throw .init(.temperror, "the key \(name) cannot be had: \(failure)")
        case .noData, .nameError: throw .init(.permerror, "there is no key \(name)")
        case .records: break
        }
        return answer.records.prefix(maximumRecords).compactMap { record in
            guard case .txt(let strings) = record.data else { return nil }
            return strings.count == 1 ? strings[0] : strings.reduce(into: [], +=)
        }
    }
}
