// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Foundation
import Server
import Settings

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
        let settings = try settings()
        do {
            let client = ControlClient(path: settings.controlSocket)
            if let answer = try await client.perform(command, arguments) { return answer }
            return try await Offline.perform(command, arguments, settings)
        } catch let failure as ControlFailure {
            throw CommandFailure(failure)
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
