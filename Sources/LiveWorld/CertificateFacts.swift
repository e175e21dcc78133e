// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import SwiftASN1
package import World
import X509

/// What a server certificate says of itself, for those who must judge it.
package struct CertificateFacts: Sendable {
    /// The DNS names it is for.
    package let names: [String]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    package let isSelfSigned: Bool
    private let leaf: Certificate
    private let others: [Certificate]

    /// Of the first certificate of a PEM chain; nil if there is none that can be read.
    package init?(chain: [UInt8]) {
        let text = String(decoding: chain, as: UTF8.self)
        guard let documents = try? PEMDocument.parseMultiple(pemString: text),
            let first = documents.first, let leaf = try? Certificate(pemDocument: first)
        else { return nil }
        self.leaf = leaf
        others = documents.dropFirst().compactMap { try? Certificate(pemDocument: $0) }
        names = ((try? leaf.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames([]))
            .compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
        notBefore = Self.timestamp(leaf.notValidBefore)
        notAfter = Self.timestamp(leaf.notValidAfter)
        isSelfSigned = leaf.issuer == leaf.subject
    }

    /// Whether a client that asks for this name accepts it (RFC 9525 §6.3).
    package func isFor(_ name: String) -> Bool { names.contains { PeerName.matches($0, name) } }

    /// Whether an authority that this system trusts has issued it, by way of the chain's others.
    ///
    /// False also outside of the time for which they are valid.
    package func isTrusted() async -> Bool {
        guard !isSelfSigned else { return false }
        var verifier = Verifier(rootCertificates: .systemTrustRoots) {
            RFC5280Policy()
        }
        let result = await verifier.validate(
            leaf: leaf, intermediates: CertificateStore(others))
        if case .validCertificate = result { return true }
        return false
    }

    private static func timestamp(_ date: Date) -> Timestamp {
        Timestamp(seconds: Int64(date.timeIntervalSince1970))
    }
}
