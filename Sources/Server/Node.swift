// SPDX-License-Identifier: Apache-2.0

package import DefenceStore
package import Directory
package import Journal
package import KeyRing
package import Logging
package import Mail
package import MessageStore
package import Reception
package import ReportStore
package import ScriptStore
package import Spool
package import Storage
package import Tenancy
package import World
package import ZoneStore

/// What one host keeps, and the modules that work on it.
///
/// The same in the live world, in a simulation, and in a command beside a stopped server.
package struct Node: Sendable {
    package let store: any Store
    package let registry: Registry
    package let trace: Trace
    package let spooler: Spooler
    package let mailboxes: Mailboxes
    package let ids: QueueIDSource
    package let zones: Zones
    package let secretKey: any SecretKeySource
    /// For what takes much processor time; nil: there is one thread for everything.
    let workExecutor: (any TaskExecutor)?
    package let peers: ZonePeers
    package let defence: DefenceRecords
    package let signingKeys: SigningKeys
    package let reports: Reports
    package let scripts: Scripts
    /// What accounts may keep.
    package let quotas: Quotas

    /// Every module's tables; a store opens with these.
    package static let schema: [Migrations] = [
        .messageStore, .journal, .spool, .directory, .maildrop, .zoneStore, .maintenance,
        .zonePeers, .defence, .keyRing, .reportStore,
        .scriptStore,
    ]

    /// The store's committer must be running; `name` is this host among those that share a store.
    ///
    /// Without `mailCryptography` no mail is signed.
    package init(
        store: any Store, bodies: any BodyFiles, surroundings: Surroundings, name: String,
        secretKey: any SecretKeySource, passwordExecutor: (any TaskExecutor)? = nil,
        journalDays: Int = Trace.keptDays,
        mailCryptography: (any SigningKeys.Cryptography)? = nil
    ) async throws {
        self.store = store
        ids = QueueIDSource(time: surroundings.time, entropy: surroundings.entropy)
        registry = try await Registry(
            store: store, time: surroundings.time, entropy: surroundings.entropy,
            secretKey: secretKey, passwordExecutor: passwordExecutor)
        trace = Trace(store: store, days: journalDays)
        spooler = Spooler(
            store: store, bodies: bodies, ids: ids, time: surroundings.time, node: name)
        mailboxes = Mailboxes(
            store: store, bodies: bodies, time: surroundings.time,
            changes: spooler.mailboxChanges)
        quotas = Quotas(registry: registry, mailboxes: mailboxes)
        zones = Zones(store: store, time: surroundings.time)
        defence = try await DefenceRecords(store, time: surroundings.time)
        self.secretKey = secretKey
        workExecutor = passwordExecutor
        let sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes)
        scripts = Scripts(
            store: store, time: surroundings.time,
            othersMailboxes: { try sharing.destinations(for: AccountID(rawValue: $0)) })
        reports = Reports(
            store: store, time: surroundings.time, entropy: surroundings.entropy)
        peers = ZonePeers(
            store: store, time: surroundings.time, entropy: surroundings.entropy,
            secretKey: secretKey)
        signingKeys = SigningKeys(
            store: store, secretKey: secretKey, entropy: surroundings.entropy,
            cryptography: mailCryptography)
        try await signingKeys.load()
    }

    /// Takes over what programs of this machine have left.
    ///
    /// `intake` is the server's; without one, delivery finds the messages in the spool.
    package func maildrop(
        _ folder: DropFolder, hostName: Domain, intake: Intake? = nil, time: any Time,
        log: Logger, userName: @escaping @Sendable (UInt32) -> String?
    ) -> Maildrop {
        Maildrop(
            folder, hostName: hostName, intake: intake ?? Intake(spooler), store: store,
            time: time, log: log, signingKeys: signingKeys, userName: userName)
    }
}
