// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS

/// Keys of DKIM (RFC 6376 §3.6.1, RFC 8301, RFC 8463).
extension Examination {
    /// RFC 8301 §3.2: keys below are not taken.
    static let minimumKeyBits = 1024

    mutating func checkDKIM() {
        for node in view.inOrder {
            guard let set = node[.txt], node.name.isBelowDomainKeys,
                view.cut(over: node.name) == nil
            else { continue }
            if set.records.count > 1 {
                find(
                    .dkimTwice, .error, set.records,
                    Wording(
                        "\(node.name) has \(set.records.count) TXT records: which of them is the "
                            + "DKIM key is left to chance (RFC 6376 §3.6.2.2).",
                        "\(node.name) hat \(set.records.count) TXT-Einträge: Welcher der "
                            + "DKIM-Schlüssel ist, bleibt Zufall (RFC 6376 §3.6.2.2)."),
                    Wording("Leave only the key.", "Nur den Schlüssel stehen lassen."))
            }
            for record in set.records { checkKey(record, at: node.name) }
        }
    }

    private mutating func checkKey(_ record: PlacedRecord, at name: Name) {
        guard let text = record.text else { return }
        switch DKIMKey.read(text) {
        case .key(let bits, let isTesting):
            if let bits, bits < Self.minimumKeyBits {
                find(
                    .dkimShortKey, .error, [record],
                    Wording(
                        "The DKIM key \(name) has \(bits) bits; below 1024 no signature counts "
                            + "(RFC 8301 §3.2).",
                        "Der DKIM-Schlüssel \(name) hat \(bits) Bit; unter 1024 zählt keine "
                            + "Signatur (RFC 8301 §3.2)."),
                    Wording(
                        "Make a key of 2048 bits, or an Ed25519 key beside one.",
                        "Einen Schlüssel mit 2048 Bit erzeugen, daneben auch einen mit Ed25519."))
            }
            guard isTesting else { return }
            find(
                .dkimTesting, .notice, [record],
                Wording(
                    "The DKIM key \(name) is marked as a test (t=y): receivers may ignore it.",
                    "Der DKIM-Schlüssel \(name) ist als Test gekennzeichnet (t=y): Empfänger "
                        + "dürfen ihn übergehen."),
                Wording("Remove the flag y.", "Die Kennzeichnung y entfernen."))
        case .revoked:
            find(
                .dkimRevoked, .notice, [record],
                Wording(
                    "The DKIM key \(name) is revoked (empty p).",
                    "Der DKIM-Schlüssel \(name) ist widerrufen (p ist leer)."),
                Wording(
                    "Remove it once no mail signed with it is on its way.",
                    "Ihn entfernen, sobald keine damit signierte Mail mehr unterwegs ist."))
        case .unreadable(let why):
            find(
                .dkimUnreadable, .error, [record],
                Wording(
                    "The DKIM key \(name) cannot be read: \(why.english).",
                    "Der DKIM-Schlüssel \(name) ist nicht lesbar: \(why.german)."),
                Wording(
                    "Publish it again as it was made; a text of more than 255 characters is cut "
                        + "into several strings.",
                    "Ihn noch einmal veröffentlichen, wie er erzeugt wurde; ein Text über 255 "
                        + "Zeichen wird in mehrere Zeichenketten geteilt."))
        }
    }
}

/// What a text at `SELECTOR._domainkey.DOMAIN` says.
enum DKIMKey: Hashable, Sendable {
    /// With the bits of an RSA key.
    case key(bits: Int?, isTesting: Bool)
    case revoked
    case unreadable(Wording)

