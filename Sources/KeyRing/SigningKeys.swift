// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import KeyLife
package import Mail
package import Storage
import Synchronization
package import World

/// The keys that sign mail, of all domains: kept in the store, asked in memory.
///
/// The running server is the only writer. What a message asks for (`signing`) takes a lock for
/// less than a microsecond and no statement.
package final class SigningKeys: Sendable {
    /// Digests and keys.
    package typealias Cryptography = MailCryptography & SigningKeyMaker

    private let store: any Store
    private let secretKey: any SecretKeySource
    private let entropy: any Entropy
    /// Nil: nothing is signed and no key is made.
    package let cryptography: (any Cryptography)?
    private let entries = Mutex<[Domain: Entry]>([:])
    /// Held while keys are changed; one at a time.
    private let changing = Mutex(())
    /// Messages that were signed since the start.
    private let signed = Atomic<Int>(0)
    private let lost = Mutex<[(domain: Domain, selector: String)]>([])

    /// What is known of a domain; replaced as a whole.
    private final class Entry: Sendable {
        let keys: DomainKeys
        let sealed: [String: [UInt8]]
        let signers: [String: any SigningKey]
        /// What signs now, with where its use is noted.
        let identities: [Signer.Identity]
        let uses: [String: Use]
        /// As it is in the store; nil: it is not there.
        let saved: DomainKeys?

        init(
            _ keys: DomainKeys, sealed: [String: [UInt8]], signers: [String: any SigningKey],
            uses: [String: Use], saved: DomainKeys?
        ) {
            self.keys = keys
            self.sealed = sealed
            self.signers = signers
            self.saved = saved
            self.uses = Dictionary(
                keys.keys.map { ($0.selector, uses[$0.selector] ?? Use()) },
                uniquingKeysWith: { first, _ in first })
            // The one that every receiver knows stands on top.
            identities = [KeyKind.rsa, .ed25519].compactMap { kind in
                guard let key = keys.signing(kind), let signer = signers[key.selector] else {
                    return nil
                }
                return Signer.Identity(
                    domain: keys.domain.name, selector: key.selector, key: signer)
            }
        }
    }

    /// When a key has signed last; written from wherever messages are signed.
    private final class Use: Sendable {
        /// Milliseconds since 1970; 0: not since the start.
        let last = Atomic<Int64>(0)
    }

    /// Opens the keys of a store made with `Migrations.keyRing`; none is there before `load`.
    package init(
        store: any Store, secretKey: any SecretKeySource, entropy: any Entropy,
        cryptography: (any Cryptography)?
    ) {
        self.store = store
        self.secretKey = secretKey
        self.entropy = entropy
        self.cryptography = cryptography
    }

    // MARK: - Signing

    /// Whether mail of a domain is signed at the moment.
    package func signs(for domain: Domain) -> Bool {
        !(entries.withLock { $0[domain] }?.identities.isEmpty ?? true)
    }

    /// Begins to sign a message of a domain; nil: no key of the domain can sign.
    ///
    /// `header` is all of it, as it will be sent.
    package func signing(
        _ header: [UInt8], for domain: Domain, at now: Timestamp
    ) -> MessageSigning? {
        guard let cryptography, let entry = entries.withLock({ $0[domain] }),
            !entry.identities.isEmpty
        else { return nil }
        signed.add(1, ordering: .relaxed)
        for identity in entry.identities {
            entry.uses[identity.selector]?.last.store(now.milliseconds, ordering: .relaxed)
        }
        return MessageSigning(header, entry.identities, at: now, cryptography)
    }

    /// The RSA key of a domain, which every receiver knows, to seal what it forwards with
    /// (RFC 8617); another one if it has none that signs, nil if it has none at all.
    package func sealer(of domain: Domain, at now: Timestamp) -> Signer.Identity? {
        guard let entry = entries.withLock({ $0[domain] }), let identity = entry.identities.first
        else { return nil }
        entry.uses[identity.selector]?.last.store(now.milliseconds, ordering: .relaxed)
        return identity
    }

    /// What signs for a domain now; empty: nothing does.
    func identities(of domain: Domain, at now: Timestamp) -> [Signer.Identity] {
        guard let entry = entries.withLock({ $0[domain] }) else { return [] }
        for identity in entry.identities {
            entry.uses[identity.selector]?.last.store(now.milliseconds, ordering: .relaxed)
        }
        return entry.identities
    }

    /// Whether the private half of a domain's key is here.
    func holds(_ selector: String, of domain: Domain) -> Bool {
        entries.withLock { $0[domain] }?.signers[selector.asciiLowercased] != nil
    }

    /// What stands in the DNS of a key whose private half is here.
    func record(_ selector: String, of domain: Domain) -> String? {
        guard let entry = entries.withLock({ $0[domain] }),
            entry.signers[selector.asciiLowercased] != nil
        else { return nil }
        return entry.keys[selector.asciiLowercased]?.record
    }

    /// Begins to look for signatures of ours in a message that must be changed on its way; nil:
    /// there are no keys at all.
    package func renewal(at now: Timestamp) -> SignatureRenewal? {
        guard let cryptography, entries.withLock({ !$0.isEmpty }) else { return nil }
        return SignatureRenewal(self, cryptography, at: now)
    }

    /// Begins to sign a message by its author: for the first of these domains that has keys.
    package func signing(
        _ header: [UInt8], forFirstOf domains: [Domain], at now: Timestamp
    ) -> MessageSigning? {
        for domain in domains.prefix(Self.maximumAuthors) {
            if let signing = signing(header, for: domain, at: now) { return signing }
        }
        return nil
    }

    /// A message has one author, or a few.
    private static let maximumAuthors = 10

    /// The fields to stand above a message of this host, which is in memory as a whole; empty if
    /// nothing signs for it.
    ///
    /// The keys of the domain sign, or those of the nearest domain above: mail of
    /// `mx1.example.org` is `example.org`'s (RFC 6376 §3.11 names no bounds to that).
    package func fields(
        above message: [UInt8], of domain: Domain, at now: Timestamp
    ) -> [UInt8] {
        var name = domain.name[...]
        while true {
            if let domain = try? Domain(name), signs(for: domain) {
                let end = Self.headerEnd(message)
                guard
                    var signing = signing(Array(message[..<end]), for: domain, at: now)
                else { return [] }
                signing.update(message[end...])
                return signing.finish()
            }
            guard let dot = name.firstIndex(of: ".") else { return [] }
            name = name[name.index(after: dot)...]
        }
    }

    /// Behind the first empty line.
    private static func headerEnd(_ message: [UInt8]) -> Int {
        var index = 0
        while index + 3 < message.count {
            if message[index] == 13, message[index + 1] == 10, message[index + 2] == 13,
                message[index + 3] == 10
            {
                return index + 4
            }
            index += 1
        }
        return message.count
    }

    /// How many messages were signed since the start.
    package var signedMessages: Int { signed.load(ordering: .relaxed) }

    // MARK: - Keeping

    /// The domains that have keys, by name.
    package var domains: [Domain] { entries.withLock { Array($0.keys) }.sorted() }

    /// The keys of a domain, with their last use.
    package func keys(of domain: Domain) -> DomainKeys? {
        entries.withLock { $0[domain] }.map(Self.withUses)
    }

    private static func withUses(_ entry: Entry) -> DomainKeys {
        var keys = entry.keys
        for key in keys.keys {
            let last = entry.uses[key.selector]?.last.load(ordering: .relaxed) ?? 0
            if last > 0 { keys.noteUse(of: key.selector, at: Timestamp(milliseconds: last)) }
        }
        return keys
    }

    /// The keys that could not be opened, as the secret key is another than when they were made.
    package var lostKeys: [(domain: Domain, selector: String)] { lost.withLock { $0 } }

    /// Reads everything; `lostKeys` then names what cannot be opened.
    package func load() async throws {
        let all = try await store.read { try KeyRows(transaction: $0).all() }
        var lost: [(domain: Domain, selector: String)] = []
        var made: [Domain: Entry] = [:]
        let secretKey = all.isEmpty ? nil : try self.secretKey.key(making: false)
        for (keys, sealed) in all {
            var signers: [String: any SigningKey] = [:]
            for key in keys.keys where key.state != .revoked {
                if let cryptography, let octets = sealed[key.selector],
                    let secret = secretKey?.octets(
                        in: octets, for: Self.purpose(keys.domain, key.selector)),
                    let signer = cryptography.key(key.kind, secret: secret)
                {
                    signers[key.selector] = signer
                } else if cryptography != nil {
                    lost.append((keys.domain, key.selector))
                }
            }
            made[keys.domain] = Entry(
                keys, sealed: sealed, signers: signers, uses: [:], saved: keys)
        }
        entries.withLock { [made] in $0 = made }
        self.lost.withLock { [lost] in $0 = lost }
    }

    private static func purpose(_ domain: Domain, _ selector: String) -> String {
        "DKIM key \(selector) of \(domain.name)"
    }

    /// Changes the keys of a domain, in memory: `save` writes it down.
    ///
    /// `body` gets what makes keys. Throws what it throws, and then nothing has changed.
    package func change<Result: Sendable>(
        _ domain: Domain, _ body: (inout DomainKeys, DomainKeys.Maker) throws -> Result
    ) throws -> Result {
        try changing.withLock { _ in
            let entry = entries.withLock { $0[domain] }
            var keys = entry.map(Self.withUses) ?? DomainKeys(domain)
            var sealed = entry?.sealed ?? [:]
            var signers = entry?.signers ?? [:]
            let result = try body(&keys) { selector, kind in
                let (octets, signer) = try makeKey(kind, domain, selector)
                sealed[selector] = octets
                signers[selector] = signer
                return signer.publicKey
            }
            guard entry != nil || !keys.keys.isEmpty else { return result }
            // What is revoked never signs again.
            let living = Set(keys.keys.filter { $0.state != .revoked }.map(\.selector))
            sealed = sealed.filter { living.contains($0.key) }
            signers = signers.filter { living.contains($0.key) }
            put(
                Entry(
                    keys, sealed: sealed, signers: signers, uses: entry?.uses ?? [:],
                    saved: entry?.saved), at: domain)
            return result
        }
    }

    private func put(_ entry: Entry, at domain: Domain) {
        entries.withLock { $0[domain] = entry }
    }

    private func makeKey(
        _ kind: KeyKind, _ domain: Domain, _ selector: String
    ) throws -> ([UInt8], any SigningKey) {
        guard let cryptography else { throw DomainKeys.Refusal.noCryptography }
        guard let secretKey = try secretKey.key(making: true) else {
            throw StorageFailure.inputOutput("there is no secret key to seal with")
        }
        let (secret, signer) = try cryptography.makeKey(kind)
        let octets = try secretKey.seal(
            secret, for: Self.purpose(domain, selector), entropy: Chance(source: entropy))
        return (octets, signer)
    }

    /// Forgets a domain that has no keys any more.
    package func forget(_ domain: Domain) async throws {
        try await store.write { [self] transaction in
            guard entries.withLock({ $0[domain]?.keys.keys.isEmpty ?? true }) else { return }
            try KeyRows(transaction: transaction).forget(domain)
        }
        changing.withLock { _ in
            entries.withLock { entries in
                if entries[domain]?.keys.keys.isEmpty == true { entries[domain] = nil }
            }
        }
    }

    /// Writes down what has changed of a domain's keys since the last time.
    ///
    /// When a key was last looked at or used is written down about once an hour.
    package func save(_ domain: Domain) async throws {
        guard let entry = entries.withLock({ $0[domain] }) else { return }
        let keys = Self.withUses(entry)
        if let saved = entry.saved, keys.isKept(by: saved) { return }
        // What is in memory when its turn comes is written: the last of several has the newest.
        let written = try await store.write { [self] transaction in
            guard let entry = entries.withLock({ $0[domain] }) else { return DomainKeys?.none }
            let keys = Self.withUses(entry)
            try KeyRows(transaction: transaction).keep(keys, entry.sealed)
            return keys
        }
        guard let written else { return }
        changing.withLock { _ in
            guard let entry = entries.withLock({ $0[domain] }) else { return }
            put(
                Entry(
                    entry.keys, sealed: entry.sealed, signers: entry.signers, uses: entry.uses,
                    saved: written), at: domain)
        }
    }
}

extension DomainKeys {
    /// Whether what is kept says the same, but for times of little weight.
    fileprivate func isKept(by saved: DomainKeys) -> Bool { essence == saved.essence }

    private var essence: DomainKeys {
        var keys = self
        for index in keys.keys.indices {
            keys.keys[index].looked = nil
            keys.keys[index].seen = keys.keys[index].seen.map(Self.hour)
            keys.keys[index].used = keys.keys[index].used.map(Self.hour)
        }
        return keys
    }

    private static func hour(_ time: Timestamp) -> Timestamp {
        Timestamp(milliseconds: time.milliseconds / 3_600_000 * 3_600_000)
    }
}

/// `Entropy` as a concrete type, for what is generic over it.
private struct Chance: Entropy {
    let source: any Entropy
    func next() -> UInt64 { source.next() }
}
