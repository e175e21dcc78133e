// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM

/// Makes the set of three fields that goes on with a chain (RFC 8617 §5.1).
package struct Sealing: Sendable {
    /// How the message is signed.
    package struct Settings: Sendable {
        /// Whose Authentication-Results are taken into the set.
        package var authservID: String
        package var identity: Signer.Identity
        /// Of the message signature.
        package var headers = Signer.usualHeaders + ["dkim-signature"]
        /// `h=` of the message signature as it is, in place of `headers`; nil: it is made of those.
        package var names: [ArraySlice<UInt8>]?
        /// Seconds since 1970; nil: it is not said.
        package var time: Int64?

        package init(authservID: String, identity: Signer.Identity) {
            self.authservID = authservID
            self.identity = identity
        }
    }

    private let settings: Settings
    private var bodies: BodyHashing

    package init(settings: Settings, cryptography: any MailCryptography) {
        self.settings = settings
        bodies = BodyHashing(
            [BodyHashing.Kind(form: .relaxed, hash: .sha256, length: nil)], cryptography)
    }

    /// Takes the next piece of the body.
    package mutating func update(_ piece: UnsafeRawBufferPointer) { bodies.update(piece) }

    /// The three fields, the seal first, each with its final CRLF; empty where none must be added.
    ///
    /// `chain` is that of the header as it goes on, with the results of this server; `status` is what
    /// validating it came to. A chain that had failed before, one of fifty
    /// sets, and a message without results of ours are not sealed.
    package mutating func finish(
        _ chain: ReceivedChain, _ status: ReceivedChain.Status
    ) throws -> [[UInt8]] {
        let digest = bodies.finish().values.first?.value ?? []
        guard chain.highestInstance < ReceivedChain.maximumInstances, !chain.hasFailedBefore else {
            return []
        }
        let results = AuthenticationResults.merged(
            from: chain.header, authservID: settings.authservID)
        guard !results.isEmpty else { return [] }
        let instance = chain.highestInstance + 1
        let resultsField = try Self.field(
            "ARC-Authentication-Results: i=\(instance); \(settings.authservID);\r\n\t"
                + results.joined(separator: ";\r\n\t"))
        return try set(
            instance, resultsField, status, behind: chain.links, of: chain.header, digest)
    }

    /// The newest set of a chain made anew, as `finish` gives it: for a message that this server has
    /// changed since it sealed it.
    ///
    /// `chain` is that of the header as it goes on, the old set still in it; its results and its
    /// `cv=` stay. Throws for a chain without a whole set.
    package mutating func renew(_ chain: ReceivedChain) throws -> [[UInt8]] {
        let digest = bodies.finish().values.first?.value ?? []
        guard let old = chain.links.last else {
            throw DKIMProblem(.permerror, "there is no set")
        }
        return try set(
            chain.links.count, old.authenticationResults, Seal(old.seal.value).status,
            behind: Array(chain.links.dropLast()), of: chain.header, digest)
    }

    private func set(
        _ instance: Int, _ resultsField: FieldList.Field, _ status: ReceivedChain.Status,
        behind links: [ReceivedChain.Link], of header: FieldList, _ digest: [UInt8]
    ) throws -> [[UInt8]] {
        let signature = try messageSignature(instance, of: header, digest)
        // §5.1.2: a chain that fails is sealed alone.
        let earlier = status == .fail ? [] : links
        let algorithm = Self.algorithm(settings.identity)
        var seal = TagWriter("ARC-Seal: i=\(instance);")
        seal.add("a=\(algorithm);")
        seal.add("cv=\(status.rawValue);")
        seal.add("d=\(settings.identity.domain);")
        seal.add("s=\(settings.identity.selector);")
        if let time = settings.time { seal.add("t=\(time);") }
        seal.add("b=")
        let link = ReceivedChain.Link(
            authenticationResults: resultsField, messageSignature: signature,
            seal: try Self.field(octets: seal.octets))
        let signed = ReceivedChain.sealedOctets(earlier + [link])
        seal.add(data: Base64.encode(try settings.identity.key.signature(of: signed)))
        return [
            seal.octets + [.carriageReturn, .lineFeed], Array(signature.whole),
            Array(resultsField.whole),
        ]
    }

    /// §4.1.2: as a DKIM-Signature, with an instance instead of a version.
    private func messageSignature(
        _ instance: Int, of header: FieldList, _ bodyHash: [UInt8]
    ) throws -> FieldList.Field {
        // RFC 6376 §5.4: From is named even where there is none.
        let names =
            settings.names
            ?? settings.headers.filter { $0 == "from" || header.count(named: $0.utf8) > 0 }
            .map { Array($0.utf8)[...] }
        var lines = TagWriter("ARC-Message-Signature: i=\(instance);")
        lines.add("a=\(Self.algorithm(settings.identity));")
        lines.add("c=relaxed/relaxed;")
        lines.add("d=\(settings.identity.domain);")
        lines.add("s=\(settings.identity.selector);")
        if let time = settings.time { lines.add("t=\(time);") }
        lines.add(names: names, tag: "h=")
        lines.add("bh=\(Base64.encode(bodyHash));")
        lines.add("b=")
        let chosen = header.chosen(names)
        var octets = Canonicalization.relaxed.canonical(
            chosen + [try Self.field(octets: lines.octets)])
        octets.removeLast(2)
        lines.add(data: Base64.encode(try settings.identity.key.signature(of: octets)))
        return try Self.field(octets: lines.octets)
    }

    private static func algorithm(_ identity: Signer.Identity) -> String {
        (identity.key.kind == .rsa ? Algorithm.rsaSHA256 : .ed25519SHA256).rawValue
    }

    private static func field(_ text: String) throws -> FieldList.Field {
        try field(octets: Array(text.utf8))
    }

    private static func field(octets: [UInt8]) throws -> FieldList.Field {
        guard let field = FieldList(octets + [.carriageReturn, .lineFeed]).fields.first else {
            throw DKIMProblem(.permerror, "a field of ours is none")
        }
        return field
    }
}

extension ReceivedChain {
    /// §5.1 step 1: whoever found it failed has said so.
    fileprivate var hasFailedBefore: Bool {
        header.all(named: "arc-seal".utf8).contains { field in
            guard let tags = TagList(field.value, isField: true) else { return false }
            return tags["i"] == "\(highestInstance)" && tags["cv"] == "fail"
        }
    }
}
