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

/// `postreiter reload`: the running server reads configuration, certificates and zones again.
struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the running server read configuration, certificates and zones again.",
        discussion: """
            No connection is dropped. A configuration that cannot be used is refused, and the \
            server goes on with what it has. SIGHUP does the same, and the log says what came of it.
            """)
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let settings = try server.settings()
        let client = ControlClient(path: settings.controlSocket)
        guard let answer = try await client.perform("reload", [:]) else {
            throw CommandFailure.unavailable(
                "no server is running on \(settings.dataFolder); a start reads everything anyway")
        }
        guard !output.json else { return Output.json(answer) }
        Output.line(ReloadReport(answer).text)
    }
}

/// What a reload has changed, and what it could not.
struct ReloadReport {
    /// Keys whose new values are in force.
    let applied: [String]
    /// Keys whose new values wait for a restart.
    let needRestart: [String]

    init(applied: [String], needRestart: [String]) {
        self.applied = applied
        self.needRestart = needRestart
    }

    init(_ json: JSON) {
        applied = (json["applied"]?.array ?? []).compactMap(\.string)
        needRestart = (json["needs_restart"]?.array ?? []).compactMap(\.string)
    }

    var json: JSON { ["applied": JSON(applied), "needs_restart": JSON(needRestart)] }

    var text: String {
        var text = "reloaded certificates and zones"
        if !applied.isEmpty { text += "; changed: \(applied.joined(separator: ", "))" }
        if !needRestart.isEmpty {
            text += "; only a restart changes: \(needRestart.joined(separator: ", "))"
        }
        return text
    }
}

/// Applies changed files to the running server, all that can be or nothing.
actor Reloader {
    private let server: ServerOptions
    private let mail: MailServer
    private let parts: ServerParts
    /// What the configuration said at the start: what needs a restart is compared with that.
    private let started: [String: String]
    /// What is in force, by key.
    private var values: [String: String]
    private var settings: ServerSettings
    private let inherited: [InheritedSocket]
    private let manager: ServiceManager
    private let log: Logger

    init(
        _ server: ServerOptions, mail: MailServer, parts: ServerParts,
        started: [String: String], settings: ServerSettings, inherited: [InheritedSocket],
        manager: ServiceManager, log: Logger
    ) {
        self.server = server
        self.mail = mail
        self.parts = parts
        self.started = started
        values = started
        self.settings = settings
        self.inherited = inherited
        self.manager = manager
        self.log = log
    }

    /// Reads everything again; says in the log and in the answer what came of it.
    func reload() async throws(ControlFailure) -> ReloadReport {
        manager.reloading(at: Live.surroundings.time.now)
        defer { manager.ready("serving as \(settings.hostName)") }
        do {
            let report = try await apply()
            log.notice("\(report.text)")
            return report
        } catch {
            let text = (error as? CommandFailure)?.text ?? "\(error)"
            log.error("not reloaded, everything stays as it is: \(text)")
            throw .configuration("not reloaded, the server goes on as it was: \(text)")
        }
    }

    private func apply() async throws -> ReloadReport {
        let file = try server.settingsFile()
        var new = settings.adopting(try file.checkedSettings())
        new.listen.add(inherited, log)
        // Whatever can fail comes before anything is changed.
        let identity = try ServerIdentity.load(new.certificates)
        let zones = try ZoneFolder.load(settings.zonesFolder)
        let resolver = new.resolver == settings.resolver ? nil : try makeResolver(new)
        do throws(NetworkFailure) {
            try await mail.change(to: new)
        } catch {
            throw CommandFailure.unavailable("cannot listen: \(error)")
        }
        parts.identity.replace(by: identity)
        try await mail.publisher.replaceFiles(by: zones.zones)
        if let resolver { parts.resolver.replace(by: resolver) }
        Log.change(level: new.logLevel, format: new.logFormat)
        settings = new
        return compare(file.values)
    }

    private func compare(_ new: [String: String]) -> ReloadReport {
        let live = SettingKey.all.filter(\.isLive).map(\.name)
        let applied = live.filter { new[$0] != values[$0] }
        let waiting = SettingKey.all.map(\.name).filter {
            !live.contains($0) && new[$0] != started[$0]
        }
        for key in live { values[key] = new[key] }
        return ReloadReport(applied: applied, needRestart: waiting)
    }
}
