// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The folder that holds everything durable, held by one process at a time.
///
/// `lock` is locked with flock(2), which ends with the process however it ends. Its text marks a
/// folder that has had a database, so that a vanished or emptied one is not silently made anew.
final class DataFolder: Sendable {
    let path: String
    private let lock: Int32

    private static let mark = "Postreiter data folder, format 1\n"

    var database: String { path + "/postreiter.sqlite" }

    init(_ path: String) throws(StorageFailure) {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .inputOutput("the data folder \(path) cannot be made: \(systemError())")
        }
        lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw .inputOutput("the data folder \(path) cannot be used: \(systemError())")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .locked(
                "the data folder \(path) is in use by another server: stop that one first, or "
                    + "set another data folder")
        }
    }

    /// A child that another thread has just forked still holds a copy of the descriptor until its
    /// exec(2): closing alone would leave the folder locked so long.
    deinit {
        flock(lock, LOCK_UN)
        close(lock)
    }

    private var isMarked: Bool { fileSize(path + "/lock") ?? 0 > 0 }

    func mark() throws(StorageFailure) {
        guard !isMarked else { return }
        let written = Array(Self.mark.utf8).withUnsafeBytes {
            write(lock, $0.baseAddress, $0.count)
        }
        guard written == Self.mark.utf8.count, fsync(lock) == 0 else {
            throw StorageFailure(errno: errno, "the data folder \(path) cannot be written")
        }
        try syncFolder(path)
    }

    func refuseEmptiedDatabase() throws(StorageFailure) {
        guard isMarked, fileSize(database) ?? 0 == 0 else { return }
        throw .corrupt(
            """
            \(database) is missing or empty, though this folder has held mail: restore it from a \
            backup, or remove the file 'lock' beside it to begin with an empty store
            """)
    }

    /// Makes the database's file before SQLite does, for its owner alone: SQLite would leave it to
    /// the umask, and gives the files beside it the rights of this one.
    func createDatabase() throws(StorageFailure) {
        let file = open(database, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StorageFailure(errno: errno, "\(database) cannot be made") }
        close(file)
    }

    /// With the log folded in, the file is as long as its first page says, or it was cut.
    func refuseTruncatedDatabase(_ connection: Connection) throws(StorageFailure) {
        let isHeld =
            try connection.first("PRAGMA wal_checkpoint(TRUNCATE)") { $0.integer(0) != 0 } ?? true
        // A backup reads at this moment: the log is not folded in, and nothing can be said.
        guard !isHeld else { return }
        let pages = try connection.first("PRAGMA page_count") { Int($0.integer(0)) } ?? 0
        let octets = try connection.first("PRAGMA page_size") { Int($0.integer(0)) } ?? 0
        guard fileSize(database) ?? 0 < pages * octets else { return }
        throw .corrupt("\(database) has been cut short: restore it from a backup")
    }
}

func systemError() -> String { String(cString: strerror(errno)) }

func fileSize(_ path: String) -> Int? {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : nil
}

/// Makes the names in a folder durable.
func syncFolder(_ path: String) throws(StorageFailure) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw StorageFailure(errno: errno, "\(path) cannot be opened") }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw StorageFailure(errno: errno, "\(path) cannot be synced") }
}

extension StorageFailure {
    init(errno code: Int32, _ what: String) {
        switch code {
        case ENOSPC, EDQUOT: self = .full
        default: self = .inputOutput("\(what): \(String(cString: strerror(code)))")
        }
    }
}
