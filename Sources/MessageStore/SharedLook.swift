// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// The last look at what has changed in a mailbox, for all who ask the same.
///
/// A thousand sessions that are told of one message would read the same rows a thousand times. And
/// who has put messages there knows what anybody will see who had seen all before.
final class SharedLook: Sendable {
    /// What was asked, and how many changes there had been in all.
    struct Question: Hashable, Sendable {
        let mailbox: Mailbox.ID
        let modSequence: Int64
        let uidNext: UInt32
        let reader: Mailboxes.Reader?
        /// Taken before the look: a change that it may have missed makes the question another one.
        let count: UInt64
    }

    private let last = Mutex<(question: Question, answer: Mailboxes.Changes?)?>(nil)

    /// Nil: nobody has asked that just now.
    func answer(to question: Question) -> Mailboxes.Changes?? {
        last.withLock { $0?.question == question ? .some($0?.answer) : .none }
    }

    func keep(_ answer: Mailboxes.Changes?, of question: Question) {
        last.withLock { $0 = (question, answer) }
    }
}
