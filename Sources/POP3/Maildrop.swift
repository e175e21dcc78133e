// SPDX-License-Identifier: Apache-2.0

/// The messages of a mailbox as one session sees them (RFC 1939 §5): numbered from 1, unchanged
/// until its end, some of them marked as deleted.
package struct Maildrop: Sendable {
    /// One message.
    package struct Message: Hashable, Sendable {
        /// Its size in octets, with CRLF at the end of each line.
        package let octets: Int
        /// 1 to 70 characters from `!` to `~`, the same in every session (RFC 1939 §7).
        package let uniqueID: String

        package init(octets: Int, uniqueID: String) {
            precondition(
                (1...70).contains(uniqueID.utf8.count)
                    && uniqueID.utf8.allSatisfy { (0x21...0x7E).contains($0) },
                "a unique-id of POP3")
            self.octets = octets
            self.uniqueID = uniqueID
        }
    }

    let messages: [Message]
    private var marks: [Bool]
    /// What is not marked as deleted.
    private(set) var count: Int
    private(set) var octets: Int

    init(_ messages: [Message]) {
        self.messages = messages
        marks = Array(repeating: false, count: messages.count)
        count = messages.count
        octets = messages.reduce(0) { $0 + $1.octets }
    }

    func isDeleted(_ index: Int) -> Bool { marks[index] }

    /// The places of the messages marked as deleted, ascending from 0.
    var deleted: [Int] { marks.indices.filter { marks[$0] } }

    mutating func delete(_ index: Int) {
        guard !marks[index] else { return }
        marks[index] = true
        count -= 1
        octets -= messages[index].octets
    }

    mutating func reset() { self = Maildrop(messages) }
}
