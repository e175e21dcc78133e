// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The account that messages are moved into or out of, as its server's commands reach it.
package protocol AccountPort: Sendable {
    /// Has a command of `MailboxCommands` carried out for the account; what goes wrong is an error
    /// in words for people.
    func ask(
        _ command: String, _ arguments: [(String, JSON)], _ octets: [UInt8]
    ) async throws -> (answer: JSON, octets: [UInt8])

    /// `mailbox.file` of one message that is too large for memory.
    func file(_ arguments: [(String, JSON)], _ content: LargeContent) async throws -> JSON
}

extension AccountPort {
    func ask(_ command: String, _ arguments: [(String, JSON)]) async throws -> JSON {
        try await ask(command, arguments, []).answer
    }
}

/// Why messages are not moved: one sentence for people.
package struct MovingFailure: Error, Hashable, CustomStringConvertible {
    /// What is to be done about it.
    package enum Kind: Hashable, Sendable {
        /// The place to read from is not there or not what it should be.
        case source
        /// The place to write to cannot be written.
        case target
        /// Later it may work.
        case temporary
    }

    package let kind: Kind
    package let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
