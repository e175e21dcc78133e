// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Reads what `ArchiveWriter` wrote; whatever else is in an archive is refused.
final class ArchiveReader {
    private let path: String
    private let descriptor: Int32
    private var hash = SHA256()
    private var current: TarHeader?
    private var rest = 0

    init(_ path: String) throws(ArchiveFailure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ArchiveFailure(
                .data, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// The next file, when the one before has been read to its end; nil after the last, whose
    /// checksum has been compared by then.
    func next() throws(ArchiveFailure) -> TarHeader? {
        precondition(rest == 0, "a file is read to its end first")
        let before = hash
        let block = try take(TarHeader.blockOctets)
        guard let header = TarHeader(block[...]) else { throw damaged("a header is unreadable") }
        guard header.name == ArchiveWriter.checksumName else {
            current = header
            rest = header.octets
            return header
        }
        guard header.octets == 65 else { throw damaged("its checksum is unreadable") }
        let stated = try take(65)
        let digest = Array("\(Hexadecimal.encode(Array(before.finalize())))\n".utf8)
        guard stated == digest else { throw damaged("its checksum does not match") }
        return nil
    }

    /// The next octets of the file; nil at its end.
    func piece() throws(ArchiveFailure) -> [UInt8]? {
        guard rest > 0 else {
            if let padding = current?.padding, padding > 0 { _ = try take(padding) }
            current = nil
            return nil
        }
        let octets = try take(min(rest, ArchiveWriter.pieceOctets))
        rest -= octets.count
        return octets
    }

    private func take(_ count: Int) throws(ArchiveFailure) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(count)
        while all.count < count {
            var length = 0
            let missing = count - all.count
            all += [UInt8](unsafeUninitializedCapacity: missing) {
                length = read(descriptor, $0.baseAddress, missing)
                $1 = max(0, length)
            }
            guard length > 0 else { throw damaged("it has been cut short") }
        }
        hash.update(data: all)
        return all
    }

    private func damaged(_ why: String) -> ArchiveFailure {
        ArchiveFailure(.data, "\(path) is no backup of ours, or a damaged one: \(why)")
    }
}
