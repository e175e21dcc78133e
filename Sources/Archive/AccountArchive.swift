// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto

/// The file that holds one account: a tar archive with a manifest, the account, and for each
/// mailbox lists of messages, each followed by those messages, and behind them what others have
/// seen.
package enum AccountArchive {
    package static let format = "postreiter-account-3"
    /// That of this release, and of earlier ones.
    ///
    /// The first one lacks quota and rules, app passwords, annotations, what scripts remember,
    /// subscriptions without a mailbox, and when messages came into their mailbox. In the second one
    /// what others have seen stands with the account.
    package static let readableFormats: Set = [
        "postreiter-account-1", "postreiter-account-2", format,
    ]
    package static let manifestName = "manifest.json"
    package static let accountName = "account.json"

    /// The file of one who has seen something of the mailbox at a place in the list.
    package static func readerName(of index: Int, _ number: Int) -> String {
        "\(index)/reader-\(number).json"
    }

    /// Whether it is such a file.
    package static func isReader(_ name: String) -> Bool { name.contains("/reader-") }

    /// Writes files one after another; nothing of the name is there before `finish`.
    package final class Writer {
        private let archive: ArchiveWriter

        /// `time` is in seconds since 1970, and is that of all files in it.
        package init(_ path: String, time: Int64) throws(ArchiveFailure) {
            archive = try ArchiveWriter(path, time: time)
        }

        /// Names have at most 100 octets.
        package func add(_ name: String, _ octets: [UInt8]) throws(ArchiveFailure) {
            try archive.add(name, octets)
        }

        /// Returns once the file is on the disk.
        package func finish() throws(ArchiveFailure) { try archive.finish() }
    }

    /// Reads files one after another; a damaged archive is an error.
    package final class Reader {
        private let archive: ArchiveReader
        private let path: String
        private var last = "its beginning"
        private var hasEnded = false

        /// No message is larger, nor a list of messages.
        package static let fileLimitOctets = 1 << 30

        package init(_ path: String) throws(ArchiveFailure) {
            archive = try ArchiveReader(path)
            self.path = path
        }

        /// The next file with its octets; nil behind the last, when the checksum has been compared,
        /// however often it is asked for.
        package func next() throws(ArchiveFailure) -> (name: String, octets: [UInt8])? {
            do throws(ArchiveFailure) {
                guard !hasEnded, let header = try archive.next() else {
                    hasEnded = true
                    return nil
                }
                guard header.octets <= Self.fileLimitOctets else {
                    throw ArchiveFailure(.data, "\(path): \(header.name) is too large")
                }
                last = header.name
                var octets: [UInt8] = []
                while let piece = try archive.piece() { octets += piece }
                return (header.name, octets)
            } catch {
                throw ArchiveFailure(error.kind, "\(error.description) (at \(last))")
            }
        }
    }
}

extension ArchiveFailure {
    /// Something in an archive is not what it should be.
    package static func damaged(_ path: String, _ what: String) -> Self {
        Self(.data, "\(path) is no backup of an account, or a damaged one: \(what)")
    }
}
