// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import MailFolders

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A message that is too large for memory, in a file without a name; its lines end with CRLF.
package final class LargeContent: Sendable {
    package let octets: Int
    /// SHA-256.
    let hash: [UInt8]
    private let descriptor: Int32

    /// Messages up to this size are held in memory, and filed together with others.
    package static let threshold = 32 << 20

    fileprivate init(_ descriptor: Int32, octets: Int, hash: [UInt8]) {
        self.descriptor = descriptor
        self.octets = octets
        self.hash = hash
    }

    deinit { close(descriptor) }

    /// Up to so many octets from an offset on.
    package func read(at offset: Int, count: Int) throws -> [UInt8] {
        guard let octets = SystemFiles.piece(descriptor, offset, count) else {
            throw MovingFailure(
                .temporary, "a temporary file cannot be read: \(SystemFiles.systemReason())")
        }
        return octets
    }

    /// Takes a message piece by piece; one that is dropped leaves nothing.
    final class Writer {
        private var descriptor: Int32
        private var hash = SHA256()
        private var last: UInt8 = 0
        private(set) var octets = 0
        private let isCanonical: Bool

        /// Unless the lines are as they should be, each LF without a CR in front of it gets one.
        init(isCanonical: Bool = false) throws(MovingFailure) {
            self.isCanonical = isCanonical
            // Not in memory, where /tmp may be.
            let folder = "/var/tmp"
            var path = Array("\(folder)/postreiter-XXXXXX".utf8CString)
            descriptor = mkstemp(&path)
            guard descriptor >= 0 else {
                throw MovingFailure(
                    .temporary,
                    "no temporary file can be made in \(folder): \(SystemFiles.systemReason())")
            }
            unlink(path)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func write(_ piece: [UInt8]) throws(MovingFailure) {
            guard let end = piece.last else { return }
            let canonical = isCanonical ? piece : LineEnds.canonical(piece, after: last)
            last = end
            octets += canonical.count
            hash.update(data: canonical)
            var rest = canonical[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    SystemFiles.systemWrite(descriptor, $0)
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw MovingFailure(
                        .temporary,
                        "a temporary file cannot be written: \(SystemFiles.systemReason())")
                }
                rest = rest.dropFirst(count)
            }
        }

        func finish() -> LargeContent {
            defer { descriptor = -1 }
            return LargeContent(descriptor, octets: octets, hash: Array(hash.finalize()))
        }
    }
}
