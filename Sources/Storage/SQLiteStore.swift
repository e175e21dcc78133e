// SPDX-License-Identifier: Apache-2.0

private import CoreMetrics
private import Synchronization
package import World

/// The store in one SQLite file, with group commit.
///
/// Writers wait in line; one committer (`run`) takes all who wait at that moment, runs each as if
/// behind a savepoint of its own, commits once (one sync) and tells them. While a commit syncs, the next line forms.
/// Who has been alone for a while commits by itself (`LoneWriter`): there is nobody to share with.
/// Without a running committer nothing is written.
package final class SQLiteStore: Store {
    private let writer: Connection
    private let readers: ReaderPool
    private let queue = CommitQueue()
    private let writeExecutor: (any TaskExecutor)?
    private let readExecutor: (any TaskExecutor)?
    private let checkpointExecutor: (any TaskExecutor)?
    /// Nil: commits do it.
    private let checkpointer: Checkpointer?
    private let folder: DataFolder?
    private let disk: MemoryDisk?
    /// How long commits take is measured only where there is a clock.
    private let time: (any Time)?
    private let meters = CommitMeters()
    private let life = Mutex(true)
    private let counts = Mutex(CommitCounts())
    private let loneWriter = Mutex(LoneWriter())

    /// Opens the store in a data folder, making what is missing, and migrates it.
    ///
    /// `writing` runs commits, `checkpointing` shortens the log beside them and `reading` runs the
    /// reads: three `ThreadExecutor`s in the live world.
    /// Fails with `.locked`, `.newerFormat`, `.corrupt` or `.inputOutput`, in words for people.
    package init(
        folder path: String, schema: [Migrations], writing: (any TaskExecutor)? = nil,
        checkpointing: (any TaskExecutor)? = nil, reading: (any TaskExecutor)? = nil,
        time: (any Time)? = nil
    ) throws(StorageFailure) {
        let folder = try DataFolder(path)
        try folder.refuseEmptiedDatabase()
        try folder.createDatabase()
        writer = try Connection(.writer(path: folder.database))
        try writer.migrate(schema)
        try folder.refuseTruncatedDatabase(writer)
        try folder.mark()
        readers = ReaderPool(path: folder.database)
        self.folder = folder
        disk = nil
        self.time = time
        writeExecutor = writing
        readExecutor = reading
        checkpointExecutor = checkpointing
        checkpointer = checkpointing == nil ? nil : try Checkpointer(path: folder.database)
        if checkpointer != nil { writer.leaveCheckpoints() }
    }

    /// Opens the store on a simulated disk and migrates it; what was opened on it before is closed.
    ///
    /// Everything runs on the executor of the calling task.
    package init(on disk: MemoryDisk, schema: [Migrations]) throws(StorageFailure) {
        writer = try disk.mount()
        try writer.migrate(schema)
        readers = ReaderPool(shared: writer)
        self.disk = disk
        folder = nil
        time = nil
        writeExecutor = nil
        readExecutor = nil
        checkpointExecutor = nil
        checkpointer = nil
        disk.attach(self)
    }

    /// Commits until the task is cancelled; writes that wait by then are still committed.
    ///
    /// A child task of the server's; one at a time.
    package func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup { group in
                if let checkpointer, let checkpointExecutor {
                    group.addTask(executorPreference: checkpointExecutor) {
                        await checkpointer.run()
                    }
                }
                if let writeExecutor {
                    await withTaskExecutorPreference(writeExecutor) { await commitAll() }
                } else {
                    await commitAll()
                }
                checkpointer?.close()
            }
        } onCancel: {
            queue.close()
        }
    }

    @discardableResult
    package func write<Result: Sendable>(
        by writer: WriterIdentity?, meanwhile: () -> Void,
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation {
            let write = TypedWrite(by: writer, body, $0)
            if isAlone(writer) {
                meanwhile()
                commitHere(write)
            } else {
                queue.append(write)
                meanwhile()
            }
        }
    }

    package func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        guard let readExecutor else { return try lookUp(body) }
        return try await withTaskExecutorPreference(readExecutor) { try await lookUpThere(body) }
    }

    @concurrent
    private func lookUpThere<Result: Sendable>(
        _ body: @Sendable (any Transaction) throws -> Result
    ) async throws -> Result { try lookUp(body) }

    package func lookUp<Result>(_ body: (any Transaction) throws -> Result) throws -> Result {
        guard life.withLock({ $0 }) else { throw StorageFailure.closed }
        return try readers.read(body)
    }

    /// Takes no further writes and refuses those that wait; for a store without a committer.
    package func close() {
        life.withLock { $0 = false }
        for write in queue.drain() { write.finish(.closed) }
    }

    /// How many commits there were, and how many writes they served.
    package var commitCounts: CommitCounts { counts.withLock { $0 } }

    /// How many writes wait for the next commit.
    package var waitingCount: Int { queue.count }
}

