// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Writes files one after another into a tar archive, and at its end the hash of all before it.
///
/// What goes wrong leaves no file of that name: it gets its name when it is complete and synced.
final class ArchiveWriter {
    private let path: String
    private let partial: String
    private let descriptor: Int32
    private let time: Int64
    private var hash = SHA256()

    /// The last file: SHA-256 of the octets before its header, in hexadecimal.
    static let checksumName = "SHA256"
    /// Copied at once.
    static let pieceOctets = 1 << 20

    init(_ path: String, time: Int64) throws(ArchiveFailure) {
        self.path = path
        self.time = time
        partial = path + ".partial"
        guard access(path, F_OK) != 0 else {
            throw ArchiveFailure(.cannotCreate, "\(path) exists already; name another file")
        }
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("\(partial) cannot be written") }
    }

    deinit {
        close(descriptor)
        unlink(partial)
    }

    func add(_ name: String, _ octets: [UInt8]) throws(ArchiveFailure) {
        let header = TarHeader(name: name, octets: octets.count, time: time)
        try put(header.encoded + octets + [UInt8](repeating: 0, count: header.padding))
    }

    /// Adds a file as long as it is now; what is appended to it meanwhile is left out.
    func add(_ name: String, file: String) throws(ArchiveFailure) {
        let source = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        var facts = stat()
        guard source >= 0 else { throw .system("\(file) cannot be read") }
        defer { close(source) }
        guard fstat(source, &facts) == 0 else { throw .system("\(file) cannot be read") }
        let header = TarHeader(name: name, octets: Int(facts.st_size), time: time)
        try put(header.encoded)
        var rest = header.octets
        while rest > 0 {
            var length = 0
            let piece = [UInt8](unsafeUninitializedCapacity: min(rest, Self.pieceOctets)) {
                length = read(source, $0.baseAddress, $0.count)
                $1 = max(0, length)
            }
            guard length > 0 else { throw .system("\(file) has become shorter") }
            try put(piece)
            rest -= length
        }
        try put([UInt8](repeating: 0, count: header.padding))
    }

    /// Ends the archive and gives it its name; returns once it is on the disk.
    func finish() throws(ArchiveFailure) {
        let digest = Hexadecimal.encode(Array(hash.finalize()))
        try add(Self.checksumName, Array("\(digest)\n".utf8))
        try put([UInt8](repeating: 0, count: 2 * TarHeader.blockOctets))
        guard fsync(descriptor) == 0 else { throw .system("\(partial) cannot be synced") }
        // link(2), unlike rename(2), does not replace what somebody has put there meanwhile.
        guard link(partial, path) == 0 else { throw .system("\(path) cannot be made") }
        let folder = open(path.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private func put(_ octets: [UInt8]) throws(ArchiveFailure) {
        hash.update(data: octets)
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("\(partial) cannot be written") }
            rest = rest.dropFirst(count)
        }
    }
}

extension String {
    /// The folder of a path.
    var folder: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }
}
