// SPDX-License-Identifier: Apache-2.0

import Bytes
import Control
import Glibc
import LiveWorld
import Logging
import MessageStore
import SearchIndex
import Settings
import Storage
import World

/// The index of texts, in a folder of its own: all of it can be made anew from the messages.
struct SearchStore {
    let index: TextIndex
    private let store: SQLiteStore
    private let log: Logger
    /// Indexing takes what time mail leaves.
    private let executor = ThreadExecutor(niceness: 15)

    /// Opens it, or makes it anew if it is damaged; nil, with a word in the log, if it cannot be
    /// opened: searches read the messages then.
    init?(_ settings: ServerSettings, of mailboxes: Mailboxes, _ log: Logger) {
        guard settings.indexesTexts else { return nil }
        let folder = settings.dataFolder + "/search"
        do throws(StorageFailure) {
            store = try Self.open(folder, executor, log)
        } catch {
            log.warning("texts are not indexed, searches read the messages: \(error)")
            return nil
        }
        index = TextIndex(store, of: mailboxes)
        self.log = log
    }

    private static func open(
        _ folder: String, _ executor: ThreadExecutor, _ log: Logger
    ) throws(StorageFailure) -> SQLiteStore {
        func open() throws(StorageFailure) -> SQLiteStore {
            try SQLiteStore(
                folder: folder, schema: [.searchIndex], writing: executor,
                reading: ThreadExecutor())
        }
        do throws(StorageFailure) {
            return try open()
        } catch {
            guard error.isAboutContents else { throw error }
            log.warning("the index of texts is made anew: \(error)")
            for name in ["lock", "postreiter.sqlite", "postreiter.sqlite-wal"] {
                unlink("\(folder)/\(name)")
            }
            return try open()
        }
    }

    // MARK: Commands

    static func status(_ search: Self?) async throws(ControlFailure) -> JSON {
        try await perform(search) { try await $0.sizes() }
    }

    static func rebuild(_ search: Self?) async throws(ControlFailure) -> JSON {
        try await perform(search) { index in
            try await index.rebuild()
            return try await index.sizes()
        }
    }

    private static func perform(
        _ search: Self?,
        _ work: (TextIndex) async throws -> (messages: Int, indexed: Int)
    ) async throws(ControlFailure) -> JSON {
        guard let search else {
            throw .unavailable("texts are not indexed: see `search.index`, or the log")
        }
        do {
            let sizes = try await work(search.index)
            return [
                "messages": .integer(Int64(sizes.messages)),
                "indexed": .integer(Int64(sizes.indexed)),
            ]
        } catch {
            throw .temporary("the index cannot be read: \(error)")
        }
    }

    // MARK: Indexing

    /// Indexes what comes, until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            group.addTask(executorPreference: executor) {
                await index.run(time: Live.surroundings.time) { error in
                    log.warning("texts cannot be indexed at the moment: \(error)")
                }
            }
        }
    }
}

extension StorageFailure {
    fileprivate var isAboutContents: Bool {
        switch self {
        case .corrupt, .newerFormat: true
        default: false
        }
    }
}