/// What is measured of commits.
private struct CommitMeters: Sendable {
    private let duration = CoreMetrics.Timer(label: "postreiter_commit_seconds")
    private let writes = Recorder(label: "postreiter_commit_writes")

    func count(_ time: Duration, writes count: Int) {
        duration.recordNanoseconds(time.nanoseconds)
        writes.record(count)
    }
}

/// How well commits are shared.
package struct CommitCounts: Hashable, Sendable {
    package var commits = 0
    package var writes = 0
}

// MARK: - The committer

extension SQLiteStore {
    @concurrent
    private func commitAll() async {
        while let batch = await queue.next() { await commit(batch) }
        close()
    }

    private func commit(_ batch: [PendingWrite]) async {
        await disk?.beforeCommit()
        guard life.withLock({ $0 }) else { return refuse(batch, .closed) }
        if let failure = disk?.failure { return refuse(batch, failure) }
        var failure = commitMeasured(batch)
        if failure == .full, batch.count > 1 {
            // One large message must not keep the small writes out that would make room.
            return await commitSingly(batch)
        }
        await disk?.afterCommit()
        if !life.withLock({ $0 }) { failure = .closed }
        for write in batch { write.finish(failure) }
        if let checkpointer, checkpointer.note(pages: writer.logPages) {
            writer.exclusively { _ = try? writer.checkpoint() }
        }
    }

    /// Whether the writer need not wait for the committer's thread; in the live world only.
    private func isAlone(_ writer: WriterIdentity?) -> Bool {
        guard let writer, let checkpointer else { return false }
        return loneWriter.withLock { $0.isAlone(writer) } && queue.isIdle && checkpointer.isIdle
    }

    /// Commits on the writer's thread; the committer waits if it is called meanwhile.
    private func commitHere(_ write: PendingWrite) {
        let isLiving = life.withLock(\.self)
        write.finish(isLiving ? commitMeasured([write]) : .closed)
        checkpointer?.noteAside(pages: writer.logPages)
    }

    private func commitMeasured(_ batch: [PendingWrite]) -> StorageFailure? {
        guard let time else { return commitTogether(batch) }
        let begun = time.now
        let failure = commitTogether(batch)
        let duration = time.now - begun
        meters.count(duration, writes: batch.count)
        loneWriter.withLock { $0.note(batch, took: duration) }
        return failure
    }

    private func commitSingly(_ batch: [PendingWrite]) async {
        for write in batch { write.finish(commitTogether([write])) }
    }

    private func refuse(_ batch: [PendingWrite], _ failure: StorageFailure) {
        for write in batch { write.finish(failure) }
    }

    /// All or nothing of what did not fail by itself; returns why nothing is committed.
    ///
    /// Savepoints cost a copy of each page that a write touches, and a write seldom fails; so the
    /// batch runs without them first, and behind them once more if one of it did fail.
    private func commitTogether(_ batch: [PendingWrite]) -> StorageFailure? {
        writer.exclusively {
            do throws(StorageFailure) {
                if try !attempt(batch) {
                    writer.rollback()
                    try attemptApart(batch)
                }
            } catch {
                writer.rollback()
                return error
            }
            counts.withLock {
                $0.commits += 1
                $0.writes += batch.count
            }
            return nil
        }
    }

    /// Commits if no write fails; says whether it did.
    private func attempt(_ batch: [PendingWrite]) throws(StorageFailure) -> Bool {
        try writer.control("BEGIN IMMEDIATE")
        for write in batch {
            write.perform(in: writer)
            guard write.error == nil else { return false }
        }
        try writer.control("COMMIT")
        return true
    }

    /// Commits what does not fail, each write behind its own savepoint.
    private func attemptApart(_ batch: [PendingWrite]) throws(StorageFailure) {
        try writer.control("BEGIN IMMEDIATE")
        for write in batch {
            try write.performAlone(in: writer)
            guard writer.isInTransaction else { throw write.error as? StorageFailure ?? .full }
        }
        try writer.control("COMMIT")
    }
}
