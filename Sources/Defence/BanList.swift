// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// That a network may not connect: why, and until when.
package struct Ban: Hashable, Sendable {
    package let network: IPNetwork
    /// For the log, the operator, and the client itself.
    package let cause: String
    package let since: Timestamp
    package let until: Timestamp
    /// Who said so; nil for the server itself.
    package let author: String?

    package init(
        _ network: IPNetwork, cause: String, since: Timestamp, until: Timestamp, author: String?
    ) {
        self.network = network
        self.cause = cause
        self.since = since
        self.until = until
        self.author = author
    }
}

/// Who may not connect; every entry has a cause and an end.
///
/// A look-up costs one step for each length of prefix in use, none for an empty list.
package struct BanList: Sendable {
    /// More entries than a server needs against those who knock at it; the soonest to end go first.
    package static let capacity = 100_000

    private var bans: [IPNetwork: Ban] = [:]
    /// How many entries there are of each length of prefix.
    private var lengthsOfIPv4: [Int: Int] = [:]
    private var lengthsOfIPv6: [Int: Int] = [:]

    package init(_ bans: [Ban] = []) { for ban in bans { add(ban) } }

    package var count: Int { bans.count }

    /// In the order of their beginning.
    package var all: [Ban] {
        bans.values.sorted {
            ($0.since, $0.network.description) < ($1.since, $1.network.description)
        }
    }

    /// Adds a ban, or replaces that of the same network; returns what had to go for it.
    @discardableResult
    package mutating func add(_ ban: Ban) -> Ban? {
        remove(ban.network)
        var dropped: Ban?
        if bans.count >= Self.capacity,
            let soonest = bans.values.min(by: {
                ($0.until, $0.network.description) < ($1.until, $1.network.description)
            })
        {
            dropped = remove(soonest.network)
        }
        bans[ban.network] = ban
        count(ban.network, by: 1)
        return dropped
    }

    /// Takes the ban of just this network out; nil if it has none.
    @discardableResult
    package mutating func remove(_ network: IPNetwork) -> Ban? {
        guard let ban = bans.removeValue(forKey: network) else { return nil }
        count(network, by: -1)
        return ban
    }

    /// The ban of a host, the narrowest first; nil if it may come.
    package func ban(of host: IPAddress, at now: Timestamp) -> Ban? {
        guard !bans.isEmpty else { return nil }
        let host = host.unmapped
        let lengths = host.isIPv4 ? lengthsOfIPv4 : lengthsOfIPv6
        for length in lengths.keys.sorted(by: >) {
            if let ban = bans[IPNetwork(of: host, prefixLength: length)], now < ban.until {
                return ban
            }
        }
        return nil
    }

    /// Takes out what is over, and returns it.
    @discardableResult
    package mutating func prune(at now: Timestamp) -> [Ban] {
        let over = all.filter { $0.until <= now }
        for ban in over { remove(ban.network) }
        return over
    }

    private mutating func count(_ network: IPNetwork, by change: Int) {
        let length = network.prefixLength
        if network.address.isIPv4 {
            lengthsOfIPv4[length] = lengthsOfIPv4[length, default: 0] + change
            if lengthsOfIPv4[length] == 0 { lengthsOfIPv4[length] = nil }
        } else {
            lengthsOfIPv6[length] = lengthsOfIPv6[length, default: 0] + change
            if lengthsOfIPv6[length] == 0 { lengthsOfIPv6[length] = nil }
        }
    }
}

/// What a host did wrong.
package enum Offence: String, Hashable, Sendable, CaseIterable {
    case wrongPassword
    case unknownRecipient
    case protocolAbuse
    case listed

    /// How many within an hour are too many: people mistype, lists grow old, programs have bugs.
    var limit: Int {
        switch self {
        case .wrongPassword: 50
        case .unknownRecipient: 100
        case .protocolAbuse: 60
        case .listed: 200
        }
    }

    /// Behind a number: `wrong passwords`.
    var text: String {
        switch self {
        case .wrongPassword: "wrong passwords"
        case .unknownRecipient: "unknown recipients"
        case .protocolAbuse: "errors in the protocol"
        case .listed: "attempts although a list names the client"
        }
    }
}

