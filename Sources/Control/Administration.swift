// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DefenceStore
package import Directory
package import Journal
package import Mail
package import MessageStore
package import NameService
package import ReportStore
package import ScriptStore
package import Spool
package import World
package import ZoneStore

/// Carries commands out, whether they come over the socket or from a command line beside a
/// server that is not running: a name such as `account.add`, arguments and answer as JSON.
package struct Administration: Sendable {
    private let registry: Registry
    private let trace: Trace
    private let spooler: Spooler
    private let mailboxes: Mailboxes
    private let zones: Zones
    private let peers: ZonePeers
    private let defence: DefenceRecords
    private let service: ZoneService
    private let host: MailHost?
    private let security: ZoneSecurity?
    private let keys: KeyKeeper?
    private let time: any Time
    private let author: String
    private let delivery: Delivery
    private let language: Language
    private let exchangers: Exchangers
    private let reports: Reports?
    private let scripts: Scripts?
    private let intake: Intake

    /// Those in a running server who look after the exchangers that zones name.
    package struct Exchangers: Sendable {
        package var drains: DrainKeeper?
        package var health: HealthWatch?

        package init(drains: DrainKeeper, health: HealthWatch) {
            self.drains = drains
            self.health = health
        }

        private init() {}

        /// None is running.
        package static let none = Self()
    }

    /// What a command asks of the delivery that is running, if one is.
    package struct Delivery: Sendable {
        /// Look at the queue, something there has changed; what is for these destinations is
        /// wanted tried now, although they may not have answered just before.
        package var wake: @Sendable ([Destination]) -> Void
        /// Give back to the spool what waits in memory for its turn and is meant.
        package var recall: @Sendable (Selection) async -> Void

        package init(
            wake: @escaping @Sendable ([Destination]) -> Void,
            recall: @escaping @Sendable (Selection) async -> Void
        ) {
            self.wake = wake
            self.recall = recall
        }

        /// None is running.
        package static let none = Self(wake: { _ in }, recall: { _ in })
    }

    /// Without `host` the zones of hosted domains get no records; without `security`, that of a
    /// running server, nothing is said or changed of zones' signatures.
    ///
    /// Without `keys` nothing is said or changed of the keys that sign mail. `intake` is that of
    /// the running server, if one is.
    ///
    /// `author` is the way that commands come: what is changed is recorded for it, and for the
    /// person whom a command names; `language` is the server's.
    package init(
        registry: Registry, trace: Trace, spooler: Spooler, mailboxes: Mailboxes, zones: Zones,
        peers: ZonePeers, defence: DefenceRecords, service: ZoneService = .none,
        host: MailHost? = nil, security: ZoneSecurity? = nil, keys: KeyKeeper? = nil,
        time: any Time, author: String, language: Language,
        delivery: Delivery = .none, exchangers: Exchangers = .none,
        reports: Reports? = nil, scripts: Scripts? = nil, intake: Intake? = nil
    ) {
        self.scripts = scripts
        self.intake = intake ?? Intake(spooler)
        self.reports = reports
        self.exchangers = exchangers
        self.registry = registry
        self.trace = trace
        self.spooler = spooler
        self.mailboxes = mailboxes
        self.zones = zones
        self.peers = peers
        self.defence = defence
        self.service = service
        self.host = host
        self.security = security
        self.keys = keys
        self.time = time
        self.author = author
        self.delivery = delivery
        self.language = language
    }

    /// The answer to a command, or one sentence on why it was not carried out.
    package func perform(_ name: String, _ json: JSON) async throws(ControlFailure) -> JSON {
        let arguments = Arguments(json: json)
        do {
            let author = try arguments.author(by: author)
            if name == "ping" { return [:] }
            let reader = ReaderLanguage(registry: registry, server: language)
            if name == "trace" {
                return try await TraceCommand(trace: trace, spooler: spooler).perform(
                    arguments, in: reader.language(arguments))
            }
            if DefenceCommands.knows(name) {
                return try await DefenceCommands(
                    records: defence, trace: trace, author: author,
                    language: try await reader.language(arguments)
                ).perform(name, arguments)
            }
            if name.hasPrefix("queue.") {
                defer { delivery.wake([]) }
                return try await QueueCommands(
                    spooler: spooler, trace: trace, time: time, author: author,
                    delivery: delivery, reader: reader
                ).perform(name, arguments)
            }
            if ReportCommands.names.contains(name), let reports {
                return try await ReportCommands(reports: reports, registry: registry, time: time)
                    .perform(name, arguments)
            }
            if name.hasPrefix(ScriptCommands.prefix), let scripts {
                return try await ScriptCommands(scripts: scripts, registry: registry)
                    .perform(name, arguments)
            }
            if AccountCopyCommands.names.contains(name) {
                return try await copyCommands(author).perform(name, arguments).answer
            }
            if name.hasPrefix(MailboxCommands.prefix) {
                return try await mailboxCommands.perform(name, arguments, []).answer
            }
            if ExchangerCommands.knows(name) {
                return try await ExchangerCommands(
                    zones: zones, exchangers: exchangers, time: time, author: author,
                    language: try await reader.language(arguments)
                ).perform(name, arguments)
            }
            if name.hasPrefix(ZoneSecurityCommands.prefix) {
                guard let security else {
                    throw ControlFailure.unavailable(
                        "zones are signed by the running server; start it first")
                }
                return try await ZoneSecurityCommands(
                    security: security, zones: zones, author: author,
                    language: reader.language(arguments)
                ).perform(name, arguments)
            }
            if name.hasPrefix(SigningKeyCommands.prefix) {
                guard let keys else {
                    throw ControlFailure.unavailable("no keys are kept here")
                }
                return try await SigningKeyCommands(
                    keeper: keys, language: reader.language(arguments)
                ).perform(name, arguments)
            }
            let zoneCommands = ZoneCommands(
                zones: zones, registry: registry, host: host, author: author,
                language: try await reader.language(arguments), health: exchangers.health,
                keys: keys)
            if ExchangeCommands.isOne(name) {
                return try await ExchangeCommands(
                    zones: zones, peers: peers, service: service, author: author,
                    language: zoneCommands.language, templates: ZoneTemplates(zoneCommands)
                ).perform(name, arguments)
            }
            if name.hasPrefix("zone.") { return try await zoneCommands.perform(name, arguments) }
            if name == ProgramSetup.name {
                return try await ProgramSetup(
                    registry: registry, host: host, language: zoneCommands.language
                ).perform(arguments)
            }
            let answer = try await DirectoryCommands(
                registry: registry, mailboxes: mailboxes, spooler: spooler, time: time,
                author: author
            ).perform(name, arguments)
            if name == "account.remove" { scripts?.forget() }
            if name == "domain.remove" {
                _ = try await scripts?.removeStandard(for: try arguments.domain("domain").name)
            }
            guard name == "domain.add" else { return answer }
            let domain = try arguments.domain("domain")
            // Made before the zone is written, so that it names them at once.
            await keys?.prepare(domain)
            return try await zoneCommands.adopt(arguments)
        } catch {
            throw ControlFailure(error)
        }
    }
    /// The answer to a command that octets belong to, and the octets that belong to the answer:
    /// messages on their way in or out.
    package func transfer(
        _ name: String, _ json: JSON, _ octets: [UInt8]
    ) async throws(ControlFailure) -> (answer: JSON, octets: [UInt8]) {
        let isCopy = AccountCopyCommands.names.contains(name)
        guard isCopy || name.hasPrefix(MailboxCommands.prefix) else {
            return (try await perform(name, json), [])
        }
        do {
            let arguments = Arguments(json: json)
            if isCopy {
                let author = try arguments.author(by: author)
                return try await copyCommands(author).perform(name, arguments)
            }
            return try await mailboxCommands.perform(name, arguments, octets)
        } catch {
            throw ControlFailure(error)
        }
    }

    /// The answer to `mailbox.file` of one message whose octets come in pieces: it may be larger
    /// than memory.
    package func file(
        _ json: JSON, _ pieces: some AsyncSequence<[UInt8], any Error>
    ) async throws(ControlFailure) -> JSON {
        do {
            return try await mailboxCommands.file(Arguments(json: json), pieces)
        } catch {
            throw ControlFailure(error)
        }
    }

    private func copyCommands(_ author: String) -> AccountCopyCommands {
        AccountCopyCommands(
            registry: registry, mailboxes: mailboxes, scripts: scripts, author: author)
    }

    private var mailboxCommands: MailboxCommands {
        MailboxCommands(mailboxes: mailboxes, intake: intake, registry: registry, time: time)
    }
}
