// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Makes DKIM-Signature fields (RFC 6376 §5), several for one passage of the body.
package struct Signer: Sendable {
    /// A key with the name it is published under.
    package struct Identity: Sendable {
        package let domain: String
        package let selector: String
        package let key: any SigningKey

        package init(domain: String, selector: String, key: any SigningKey) {
            self.domain = domain
            self.selector = selector
            self.key = key
        }
    }

    /// How the message is signed.
    package struct Settings: Sendable {
        package var headerForm = Canonicalization.relaxed
        package var bodyForm = Canonicalization.relaxed
        /// §5.4: signed where it is there.
        package var headers = Signer.usualHeaders
        /// Signed once more than it is there, so that nobody adds another (§8.15).
        package var oversigned = ["from", "to", "cc", "subject", "date", "reply-to", "message-id"]
        /// `h=` as it is, in place of `headers` and `oversigned`; nil: it is made of those.
        package var names: [ArraySlice<UInt8>]?
        /// Seconds since 1970; nil: it is not said.
        package var time: Int64?
        /// Seconds since 1970; nil: it holds for ever.
        package var expiration: Int64?

        package init() {}
    }

    /// §5.4.1, and what programs show or act on.
    package static let usualHeaders = [
        "from", "reply-to", "subject", "date", "to", "cc", "resent-date", "resent-from",
        "resent-to", "resent-cc", "in-reply-to", "references", "list-id", "list-help",
        "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner",
        "list-archive", "message-id", "mime-version", "content-type", "content-transfer-encoding",
        "content-id", "content-description", "sender", "auto-submitted",
    ]

    /// What is signed besides the body; it may change until `finish`.
    package var header: FieldList
    private let settings: Settings
    private var bodies: BodyHashing

    package init(
        header: FieldList, settings: Settings = Settings(), cryptography: any MailCryptography
    ) {
        self.header = header
        self.settings = settings
        bodies = BodyHashing(
            [BodyHashing.Kind(form: settings.bodyForm, hash: .sha256, length: nil)], cryptography)
    }

    /// Takes the next piece of the body.
    package mutating func update(_ piece: UnsafeRawBufferPointer) { bodies.update(piece) }

    /// The fields, each with its final CRLF, to stand above the header.
    package mutating func finish(_ identities: [Identity]) throws -> [[UInt8]] {
        let digest = bodies.finish().values.first?.value ?? []
        let names = signedNames
        return try identities.map { try field(for: $0, names, bodyHash: digest) }
    }

    private func field(
        for identity: Identity, _ names: [ArraySlice<UInt8>], bodyHash: [UInt8]
    ) throws -> [UInt8] {
        var lines = TagWriter("DKIM-Signature: v=1;")
        lines.add(
            "a=\((identity.key.kind == .rsa ? Algorithm.rsaSHA256 : .ed25519SHA256).rawValue);")
        lines.add("c=\(settings.headerForm.rawValue)/\(settings.bodyForm.rawValue);")
        lines.add("d=\(identity.domain);")
        lines.add("s=\(identity.selector);")
        if let time = settings.time { lines.add("t=\(time);") }
        if let expiration = settings.expiration { lines.add("x=\(expiration);") }
        lines.add(names: names, tag: "h=")
        lines.add("bh=\(Base64.encode(bodyHash));")
        lines.add("b=")
        let own = FieldList.Field(unfinished: lines.octets)
        var octets = settings.headerForm.canonical(header.chosen(names) + [own])
        octets.removeLast(2)
        lines.add(data: Base64.encode(try identity.key.signature(of: octets)))
        return lines.octets + [.carriageReturn, .lineFeed]
    }

    /// Every name as often as it is there, some once more.
    private var signedNames: [ArraySlice<UInt8>] {
        if let names = settings.names { return names }
        var names: [ArraySlice<UInt8>] = []
        for name in settings.headers {
            let octets = Array(name.utf8)[...]
            let isOversigned = settings.oversigned.contains(name)
            for _ in 0..<(header.count(named: octets) + (isOversigned ? 1 : 0)) {
                names.append(octets)
            }
        }
        return names
    }
}