/// Counts what hosts do wrong, and says when it is enough.
///
/// A value without a clock, of bounded size.
package struct OffenceBook: Sendable {
    private struct Record {
        var counts: [Offence: Int] = [:]
        var began: Instant
        /// How often it was banned, and when that was over last.
        var bans = 0
        var last: Instant

        /// What is lost if it is forgotten: a ban is worth more than any number of offences.
        var weight: Int { bans * 1_000 + counts.values.reduce(0, +) }
    }

    /// Hosts watched at a time; an attacker with more of them is bounded by other limits.
    static let capacity = 20_000
    static let period = Duration.hours(1)
    /// The first ban; each further one is twice as long.
    static let firstBan = Duration.hours(1)
    static let longestBan = Duration.days(7)
    /// After so long without a ban the next one is a first one.
    static let memory = Duration.days(14)

    /// Long before it the longest ban is reached.
    private static let maximumBans = 100

    private var records = RecencyCache<IPNetwork, Record>(limit: capacity)

    package init() {}

    /// Counts an offence; returns a cause and how long to ban when it was one too many.
    ///
    /// One host is meant: an IPv4 address or an IPv6 /64. Behind one address may be many people;
    /// behind a /24 there certainly are.
    package mutating func note(
        _ offence: Offence, by host: IPAddress, at now: Instant
    ) -> (network: IPNetwork, cause: String, duration: Duration)? {
        let network = host.hostNetwork
        var record = records.value(for: network) ?? Record(began: now, last: now)
        if now - record.began >= Self.period {
            record.counts = [:]
            record.began = now
        }
        if now - record.last >= Self.memory { record.bans = 0 }
        let count = record.counts[offence, default: 0] + 1
        record.counts[offence] = count
        guard count >= offence.limit else {
            records.insert(record, for: network)
            return nil
        }
        let duration = min(Self.firstBan * (1 << min(record.bans, 10)), Self.longestBan)
        record.counts = [:]
        record.bans = min(record.bans + 1, Self.maximumBans)
        record.last = now + duration
        records.insert(record, for: network)
        return (network, "\(count) \(offence.text) within an hour", duration)
    }

    // MARK: - Over a restart

    /// Hosts that are carried over a restart: those with the most bans and offences.
    static let maximumKept = 5_000

    /// What is counted now, to be kept.
    package func kept(at now: Instant) -> JSON {
        let worst = records.all.filter { _, record in
            now - record.last < Self.memory
                && (record.bans > 0 || now - record.began < Self.period)
        }.map { (network: $0.key.description, weight: $0.value.weight, record: $0.value) }
            .sorted { ($1.weight, $0.network) < ($0.weight, $1.network) }
        return .array(
            worst.prefix(Self.maximumKept).map { network, _, record in
                let counts = Offence.allCases.compactMap { offence in
                    record.counts[offence].map { (offence.rawValue, JSON.integer(Int64($0))) }
                }
                return [
                    "network": .string(network), "counts": .object(counts),
                    "age": .integer((now - record.began).nanoseconds / 1_000_000),
                    "bans": .integer(Int64(record.bans)),
                    "last": .integer((now - record.last).nanoseconds / 1_000_000),
                ]
            })
    }

    /// Takes up what `kept` wrote that long ago; what cannot be understood counts for nothing.
    package mutating func restore(_ kept: JSON, after elapsed: Duration, at now: Instant) {
        let longest = Self.memory.nanoseconds / 1_000_000
        for entry in (kept.array ?? []).prefix(Self.maximumKept).reversed() {
            guard let network = entry["network"]?.string.flatMap({ IPNetwork($0) }),
                let age = entry["age"]?.integer, (0...longest).contains(age),
                let bans = entry["bans"]?.integer, (0...Int64(Self.maximumBans)).contains(bans),
                // Below zero while a ban holds.
                let last = entry["last"]?.integer, (-longest...longest).contains(last)
            else { continue }
            var record = Record(
                began: now + (.zero - .milliseconds(age) - elapsed), bans: Int(bans),
                last: now + (.zero - .milliseconds(last) - elapsed))
            for offence in Offence.allCases {
                guard let count = entry["counts"]?[offence.rawValue]?.integer,
                    (0..<Int64(offence.limit)).contains(count)
                else { continue }
                record.counts[offence] = Int(count)
            }
            records.insert(record, for: network)
        }
    }
}

extension IPAddress {
    /// What one host has: its IPv4 address, or the /64 of its IPv6 address.
    package var hostNetwork: IPNetwork {
        let address = unmapped
        return IPNetwork(of: address, prefixLength: address.isIPv4 ? 32 : 64)
    }
}
