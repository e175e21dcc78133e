// SPDX-License-Identifier: Apache-2.0

import MailFolders
import Storage
import World

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files and folders of others: never through a symbolic link, and nothing but plain files.
///
/// Who imports mail may be root, and the folder belongs to somebody else, who must not get at the
/// files of a third by naming them there.
enum SystemFiles {
    struct Facts {
        let isFolder: Bool
        let isFile: Bool
        let octets: Int
        let changed: Timestamp
    }

    /// Nil if there is nothing of this name.
    static func facts(_ path: String) -> Facts? {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        return Facts(facts)
    }

    /// The names in a folder, sorted; none if there is no such folder, or it is a link.
    static func names(_ path: String) throws(MovingFailure) -> [String] {
        guard facts(path)?.isFolder == true else { return [] }
        do {
            return try FolderNames.readIfThere(path)
        } catch {
            throw MovingFailure(.source, error.description)
        }
    }

    /// Why a folder or a file is not read.
    static let isLink = "it is a symbolic link, which is not followed"
    static let unreadableName = "its name is not in UTF-8; rename it"

    /// What is read of a file.
    enum Reading {
        case octets([UInt8], Facts)
        /// There is no such file (any more).
        case gone
        case refused(String)
    }

    /// Reads a whole file of at most `limit` octets.
    static func read(_ path: String, limit: Int) -> Reading {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            return errno == ENOENT ? .gone : .refused(systemReason())
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .refused(systemReason()) }
        let facts = Facts(status)
        guard facts.isFile else { return .refused("it is no plain file") }
        guard facts.octets <= limit else {
            return .refused("it has \(facts.octets) octets, more than \(limit)")
        }
        var octets: [UInt8] = []
        while true {
            // One more than there should be, so that the end is seen.
            let wanted = max(1, facts.octets - octets.count) + 1
            let piece = Self.piece(descriptor, octets.count, wanted)
            guard let piece else { return .refused(systemReason()) }
            if piece.isEmpty { return .octets(octets, facts) }
            octets = octets.isEmpty ? piece : octets + piece
            guard octets.count <= limit else { return .refused("it grows while it is read") }
        }
    }

    /// Octets of an open file from an offset on; nil if that fails.
    static func piece(_ descriptor: Int32, _ offset: Int, _ count: Int) -> [UInt8]? {
        var length = 0
        let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            length = pread(descriptor, buffer.baseAddress, count, off_t(offset))
            initialized = max(0, length)
        }
        return length < 0 ? nil : octets
    }

    static func systemReason() -> String { String(cString: strerror(errno)) }

    // MARK: Writing

    /// Makes a folder and those above it, if they are not there.
    static func makeFolder(_ path: String) throws(MovingFailure) {
        if facts(path + "/.") == nil, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeFolder(String(path[..<slash]))
        }
        guard mkdir(path, 0o700) == 0 || (errno == EEXIST && facts(path + "/.")?.isFolder == true)
        else { throw MovingFailure(.target, "\(path) cannot be made: \(systemReason())") }
    }

    static func rename(_ old: String, to new: String) throws(MovingFailure) {
        #if canImport(Glibc)
        let code = Glibc.rename(old, new)
        #else
        let code = Darwin.rename(old, new)
        #endif
        guard code == 0 else {
            throw MovingFailure(.target, "\(new) cannot be made: \(systemReason())")
        }
    }

    /// Writes a small file in the place of one that is there.
    static func replace(_ path: String, _ octets: [UInt8]) throws(MovingFailure) {
        let file = try Output(path + ".partial")
        try file.write(octets)
        try file.finish()
        try rename(path + ".partial", to: path)
    }

    /// Writes a file, sets its time, and gives it another name.
    static func writeNew(
        _ path: String, time: Timestamp, then name: String, _ body: (Output) throws -> Void
    ) throws {
        let file = try Output(path)
        try body(file)
        file.setTime(time)
        try file.finish()
        try rename(path, to: name)
    }

    /// Returns when everything that was written is on its way to the disk, and mostly there.
    static func syncAll() { sync() }

    /// A file that is written; an old one of the same name is replaced, a link is not followed.
    final class Output {
        private let path: String
        private var descriptor: Int32

        init(_ path: String) throws(MovingFailure) {
            self.path = path
            unlink(path)
            descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                throw MovingFailure(.target, "\(path) cannot be made: \(systemReason())")
            }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func write(_ octets: [UInt8]) throws(MovingFailure) {
            var rest = octets[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { systemWrite(descriptor, $0) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw MovingFailure(.target, "\(path) cannot be written: \(systemReason())")
                }
                rest = rest.dropFirst(count)
            }
        }

        func setTime(_ time: Timestamp) {
            let milliseconds = time.milliseconds
            let value = timespec(
                tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000 * 1_000_000))
            var times = [value, value]
            futimens(descriptor, &times)
        }

        func finish() throws(MovingFailure) {
            let code = close(descriptor)
            descriptor = -1
            guard code == 0 else {
                throw MovingFailure(.target, "\(path) cannot be written: \(systemReason())")
            }
        }
    }

    /// A file that is read piece by piece.
    final class Input {
        private let path: String
        private let descriptor: Int32

        init(_ path: String, followsLinks: Bool) throws(MovingFailure) {
            self.path = path
            descriptor = open(
                path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW))
            guard descriptor >= 0 else {
                throw MovingFailure(.source, "\(path) cannot be read: \(systemReason())")
            }
        }

        deinit { close(descriptor) }

        func read(at offset: Int, count: Int) throws(MovingFailure) -> [UInt8] {
            guard let octets = piece(descriptor, offset, count) else {
                throw MovingFailure(.source, "\(path) cannot be read: \(systemReason())")
            }
            return octets
        }

        /// What stands in a range, to the end of the file if that comes first.
        func pieces(in range: Range<Int> = 0..<Int.max) -> Pieces {
            Pieces(range) { try self.read(at: $0, count: $1) }
        }
    }

    static func systemWrite(_ file: Int32, _ octets: UnsafeRawBufferPointer) -> Int {
        write(file, octets.baseAddress, octets.count)
    }
}

extension String {
    /// Whether octets were replaced in it that are no UTF-8: a file of this name is not found.
    var hasUnreadableName: Bool { unicodeScalars.contains("\u{FFFD}") }
}

extension SystemFiles.Facts {
    fileprivate init(_ facts: stat) {
        isFolder = facts.st_mode & S_IFMT == S_IFDIR
        isFile = facts.st_mode & S_IFMT == S_IFREG
        octets = Int(facts.st_size)
        #if canImport(Glibc)
        let time = facts.st_mtim
        #else
        let time = facts.st_mtimespec
        #endif
        changed = Timestamp(
            milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
