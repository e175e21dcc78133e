// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Why a backup or a restoration did not come about: one sentence for people.
package struct ArchiveFailure: Error, CustomStringConvertible {
    /// What is to be done about it.
    package enum Kind: Sendable {
        /// What was given cannot be used.
        case data
        /// Something is in the way of a file or a folder to be written.
        case cannotCreate
        /// Later it may work.
        case temporary
    }

    package let kind: Kind
    package let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// After a system call that failed.
    static func system(_ what: String) -> Self {
        let code = errno
        let isFull = code == ENOSPC || code == EDQUOT
        return Self(
            isFull ? .temporary : .cannotCreate, "\(what): \(String(cString: strerror(code)))")
    }
}
