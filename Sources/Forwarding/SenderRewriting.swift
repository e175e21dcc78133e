// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
package import World

/// The Sender Rewriting Scheme (SRS): a reverse-path in a domain of ours instead of one that does
/// not know us, so that SPF passes for forwarded mail and its notifications find their way back.
///
/// The forms are those that forwarders have in common, so that they understand each other's:
///
/// ```abnf
/// srs0     = "SRS0" sep hash "=" stamp "=" domain "=" local    ; of domain's sender local
/// srs1     = "SRS1" sep hash "=" domain "=" sep rest           ; of domain's "SRS0" sep rest
/// sep      = "=" / "-" / "+"
/// hash     = 8base32        ; ours; of others it may be anything
/// stamp    = 2base32        ; days since 1970, modulo 1024
/// kept     = "SRS0=" token  ; ours, of a sender that is too long for the others
/// token    = 16base32
/// ```
package struct SenderRewriting: Sendable {
    /// Why an address of these forms leads nowhere.
    package enum Fault: Error, Hashable, Sendable {
        /// It was not made here, or was changed.
        case forged
        /// It was made too long ago.
        case expired
    }

    /// How long an address is good for: far longer than mail may wait anywhere (5 days), and its
    /// notification after it.
    package static let lifetimeDays = 21
    /// Of a keyed hash: 40 bits are not guessed by trying.
    private static let hashOctets = 5
    private static let hashCharacters = 8
    /// Of what stands for a sender: 80 bits.
    private static let tokenOctets = 10
    private static let tokenCharacters = 16
    /// Days that a stamp of two characters tells apart.
    private static let stampCycle = 1024

    /// A keyed hash that only we can compute; at least ten octets.
    private let code: @Sendable ([UInt8]) -> [UInt8]

    package init(code: @escaping @Sendable ([UInt8]) -> [UInt8]) { self.code = code }

    /// Whether a local part has one of the forms, whoever may have made it.
    package static func isRewritten(_ localPart: LocalPart) -> Bool {
        Form(localPart.value) != nil
    }

    /// Whether a local part could have been made by a forwarder, of whatever make: who has not its
    /// key can tell no more.
    package static func mayLeadBack(_ localPart: LocalPart) -> Bool {
        if token(in: localPart) != nil { return true }
        let fields: Int
        let rest: Substring
        switch Form(localPart.value) {
        // hash=stamp=domain=local
        case .first(let text): (fields, rest) = (3, text.dropFirst())
        // hash=domain=rest
        case .second(let text): (fields, rest) = (2, text.dropFirst())
        case nil: return false
        }
        let parts = rest.split(separator: "=", maxSplits: fields, omittingEmptySubsequences: false)
        return parts.count == fields + 1 && !parts.contains(where: \.isEmpty)
            && (try? Domain(parts[fields - 1])) != nil
    }

    /// The sender's path in one of our domains.
    ///
    /// Nil where that is not to be had: with more than 64 octets before the `@` (RFC 5321
    /// §4.5.3.1.1), or of a sender at an address literal.
    package func rewritten(
        _ sender: Address, in domain: Domain, at now: Timestamp
    ) -> Address? {
        guard let from = sender.domain else { return nil }
        let text: String
        switch Form(sender.localPart.value) {
        case .first(let rest):
            // Of another forwarder: the first one keeps its word, whoever stands between.
            text = "SRS1=" + hash([from.name, rest]) + "=\(from)=" + rest
        case .second(let rest):
            guard
                let (first, rest) = Self.split(rest.dropFirst()).flatMap({ _, rest in
                    Self.split(rest)
                })
            else { return nil }
            text = "SRS1=" + hash([String(first), String(rest)]) + "=\(first)=\(rest)"
        case nil:
            let stamp = Self.stamp(Self.day(now))
            let local = sender.localPart.value
            text = "SRS0=" + hash([stamp, from.name, local]) + "=\(stamp)=\(from)=\(local)"
        }
        guard let localPart = try? LocalPart(text) else { return nil }
        return Address(localPart, at: domain)
    }

    /// Whose notifications an address takes.
    ///
    /// Letters may have changed their case on the way. Nil if the local part is none of these.
    package func original(of localPart: LocalPart, at now: Timestamp) throws(Fault) -> Address? {
        switch Form(localPart.value) {
        case .first(let rest): return try original(rest.dropFirst(), at: now)
        case .second(let rest): return try forwarder(rest.dropFirst())
        case nil: return nil
        }
    }

    /// Of `hash=stamp=domain=local`.
    private func original(_ text: Substring, at now: Timestamp) throws(Fault) -> Address {
        guard let (hash, signed) = Self.split(text), let (stamp, path) = Self.split(signed),
            let (domain, local) = Self.split(path), let day = Self.day(stamp)
        else { throw .forged }
        try check(hash, [String(stamp), String(domain), String(local)])
        let age = (Self.day(now) - day + Self.stampCycle) % Self.stampCycle
        // A clock that goes a little wrong is no reason to lose mail.
        guard age <= Self.lifetimeDays || age == Self.stampCycle - 1 else { throw .expired }
        return try Self.address(String(local), domain)
    }

    /// Of `hash=domain=` and what follows `SRS0` there.
    private func forwarder(_ text: Substring) throws(Fault) -> Address {
        guard let (hash, signed) = Self.split(text), let (domain, rest) = Self.split(signed) else {
            throw .forged
        }
        try check(hash, [String(domain), String(rest)])
        return try Self.address("SRS0" + rest, domain)
    }

    private static func address(
        _ local: String, _ domain: Substring
    ) throws(Fault) -> Address {
        guard let local = try? LocalPart(local), let domain = try? Domain(domain) else {
            throw .forged
        }
        return Address(local, at: domain)
    }

    // MARK: - Tokens

    /// What may stand for a sender whose path is too long, if somebody keeps what it stands for.
    package func token(for sender: Address) -> String {
        Base32.encode(code(Array("token=\(sender)".utf8)).prefix(Self.tokenOctets))
    }

    /// The local part with a token in it.
    package static func localPart(of token: String) -> LocalPart? {
        try? LocalPart("SRS0=" + token)
    }

    /// The token that a local part consists of; nil for the other forms.
    package static func token(in localPart: LocalPart) -> String? {
        guard case .first(let rest) = Form(localPart.value) else { return nil }
        let token = rest.utf8.dropFirst()
        guard token.count == tokenCharacters, token.allSatisfy({ Base32.value($0) != nil }) else {
            return nil
        }
        return String(lossy: token).uppercased()
    }

    // MARK: - Hashes

    /// Of the fields in lower case, since some hosts change the case of local parts.
    private func hash(_ fields: [String]) -> String {
        let text = Array(fields.joined(separator: "=").asciiLowercased.utf8)
        return Base32.encode(code(text).prefix(Self.hashOctets))
    }

    /// In a time that tells nothing of where they differ.
    private func check(_ hash: Substring, _ fields: [String]) throws(Fault) {
        let own = Array(self.hash(fields).utf8)
        let given = hash.utf8.map(\.lowercased)
        var difference = given.count ^ own.count
        for (left, right) in zip(own, given) { difference |= Int(left.lowercased ^ right) }
        guard difference == 0, given.count == Self.hashCharacters else { throw .forged }
    }

    // MARK: - Stamps

    private static func day(_ now: Timestamp) -> Int {
        Int(now.seconds / 86_400) % stampCycle
    }

    private static func stamp(_ day: Int) -> String {
        String(lossy: [Base32.alphabet[day >> 5 & 31], Base32.alphabet[day & 31]])
    }

    private static func day(_ stamp: Substring) -> Int? {
        let digits = stamp.utf8.compactMap(Base32.value)
        guard stamp.utf8.count == 2, digits.count == 2 else { return nil }
        return digits[0] << 5 | digits[1]
    }

    // MARK: - Parts

    /// At the first `=`.
    private static func split(_ text: Substring) -> (Substring, Substring)? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        return (text[..<equals], text[text.index(after: equals)...])
    }

    /// A local part that was rewritten, with what follows the tag, separator and all.
    private enum Form {
        case first(String)
        case second(String)

        init?(_ text: String) {
            guard text.utf8.count > 5,
                let separator = text.utf8.dropFirst(4).first, "=-+".utf8.contains(separator)
            else { return nil }
            switch String(text.utf8.prefix(4))?.asciiLowercased {
            case "srs0": self = .first(String(text.dropFirst(4)))
            case "srs1": self = .second(String(text.dropFirst(4)))
            default: return nil
            }
        }
    }
}

/// Base 32 (RFC 4648 §6), which survives a change of letter case.
private enum Base32 {
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    /// Each five octets as eight characters.
    static func encode(_ octets: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        var rest = Array(octets)[...]
        while !rest.isEmpty {
            let value = rest.prefix(5).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            text += (0..<8).reversed().map { alphabet[Int(value >> UInt64($0 * 5) & 31)] }
            rest = rest.dropFirst(5)
        }
        return String(lossy: text)
    }

    static func value(_ octet: UInt8) -> Int? {
        alphabet.firstIndex { $0.lowercased == octet.lowercased }
    }
}
