// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Defence
package import Storage
import Synchronization
package import World

/// The ban list of a host: in the store, and in memory for who asks at each connection.
///
/// The running server is the only writer.
package final class Bans: Sendable {
    /// A ban ends (a mistake must not last for ever), and lasts at least a minute.
    package static let longest = Duration.days(3650)
    package static let shortest = Duration.minutes(1)
    /// Of a cause so much is kept.
    package static let maximumCauseOctets = 200
    /// A network from which somebody has logged in is spared so long.
    package static let trustAfterLogin = Duration.days(30)
    /// Networks remembered for that; beyond them the ones not seen for longest are forgotten.
    static let maximumLoginNetworks = 10_000
    /// So often it is written down again that one was seen.
    private static let loginInterval = Duration.days(1)

    private struct State {
        var list: BanList
        var logins: RecencyCache<IPNetwork, Timestamp>
    }

    private let store: any Store
    private let time: any Time
    private let state: Mutex<State>

    /// Loads what is in the store.
    package init(_ store: any Store, time: any Time) async throws {
        self.store = store
        self.time = time
        let bans = try await store.read { transaction in
            try transaction.all(
                """
                SELECT network, cause, since_milliseconds, until_milliseconds, author
                FROM defence_ban ORDER BY until_milliseconds DESC LIMIT ?
                """, [.integer(Int64(BanList.capacity))]
            ) { row in
                IPNetwork(row.text(0)).map { network in
                    Ban(
                        network, cause: row.text(1),
                        since: Timestamp(milliseconds: row.integer(2)),
                        until: Timestamp(milliseconds: row.integer(3)),
                        author: row.optionalText(4))
                }
            }
        }
        let networks = try await store.read { transaction in
            try transaction.all(
                """
                SELECT network, last_milliseconds FROM defence_login_network
                ORDER BY last_milliseconds DESC LIMIT ?
                """, [.integer(Int64(Self.maximumLoginNetworks / 2))]
            ) { row in (IPNetwork(row.text(0)), Timestamp(milliseconds: row.integer(1))) }
        }
        var logins = RecencyCache<IPNetwork, Timestamp>(limit: Self.maximumLoginNetworks)
        for (network, last) in networks.reversed() {
            if let network { logins.insert(last, for: network) }
        }
        state = Mutex(State(list: BanList(bans.compactMap { $0 }), logins: logins))
    }

    /// The ban of a host, if it has one now.
    package func ban(of host: IPAddress) -> Ban? {
        let now = time.timestamp
        return state.withLock { $0.list.ban(of: host, at: now) }
    }

    /// Those that hold now, in the order of their beginning.
    package var all: [Ban] {
        let now = time.timestamp
        return state.withLock { state in
            state.list.prune(at: now)
            return state.list.all
        }
    }

    package var count: Int { state.withLock { $0.list.count } }

    /// Bans a network from now on, or changes its ban.
    @discardableResult
    package func add(
        _ network: IPNetwork, cause: String, duration: Duration, author: String?
    ) async throws -> Ban {
        let now = time.timestamp
        let ban = Ban(
            network, cause: String(lossy: cause.utf8.prefix(Self.maximumCauseOctets)), since: now,
            until: now + min(max(duration, Self.shortest), Self.longest), author: author)
        // In memory first: while the store waits for others, the host must not go on.
        let dropped = state.withLock { $0.list.add(ban) }
        try await store.write { transaction in
            if let dropped { try Self.delete(dropped.network, in: transaction) }
            try transaction.execute(
                """
                INSERT INTO defence_ban
                    (network, cause, since_milliseconds, until_milliseconds, author)
                VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (network) DO UPDATE SET cause = excluded.cause,
                    since_milliseconds = excluded.since_milliseconds,
                    until_milliseconds = excluded.until_milliseconds, author = excluded.author
                """,
                [
                    .text(ban.network.description), .text(ban.cause),
                    .integer(ban.since.milliseconds), .integer(ban.until.milliseconds),
                    .text(optional: ban.author),
                ])
        }
        return ban
    }

    /// Lets a network come again; returns its ban, nil if it has none.
    @discardableResult
    package func remove(_ network: IPNetwork) async throws -> Ban? {
        guard let ban = state.withLock({ $0.list.remove(network) }) else { return nil }
        try await store.write { try Self.delete(network, in: $0) }
        return ban
    }

    private static func delete(
        _ network: IPNetwork, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM defence_ban WHERE network = ?", [.text(network.description)])
    }

    /// Whether somebody has logged in from there lately: such a network is never banned unasked.
    package func hasLoggedIn(_ host: IPAddress) -> Bool {
        let now = time.timestamp
        return state.withLock { state in
            state.logins.value(for: host.customerNetwork).map { now < $0 + Self.trustAfterLogin }
                ?? false
        }
    }

    /// Somebody has logged in from there.
    package func noteLogin(from host: IPAddress) async throws {
        let now = time.timestamp
        let network = host.customerNetwork
        let isNew = state.withLock { state in
            let last = state.logins.value(for: network)
            guard last.map({ now - $0 >= Self.loginInterval }) ?? true else { return false }
            state.logins.insert(now, for: network)
            return true
        }
        guard isNew else { return }
        try await store.write { transaction in
            try transaction.execute(
                """
                INSERT INTO defence_login_network (network, last_milliseconds) VALUES (?, ?)
                ON CONFLICT (network) DO UPDATE SET last_milliseconds = excluded.last_milliseconds
                """, [.text(network.description), .integer(now.milliseconds)])
        }
    }

    /// Deletes from the store what is over.
    package func prune() async throws {
        let now = time.timestamp
        state.withLock { _ = $0.list.prune(at: now) }
        try await store.write { transaction in
            try transaction.execute(
                "DELETE FROM defence_ban WHERE until_milliseconds <= ?",
                [.integer(now.milliseconds)])
            try transaction.execute(
                "DELETE FROM defence_login_network WHERE last_milliseconds < ?",
                [.integer(now.milliseconds - Self.trustAfterLogin.nanoseconds / 1_000_000)])
        }
    }
}
