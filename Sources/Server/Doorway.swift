// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import Filtering
import Logging
import Settings
import Synchronization
import World

/// What every connection passes before its service: who it really is, and whether it may come in.
///
/// One for all listeners of a server.
final class Doorway: Sendable {
    private let doorkeeper: Doorkeeper
    /// Whose connections begin with a PROXY header.
    private let proxies: Mutex<[IPNetwork]>
    private let gatekeeper: Gatekeeper
    private let time: any Time
    private let log: Logger

    init(_ settings: ServerSettings, gatekeeper: Gatekeeper, time: any Time, log: Logger) {
        self.gatekeeper = gatekeeper
        doorkeeper = Doorkeeper(settings.limits.admission, time: time)
        proxies = Mutex(settings.trust.proxyProtocol)
        self.time = time
        self.log = log
    }

    /// From now on.
    func change(to settings: ServerSettings) {
        doorkeeper.set(settings.limits.admission)
        proxies.withLock { $0 = settings.trust.proxyProtocol }
    }

    /// A proxy says at once for whom it stands.
    static let headerTimeout = Duration.seconds(10)

    /// Serves a connection, or turns it away.
    func enter(
        _ connection: any Connection, beginsWithTLS: Bool,
        turnAway: (any Connection, Admission.Refusal) -> Void,
        serve: (any Connection) async -> Void
    ) async {
        guard let client = await unwrap(connection, beginsWithTLS: beginsWithTLS) else { return }
        if let ban = gatekeeper.ban(of: client.remoteAddress.host) {
            return turnAway(client, .banned(cause: ban.cause, isFinal: ban.author != nil))
        }
        await doorkeeper.admit(
            client.remoteAddress.host, turnAway: { turnAway(client, $0) },
            serve: { await serve(client) })
    }

    /// The connection as it is, or with the addresses that its proxy states.
    private func unwrap(
        _ connection: any Connection, beginsWithTLS: Bool
    ) async -> (any Connection)? {
        let host = connection.remoteAddress.host
        guard proxies.withLock({ $0 }).contains(where: { $0.contains(host) }) else {
            return connection
        }
        do throws(ProxiedConnection.Failure) {
            return try await ProxiedConnection.begin(
                on: connection, beginsWithTLS: beginsWithTLS,
                deadline: time.now + Self.headerTimeout)
        } catch {
            log.notice("closed a connection of the proxy \(host): \(error)")
            return nil
        }
    }
}

extension ServerSettings.Limits {
    fileprivate var admission: Admission.Limits {
        Admission.Limits(
            connections: connections, perNetwork: connectionsPerNetwork,
            perNetworkAndMinute: connectionsPerNetworkAndMinute, exempt: exemptNetworks)
    }
}
