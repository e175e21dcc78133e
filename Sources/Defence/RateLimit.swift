// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// How many recipients in how long, for what: `account 1000/hour`.
package struct RateLimit: Hashable, Sendable, CustomStringConvertible {
    /// What is counted for itself.
    package enum Subject: String, Hashable, Sendable, CaseIterable {
        /// An account that sends: what a stolen password can do.
        case account
        /// The domain of an account that sends.
        case accountDomain = "account-domain"
        /// A network (a /24 or an IPv6 /64) that brings mail.
        case network
        /// A sender's address, of mail that is brought.
        case sender
        /// A sender's domain, of mail that is brought.
        case senderDomain = "sender-domain"
        /// An address here that mail is brought for.
        case recipient

        /// Whether it is about those who have logged in.
        package var isOfAccounts: Bool { self == .account || self == .accountDomain }
    }

    /// In which time.
    package enum Period: String, Hashable, Sendable, CaseIterable {
        case minute, hour, day

        /// For people: `an hour`.
        package var phrase: String { (self == .hour ? "an " : "a ") + rawValue }

        package var duration: Duration {
            switch self {
            case .minute: .minutes(1)
            case .hour: .hours(1)
            case .day: .days(1)
            }
        }
    }

    package let subject: Subject
    package let count: Int
    package let period: Period

    package init(_ subject: Subject, _ count: Int, per period: Period) {
        self.subject = subject
        self.count = count
        self.period = period
    }

    /// More than this is no limit.
    package static let maximum = 100_000_000

    /// Reads `subject count/period`.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let subject = Subject(rawValue: String(words[0])) else {
            return nil
        }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.allSatisfy(\.isDigit), let count = Int(parts[0]),
            (1...Self.maximum).contains(count), let period = Period(rawValue: String(parts[1]))
        else { return nil }
        self.init(subject, count, per: period)
    }

    package var description: String { "\(subject.rawValue) \(count)/\(period.rawValue)" }
}

/// Counts what is limited, in windows that slide: what came in the window before counts by the
/// share of it that is still within a period from now.
///
/// A value without a clock, of bounded size; `kept` and `restore` carry it over a restart.
package struct RateCounters: Sendable {
    private struct Key: Hashable {
        let limit: RateLimit
        let subject: String
    }

    private struct Window {
        var began: Instant
        var count = 0
        var before = 0
    }

    /// What is over its limit.
    package struct Excess: Error, Hashable, Sendable {
        package let limit: RateLimit
        package let subject: String
        /// Whether it is the first within this period: worth a line in the log.
        package let isFirst: Bool
    }

    /// Subjects counted at a time; an attacker who invents more is bounded by the limits of what
    /// cannot be invented (accounts, networks).
    static let capacity = 50_000
    /// Of a subject only so much is kept.
    static let keptCharacters = 320

    package var limits: [RateLimit]
    private var windows = RecencyCache<Key, Window>(limit: capacity)
    /// Those whose excess has been told.
    private var told = RecencyCache<Key, Instant>(limit: 1_000)

    package init(_ limits: [RateLimit]) { self.limits = limits }

    /// Counts one for each subject that has a limit, or nothing at all where one is over it.
    ///
    /// With `isAsked` nothing is counted, only said whether it could be.
    package mutating func take(
        _ subjects: [(RateLimit.Subject, String)], at now: Instant, isAsked: Bool = false
    ) throws(Excess) {
        var taken: [(Key, Window)] = []
        for limit in limits {
            guard let text = subjects.first(where: { $0.0 == limit.subject })?.1 else { continue }
            let key = Key(limit: limit, subject: String(text.prefix(Self.keptCharacters)))
            var window = current(key, at: now)
            guard Self.sum(window, limit, at: now) < Double(limit.count) else {
                throw excess(key, at: now)
            }
            window.count += 1
            taken.append((key, window))
        }
        guard !isAsked else { return }
        for (key, window) in taken { windows.insert(window, for: key) }
    }

    private mutating func current(_ key: Key, at now: Instant) -> Window {
        let period = key.limit.period.duration
        guard var window = windows.value(for: key), now - window.began < period * 2 else {
            return Window(began: now)
        }
        if now - window.began >= period {
            window = Window(began: window.began + period, before: window.count)
        }
        return window
    }

    private static func sum(_ window: Window, _ limit: RateLimit, at now: Instant) -> Double {
        let period = Double(limit.period.duration.nanoseconds)
        let share = 1 - Double((now - window.began).nanoseconds) / period
        return Double(window.count) + Double(window.before) * max(0, share)
    }

    private mutating func excess(_ key: Key, at now: Instant) -> Excess {
        let last = told.value(for: key)
        let isFirst = last.map { now - $0 >= key.limit.period.duration } ?? true
        if isFirst { told.insert(now, for: key) }
        return Excess(limit: key.limit, subject: key.subject, isFirst: isFirst)
    }

    // MARK: - Over a restart

    /// Windows that are carried over a restart: those nearest to their limits.
    static let maximumKept = 5_000
    /// What has used up less of its limit may begin anew.
    private static let leastShare = 0.01

    /// What is counted now, to be kept.
    package func kept(at now: Instant) -> JSON {
        let near = windows.all.compactMap { key, window -> (share: Double, Key, Window)? in
            guard now - window.began < key.limit.period.duration * 2 else { return nil }
            let share = Self.sum(window, key.limit, at: now) / Double(key.limit.count)
            return share < Self.leastShare ? nil : (share, key, window)
        }.sorted {
            ($1.share, $0.1.limit.description, $0.1.subject)
                < ($0.share, $1.1.limit.description, $1.1.subject)
        }
        return .array(
            near.prefix(Self.maximumKept).map { _, key, window in
                [
                    "limit": .string(key.limit.description), "subject": .string(key.subject),
                    "age": .integer((now - window.began).nanoseconds / 1_000_000),
                    "count": .integer(Int64(window.count)),
                    "before": .integer(Int64(window.before)),
                ]
            })
    }

    /// Takes up what `kept` wrote that long ago; what cannot be understood counts for nothing.
    package mutating func restore(_ kept: JSON, after elapsed: Duration, at now: Instant) {
        for entry in (kept.array ?? []).prefix(Self.maximumKept).reversed() {
            guard let limit = entry["limit"]?.string.flatMap({ RateLimit($0) }),
                let subject = entry["subject"]?.string,
                let age = entry["age"]?.integer, (0...Self.longestAge).contains(age),
                let count = entry["count"]?.integer, (0...Int64(RateLimit.maximum)).contains(count),
                let before = entry["before"]?.integer,
                (0...Int64(RateLimit.maximum)).contains(before)
            else { continue }
            let window = Window(
                began: now + (.zero - .milliseconds(age) - elapsed), count: Int(count),
                before: Int(before))
            windows.insert(window, for: Key(limit: limit, subject: subject))
        }
    }

    /// Two of the longest periods, in milliseconds.
    private static let longestAge: Int64 = 2 * 86_400_000
}
