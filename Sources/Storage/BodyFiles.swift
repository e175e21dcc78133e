// SPDX-License-Identifier: Apache-2.0

/// Message bodies too large for the database, a file each.
///
/// A file is written and synced before the commit that names it; one that no row names is an
/// orphan and is removed. Names are `[0-9A-Za-z]`, chosen by the caller, never twice.
package protocol BodyFiles: Sendable {
    /// Begins a file of this name; one that is there already is an error.
    func create(_ name: String) async throws(StorageFailure) -> any BodyFile

    /// Up to `count` octets from `offset` on; none at the end. A missing file is `.corrupt`.
    func read(
        _ name: String, at offset: Int, count: Int
    ) async throws(StorageFailure) -> [UInt8]

    /// Removes the file; one that is not there is removed already.
    func remove(_ name: String) async throws(StorageFailure)

    /// All names, sorted.
    func list() async throws(StorageFailure) -> [String]
}

/// A body being written, by one task at a time.
package protocol BodyFile: AnyObject, Sendable {
    /// Writes the next octets; nothing is durable before `sync`.
    func append(_ octets: ArraySlice<UInt8>) async throws(StorageFailure)

    /// Returns once content and name are on the disk, and ends the writing.
    func sync() async throws(StorageFailure)

    /// Ends the writing and removes the file.
    func discard() async
}
