// SPDX-License-Identifier: Apache-2.0

package import DKIM
package import DNS
package import KeyLife
package import KeyRing
package import Logging
package import Mail
package import World
package import ZoneCheck
package import ZoneStore

/// Looks after the DKIM keys of the domains that are hosted here: makes them, publishes them,
/// looks whether they are seen, replaces them and revokes the old ones.
package actor KeyKeeper {
    /// What is done without being asked.
    package struct Settings: Hashable, Sendable {
        /// Keys are made for every domain; without it only by command.
        package var isAutomatic = true
        package var rules = KeyRules()

        package init() {}
    }

    /// Why nothing was changed.
    package enum Failure: Error, Hashable, Sendable {
        case notHosted(Domain)
        case refused(Domain, DomainKeys.Refusal)
        /// The key could not be made, kept or published; then it is tried again.
        case failed(Domain, String)
    }

    private let keys: SigningKeys
    private let zones: Zones
    private let peers: ZonePeers
    private let exchange: ZoneExchange?
    private let resolver: any Resolver
    private let authorities: AuthorityCheck?
    private let time: any Time
    private let log: Logger
    private let settings: Settings
    private let hosted: @Sendable () async throws -> [Domain]

    /// Why a domain's records could not be published, and when that was.
    private var troubles: [Domain: (text: String, time: Timestamp)] = [:]
    /// What the name servers of zones showed of keys that are not in use yet.
    private var servers: [Domain: [String: [AuthorityCheck.Sighting]]] = [:]
    private var alarmed: [Domain: (findings: [String], time: Timestamp)] = [:]
    /// How many domains are looked after, as of the last time.
    package private(set) var count = 0
    /// Of how many of these no mail can be signed.
    package private(set) var unsignedCount = 0

    /// How often it is looked whether something is due.
    private static let interval = Duration.minutes(1)
    /// What could not be published is tried again after so long.
    private static let publishingPause = Duration.minutes(5)
    /// New keys in one go: an RSA key takes some tenths of a second.
    private static let keysAtATime = 20
    /// Questions in one go, and at the same time; the rest has its turn a minute later.
    private static let questionsAtATime = 1000
    private static let parallelQuestions = 16
    /// How often an alarm is repeated.
    private static let alarmInterval = Duration.days(1)
    /// How long a new key may take before it is missed.
    private static let grace = Duration.hours(1)
    /// How often a change is worked out anew because the zone has changed meanwhile.
    private static let maximumAttempts = 5
    private static let author = "postreiter"

    /// `exchange` reaches servers that keep zones for us; without one nothing is pushed.
    ///
    /// `authorities` asks the zones' own servers before a key is used; without it the resolver's
    /// word counts. `hosted` are the domains whose mail is written here.
    package init(
        keys: SigningKeys, zones: Zones, peers: ZonePeers, exchange: ZoneExchange?,
        resolver: any Resolver, authorities: AuthorityCheck? = nil, time: any Time, log: Logger,
        settings: Settings = Settings(),
        hosted: @escaping @Sendable () async throws -> [Domain]
    ) {
        self.keys = keys
        self.zones = zones
        self.peers = peers
        self.exchange = exchange
        self.resolver = resolver
        self.authorities = authorities
        self.time = time
        self.log = log
        self.settings = settings
        self.hosted = hosted
    }

    // MARK: - In time

    /// Looks after all domains until the task is cancelled.
    package func run() async {
        guard keys.cryptography != nil else { return }
        for (domain, selector) in keys.lostKeys {
            log.error(
                "a DKIM key cannot be opened: secret.key is not the one that it was sealed with; restore that, or `postreiter dkim rotate`",
                metadata: ["domain": "\(domain)", "selector": "\(selector)"])
        }
        while !Task.isCancelled {
            await look()
            try? await time.sleep(for: Self.interval)
        }
    }

    /// Does what is due for all domains.
    package func look() async {
        guard keys.cryptography != nil else { return }
        do {
            let domains = try await hosted()
            let places = try await KeyPlaces(zones, peers)
            var budget = Self.keysAtATime
            for domain in domains where !Task.isCancelled {
                await advance(domain, places[domain], &budget)
            }
            var due: [(Domain, DomainKey)] = []
            for domain in domains {
                let awaited = keys.keys(of: domain)?.due(at: time.timestamp) ?? []
                due += awaited.map { (domain, $0) }
            }
            await observe(Array(due.prefix(Self.questionsAtATime)))
            await save(domains)
            await dismiss(keys.domains.filter { !domains.contains($0) }, places)
            review(domains, places)
        } catch {
            log.error("the DKIM keys could not be looked after: \(error)")
        }
    }

    /// Makes the keys of a domain that has just been taken in, so that its zone can name them.
    package func prepare(_ domain: Domain) async {
        guard keys.cryptography != nil, settings.isAutomatic else { return }
        let places: KeyPlaces
        do {
            places = try await KeyPlaces(zones, peers)
        } catch {
            // `run` makes them when the store answers again.
            return log.warning(
                "the DKIM keys of a new domain are not made yet: \(error)",
                metadata: ["domain": "\(domain)"])
        }
        var budget = Self.keysAtATime
        await makeKeys(domain, places[domain], &budget)
    }

    private func advance(_ domain: Domain, _ place: KeyPlace, _ budget: inout Int) async {
        await makeKeys(domain, place, &budget)
        guard keys.keys(of: domain)?.isPending == true, place.isAutomatic, mayPublish(domain)
        else { return }
        do {
            try await publish(domain, place, restoring: false)
        } catch {
            log.error(
                "the DKIM keys of a domain could not be published: \(error)",
                metadata: ["domain": "\(domain)"])
        }
    }

    private func makeKeys(_ domain: Domain, _ place: KeyPlace, _ budget: inout Int) async {
        let (settings, now) = (settings, time.timestamp)
        let mayMake = settings.isAutomatic && budget > 0
        do {
            let events = try keys.change(domain) { keys, maker in
                try keys.advance(
                    to: now, settings.rules, isAutomatic: mayMake, rotates: place.isAutomatic,
                    maker)
            }
            for case .made in events { budget -= 1 }
            tell(events, of: domain)
            // Whatever is published is kept first: nobody shall see a key that is lost.
            try await keys.save(domain)
        } catch {
            log.error(
                "the DKIM keys of a domain could not be looked after: \(error)",
                metadata: ["domain": "\(domain)"])
        }
    }

    /// Ends the keys of domains that are not hosted here any more.
    private func dismiss(_ domains: [Domain], _ places: KeyPlaces) async {
        let (now, rules) = (time.timestamp, settings.rules)
        for domain in domains where !Task.isCancelled {
            do {
                let isNew = keys.keys(of: domain)?.departed == nil
                let events = try keys.change(domain) { keys, _ in keys.leave(at: now, rules) }
                if isNew {
                    log.notice(
                        "a domain is gone: its DKIM keys sign no more; their records stay for seven days after the last signature",
                        metadata: ["domain": "\(domain)"])
                }
                tell(events, of: domain)
                try await keys.save(domain)
                let place = places[domain]
                if keys.keys(of: domain)?.isPending == true, place.isAutomatic, mayPublish(domain) {
                    try await publish(domain, place, restoring: false)
                }
                guard let left = keys.keys(of: domain), left.keys.isEmpty,
                    !left.isPending || !place.isAutomatic
                else { continue }
                try await keys.forget(domain)
                (troubles[domain], alarmed[domain], servers[domain]) = (nil, nil, nil)
            } catch {
                log.error(
                    "the DKIM keys of a domain that is gone could not be ended: \(error)",
                    metadata: ["domain": "\(domain)"])
            }
        }
    }

    /// What could not be published waits a while.
    private func mayPublish(_ domain: Domain) -> Bool {
        guard let trouble = troubles[domain] else { return true }
        let age = time.timestamp - trouble.time
        return age < .zero || age >= Self.publishingPause
    }

    private func save(_ domains: [Domain]) async {
        for domain in domains {
            do { try await keys.save(domain) } catch {
                return log.error("the DKIM keys could not be written down: \(error)")
            }
        }
    }

    private func tell(_ events: [DomainKeys.Event], of domain: Domain) {
        for event in events {
            let (what, key) = Self.words(event)
            var facts: Logger.Metadata = [
                "domain": "\(domain)", "selector": "\(key.selector)",
            ]
            if let fault = key.fault { facts["record"] = "\(fault.rawValue)" }
            if case .faulty = event {
                log.warning("\(what)", metadata: facts)
            } else {
                log.notice("\(what)", metadata: facts)
            }
        }
    }

    private static func words(_ event: DomainKeys.Event) -> (String, DomainKey) {
        switch event {
        case .made(let key): ("a DKIM key is made", key)
        case .published(let key): ("a DKIM key is published", key)
        case .visible(let key): ("a DKIM key is seen", key)
        case .active(let key): ("a DKIM key is in use", key)
        case .retired(let key): ("a DKIM key has a successor", key)
        case .revoked(let key): ("a DKIM key is revoked", key)
        case .removed(let key): ("a DKIM key is gone", key)
        case .faulty(let key): ("the record of a DKIM key is not right", key)
        case .mended(let key): ("the record of a DKIM key is right again", key)
        }
    }

    // MARK: - Publishing

    private func publish(_ domain: Domain, _ place: KeyPlace, restoring: Bool) async throws {
        guard let current = keys.keys(of: domain), let records = KeyRecords(current) else { return }
        do throws(ZoneFailure) {
            switch place {
            case .here(let origin):
                try await write(records, of: domain, into: origin, restoring: restoring)
            case .pushed(let origin):
                try await push(records, to: origin, restoring: restoring)
            case .byHand: return
            }
        } catch {
            troubles[domain] = (error.text(.english), time.timestamp)
            throw error
        }
        troubles[domain] = nil
        let now = time.timestamp
        let events = try keys.change(domain) { [current] keys, _ in
            // Somebody has made another one meanwhile.
            guard keys.published == current.published else { return [DomainKeys.Event]() }
            return keys.notePublished(at: now)
        }
        tell(events, of: domain)
        try await keys.save(domain)
    }

    private func write(
        _ records: KeyRecords, of domain: Domain, into origin: Name, restoring: Bool
    ) async throws(ZoneFailure) {
        var attempts = 0
        while true {
            var marks: Set<ResourceRecord> = []
            var before: Set<ResourceRecord> = []
            var plan = try await zones.plan(for: origin) { zone, current throws(ZoneFailure) in
                let made = records.plan(
                    zone.managed, in: current, origin: origin, restoring: restoring)
                (marks, before) = (made.marks, zone.managed)
                return try Self.change(made.edits, in: current, origin)
            }
            guard !plan.change.isEmpty || marks != before else { return }
            plan.managed = marks
            attempts += 1
            do throws(ZoneFailure) {
                return try await zones.commit(
                    [plan], by: Self.author, "published the DKIM keys of \(domain)")
            } catch {
                guard case .changedMeanwhile = error, attempts < Self.maximumAttempts else {
                    throw error
                }
            }
        }
    }

    private func push(
        _ records: KeyRecords, to origin: Name, restoring: Bool
    ) async throws(ZoneFailure) {
        guard let exchange else {
            throw .unfit("the server is not running: `postreiter serve` does that")
        }
        let pushed = try await peers.pushed(origin)?.records ?? []
        let marks = Set(pushed.map(\.mark))
        var owners = records.owners(in: origin)
        for record in pushed where records.covers(record) && !owners.contains(record.owner) {
            owners.append(record.owner)
        }
        let before = try await exchange.records(of: owners.map { ($0, .txt) }, in: origin)
        let (edits, mine) = records.plan(marks, in: before, origin: origin, restoring: restoring)
        let change = try Self.change(edits, in: before, origin)
        if !change.isEmpty {
            try await exchange.update(
                origin, removing: change.removed, adding: change.added, before: before)
        }
        let others = pushed.filter { !records.covers($0) }
        let own = change.applied(to: before).filter { mine.contains($0.mark) }
        try await peers.setPushed(others + own, of: origin)
    }

    private static func change(
        _ edits: [ZoneEdit], in records: [ResourceRecord], _ origin: Name
    ) throws(ZoneFailure) -> ZoneChange {
        guard !edits.isEmpty else { return ZoneChange() }
        do throws(ZoneEditRefusal) {
            return try ZoneChange(edits, in: records, origin: origin)
        } catch {
            throw .refused(origin, error)
        }
    }

    // MARK: - Looking

    /// What looking for the record of a key came to.
    private struct Look: Sendable {
        let domain: Domain
        let key: DomainKey
        var sighting: KeySighting
        /// Nil: they were not asked.
        var servers: [AuthorityCheck.Sighting]?
    }

    private func observe(_ due: [(Domain, DomainKey)]) async {
        let (resolver, authorities) = (resolver, authorities)
        await withTaskGroup(of: Look?.self) { group in
            var rest = due[...]
            func askNext() {
                guard let (domain, key) = rest.popFirst() else { return }
                group.addTask {
                    guard let name = key.name(of: domain) else { return nil }
                    let answer = await resolver.resolve(name, .txt)
                    var look = Look(
                        domain: domain, key: key, sighting: KeySighting(answer, of: key))
                    guard let authorities, key.isDoubted else { return look }
                    look.servers = await authorities.sightings(
                        of: key, at: answer.aliases.last ?? name)
                    look.sighting = look.sighting.confirmed(by: look.servers ?? [])
                    return look
                }
            }
            for _ in 0..<Self.parallelQuestions { askNext() }
            while let seen = await group.next() {
                askNext()
                // Who is told to stop has not been answered.
                guard let look = seen, !Task.isCancelled else { continue }
                servers[look.domain, default: [:]][look.key.selector] = look.servers
                note(look.sighting, of: look.key, look.domain)
            }
        }
    }

    private func note(_ sighting: KeySighting, of key: DomainKey, _ domain: Domain) {
        let (now, rules) = (time.timestamp, settings.rules)
        do {
            let events = try keys.change(domain) { keys, _ in
                keys.observe(sighting, of: key.selector, at: now, rules)
            }
            tell(events, of: domain)
        } catch {
            log.error(
                "what the DNS says of a DKIM key is not noted: \(error)",
                metadata: ["domain": "\(domain)", "selector": "\(key.selector)"])
        }
    }

    // MARK: - Alarms

    private func review(_ domains: [Domain], _ places: KeyPlaces) {
        count = 0
        unsignedCount = 0
        for domain in domains {
            count += 1
            if !keys.signs(for: domain) { unsignedCount += 1 }
            warn(domain, places[domain])
        }
    }

    private func warn(_ domain: Domain, _ place: KeyPlace) {
        let now = time.timestamp
        guard let current = keys.keys(of: domain),
            let oldest = current.keys.map(\.made).min(), now - oldest >= Self.grace
        else { return }
        let alarms = current.findings(at: now, settings.rules, isByHand: !place.isAutomatic)
            .filter(\.isAlarming)
        guard !alarms.isEmpty else { return alarmed[domain] = nil }
        let codes = alarms.map(\.code)
        if let last = alarmed[domain], last.findings == codes, now - last.time < Self.alarmInterval
        {
            return
        }
        alarmed[domain] = (codes, now)
        log.warning(
            "mail of a domain is not signed as it should be; `postreiter dkim status` says why",
            metadata: ["domain": "\(domain)", "findings": "\(codes.joined(separator: ", "))"])
    }

    /// How many domains something is wrong with, so that mail suffers.
    package var alarmCount: Int { alarmed.count }

    // MARK: - Commands

    private func place(_ domain: Domain) async throws -> KeyPlace {
        guard try await hosted().contains(domain) else { throw Failure.notHosted(domain) }
        return try await KeyPlaces(zones, peers)[domain]
    }

    /// What is known of a domain's keys; their records are looked for now if `looks`.
    package func status(of domain: Domain, looks: Bool) async throws -> KeyStatus {
        let place = try await place(domain)
        if looks, let current = keys.keys(of: domain) {
            // Whoever asks wants to know how it is now, also of keys that were right hours ago.
            await observe(current.keys.map { (domain, $0) })
            await save([domain])
        }
        let current = keys.keys(of: domain) ?? DomainKeys(domain)
        return KeyStatus(
            keys: current, place: place, isAutomatic: settings.isAutomatic,
            signs: keys.signs(for: domain),
            findings: current.findings(
                at: time.timestamp, settings.rules, isByHand: !place.isAutomatic),
            lost: Set(keys.lostKeys.filter { $0.domain == domain }.map(\.selector)),
            trouble: troubles[domain]?.text, servers: servers[domain] ?? [:])
    }

    /// The domains whose keys are looked after here, by name.
    package func domains() async throws -> [Domain] { try await hosted().sorted() }

    /// The records of a domain's keys, for the template of its zone.
    nonisolated package func records(of domain: Domain) -> [MailFacts.SigningKey] {
        keys.keys(of: domain)?.published ?? []
    }

    /// Makes successors of a domain's keys, or its first ones, and publishes them.
    ///
    /// With a selector it is the name of the one key.
    package func makeKeys(
        of domain: Domain, _ kinds: [KeyKind], selector: String? = nil
    ) async throws {
        let place = try await place(domain)
        let now = time.timestamp
        do {
            let events = try keys.change(domain) { keys, maker in
                guard let selector, let kind = kinds.first else {
                    return try keys.rotate(kinds, at: now, maker)
                }
                return [try keys.add(kind, selector: selector, at: now, maker)]
            }
            tell(events, of: domain)
        } catch let refusal as DomainKeys.Refusal {
            throw Failure.refused(domain, refusal)
        } catch {
            throw Failure.failed(domain, "\(error)")
        }
        try await finish(domain, place)
    }

    /// Revokes a key at once, and publishes that.
    package func revoke(_ selector: String, of domain: Domain) async throws {
        let place = try await place(domain)
        let now = time.timestamp
        do {
            let events = try keys.change(domain) { keys, _ in
                try keys.revoke(selector, at: now)
            }
            tell(events, of: domain)
        } catch let refusal as DomainKeys.Refusal {
            throw Failure.refused(domain, refusal)
        }
        try await finish(domain, place)
    }

    /// Publishes the keys of a domain again, also those that somebody has taken out of the zone.
    package func publish(_ domain: Domain) async throws {
        try await finish(domain, try await place(domain), restoring: true)
    }

    private func finish(_ domain: Domain, _ place: KeyPlace, restoring: Bool = false) async throws {
        do {
            try await keys.save(domain)
            try await publish(domain, place, restoring: restoring)
        } catch let failure as ZoneFailure {
            throw Failure.failed(domain, failure.text(.english))
        } catch {
            throw Failure.failed(domain, "\(error)")
        }
    }
}