    static func read(_ text: [UInt8]) -> DKIMKey {
        guard let tags = TagList(text) else {
            return .unreadable(
                Wording(
                    "it is no list of tags such as `v=DKIM1; k=rsa; p=…`",
                    "er ist keine Liste wie `v=DKIM1; k=rsa; p=…`"))
        }
        // §3.6.1: v is optional, but then the first, and DKIM1.
        if let version = tags["v"], version != "DKIM1" || tags.tags.first?.name != "v" {
            return .unreadable(
                Wording(
                    "v is not DKIM1, or does not stand first",
                    "v ist nicht DKIM1 oder steht nicht vorn"))
        }
        guard let data = tags["p"] else {
            return .unreadable(Wording("there is no p", "p fehlt"))
        }
        if let hashes = tags["h"], !list(hashes).contains("sha256") {
            return .unreadable(
                Wording(
                    "h leaves out sha256, the only hash in use",
                    "h lässt sha256 aus, den einzigen gebräuchlichen Hash"))
        }
        if let services = tags["s"], !list(services).contains(where: ["*", "email"].contains) {
            return .unreadable(Wording("s leaves out email", "s lässt email aus"))
        }
        let digits = data.filter { !$0.isWhitespace }
        guard !digits.isEmpty else { return .revoked }
        guard let octets = Base64.decode(digits.utf8) else {
            return .unreadable(Wording("p is no Base64", "p ist kein Base64"))
        }
        let isTesting = tags["t"].map { list($0).contains("y") } ?? false
        return read(octets, kind: tags["k"] ?? "rsa", isTesting: isTesting)
    }

    private static func read(_ octets: [UInt8], kind: String, isTesting: Bool) -> DKIMKey {
        switch kind {
        case "rsa":
            guard let bits = RSAPublicKey.modulusBits(octets) else {
                return .unreadable(Wording("p is no RSA key", "p ist kein RSA-Schlüssel"))
            }
            return .key(bits: bits, isTesting: isTesting)
        case "ed25519":
            // RFC 8463 §4.2: the 32 octets themselves.
            guard octets.count == 32 else {
                return .unreadable(
                    Wording(
                        "an Ed25519 key has 32 octets", "ein Ed25519-Schlüssel hat 32 Oktette"))
            }
            return .key(bits: nil, isTesting: isTesting)
        default:
            return .unreadable(
                Wording("nobody knows keys of the kind \(kind)", "niemand kennt die Art \(kind)"))
        }
    }

    /// Words between colons.
    private static func list(_ text: String) -> [String] {
        text.split(separator: ":").map { String($0.filter { !$0.isWhitespace }) }
    }
}

/// The one thing of an RSA key in DER that a zone's check asks: how long it is.
enum RSAPublicKey {
    /// Of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) or an RSAPublicKey (RFC 8017 appendix A.1.1).
    static func modulusBits(_ octets: [UInt8]) -> Int? {
        var outer = octets[...]
        guard var body = element(0x30, &outer), outer.isEmpty else { return nil }
        if body.first == 0x02 { return bits(&body) }
        guard var algorithm = element(0x30, &body), let object = element(0x06, &algorithm),
            // rsaEncryption, 1.2.840.113549.1.1.1
            object.elementsEqual([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]),
            var string = element(0x03, &body), string.popFirst() == 0,
            var key = element(0x30, &string)
        else { return nil }
        return bits(&key)
    }

    private static func bits(_ key: inout ArraySlice<UInt8>) -> Int? {
        guard let modulus = element(0x02, &key), element(0x02, &key) != nil else { return nil }
        let digits = modulus.drop { $0 == 0 }
        guard let first = digits.first else { return nil }
        return digits.count * 8 - first.leadingZeroBitCount
    }

    /// The content of the next element if it has this tag.
    private static func element(
        _ tag: UInt8, _ rest: inout ArraySlice<UInt8>
    ) -> ArraySlice<UInt8>? {
        guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first & 0x80 != 0 {
            let count = Int(first & 0x7F)
            guard (1...3).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        defer { rest = rest.dropFirst(length) }
        return rest.prefix(length)
    }
}

extension Name {
    /// `SELECTOR._domainkey.DOMAIN`: the label stands second or further behind.
    fileprivate var isBelowDomainKeys: Bool {
        labels.dropFirst().contains { $0.equalsIgnoringCase("_domainkey".utf8) }
    }
}
