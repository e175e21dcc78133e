// SPDX-License-Identifier: Apache-2.0

import Bytes
import Glibc
import LiveWorld
import Storage

/// Reading and writing whole small files, with errors for people.
enum Files {
    /// Bounds what a tool reads into memory.
    static let maximumOctets = 512 << 20

    /// A file's octets, or standard input's for `-`.
    static func read(_ path: String) throws(CommandFailure) -> [UInt8] {
        let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .noInput("\(path) cannot be read: \(systemError())")
        }
        defer { if descriptor != 0 { close(descriptor) } }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = piece.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            guard count >= 0 else { throw .noInput("\(path) cannot be read: \(systemError())") }
            if count == 0 { return octets }
            octets += piece[..<count]
            guard octets.count <= maximumOctets else {
                throw .data("\(path) is larger than 512 MiB")
            }
        }
    }

    /// Writes a new file; one that exists is replaced.
    static func write(
        _ octets: [UInt8], to path: String, mode: mode_t = 0o644
    ) throws(CommandFailure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw .cannotCreate("\(path) cannot be written: \(systemError())")
        }
        defer { close(descriptor) }
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                throw .cannotCreate("\(path) cannot be written: \(systemError())")
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .cannotCreate("\(path) cannot be synced: \(systemError())")
        }
    }

    /// Makes sure that a name in a folder outlasts the power.
    static func syncFolder(of path: String) throws(CommandFailure) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .cannotCreate("\(folder) cannot be opened: \(systemError())")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .cannotCreate("\(folder) cannot be synced: \(systemError())")
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a folder, and all that is in it, a user's own; links are not followed.
    static func give(_ path: String, to user: ServerUser) throws(CommandFailure) {
        var facts = stat()
        guard lstat(path, &facts) == 0, lchown(path, user.userID, user.groupID) == 0 else {
            throw .cannotCreate("\(path) cannot be given to \(user.name): \(systemError())")
        }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return }
        for name in try list(path) { try give("\(path)/\(name)", to: user) }
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(CommandFailure) {
        guard !path.isEmpty, !exists(path) else { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeFolder(String(path[..<slash]))
        }
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw .cannotCreate("the folder \(path) cannot be made: \(systemError())")
        }
    }

    /// The names in a folder, sorted; none if there is no such folder.
    static func list(_ path: String) throws(CommandFailure) -> [String] {
        do {
            return try FolderNames.readIfThere(path)
        } catch {
            throw .noInput(error.description)
        }
    }

    static func systemError() -> String { String(cString: strerror(errno)) }
}
