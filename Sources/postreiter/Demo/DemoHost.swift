// SPDX-License-Identifier: Apache-2.0

import Bytes
import Control
import DNS
import LiveWorld
import Logging
import Mail
import NameService
import Server
import Settings
import Synchronization
import World

/// A mail server of the demo with a store of its own, which can be stopped and started again.
///
/// It is put together as `postreiter serve` does it.
final class DemoHost: Sendable {
    let settings: ServerSettings
    private let identity: any TLSIdentity
    private let resolver: any Resolver
    private let haste: Int
    private let log: Logger
    private let shift = Mutex<Shift?>(nil)

    /// From a start to the stop after it.
    private struct Shift {
        let administration: Administration
        let stop: AsyncStream<Never>.Continuation
        let ended: AsyncStream<Never>
    }

    /// Makes folder and certificate; `haste` divides the pauses between its attempts to deliver.
    init(
        _ settings: ServerSettings, resolver: any Resolver, haste: Int, log: Logger
    ) throws {
        self.settings = settings
        self.resolver = resolver
        self.haste = haste
        self.log = log
        try Files.makeFolder(settings.dataFolder, mode: 0o700)
        let made = try SelfSignedCertificate(
            names: [settings.hostName.name], addresses: settings.listen.smtp.map(\.host))
        for files in settings.certificates {
            try Files.write(made.certificate, to: files.chain)
            try Files.write(made.privateKey, to: files.privateKey, mode: 0o600)
        }
        identity = try ServerIdentity.load(settings.certificates)
    }

    var name: String { settings.hostName.name }

    /// Carries out a command of `postreiter`, as the control socket does.
    func perform(_ command: String, _ arguments: JSON) async throws -> JSON {
        guard let administration = shift.withLock({ $0?.administration }) else {
            throw DemoFailure("\(name) is not running")
        }
        do {
            return try await administration.perform(command, arguments)
        } catch {
            throw DemoFailure("\(name): \(command): \(error)")
        }
    }

    /// Runs in a task of `tasks`; returns when it accepts mail.
    func start(in tasks: DemoTasks) async throws {
        let (ready, isReady) = AsyncStream.makeStream(of: Result<Administration, any Error>.self)
        let (stop, stopper) = AsyncStream.makeStream(of: Never.self)
        let (ended, hasEnded) = AsyncStream.makeStream(of: Never.self)
        tasks.add { [self] in
            do {
                try await serve(until: stop) { isReady.yield(.success($0)) }
            } catch {
                log.error("\(error)")
                isReady.yield(.failure(error))
            }
            isReady.finish()
            hasEnded.finish()
        }
        for await result in ready {
            let administration = try result.get()
            shift.withLock {
                $0 = Shift(administration: administration, stop: stopper, ended: ended)
            }
            return
        }
        throw CancellationError()
    }

    /// Returns when all its ports and its store are closed.
    func stop() async {
        guard let shift = shift.withLock({ $0.take() }) else { return }
        shift.stop.finish()
        for await _ in shift.ended {}
    }

    private func serve(
        until stop: AsyncStream<Never>, isReady: @escaping @Sendable (Administration) -> Void
    ) async throws {
        try await OpenedStore(settings).withNode { [self] node in
            let mail = MailServer(
                settings, node: node, surroundings: Live.surroundings, resolver: resolver,
                identity: identity, zones: ZoneBox(), log: log, haste: haste,
                cryptography: LiveMailCryptography())
            let listening = try await mail.listen()
            let administration = Administration(
                registry: node.registry, trace: node.trace, spooler: node.spooler,
                mailboxes: node.mailboxes, zones: node.zones, peers: node.peers,
                defence: node.defence,
                time: Live.surroundings.time,
                author: "demo", language: settings.language,
                delivery: .init(
                    wake: { mail.wake(retrying: $0) }, recall: { await mail.recall($0) }))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in stop {}
                    mail.stop()
                }
                isReady(administration)
                try await mail.run(listening)
                group.cancelAll()
            }
        }
    }
}

/// Lets tasks begin within one that outlives them, so that none is left behind.
struct DemoTasks: Sendable {
    private let waiting: AsyncStream<@Sendable () async -> Void>
    private let arrivals: AsyncStream<@Sendable () async -> Void>.Continuation

    init() { (waiting, arrivals) = AsyncStream.makeStream() }

    func add(_ task: @escaping @Sendable () async -> Void) { arrivals.yield(task) }

    /// Runs what is added until it is cancelled, which cancels them all.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await task in waiting { group.addTask { await task() } }
        }
    }
}
