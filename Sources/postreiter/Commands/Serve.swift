// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import DNS
import LiveWorld
import Logging
import NameService
import Server
import Settings
import World

/// `postreiter serve`: runs until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the server.")
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let settings = try server.settings()
        let log = Log.make(level: settings.logLevel)
        let identity = try ServerIdentity.load(settings)
        let signals = SignalSource()
        let zones = try ZoneFolder.load(settings.zonesFolder)
        let resolver = try makeResolver(settings)
        try await OpenedStore(settings).withNode { node in
            let mail = MailServer(
                settings, node: node, surroundings: Live.surroundings, resolver: resolver,
                identity: identity, zones: zones, log: log)
            let listening: MailServer.Listening
            do throws(NetworkFailure) {
                listening = try await mail.listen()
            } catch {
                throw CommandFailure.unavailable(
                    "cannot listen: \(error); see `listen` in \(server.config)")
            }
            let control = ControlServer(
                path: settings.controlSocket,
                administration: Administration(
                    registry: node.registry, trace: node.trace, spooler: node.spooler,
                    time: Live.surroundings.time, author: "control socket", wake: { mail.wake() }),
                log: log)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await control.run() }
                group.addTask {
                    for await signal in signals.signals where signal == .terminate { break }
                    log.notice("stopping")
                    mail.stop()
                }
                log.notice("serving as \(settings.hostName): \(listening.description)")
                try await mail.run(listening)
                group.cancelAll()
            }
        }
        log.notice("stopped")
    }
}

/// Names by the configured servers, or by libunbound.
func makeResolver(_ settings: ServerSettings) throws -> any Resolver {
    if settings.resolver.isEmpty { return try UnboundResolver() }
    return CachingResolver(
        StubResolver(servers: settings.resolver, world: Live.surroundings),
        time: Live.surroundings.time)
}

/// The certificate and key of this host.
enum ServerIdentity {
    static func load(_ settings: ServerSettings) throws(CommandFailure) -> any TLSIdentity {
        let certificate = try Files.read(settings.certificate)
        let key = try Files.read(settings.privateKey)
        do {
            return try Live.network.identity(certificateChain: certificate, privateKey: key)
        } catch {
            throw .configuration(
                "\(settings.certificate) and \(settings.privateKey) cannot be used: \(error)")
        }
    }
}
