// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Crypto
import Foundation
import SwiftASN1
package import World
import X509

/// A P-256 key with a certificate signed by itself: for the time before a real one is given.
package struct SelfSignedCertificate: Sendable {
    /// PEM.
    package let certificate: [UInt8]
    /// PEM (PKCS #8).
    package let privateKey: [UInt8]

    /// Long enough never to be in the way: nobody verifies it.
    package static let validity = Duration.days(3650)
    /// Before `now`, for peers whose clocks are late.
    private static let margin = Duration.hours(24)

    /// For DNS names (ASCII) and addresses; the first name is also the subject.
    ///
    /// The key comes from the system's own entropy.
    package init(
        names: [String], addresses: [IPAddress] = [], now: Timestamp = LiveTime().timestamp
    ) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName {
            CommonName(names.first ?? addresses.first?.description ?? "localhost")
        }
        let alternatives =
            names.map(GeneralName.dnsName)
            + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0.octets[...])) }
        let made = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Self.date(now + (.zero - Self.margin)),
            notValidAfter: Self.date(now + Self.validity),
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: key)
        certificate = Array((try made.serializeAsPEM().pemString + "\n").utf8)
        privateKey = Array((try key.serializeAsPEM().pemString + "\n").utf8)
    }

    private static func date(_ time: Timestamp) -> Date {
        Date(timeIntervalSince1970: Double(time.seconds))
    }
}
