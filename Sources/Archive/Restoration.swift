// SPDX-License-Identifier: Apache-2.0

package import Bytes
import MessageStore
package import Storage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Makes a data folder out of a backup, and believes nothing before it has looked.
package struct Restoration: Sendable {
    private let folder: String
    private let schema: [Migrations]

    /// A manifest longer than this is none of ours.
    private static let manifestLimit = 1 << 20

    /// What has come back.
    package struct Summary: Sendable {
        /// What the archive says of itself: time, host, version.
        package let manifest: JSON
        package let bodies: Int
    }

    /// `schema` is what this release knows: a backup of a newer one is refused.
    package init(into folder: String, schema: [Migrations]) {
        self.folder = folder
        self.schema = schema
    }

    /// Fills the folder, which must be empty or not there yet; after a failure it is as before.
    ///
    /// Compares the archive's checksum, has the database check itself, and finds every message
    /// body with its size. Blocks its thread.
    package func restore(from path: String) throws(ArchiveFailure) -> Summary {
        let isNew = access(folder, F_OK) != 0
        let present = try Backup.list(folder)
        guard isNew || present.allSatisfy({ $0 == "lost+found" }) else {
            throw ArchiveFailure(
                .cannotCreate,
                "\(folder) is not empty: a backup is restored only into an empty folder")
        }
        let archive = try ArchiveReader(path)
        if isNew, mkdir(folder, 0o700) != 0 { throw .system("\(folder) cannot be made") }
        do throws(ArchiveFailure) {
            let manifest = try extract(archive)
            let bodies = try verify()
            return Summary(manifest: manifest, bodies: bodies)
        } catch {
            clear(isNew)
            throw error
        }
    }

    private func extract(_ archive: ArchiveReader) throws(ArchiveFailure) -> JSON {
        for name in ["bodies", "zones"] {
            guard mkdir("\(folder)/\(name)", 0o700) == 0 else {
                throw .system("\(folder)/\(name) cannot be made")
            }
        }
        var manifest: JSON?
        while let header = try archive.next() {
            if manifest == nil {
                manifest = try readManifest(header, archive)
            } else {
                try extract(header, archive)
            }
        }
        guard let manifest else { throw ArchiveFailure(.data, "the backup is empty") }
        return manifest
    }

    private func readManifest(
        _ header: TarHeader, _ archive: ArchiveReader
    ) throws(ArchiveFailure) -> JSON {
        guard header.name == Backup.manifestName, header.octets <= Self.manifestLimit else {
            throw ArchiveFailure(.data, "this is no backup of ours: it has no manifest")
        }
        var octets: [UInt8] = []
        while let piece = try archive.piece() { octets += piece }
        guard let manifest = try? JSON(parsing: octets), let format = manifest["format"]?.string
        else { throw ArchiveFailure(.data, "the manifest of the backup cannot be read") }
        guard format == Backup.format else {
            throw ArchiveFailure(
                .data,
                "the backup has the format \(format), this release knows \(Backup.format):"
                    + " restore it with the release that wrote it (\(manifest["version"]?.string ?? "?"))"
            )
        }
        return manifest
    }

    private func extract(
        _ header: TarHeader, _ archive: ArchiveReader
    ) throws(ArchiveFailure) {
        let parts = header.name.split(separator: "/", omittingEmptySubsequences: false)
        let isOurs =
            parts.count == 1
            ? header.name == Backup.databaseName || Backup.files.contains(header.name)
            : parts.count == 2 && Backup.folders.contains(String(parts[0]))
                && Backup.isPlain(parts[1])
        guard isOurs else {
            throw ArchiveFailure(.data, "`\(header.name)` does not belong into a backup")
        }
        if parts.count == 2 { mkdir("\(folder)/\(parts[0])", 0o700) }
        let file = "\(folder)/\(header.name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("\(file) cannot be made") }
        defer { close(descriptor) }
        while let piece = try archive.piece() {
            var rest = piece[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard count > 0 else { throw .system("\(file) cannot be written") }
                rest = rest.dropFirst(count)
            }
        }
        guard fsync(descriptor) == 0 else { throw .system("\(file) cannot be synced") }
    }

    /// Opens the store as a server would, which also migrates an older format.
    private func verify() throws(ArchiveFailure) -> Int {
        do {
            try DatabaseCopy.verify("\(folder)/\(Backup.databaseName)")
            let store = try SQLiteStore(folder: folder, schema: schema)
            let files = try store.lookUp { try Content.files(in: $0) }
            for file in files {
                let path = "\(folder)/bodies/\(file.name)"
                var facts = stat()
                guard stat(path, &facts) == 0 else {
                    throw ArchiveFailure(.data, "the message body \(file.name) is missing")
                }
                guard Int(facts.st_size) == file.octets else {
                    throw ArchiveFailure(
                        .data,
                        "the message body \(file.name) has \(facts.st_size) octets instead of \(file.octets)"
                    )
                }
            }
            store.close()
            return files.count
        } catch let failure as ArchiveFailure {
            throw failure
        } catch StorageFailure.full {
            throw ArchiveFailure(.temporary, "no space left for \(folder)")
        } catch {
            throw ArchiveFailure(.data, "the backup cannot be used: \(error)")
        }
    }

    private func clear(_ isNew: Bool) {
        // A failure is told already: what cannot be read stays.
        let list = { (path: String) in (try? Backup.list(path)) ?? [] }
        for name in list(folder) where name != "lost+found" {
            for inner in list("\(folder)/\(name)") { unlink("\(folder)/\(name)/\(inner)") }
            if unlink("\(folder)/\(name)") != 0 { rmdir("\(folder)/\(name)") }
        }
        if isNew { rmdir(folder) }
    }
}
