// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Copies of a store's database, made while it is in use, and their examination.
package enum DatabaseCopy {
    /// Copies a database, as of one instant, into a new file.
    ///
    /// At that instant `body` sees the same snapshot; if it returns false, nothing is copied.
    /// Writers of this or another process are not held up.
    package static func make(
        of database: String, into path: String,
        _ body: (any Transaction) throws(StorageFailure) -> Bool
    ) throws(StorageFailure) {
        let source = try Connection(.reader(path: database))
        do {
            try source.snapshot { transaction in
                if try body(transaction) { try source.copy(into: path) }
            }
        } catch let failure as StorageFailure {
            throw failure
        } catch {
            throw .inputOutput("\(error)")
        }
    }

    /// Has SQLite look at every page and index; throws `.corrupt` with what it found first.
    package static func verify(_ path: String) throws(StorageFailure) {
        guard fileSize(path) ?? 0 > 0 else { throw .corrupt("\(path) is missing or empty") }
        let connection = try Connection(.writer(path: path))
        let found =
            try connection.first("PRAGMA integrity_check(1)") { $0.text(0) } ?? "no answer"
        guard found == "ok" else { throw .corrupt("\(path) is damaged: \(found)") }
    }
}
