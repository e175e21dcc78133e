// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
import DMARC
package import DNS
import Feedback
import MIME
import Mail
package import World

/// Finds out who signed a report on TLS (RFC 8460 §3).
///
/// Keys that their records keep for such reports (`s=tlsrpt`) count here, which do not for mail;
/// and a signature with `l=` does not count, which does for mail.
package struct ReportSigners: Sendable {
    private let resolver: any Resolver
    private let cryptography: any MailCryptography
    private let time: any Time

    package init(
        resolver: any Resolver, cryptography: any MailCryptography, time: any Time
    ) {
        self.resolver = resolver
        self.cryptography = cryptography
        self.time = time
    }

    /// Whether who reports has signed the mail that carries the report; nil if the DNS does not
    /// say.
    func haveSigned(_ report: TLSReport, in mail: [UInt8]) async -> Bool? {
        let end: [UInt8] = [.carriageReturn, .lineFeed, .carriageReturn, .lineFeed]
        let bodyStart = mail.firstRange(of: end)?.upperBound ?? mail.count
        let header = FieldList(Array(mail[..<bodyStart]))
        var policy = Verification.Policy()
        policy.services = ["email", "tlsrpt"]
        policy.allowsUnsignedEnd = false
        var verification = Verification(
            header: header, policy: policy, cryptography: cryptography)
        mail[bodyStart...].withUnsafeBytes { verification.update($0) }
        let (_, findings) = await verification.finish(
            resolver: resolver, now: time.timestamp.seconds)
        let reporters = Self.reporters(report, mail, header)
        var isUnknown = false
        for finding in findings {
            guard let domain = finding.domain.flatMap({ Name(mailDomain: $0) }),
                reporters.contains(where: {
                    $0.isEqualOrBelow(domain) || domain.isEqualOrBelow($0)
                })
            else { continue }
            if finding.result == .pass { return true }
            if finding.result == .temperror { isUnknown = true }
        }
        return isUnknown ? nil : false
    }

    /// Whose report it is: by the report itself, which counts more (RFC 8460 §5.6), and the field.
    private static func reporters(
        _ report: TLSReport, _ mail: [UInt8], _ header: FieldList
    ) -> [Name] {
        let contact = report.contact.flatMap { contact in
            contact.lastIndex(of: "@").map { String(contact[contact.index(after: $0)...]) }
        }
        let field = HeaderScan.value(of: "TLS-Report-Submitter", in: mail[...]).map {
            String(
                lossy: $0.filter { !$0.isWhitespace && $0 != .carriageReturn && $0 != .lineFeed })
        }
        // RFC 8460 §5.3: both are the same; without either it is that of the mail's author.
        let named = [contact, field].compactMap { $0 }.compactMap { Name(mailDomain: $0) }
        return Array((named + AuthorDomains(header).domains).prefix(1))
    }
}
