// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import World

/// Signs one message on its way (RFC 6376 §5): the header first, then the body in pieces, and at
/// the end the fields that go on top.
package struct MessageSigning: Sendable {
    private let identities: [Signer.Identity]
    private var signer: Signer

    /// `header` is all of it, as it will be sent; an empty line at its end does not count.
    package init(
        _ header: [UInt8], _ identities: [Signer.Identity], at now: Timestamp,
        _ cryptography: any MailCryptography
    ) {
        self.identities = identities
        var settings = Signer.Settings()
        let fields = FieldList(header)
        let isReport = Self.ofReports.contains { !fields.all(named: $0.utf8).isEmpty }
        settings.oversigned = Self.oversigned
        if isReport {
            settings.headers += Self.ofReports
            settings.oversigned += Self.ofReports
        }
        settings.time = now.seconds
        signer = Signer(
            header: fields, settings: settings, cryptography: cryptography)
    }

    /// What readers and their programs go by: nobody may add another one (RFC 6376 §8.15).
    private static let oversigned = [
        "from", "to", "cc", "subject", "date", "reply-to", "message-id", "mime-version",
        "content-type", "content-transfer-encoding",
    ]
    /// RFC 8460 §5.3: whose report this is, in one that is; in other mail they say nothing.
    private static let ofReports = ["tls-report-domain", "tls-report-submitter"]

    /// The header will be sent so, and not as it was said before.
    package mutating func change(header: [UInt8]) { signer.header = FieldList(header) }

    /// Takes the next piece of the body, which begins behind the empty line.
    package mutating func update(_ piece: ArraySlice<UInt8>) {
        piece.withUnsafeBytes { signer.update($0) }
    }

    /// The fields, one below the other, each with its CRLF; empty if a key does not work.
    package mutating func finish() -> [UInt8] {
        guard let fields = try? signer.finish(identities) else { return [] }
        return fields.flatMap { $0 }
    }
}
