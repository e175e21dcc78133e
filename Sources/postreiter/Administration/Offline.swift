// SPDX-License-Identifier: Apache-2.0

import Bytes
import Control
import DNS
import Directory
import Logging
import Mail
import NameService
import Server
import Settings
import World
import ZoneCheck

/// Works on the store itself, when no server is running.
enum Offline {
    static func withAdministration<Result: Sendable>(
        _ settings: ServerSettings,
        _ body: @escaping @Sendable (Administration) async throws -> Result
    ) async throws -> Result {
        try await OpenedStore(settings).withNode { node in
            let keys = KeyKeeper(
                keys: node.signingKeys, zones: node.zones, peers: node.peers, exchange: nil,
                resolver: SilentResolver(), time: Live.surroundings.time,
                log: Logger(label: "postreiter") { _ in SwiftLogNoOpLogHandler() },
                settings: settings.signing.keeping,
                hosted: { try await node.registry.domains().map(\.name) })
            return try await body(
                Administration(
                    registry: node.registry, trace: node.trace, spooler: node.spooler,
                    mailboxes: node.mailboxes, zones: node.zones, peers: node.peers,
                    defence: node.defence,
                    host: MailHost(settings), keys: keys,
                    time: Live.surroundings.time, author: "command line",
                    language: settings.language, reports: node.reports,
                    scripts: node.scripts))
        }
    }
}

/// Beside a server that is not running nobody is asked: that says nothing.
private struct SilentResolver: Resolver {
    func resolve(_ name: Name, _ type: RecordType) async -> Answer { Answer(.failure(.timeout)) }
}

extension MailHost {
    /// What zones of hosted domains may say of this host; nil if its name is no name for the DNS.
    init?(_ settings: ServerSettings) {
        guard let name = try? Name(settings.hostName.name) else { return nil }
        let listen = settings.listen
        let offered: [(MailFacts.Service, [SocketAddress])] = [
            (.submission, listen.submission), (.submissions, listen.submissions),
            (.imap, listen.imap), (.imaps, listen.imaps), (.pop3, listen.pop3),
            (.pop3s, listen.pop3s), (.sieve, listen.managesieve),
        ]
        // Who did not say which addresses are public listens at them, or at all there are.
        let known =
            settings.publicAddresses.isEmpty
            ? listen.smtp.map(\.host).filter { !$0.isUnspecified } : settings.publicAddresses
        self.init(
            name: name, addresses: known,
            services: offered.flatMap { service, addresses in
                addresses.map { (service, $0.port) }
            }, hasWebServer: !listen.https.isEmpty)
    }
}
