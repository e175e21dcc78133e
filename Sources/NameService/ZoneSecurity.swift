// SPDX-License-Identifier: Apache-2.0

package import DNS
package import DNSSEC
package import Logging
package import Storage
package import World
package import ZoneStore

/// Signs the zones that are to be signed, and looks after their keys and signatures.
///
/// `sign` is the last step before a zone is published: there keys come and go as their time comes,
/// and what they do is kept before it is answered. `run` sees to it that it happens in time.
package actor ZoneSecurity {
    /// Why nothing was changed.
    package enum Failure: Error, Hashable, Sendable {
        case notSigned(Name)
        case alreadySigned(Name)
        case roll(Name, KeyTimeline.Refusal)
        /// The file with this host's secret does not open the keys.
        case sealed(Name)
        /// No key can be made here.
        case noCryptography
        /// The zone is not published as it should be; the log says why.
        case notPublished(Name)
    }

    /// What was seen of a zone in the zone above.
    package struct ParentView: Hashable, Sendable {
        package var time: Timestamp
        /// Why nothing was seen; then the rest says nothing.
        package var failure: Answer.Failure?
        package var entries: [DS] = []
        /// The numbers of our keys that are named.
        package var keys: Set<Int> = []
    }

    private let zones: Zones
    let cryptography: (any ZoneSigningCryptography)?
    private let secretKey: any SecretKeySource
    private let resolver: any Resolver
    private let time: any Time
    private let entropy: any Entropy
    private let log: Logger
    private let policy: SigningPolicy

    private var known: [Name: ZoneKeys] = [:]
    private var signers: [Name: [Int: any ZoneSigningKey]] = [:]
    /// When the first signature of what was published last expires.
    private(set) var expirations: [Name: Timestamp] = [:]
    private(set) var parents: [Name: ParentView] = [:]
    private var alarmed: [Name: Timestamp] = [:]
    private var publish: @Sendable ([Name]) async -> Void = { _ in }

    private var unsaved: Set<Name> = []
    private var isSaving = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Others get their turn after so many signatures.
    private static let signaturesAtATime = 64
    /// How often it is looked whether something is due.
    private static let interval = Duration.minutes(5)
    /// How often the zone above is asked when something there is awaited, and when not.
    private static let eagerLook = Duration.hours(1)
    private static let lazyLook = Duration.days(1)
    /// How often an alarm is repeated.
    private static let alarmInterval = Duration.hours(1)

    /// `resolver` is asked for the DS records of the zone above; without `cryptography` no zone
    /// can be signed.
    package init(
        zones: Zones, cryptography: (any ZoneSigningCryptography)?,
        secretKey: any SecretKeySource, resolver: any Resolver, time: any Time,
        entropy: any Entropy, log: Logger, policy: SigningPolicy = SigningPolicy()
    ) {
        self.zones = zones
        self.cryptography = cryptography
        self.secretKey = secretKey
        self.resolver = resolver
        self.time = time
        self.entropy = entropy
        self.log = log
        self.policy = policy
    }

    /// Reads the keys; `publish` is called for zones that are to be made anew.
    package func begin(
        publish: @escaping @Sendable ([Name]) async -> Void
    ) async throws(ZoneFailure) {
        self.publish = publish
        for keys in try await zones.keys() { known[keys.origin] = keys }
    }

    // MARK: - Signing

    /// The records of a zone signed, or as they are if it is not to be signed.
    ///
    /// `before` are those that were published; signatures among them are kept while they hold.
    package func sign(
        _ zone: StoredZone, _ records: [ResourceRecord], _ before: [ResourceRecord]
    ) async throws -> [ResourceRecord] {
        guard zone.kind == .primary, known[zone.origin] != nil else { return records }
        let origin = zone.origin
        guard let cryptography else { throw Failure.noCryptography }
        let now = time.timestamp
        try advance(origin, to: now, longestTTL: records.map(\.ttl).max() ?? 0, cryptography)
        try await save(origin)
        guard let keys = known[origin] else { return records }
        let signers = try signers(of: keys, cryptography)
        let set = keys.timeline.keySet { signers[$0.number] }
        var signing = ZoneSigning(
            records, announcements: set.announcements(at: origin, cryptography), previous: before,
            .init(origin: origin, keys: set, denial: keys.denial, policy: policy, now: now))
        while signing.advance(signatures: Self.signaturesAtATime) { await Task.yield() }
        let signed = signing.finish()
        expirations[origin] = signed.expiration
        if signed.expiration - now > .seconds(SigningPolicy.alarm) { alarmed[origin] = nil }
        return signed.records
    }

    /// Lets the keys do what is due.
    private func advance(
        _ origin: Name, to now: Timestamp, longestTTL: UInt32,
        _ cryptography: any ZoneSigningCryptography
    ) throws {
        guard var keys = known[origin] else { return }
        let before = keys.timeline
        var made: [Int: (secret: [UInt8], key: any ZoneSigningKey)] = [:]
        let events = keys.timeline.advance(to: now, longestTTL: longestTTL) {
            [entropy] number, role, now in
            let (secret, key) = Self.makeKey(
                before.policy.algorithm, role, beside: before.keys.map(\.tag), cryptography, entropy
            )
            made[number] = (secret, key)
            return ZoneKey(
                number: number, role: role, algorithm: before.policy.algorithm,
                publicKey: key.publicKey, published: now)
        }
        for number in made.keys.sorted() {
            guard let one = made[number] else { continue }
            keys.secrets[number] = try seal(one.secret, origin, number)
            signers[origin, default: [:]][number] = one.key
        }
        tell(events, of: origin)
        if events.contains(.unsigned) {
            known[origin] = nil
            signers[origin] = nil
            expirations[origin] = nil
            unsaved.insert(origin)
            return
        }
        let numbers = Set(keys.timeline.keys.map(\.number))
        keys.secrets = keys.secrets.filter { numbers.contains($0.key) }
        signers[origin] = signers[origin]?.filter { numbers.contains($0.key) }
        known[origin] = keys
        if before.keys != keys.timeline.keys || before.longestTTL != longestTTL {
            unsaved.insert(origin)
        }
    }

    /// A key whose tag no other key of the zone has.
    private static func makeKey(
        _ algorithm: SigningAlgorithm, _ role: ZoneKey.Role, beside tags: [UInt16],
        _ cryptography: any ZoneSigningCryptography, _ entropy: any Entropy
    ) -> (secret: [UInt8], key: any ZoneSigningKey) {
        cryptography.makeKey(algorithm, from: entropy) { key in
            let record = DNSKEY(
                isEntry: role.signsKeys, algorithm: algorithm.rawValue, key: key.publicKey)
            return !tags.contains(record.tag)
        }
    }

    private func purpose(_ origin: Name, _ number: Int) -> String {
        "key \(number) of the zone \(origin.lowercased.absolute)"
    }

    private func seal(
        _ secret: [UInt8], _ origin: Name, _ number: Int
    ) throws -> [UInt8] {
        guard let key = try secretKey.key(making: true) else { throw Failure.sealed(origin) }
        return try key.seal(secret, for: purpose(origin, number), entropy: Chance(entropy))
    }

    private func signers(
        of keys: ZoneKeys, _ cryptography: any ZoneSigningCryptography
    ) throws -> [Int: any ZoneSigningKey] {
        var signers = signers[keys.origin] ?? [:]
        for key in keys.timeline.keys where signers[key.number] == nil {
            guard let sealed = keys.secrets[key.number],
                let secret = try secretKey.key(making: false)?.octets(
                    in: sealed, for: purpose(keys.origin, key.number)),
                let signer = cryptography.key(key.algorithm, secret: secret)
            else { throw Failure.sealed(keys.origin) }
            signers[key.number] = signer
        }
        self.signers[keys.origin] = signers
        return signers
    }

    private func tell(_ events: [KeyTimeline.Event], of origin: Name) {
        for event in events {
            let (what, key): (String, ZoneKey?) =
                switch event {
                case .published(let key): ("a key is published", key)
                case .ready(let key): ("the zone above may name the key", key)
                case .active(let key): ("the key is in use", key)
                case .retired(let key): ("the key has a successor", key)
                case .removed(let key): ("the key is gone", key)
                case .unsigned: ("the zone is not signed any more", nil)
                }
            var facts: Logger.Metadata = ["zone": "\(origin)"]
            if let key {
                facts["role"] = "\(key.role.rawValue)"
                facts["tag"] = "\(key.tag)"
            }
            log.notice("\(what)", metadata: facts)
        }
    }

    // MARK: - Keeping

    /// Keeps what has changed, in the order in which it did; one at a time.
    private func save(_ origin: Name) async throws {
        while unsaved.contains(origin) {
            if isSaving {
                await withCheckedContinuation { waiting.append($0) }
                continue
            }
            isSaving = true
            unsaved.remove(origin)
            defer {
                isSaving = false
                for waiter in waiting { waiter.resume() }
                waiting = []
            }
            do throws(ZoneFailure) {
                if let keys = known[origin] {
                    try await zones.keep(keys)
                } else {
                    try await zones.forgetKeys(of: origin)
                }
            } catch {
                unsaved.insert(origin)
                throw error
            }
        }
    }

    // MARK: - In time

    /// Looks after all signed zones until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await look()
            try? await time.sleep(for: Self.interval)
        }
    }

    /// Does what is due.
    package func look() async {
        var due: [Name] = []
        for origin in origins {
            if await observeIfDue(origin) || isDue(origin) { due.append(origin) }
        }
        if !due.isEmpty { await publish(due) }
        for origin in origins { warn(of: origin) }
    }

    private var origins: [Name] {
        known.keys.sorted { $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey) }
    }

    private func isDue(_ origin: Name) -> Bool {
        guard let keys = known[origin] else { return false }
        let now = time.timestamp
        guard let expiration = expirations[origin] else { return true }
        return expiration - now <= .seconds(policy.refresh)
            || keys.timeline.nextChange.map { $0 <= now } ?? false
    }

    private func warn(of origin: Name) {
        let now = time.timestamp
        guard let left = expirations[origin].map({ $0 - now }), left < .seconds(SigningPolicy.alarm)
        else { return }
        if let last = alarmed[origin], now - last < Self.alarmInterval { return }
        alarmed[origin] = now
        log.error(
            "signatures of a zone are about to expire, and it will not be found any more: see why it is not published",
            metadata: [
                "zone": "\(origin)", "hours": "\(left.components.seconds / 3600)",
            ])
    }

    /// The seconds until the first signature of all zones expires; nil if none is signed.
    package var secondsLeft: Int64? {
        let now = time.timestamp
        return expirations.values.min().map { ($0 - now).components.seconds }
    }

    /// How many zones are signed.
    package var count: Int { known.count }

    // MARK: - The zone above

    /// Asks the zone above if it is time to; whether that has changed something.
    private func observeIfDue(_ origin: Name) async -> Bool {
        guard let timeline = known[origin]?.timeline else { return false }
        let isAwaited =
            timeline.goal == .unsigned
            || timeline.keys.count { $0.role.signsKeys && $0.state != .retired } > 1
            || timeline.announced?.state == .ready
        let interval = isAwaited ? Self.eagerLook : Self.lazyLook
        if let last = parents[origin]?.time, time.timestamp - last < interval { return false }
        // Nothing is expected of a zone above that was told nothing.
        guard isAwaited || timeline.announced != nil else { return false }
        return await observe(origin)
    }

    /// Asks the zone above for its DS records, and takes note; whether that has changed something.
    @discardableResult
    package func observe(_ origin: Name) async -> Bool {
        let answer = await resolver.resolve(origin, .ds)
        var view = ParentView(time: time.timestamp)
        switch answer.outcome {
        case .records: view.entries = answer.records.compactMap { DS($0.data) }
        case .noData, .nameError: break
        case .failure(let failure): view.failure = failure
        }
        guard let keys = known[origin], let cryptography else { return false }
        for key in keys.timeline.keys where key.role.signsKeys {
            let record = key.record
            if view.entries.contains(where: { cryptography.matches($0, record, at: origin) }) {
                view.keys.insert(key.number)
            }
        }
        parents[origin] = view
        guard view.failure == nil else { return false }
        return note(
            origin, entries: view.keys, isEmpty: view.entries.isEmpty, ttl: Int64(answer.ttl))
    }

    private func note(_ origin: Name, entries: Set<Int>, isEmpty: Bool, ttl: Int64) -> Bool {
        guard var keys = known[origin] else { return false }
        let before = keys.timeline
        let events = keys.timeline.observe(
            entries: entries, isEmpty: isEmpty, ttl: ttl, at: time.timestamp)
        tell(events, of: origin)
        guard keys.timeline != before else { return false }
        known[origin] = keys
        unsaved.insert(origin)
        return true
    }

    // MARK: - Commands

    /// Begins to sign a zone, or takes back that it is to end; returns when it is published.
    package func enable(
        _ origin: Name, _ denial: DenialOfExistence, _ keyPolicy: KeyPolicy, by author: String
    ) async throws {
        guard cryptography != nil else { throw Failure.noCryptography }
        let zone = try await zones.zone(origin)
        guard zone.kind == .primary else { throw ZoneFailure.isSecondary(origin) }
        let records = try zone.records()
        if var keys = known[origin] {
            guard keys.timeline.goal == .unsigned || keys.denial != denial else {
                throw Failure.alreadySigned(origin)
            }
            keys.denial = denial
            if keys.timeline.goal == .unsigned { keys.timeline.setGoal(.signed) }
            known[origin] = keys
        } else {
            var keyPolicy = keyPolicy
            if case .soa(let soa)? = records.first(where: { $0.type == .soa })?.data {
                // A server that misses a NOTIFY looks for changes after that time.
                keyPolicy.propagation = min(
                    max(keyPolicy.propagation, Int64(soa.refresh)), Self.longestPropagation)
            }
            known[zone.origin] = ZoneKeys(
                origin: zone.origin, denial: denial,
                timeline: KeyTimeline(
                    policy: keyPolicy, now: time.timestamp,
                    longestTTL: Self.longestTTL(records)))
        }
        let algorithm = keyPolicy.algorithm.mnemonic
        unsaved.insert(origin)
        // Recorded as a change of the zone, which publishes it.
        try await zones.set(
            Self.option, to: "\(denial.rawValue) \(algorithm)", of: origin, by: author)
        guard expirations[origin] != nil else { throw Failure.notPublished(origin) }
    }

    /// In the history of a zone it shows that it is signed.
    private static let option = "dnssec"
    /// A week.
    private static let longestPropagation: Int64 = 7 * 86400

    /// What may be remembered of the zone, its denials included (RFC 2308 §5).
    private static func longestTTL(_ records: [ResourceRecord]) -> UInt32 {
        records.map(\.ttl).max() ?? 0
    }

    /// Begins to end the signing of a zone; `isForced`: at once, whatever the zone above says.
    package func disable(_ origin: Name, isForced: Bool, by author: String) async throws {
        guard var keys = known[origin] else { throw Failure.notSigned(origin) }
        if isForced {
            known[origin] = nil
            signers[origin] = nil
            expirations[origin] = nil
            parents[origin] = nil
        } else {
            keys.timeline.setGoal(.unsigned)
            known[origin] = keys
        }
        unsaved.insert(origin)
        try await save(origin)
        try await zones.set(Self.option, to: isForced ? nil : "ending", of: origin, by: author)
    }

    /// Begins to replace a key before its time.
    package func roll(_ origin: Name, _ role: ZoneKey.Role) async throws {
        guard var keys = known[origin] else { throw Failure.notSigned(origin) }
        guard let cryptography else { throw Failure.noCryptography }
        var made: (number: Int, secret: [UInt8], key: any ZoneSigningKey)?
        let algorithm = keys.timeline.policy.algorithm
        let tags = keys.timeline.keys.map(\.tag)
        let event: KeyTimeline.Event
        do {
            event = try keys.timeline.roll(role, at: time.timestamp) {
                [entropy] number, role, now in
                let (secret, key) = Self.makeKey(
                    algorithm, role, beside: tags, cryptography, entropy)
                made = (number, secret, key)
                return ZoneKey(
                    number: number, role: role, algorithm: algorithm, publicKey: key.publicKey,
                    published: now)
            }
        } catch {
            throw Failure.roll(origin, error)
        }
        guard let made else { return }
        keys.secrets[made.number] = try seal(made.secret, origin, made.number)
        signers[origin, default: [:]][made.number] = made.key
        known[origin] = keys
        tell([event], of: origin)
        unsaved.insert(origin)
        try await save(origin)
        await publish([origin])
    }

    /// Takes an operator's word that the zone above names the newest key alone, or none when
    /// signing is to end.
    package func confirm(_ origin: Name) async throws {
        guard let timeline = known[origin]?.timeline else { throw Failure.notSigned(origin) }
        let entries: Set<Int> = timeline.announced.map { [$0.number] } ?? []
        guard note(origin, entries: entries, isEmpty: timeline.goal == .unsigned, ttl: 0) else {
            return
        }
        try await save(origin)
        await publish([origin])
    }

    /// How a zone is signed; the zone above is asked for it if `asksParent`.
    package func status(
        of origin: Name, asksParent: Bool
    ) async throws -> ZoneSecurityStatus {
        guard known[origin] != nil else {
            let zone = try await zones.zone(origin)
            return ZoneSecurityStatus(origin: zone.origin)
        }
        if asksParent, await observe(origin) {
            try await save(origin)
            await publish([origin])
        }
        guard let keys = known[origin], let cryptography else {
            return ZoneSecurityStatus(origin: origin)
        }
        return ZoneSecurityStatus(
            keys, parent: parents[origin], expiration: expirations[origin], now: time.timestamp,
            cryptography)
    }
}

/// `Entropy` as a concrete type, for what is generic over it.
private struct Chance: Entropy {
    let source: any Entropy
    init(_ source: any Entropy) { self.source = source }
    func next() -> UInt64 { source.next() }
}
