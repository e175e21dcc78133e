// SPDX-License-Identifier: Apache-2.0

package import Bytes
import MessageStore
import Storage
package import World

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Everything durable of a data folder in one file, as of one instant, while mail flows.
///
/// The instant is a snapshot of the database. Message bodies that it names are files that never
/// change: at that instant each gets a second name (a hard link), so that it stays until it is
/// copied, whatever becomes of the message meanwhile. Messages dropped into the maildrop get theirs
/// before the snapshot: one that is taken over in between is in both, and is not taken twice.
package struct Backup: Sendable {
    /// The first file of an archive.
    static let manifestName = "manifest.json"
    static let format = "postreiter-backup-1"
    static let databaseName = "postreiter.sqlite"
    /// Folders whose files belong to a backup.
    static let folders = ["bodies", "maildrop", "zones"]
    /// Further files that belong to it, if they are there.
    static let files = ["certificate.pem", "private-key.pem", "secret.key"]
    /// A body that vanishes between the snapshot and its second name begins all again; that is a
    /// matter of milliseconds.
    private static let attempts = 200

    private let folder: String
    private let staging: String

    /// What was kept.
    package struct Summary: Sendable {
        package let time: Timestamp
        package let bodies: Int
        package let octets: Int

        package var json: JSON {
            [
                "time": .string(CalendarDate(time).internetFormat),
                "bodies": .integer(Int64(bodies)), "octets": .integer(Int64(octets)),
            ]
        }
    }

    package init(of folder: String) {
        self.folder = folder
        staging = folder + "/backup"
    }

    /// Writes the archive; `version` is the program's, `host` whose mail it is.
    ///
    /// Needs no running server, and does not disturb one. Blocks its thread.
    package func write(
        to path: String, at time: Timestamp, version: String, host: String
    ) throws(ArchiveFailure) -> Summary {
        guard access(folder + "/" + Self.databaseName, R_OK) == 0 else {
            throw .system("\(folder)/\(Self.databaseName) cannot be read")
        }
        let archive = try ArchiveWriter(path, time: time.seconds)
        let lock = try prepareStaging()
        defer {
            // What is left is found by the next backup.
            try? clearStaging()
            rmdir(staging)
            close(lock)
        }
        let copy = path + ".database"
        unlink(copy)
        defer { unlink(copy) }
        let bodies = try takeSnapshot(copy)
        let manifest: JSON = [
            "format": .string(Self.format), "version": .string(version), "host": .string(host),
            "time": .string(CalendarDate(time).internetFormat),
            "bodies": .integer(Int64(bodies)),
        ]
        try archive.add(Self.manifestName, Array((manifest.description + "\n").utf8))
        try archive.add(Self.databaseName, file: copy)
        for name in try Self.list(staging) {
            // `bodies-NAME` becomes `bodies/NAME`.
            let parts = name.split(separator: "-", maxSplits: 1)
            guard parts.count == 2 else { continue }
            try archive.add(parts.joined(separator: "/"), file: "\(staging)/\(name)")
        }
        for name in try Self.list(folder + "/zones") where name.hasSuffix(".zone") {
            try archive.add("zones/\(name)", file: "\(folder)/zones/\(name)")
        }
        for name in Self.files where access("\(folder)/\(name)", R_OK) == 0 {
            try archive.add(name, file: "\(folder)/\(name)")
        }
        try archive.finish()
        var facts = stat()
        return Summary(
            time: time, bodies: bodies,
            octets: stat(path, &facts) == 0 ? Int(facts.st_size) : 0)
    }

    /// A folder for second names, on the same file system, for one backup at a time.
    private func prepareStaging() throws(ArchiveFailure) -> Int32 {
        guard mkdir(staging, 0o700) == 0 || errno == EEXIST else {
            throw .system("\(staging) cannot be made")
        }
        let lock = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { throw .system("\(staging) cannot be used") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw ArchiveFailure(.temporary, "another backup of \(folder) is under way")
        }
        do throws(ArchiveFailure) {
            try clearStaging()
        } catch {
            close(lock)
            throw error
        }
        return lock
    }

    private func clearStaging() throws(ArchiveFailure) {
        for name in try Self.list(staging) { unlink("\(staging)/\(name)") }
    }

    /// Copies the database and names the bodies that belong to it; returns how many there are.
    private func takeSnapshot(_ copy: String) throws(ArchiveFailure) -> Int {
        for _ in 0..<Self.attempts {
            try clearStaging()
            for name in try Self.list(folder + "/maildrop") where Self.isPlain(name) {
                link("\(folder)/maildrop/\(name)", "\(staging)/maildrop-\(name)")
            }
            var count: Int?
            do throws(StorageFailure) {
                try DatabaseCopy.make(of: "\(folder)/\(Self.databaseName)", into: copy) {
                    transaction throws(StorageFailure) in
                    count = try nameBodies(transaction)
                    return count != nil
                }
            } catch {
                throw ArchiveFailure(
                    error == .full ? .temporary : .data, "the database was not copied: \(error)")
            }
            if let count { return count }
        }
        throw ArchiveFailure(
            .temporary, "message bodies come and go too fast; try again in a quieter moment")
    }

    /// Nil if one has gone already.
    private func nameBodies(_ transaction: any Transaction) throws(StorageFailure) -> Int? {
        let files = try Content.files(in: transaction)
        for file in files {
            let (body, name) = ("\(folder)/bodies/\(file.name)", "\(staging)/bodies-\(file.name)")
            if link(body, name) == 0 { continue }
            guard errno == ENOENT else { throw .inputOutput("\(body): \(systemReason())") }
            return nil
        }
        return files.count
    }

    /// The names in a folder; none if there is no such folder.
    static func list(_ path: String) throws(ArchiveFailure) -> [String] {
        do {
            return try FolderNames.readIfThere(path)
        } catch {
            throw ArchiveFailure(.data, error.description)
        }
    }

    /// Whether a name is one of ours: it cannot lead out of its folder.
    static func isPlain(_ name: some StringProtocol) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { octet in
                (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet)
                    || (0x61...0x7A).contains(octet) || octet == 0x2E || octet == 0x2D
                    || octet == 0x5F
            }
    }
}

func systemReason() -> String { String(cString: strerror(errno)) }
