// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// A folder in which any user of the machine may leave files for the server, and see none.
///
/// Who leaves a file writes and syncs it under a name that begins with a full stop, and then gives
/// it its name; so what has a name is whole. Whoever made it is its owner, as the system says.
/// Nothing in it is trusted: symbolic links, other kinds of files and second names are passed over.
package struct DropFolder: Sendable {
    package let path: String
    private let executor: (any TaskExecutor)?

    /// Others may enter and write, not list; files get the folder's group, so that the server may
    /// read them; none may remove those of another.
    private static let mode: mode_t = 0o3733
    /// Looked at in one go.
    package static let listLimit = 1000
    private static let pieceOctets = 256 << 10
    private static let nameLength = 32

    /// `executor` is where files are read: a `ThreadExecutor`.
    package init(_ path: String, on executor: (any TaskExecutor)? = nil) {
        self.path = path
        self.executor = executor
    }

    /// Makes the folder, or restores its rights; for its owner.
    package func prepare() throws(StorageFailure) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StorageFailure(errno: errno, "\(path) cannot be made")
        }
        // Not every system lets a group be handed on; then files are readable to all instead, and
        // their names cannot be guessed.
        guard chmod(path, Self.mode) == 0 || chmod(path, 0o1733) == 0 else {
            throw StorageFailure(errno: errno, "the rights of \(path) cannot be set")
        }
    }

    /// Whether a name is that of a whole drop.
    package static func isName(_ name: String) -> Bool {
        name.utf8.count == nameLength
            && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    // MARK: Leaving

    /// Writes a file and syncs it; returns once it cannot be lost any more.
    ///
    /// `name` is 32 hexadecimal digits that nobody can guess.
    package func leave(_ pieces: [[UInt8]], as name: String) throws(StorageFailure) {
        precondition(Self.isName(name), "a drop has an unguessable name")
        let (temporary, file) = ("\(path)/.\(name)", "\(path)/\(name)")
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw StorageFailure(errno: errno, "\(path) takes no message")
        }
        defer { close(descriptor) }
        do throws(StorageFailure) {
            try grant(descriptor)
            for piece in pieces { try append(piece[...], to: descriptor) }
            guard fsync(descriptor) == 0, rename(temporary, file) == 0 else {
                throw StorageFailure(errno: errno, "\(path) cannot be written")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        // The folder may not be read, so it cannot be opened to be synced; syncing the file again
        // makes its new name durable on every file system with a journal.
        fsync(descriptor)
    }

    /// Lets the server read the file: by its group, or else by everybody who knows the name.
    private func grant(_ descriptor: Int32) throws(StorageFailure) {
        var (folder, file) = (stat(), stat())
        guard stat(path, &folder) == 0, fstat(descriptor, &file) == 0 else {
            throw StorageFailure(errno: errno, "\(path) cannot be used")
        }
        let isOwn = folder.st_uid == file.st_uid
        let mode: mode_t = isOwn || folder.st_gid == file.st_gid ? 0o640 : 0o644
        guard fchmod(descriptor, mode) == 0 else {
            throw StorageFailure(errno: errno, "\(path) cannot be used")
        }
    }

    private func append(_ octets: ArraySlice<UInt8>, to file: Int32) throws(StorageFailure) {
        var rest = octets
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageFailure(errno: errno, "\(path) cannot be written") }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Taking

    /// The names of whole drops, at most `listLimit`.
    package func names() async throws(StorageFailure) -> [String] {
        let path = path
        return try await elsewhere(executor) { () throws(StorageFailure) in
            try FolderNames.read(path, limit: Self.listLimit, where: Self.isName)
        }
    }

    /// Opens a drop; nil if it has gone.
    ///
    /// `.corrupt` for what is no plain file with a single name.
    package func drop(named name: String) async throws(StorageFailure) -> Drop? {
        precondition(Self.isName(name), "a drop has a name of its own kind")
        let (file, executor) = ("\(path)/\(name)", executor)
        return try await elsewhere(executor) { () throws(StorageFailure) in
            let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else {
                if errno == ENOENT { return nil }
                if errno == ELOOP { throw .corrupt("\(file) is a symbolic link") }
                throw StorageFailure(errno: errno, "\(file) cannot be opened")
            }
            var facts = stat()
            guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
                facts.st_nlink == 1
            else {
                close(descriptor)
                throw .corrupt("\(file) is no plain file with one name")
            }
            return Drop(
                descriptor, userID: facts.st_uid, octets: Int(facts.st_size), on: executor)
        }
    }

    /// Removes a drop; one that has gone is removed already.
    package func remove(_ name: String) async throws(StorageFailure) {
        let file = "\(path)/\(name)"
        try await elsewhere(executor) { () throws(StorageFailure) in
            guard unlink(file) == 0 || errno == ENOENT else {
                throw StorageFailure(errno: errno, "\(file) cannot be removed")
            }
        }
    }

    /// Puts aside what cannot be understood, for a person to look at.
    package func putAside(_ name: String) async throws(StorageFailure) {
        let (file, aside) = ("\(path)/\(name)", "\(path)/rejected-\(name)")
        try await elsewhere(executor) { () throws(StorageFailure) in
            guard rename(file, aside) == 0 || errno == ENOENT else {
                throw StorageFailure(errno: errno, "\(file) cannot be renamed")
            }
        }
    }

    /// A file that somebody has left, read from the start to the end by one task.
    package final class Drop: Sendable {
        /// Who left it, by the system's word.
        package let userID: UInt32
        package let octets: Int
        private let descriptor: Int32
        private let executor: (any TaskExecutor)?

        init(_ descriptor: Int32, userID: UInt32, octets: Int, on executor: (any TaskExecutor)?) {
            self.descriptor = descriptor
            self.userID = userID
            self.octets = octets
            self.executor = executor
        }

        deinit { close(descriptor) }

        /// The next octets; none at the end.
        package func next() async throws(StorageFailure) -> [UInt8] {
            let descriptor = descriptor
            return try await elsewhere(executor) { () throws(StorageFailure) in
                var length = -1
                let octets = [UInt8](unsafeUninitializedCapacity: DropFolder.pieceOctets) {
                    length = read(descriptor, $0.baseAddress, $0.count)
                    $1 = max(length, 0)
                }
                guard length >= 0 else {
                    throw StorageFailure(errno: errno, "a dropped message cannot be read")
                }
                return octets
            }
        }
    }
}
