// SPDX-License-Identifier: Apache-2.0

import IMAP

/// How many messages one command treats (RFC 9738 MESSAGELIMIT).
extension IMAPVisit {
    /// The messages of a set that one command treats, and what its answer says of the others.
    struct Treated {
        var uids: NumberSet
        /// Nil: all are treated.
        var code: ResponseCode?

        /// OK: with where to go on, if that was not all.
        var completion: Completion {
            code == nil ? .ok() : .ok(code, "these are the newest ones, go on below")
        }
    }

    /// RFC 9738 §3.1: the newest, and which is the oldest of them.
    func treated(of uids: NumberSet) -> Treated {
        guard let limit = session.policy.messageLimit, uids.count > limit else {
            return Treated(uids: uids)
        }
        let newest = uids.slice(uids.count - Int(limit)..<uids.count)
        return Treated(uids: newest, code: .messageLimit(limit, lowest: newest.min))
    }

    /// RFC 9738 §3.1: COPY does all or nothing; so does MOVE here, which is one transaction, too.
    func requireAllTreated(of uids: NumberSet) throws(Completion) {
        guard let limit = session.policy.messageLimit, uids.count > limit else { return }
        throw .no(
            .messageLimit(limit, lowest: nil), "at most \(limit) messages with one command")
    }
}
