// SPDX-License-Identifier: Apache-2.0

import Directory
import LiveWorld
import Mail
import Server
import Settings
import Spool
import Storage
import World

/// The store of this host, opened for this process alone.
struct OpenedStore {
    let store: SQLiteStore
    let bodies: FolderBodyFiles
    private let name: String
    private let journalDays: Int
    private let lifetimes: Lifetimes.Values
    private let offersSCRAMSHA1: Bool
    private let secretKey: SecretKeyFile

    init(_ settings: ServerSettings) throws(CommandFailure) {
        name = settings.hostName.name
        journalDays = settings.journalDays
        lifetimes = settings.sending.lifetimes
        offersSCRAMSHA1 = settings.offersSCRAMSHA1
        secretKey = SecretKeyFile(settings.secretKeyFile)
        do {
            store = try SQLiteStore(
                folder: settings.dataFolder, schema: Node.schema,
                writing: ThreadExecutor(niceness: 2),
                checkpointing: ThreadExecutor(niceness: 2), reading: ThreadExecutor(),
                time: Live.surroundings.time)
            bodies = try FolderBodyFiles(
                folder: settings.dataFolder, on: ThreadExecutor(niceness: 2))
        } catch {
            throw Self.failure(error, settings.dataFolder)
        }
    }

    /// Commits while `body` works with the node.
    func withNode<Result: Sendable>(
        _ body: @escaping @Sendable (Node) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            defer { group.cancelAll() }
            let node = try await Node(
                store: store, bodies: bodies, surroundings: Live.surroundings, name: name,
                secretKey: secretKey, passwordExecutor: Live.workExecutor,
                journalDays: journalDays, mailCryptography: LiveMailCryptography())
            node.spooler.lifetimes.change(to: lifetimes)
            node.registry.offersSCRAMSHA1 = offersSCRAMSHA1
            return try await body(node)
        }
    }

    private static func failure(_ error: StorageFailure, _ folder: String) -> CommandFailure {
        switch error {
        case .full: .temporary("no space left for the data folder \(folder): make room there")
        case .locked: .temporary(error.description)
        case .newerFormat, .corrupt: .data(error.description)
        default: .cannotCreate(error.description)
        }
    }
}
