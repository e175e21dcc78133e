// SPDX-License-Identifier: Apache-2.0

package import DKIM
package import Mail
package import World

/// The keys of one domain and their life, as a function of time and of what the DNS shows.
///
/// A key signs only once it was seen, twice and over some time; until then the one before it goes
/// on. One whose record is found to be wrong signs no more until it is right again. What looking in
/// vain came to changes nothing.
package struct DomainKeys: Hashable, Sendable {
    /// What happened, for the log.
    package enum Event: Hashable, Sendable {
        case made(DomainKey)
        case published(DomainKey)
        case visible(DomainKey)
        case active(DomainKey)
        case retired(DomainKey)
        case revoked(DomainKey)
        case removed(DomainKey)
        /// Its record is not right any more.
        case faulty(DomainKey)
        /// Its record is right again.
        case mended(DomainKey)
    }

    /// Why no key is made.
    package enum Refusal: Error, Hashable, Sendable {
        /// A successor is on its way already: its selector.
        case underWay(String)
        case selectorTaken(String)
        case selectorInvalid(String)
        case unknownSelector(String)
        /// No key can be made here.
        case noCryptography
    }

    /// Makes a key and returns its public half.
    package typealias Maker = (_ selector: String, _ kind: KeyKind) throws -> [UInt8]

    package let domain: Domain
    /// In the order in which they were made.
    package var keys: [DomainKey] = []
    /// How many of each kind were made: their selectors are never used again.
    package var madeRSA = 0
    package var madeEdwards = 0
    /// The zone does not hold yet what `keys` says.
    package var isPending = false
    /// Since when the domain is not looked after here any more; nil: it is.
    package var departed: Timestamp?

    package init(_ domain: Domain) { self.domain = domain }

    // MARK: - What follows

    /// The key that signs: the newest that is in use, or the one before it while that one's record
    /// is wrong; nil: mail goes without a signature of this kind.
    package func signing(_ kind: KeyKind) -> DomainKey? {
        guard departed == nil else { return nil }
        let able = keys.filter { $0.kind == kind && $0.canSign }
        return able.last { $0.state == .active } ?? able.last
    }

    /// Whether something is on its way that somebody waits for.
    package var isAwaiting: Bool { keys.contains { $0.isAwaited } }

    /// A key by its selector.
    package subscript(selector: String) -> DomainKey? { keys.first { $0.selector == selector } }

    // MARK: - Making

    /// A name nobody has used: the year, a letter that goes on, and the kind.
    private mutating func newSelector(_ kind: KeyKind, at now: Timestamp) -> String {
        let year = CalendarDate(now).year
        while true {
            let count = kind == .rsa ? madeRSA : madeEdwards
            if kind == .rsa { madeRSA += 1 } else { madeEdwards += 1 }
            let name = "pr\(year)\(Self.letters(count))-\(kind == .rsa ? "rsa" : "ed")"
            if self[name] == nil { return name }
        }
    }

    /// From a to z, then aa, ab and so on.
    private static func letters(_ number: Int) -> String {
        let letter = String(Character(UnicodeScalar(UInt8(97 + number % 26))))
        return number < 26 ? letter : letters(number / 26 - 1) + letter
    }

    private mutating func make(
        _ kind: KeyKind, _ selector: String?, _ now: Timestamp, _ maker: Maker
    ) throws -> Event {
        let selector = selector ?? newSelector(kind, at: now)
        let key = DomainKey(
            selector: selector, kind: kind, publicKey: try maker(selector, kind), made: now)
        keys.append(key)
        isPending = true
        return .made(key)
    }

    /// Makes successors for the keys of these kinds, or the first ones.
    ///
    /// Throws `Refusal`, and what `maker` throws; then nothing has changed.
    package mutating func rotate(
        _ kinds: [KeyKind], at now: Timestamp, _ maker: Maker
    ) throws -> [Event] {
        for key in keys where key.isAwaited && kinds.contains(key.kind) {
            throw Refusal.underWay(key.selector)
        }
        let before = self
        do {
            return try kinds.map { try make($0, nil, now, maker) }
        } catch {
            self = before
            throw error
        }
    }

    /// Makes a key with a selector that somebody has chosen.
    ///
    /// Throws `Refusal`, and what `maker` throws; then nothing has changed.
    package mutating func add(
        _ kind: KeyKind, selector: String, at now: Timestamp, _ maker: Maker
    ) throws -> Event {
        guard Self.isSelector(selector) else { throw Refusal.selectorInvalid(selector) }
        guard self[selector] == nil else { throw Refusal.selectorTaken(selector) }
        if let other = keys.first(where: { $0.kind == kind && $0.isAwaited }) {
            throw Refusal.underWay(other.selector)
        }
        return try make(kind, selector, now, maker)
    }

    /// One label or more (RFC 6376 §3.1).
    ///
    /// ```abnf
    /// selector = sub-domain *( "." sub-domain )
    /// ```
    private static func isSelector(_ text: String) -> Bool {
        text.utf8.count <= maximumSelectorOctets && (try? Domain(text))?.name == text
    }

    /// Leaves room for the domain in a name of 255 octets.
    private static let maximumSelectorOctets = 100

    // MARK: - Time

    /// Does what is due.
    ///
    /// With `isAutomatic` keys that a domain needs and lacks are made, with `rotates` also those that
    /// follow old ones. What `maker` throws ends it; what was done before that stays.
    package mutating func advance(
        to now: Timestamp, _ rules: KeyRules, isAutomatic: Bool, rotates: Bool, _ maker: Maker
    ) throws -> [Event] {
        departed = nil
        var events: [Event] = []
        for index in keys.indices where keys[index].state == .retired {
            let last = max(keys[index].used ?? keys[index].since, keys[index].since)
            if now >= last + .seconds(rules.kept) { revoke(index, now, &events) }
        }
        for key in keys
        where key.state == .revoked && now >= key.since + .seconds(rules.remembered) {
            keys.removeAll { $0.selector == key.selector }
            isPending = true
            events.append(.removed(key))
        }
        guard isAutomatic else { return events }
        for kind in rules.kinds where needsKey(kind, now, rules, rotates: rotates) {
            events.append(try make(kind, nil, now, maker))
        }
        return events
    }

    /// Does what is due for a domain that has gone: nothing signs for it from now on.
    ///
    /// Keys that have never signed go at once, the others so long after their last signature as is
    /// usual: what was signed may be on its way until then. With the last one nothing is left.
    package mutating func leave(at now: Timestamp, _ rules: KeyRules) -> [Event] {
        departed = departed ?? now
        var events: [Event] = []
        for key in keys {
            let isNeeded = key.used.map { now < $0 + .seconds(rules.kept) } ?? false
            guard key.state == .revoked || !isNeeded else { continue }
            keys.removeAll { $0.selector == key.selector }
            isPending = true
            events.append(.removed(key))
        }
        return events
    }

    private func needsKey(
        _ kind: KeyKind, _ now: Timestamp, _ rules: KeyRules, rotates: Bool
    ) -> Bool {
        let own = keys.filter { $0.kind == kind && $0.state != .revoked }
        guard !own.contains(where: { $0.isAwaited }) else { return false }
        guard let active = own.last(where: { $0.state == .active }) else { return true }
        guard rotates, let lifetime = rules.lifetime else { return false }
        return now >= active.made + .seconds(lifetime)
    }

    private mutating func revoke(_ index: Int, _ now: Timestamp, _ events: inout [Event]) {
        enter(.revoked, index, now)
        keys[index].rightSince = nil
        keys[index].fault = nil
        isPending = true
        events.append(.revoked(keys[index]))
    }

    /// Revokes a key at once, as when others have got hold of it.
    package mutating func revoke(
        _ selector: String, at now: Timestamp
    ) throws(Refusal) -> [Event] {
        guard let index = keys.firstIndex(where: { $0.selector == selector }),
            keys[index].state != .revoked
        else { throw .unknownSelector(selector) }
        var events: [Event] = []
        revoke(index, now, &events)
        return events
    }

    private mutating func enter(_ state: DomainKey.State, _ index: Int, _ now: Timestamp) {
        keys[index].state = state
        keys[index].since = now
    }

    /// The zone holds now what it should.
    package mutating func notePublished(at now: Timestamp) -> [Event] {
        isPending = false
        var events: [Event] = []
        for index in keys.indices where keys[index].state == .made {
            enter(.published, index, now)
            events.append(.published(keys[index]))
        }
        return events
    }

    /// A key has signed.
    package mutating func noteUse(of selector: String, at now: Timestamp) {
        guard let index = keys.firstIndex(where: { $0.selector == selector }) else { return }
        keys[index].used = max(keys[index].used ?? now, now)
    }

    // MARK: - What is seen

    /// The keys whose records are to be looked at.
    package func due(at now: Timestamp) -> [DomainKey] {
        keys.filter { key in
            guard let looked = key.looked else { return true }
            // A clock that was set back does not keep anybody from looking.
            return now < looked || now >= looked + .seconds(Self.interval(key, now))
        }
    }

    private static func interval(_ key: DomainKey, _ now: Timestamp) -> Int64 {
        if key.isAwaited {
            return now < key.since + .seconds(KeyRules.eagerTime) || key.state == .visible
                ? KeyRules.eagerLook : KeyRules.patientLook
        }
        // What could not be seen is looked for again soon.
        guard key.fault == nil, key.seen == key.looked else { return KeyRules.patientLook }
        return KeyRules.usualLook
    }

    /// Takes note of what looking for a key's record came to.
    package mutating func observe(
        _ sighting: KeySighting, of selector: String, at now: Timestamp, _ rules: KeyRules
    ) -> [Event] {
        guard let index = keys.firstIndex(where: { $0.selector == selector }) else { return [] }
        keys[index].looked = now
        switch sighting {
        case .failure: return []
        case _ where keys[index].state == .revoked:
            keys[index].seen = now
            return noteRevoked(index, sighting, now)
        case .right:
            keys[index].seen = now
            return noteRight(index, now, rules)
        case .wrong(let fault):
            keys[index].seen = now
            return noteWrong(index, fault, now)
        }
    }

    private mutating func noteRight(
        _ index: Int, _ now: Timestamp, _ rules: KeyRules
    ) -> [Event] {
        var events: [Event] = []
        if keys[index].fault != nil {
            keys[index].fault = nil
            events.append(.mended(keys[index]))
        }
        let rightSince = keys[index].rightSince ?? now
        keys[index].rightSince = rightSince
        switch keys[index].state {
        case .made, .published:
            enter(.visible, index, now)
            events.append(.visible(keys[index]))
        case .visible where now >= rightSince + .seconds(rules.confirmation):
            activate(index, now, &events)
        case .visible, .active, .retired, .revoked: break
        }
        return events
    }

    private mutating func activate(_ index: Int, _ now: Timestamp, _ events: inout [Event]) {
        for other in keys.indices
        where keys[other].kind == keys[index].kind && keys[other].state == .active {
            enter(.retired, other, now)
            events.append(.retired(keys[other]))
        }
        enter(.active, index, now)
        events.append(.active(keys[index]))
    }

    private mutating func noteWrong(
        _ index: Int, _ fault: DomainKey.Fault, _ now: Timestamp
    ) -> [Event] {
        keys[index].rightSince = nil
        switch keys[index].state {
        // It is only just on its way.
        case .made where fault == .missing, .published where fault == .missing:
            keys[index].fault = nil
            return []
        case .visible: enter(.published, index, now)
        case .made, .published, .active, .retired, .revoked: break
        }
        guard keys[index].fault != fault else { return [] }
        keys[index].fault = fault
        return [.faulty(keys[index])]
    }

    private mutating func noteRevoked(
        _ index: Int, _ sighting: KeySighting, _ now: Timestamp
    ) -> [Event] {
        switch sighting {
        case .wrong(.missing), .wrong(.revoked):
            keys[index].rightSince = keys[index].rightSince ?? now
            guard keys[index].fault != nil else { return [] }
            keys[index].fault = nil
            return [.mended(keys[index])]
        case .right where now >= keys[index].since + .seconds(KeyRules.usualLook * 4):
            // Resolvers may remember it for a day.
            keys[index].rightSince = nil
            guard keys[index].fault != .stillThere else { return [] }
            keys[index].fault = .stillThere
            return [.faulty(keys[index])]
        case .right, .wrong, .failure: return []
        }
    }
}
