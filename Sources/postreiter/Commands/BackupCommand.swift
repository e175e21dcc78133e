// SPDX-License-Identifier: Apache-2.0

import Archive
import ArgumentParser
import Bytes
import Glibc
import LiveWorld
import Mail
import Server
import Settings
import World

/// `postreiter backup FILE`: everything durable in one file, while mail flows.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write everything durable into one file, as of one instant, while mail flows.",
        discussion: """
            The file is a tar archive: the database, large message bodies, messages dropped by \
            sendmail, zones, certificate and key of the data folder. It holds keys and mail: it is \
            readable by its owner alone. The configuration file is not in it.
            """)
    @Argument(help: "The file to write; it must not exist yet.") var file: String
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let settings = try server.settings()
        do throws(ArchiveFailure) {
            let summary = try Backup(of: settings.dataFolder).write(
                to: file, at: Live.surroundings.time.timestamp,
                version: Postreiter.version, host: settings.hostName.description)
            if output.json { return Output.json(summary.json) }
            Output.line(
                "\(file): \(settings.dataFolder) as of \(CalendarDate(summary.time).internetFormat),"
                    + " \(summary.octets) octets, \(summary.bodies) large message bodies")
        } catch {
            throw CommandFailure(error)
        }
    }
}

/// `postreiter restore FILE`: a data folder out of a backup.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a data folder out of a backup, and verify it.",
        discussion: """
            The data folder must be empty or not there yet. The backup's checksum is compared, the \
            database checks itself, and every large message body must be there with its size; \
            otherwise the folder stays as it was.
            """)
    @Argument(help: "The file that `backup` wrote.") var file: String
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
        let settings = try server.settings()
        let user = try ServerIdentity.user(settings)
        do {
            let summary = try Restoration(into: settings.dataFolder, schema: Node.schema)
                .restore(from: file)
            if let user { try DataFolderLock.give(settings.dataFolder, to: user) }
            if output.json {
                return Output.json([
                    "backup": summary.manifest, "bodies": .integer(Int64(summary.bodies)),
                ])
            }
            Output.line(
                "\(settings.dataFolder) is as \(summary.manifest["host"]?.string ?? "the host") was"
                    + " at \(summary.manifest["time"]?.string ?? "an unknown time"): the database"
                    + " is sound, \(summary.bodies) large message bodies are whole")
        } catch {
            throw CommandFailure(error)
        }
    }
}

extension CommandFailure {
    fileprivate init(_ failure: any Error) {
        guard let failure = failure as? ArchiveFailure else {
            self = failure as? CommandFailure ?? .temporary("\(failure)")
            return
        }
        self =
            switch failure.kind {
            case .data: .data(failure.description)
            case .cannotCreate: .cannotCreate(failure.description)
            case .temporary: .temporary(failure.description)
            }
    }
}
