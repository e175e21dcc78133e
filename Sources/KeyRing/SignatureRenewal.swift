// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DKIM
import DNS
import Mail
import World

/// Makes signatures and seals of ours anew, in a message that this server must change after it has
/// made them (RFC 6376 §5.3: what signatures are of must not change behind them).
///
/// Shown the message as it was and as it goes on, it says at the end what the header is then. Only
/// what verifies in the message as it was, by a key that is held here, is made anew: whoever claims
/// to be signed by us gains nothing. Signatures of others stay, and break.
package struct SignatureRenewal: Sendable {
    private let keys: SigningKeys
    private let cryptography: any SigningKeys.Cryptography
    private let now: Timestamp
    private var before = Part()
    private var after = Part()
    private var original: Original?
    private var changed: Changed?

    /// A header with its empty line, once it is complete.
    private struct Part: Sendable {
        var header: [UInt8] = []
        var isComplete = false

        /// More is no header of a message that can be changed.
        static let maximumOctets = 512 << 10

        /// Takes octets; returns those of the body.
        mutating func take(_ piece: [UInt8]) -> ArraySlice<UInt8> {
            guard !isComplete else { return piece[...] }
            guard header.count <= Self.maximumOctets else { return [] }
            let searched = max(0, header.count - 3)
            header += piece
            var index = searched
            while index + 3 < header.count {
                if header[index + 1] == .lineFeed, header[index + 2] == .carriageReturn {
                    isComplete = true
                    let body = piece.suffix(header.count - index - 4)
                    header.removeLast(body.count)
                    return body
                }
                index += 1
            }
            return []
        }
    }

    /// What verifies the message as it was.
    private struct Original: Sendable {
        let list: FieldList
        var verification: Verification
        var chain: ChainValidation
        /// The places of our signatures among all of that name; who has signed and sealed.
        var signatures: [(place: Int, signature: Signature)] = []
        var seal: Signature?

        init(_ header: [UInt8], _ keys: SigningKeys, _ cryptography: any MailCryptography) {
            list = FieldList(header)
            let isOurs = { (field: FieldList.Field, isSeal: Bool) -> Signature? in
                guard let signature = try? Signature(field.value, isSeal: isSeal),
                    let domain = try? Domain(signature.domain),
                    keys.holds(signature.selector, of: domain)
                else { return nil }
                return signature
            }
            let fields = list.all(named: "dkim-signature".utf8)
            for (place, field) in fields.enumerated() {
                if let signature = isOurs(field, false) { signatures.append((place, signature)) }
            }
            let received = ReceivedChain(list)
            if let link = received.links.last { seal = isOurs(link.messageSignature, true) }
            verification = Verification(header: list, cryptography: cryptography)
            chain = ChainValidation(received, cryptography: cryptography)
        }
    }

    /// What signs the message as it goes on.
    private struct Changed: Sendable {
        var signer: (Signer, [Signer.Identity])?
        var sealing: Sealing?
    }

    init(
        _ keys: SigningKeys, _ cryptography: any SigningKeys.Cryptography, at now: Timestamp
    ) {
        self.keys = keys
        self.cryptography = cryptography
        self.now = now
    }

    /// Whether nothing in the message is ours, as far as it has been seen: then it need not be seen
    /// to its end.
    package var isIdle: Bool {
        guard let original else { return false }
        return original.signatures.isEmpty && original.seal == nil
    }

    /// Takes the next piece of the message as it was.
    ///
    /// Of each message first this, then what the piece has become.
    package mutating func take(before piece: [UInt8]) {
        let body = before.take(piece)
        guard before.isComplete else { return }
        if original == nil { original = Original(before.header, keys, cryptography) }
        body.withUnsafeBytes {
            original?.verification.update($0)
            original?.chain.update($0)
        }
    }

    /// Takes the next piece of the message as it goes on.
    package mutating func take(after piece: [UInt8]) {
        let body = after.take(piece)
        guard after.isComplete, let original else { return }
        if changed == nil { changed = begin(original) }
        body.withUnsafeBytes {
            changed?.signer?.0.update($0)
            changed?.sealing?.update($0)
        }
    }

    private func begin(_ original: Original) -> Changed {
        var changed = Changed()
        let header = FieldList(after.header)
        if let (_, first) = original.signatures.first, let domain = try? Domain(first.domain) {
            let identities = keys.identities(of: domain, at: now)
            var settings = Signer.Settings()
            settings.time = now.seconds
            settings.names = Self.names(of: first, in: header, isOversigned: true)
            if !identities.isEmpty {
                changed.signer = (
                    Signer(header: header, settings: settings, cryptography: cryptography),
                    identities
                )
            }
        }
        if let seal = original.seal, let domain = try? Domain(seal.domain),
            let identity = keys.sealer(of: domain, at: now)
        {
            var settings = Sealing.Settings(authservID: "", identity: identity)
            settings.time = now.seconds
            settings.names = Self.names(of: seal, in: header, isOversigned: false)
            changed.sealing = Sealing(settings: settings, cryptography: cryptography)
        }
        return changed
    }

    /// What changes with the form of a message.
    private static let formFields = ["mime-version", "content-type", "content-transfer-encoding"]

    /// The fields that were signed, those of the form as they are now: what somebody has added
    /// since then is not signed by the way.
    private static func names(
        of signature: Signature, in header: FieldList, isOversigned: Bool
    ) -> [ArraySlice<UInt8>] {
        var names = signature.headers.filter { name in
            !formFields.contains { name.elementsEqual($0.utf8) }
        }
        for name in formFields {
            let count = header.count(named: name.utf8) + (isOversigned ? 1 : 0)
            names += repeatElement(Array(name.utf8)[...], count: count)
        }
        return names
    }

    /// The header of the message as it goes on, with its empty line, and how long it was before;
    /// nil if nothing in it is made anew.
    package mutating func finish() async -> (header: [UInt8], replacing: Int)? {
        guard !isIdle, original != nil, changed != nil else { return nil }
        // A seal may be over the signatures.
        let isSigned = await renewSignatures()
        let isSealed = await renewSeal()
        return isSigned || isSealed ? (after.header, before.header.count) : nil
    }

    private mutating func renewSignatures() async -> Bool {
        guard var original, let (unfinished, identities) = changed?.signer,
            let domain = identities.first?.domain
        else { return false }
        var signer = unfinished
        let (_, findings) = await original.verification.finish(
            resolver: OwnKeyRecords(keys: keys), now: now.seconds)
        let places = original.signatures.map(\.place).filter {
            findings[$0].result == .pass && findings[$0].domain == domain
        }
        guard !places.isEmpty, let fields = try? signer.finish(identities) else { return false }
        let all = FieldList(after.header).all(named: "dkim-signature".utf8)
        replace(places.map { all[$0] }, by: fields.flatMap(\.self))
        return true
    }

    private mutating func renewSeal() async -> Bool {
        guard var original, original.seal != nil, var sealing = changed?.sealing,
            await original.chain.finishNewest(resolver: OwnKeyRecords(keys: keys))
        else { return false }
        let chain = ReceivedChain(FieldList(after.header))
        guard let old = chain.links.last, let fields = try? sealing.renew(chain) else {
            return false
        }
        replace(
            [old.seal, old.messageSignature, old.authenticationResults],
            by: fields.flatMap(\.self))
        return true
    }

    /// Puts octets where the first of some fields of the header is; the fields go.
    private mutating func replace(_ fields: [FieldList.Field], by octets: [UInt8]) {
        let ranges = fields.map(\.whole.indices).sorted { $0.lowerBound < $1.lowerBound }
        for (index, range) in ranges.enumerated().reversed() {
            after.header.replaceSubrange(range, with: index == 0 ? octets : [])
        }
    }
}

/// What the zones of our domains say of the keys that are held here, without asking anybody.
private struct OwnKeyRecords: Resolver {
    let keys: SigningKeys

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let text = "\(name)".lowercased()
        guard let range = text.firstRange(of: "._domainkey."),
            let domain = try? Domain(text[range.upperBound...]),
            let record = keys.record(String(text[..<range.lowerBound]), of: domain)
        else { return Answer(.nameError) }
        return Answer(
            .records,
            records: [
                ResourceRecord(
                    owner: name, type: .txt, ttl: 0, data: .txt([Array(record.utf8)]))
            ])
    }
}
