// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Foundation
import Glibc
import Server
import Settings
import World

/// Which server a command is for.
struct ServerOptions: ParsableArguments {
    @Option(help: "The configuration file.")
    var config = "/etc/postreiter/postreiter.yaml"

    /// The settings of the file, with the environment over it.
    func settings() throws -> ServerSettings { try settingsFile().checkedSettings() }

    /// Reads the file and the environment over it.
    func settingsFile() throws -> SettingsFile {
        guard Files.exists(config) else {
            throw CommandFailure.configuration(
                "\(config) is not there; `postreiter setup DOMAIN` writes one,"
                    + " or name another with --config")
        }
        let text = String(lossy: try Files.read(config))
        do {
            return try SettingsFile(
                text, name: config, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw CommandFailure.configuration(error.description)
        }
    }

    /// Has the running server carry a command out; without one, does it to the store itself.
    func perform(_ command: String, _ arguments: JSON) async throws -> JSON {
        try await asker().run { try await $0.perform(command, arguments) }
    }

    /// Carries several commands out.
    func asker() throws -> Asker { Asker(settings: try settings(), person: Self.person) }
}

/// Asks the running server; without one, the store itself, which is opened once.
struct Asker: Sendable {
    let settings: ServerSettings
    let person: String
    private var administration: Administration?

    init(settings: ServerSettings, person: String) {
        self.settings = settings
        self.person = person
    }

    /// Runs `body` with one that is ready to ask.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (Asker) async throws -> Result
    ) async throws -> Result {
        if try await isServed() { return try await body(self) }
        if try await isStarting() { return try await body(self) }
        return try await Offline.withAdministration(settings) { administration in
            var asker = self
            asker.administration = administration
            return try await body(asker)
        }
    }

    /// Waits for a server that holds the data folder and hears no commands: it starts, or ends.
    ///
    /// True once it hears them, false once the folder is free.
    private func isStarting() async throws -> Bool {
        let deadline = Live.surroundings.time.now + .seconds(10)
        while true {
            do throws(CommandFailure) {
                try DataFolderLock.refuseIfHeld(settings.dataFolder)
                return false
            } catch {
                guard Live.surroundings.time.now < deadline else { throw error }
            }
            try await Live.surroundings.time.sleep(for: .milliseconds(50))
            if try await isServed() { return true }
        }
    }

    private func isServed() async throws -> Bool {
        let client = ControlClient(path: settings.controlSocket)
        do throws(ControlFailure) {
            return try await client.perform("ping", [:]) != nil
        } catch {
            throw CommandFailure(error)
        }
    }

    func perform(_ command: String, _ arguments: JSON) async throws -> JSON {
        let arguments = JSON.object(
            (arguments.object ?? []) + [("author", .string(person))])
        do {
            if let administration {
                return try await administration.perform(command, arguments)
            }
            let client = ControlClient(path: settings.controlSocket)
            guard let answer = try await client.perform(command, arguments) else {
                throw CommandFailure.unavailable("the server has ended meanwhile")
            }
            return answer
        } catch let failure as ControlFailure {
            throw CommandFailure(failure)
        }
    }

    /// `mailbox.file` of one message that is read as it is sent.
    func file(_ arguments: JSON, _ source: OctetSource) async throws -> JSON {
        do {
            if let administration {
                return try await administration.file(arguments, source.pieces)
            }
            let client = ControlClient(path: settings.controlSocket)
            guard let answer = try await client.file(arguments, source) else {
                throw CommandFailure.unavailable("the server has ended meanwhile")
            }
            return answer
        } catch let failure as ControlFailure {
            throw CommandFailure(failure)
        }
    }

    /// As `perform`, with octets that belong to the command and to the answer.
    func transfer(
        _ command: String, _ arguments: JSON, _ octets: [UInt8]
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        do {
            if let administration {
                return try await administration.transfer(command, arguments, octets)
            }
            let client = ControlClient(path: settings.controlSocket)
            guard let answer = try await client.transfer(command, arguments, octets) else {
                throw CommandFailure.unavailable("the server has ended meanwhile")
            }
            return answer
        } catch let failure as ControlFailure {
            throw CommandFailure(failure)
        }
    }
}

extension ServerOptions {
    /// Who gives the command, by the name of the system's user; behind sudo, of who called it.
    private static let person: String = {
        let name = ProcessInfo.processInfo.environment["SUDO_USER"] ?? NSUserName()
        return name.isEmpty ? "user \(getuid())" : String(name.prefix(50))
    }()
}

/// `--yes` of what cannot be undone.
struct ConsentOption: ParsableArguments {
    @Flag(help: "Do not ask.") var yes = false

    /// Asks on the terminal; without one, `--yes` has to be said.
    func ask(_ what: String, else alternative: String) throws {
        guard !yes else { return }
        guard isatty(0) == 1 else {
            throw CommandFailure.usage("\(what): say --yes if you mean it; \(alternative)")
        }
        Output.octets(Array("\(what). Go on? [y/N] ".utf8), to: 2)
        guard let answer = readLine(), answer.lowercased().hasPrefix("y") else {
            throw CommandFailure.usage("nothing was changed")
        }
    }
}

extension SettingsFile {
    /// The settings, or what is wrong with them as a failure of the command.
    func checkedSettings() throws(CommandFailure) -> ServerSettings {
        do {
            return try settings()
        } catch {
            throw .configuration(error.description)
        }
    }
}

/// `--json` of every command that reads.
struct JSONOption: ParsableArguments {
    @Flag(help: "One JSON object instead of text.")
    var json = false
}
