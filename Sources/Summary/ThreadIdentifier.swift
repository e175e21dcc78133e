// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Which messages belong together (RFC 8474 §5.2 THREADID), by what each says of itself.
///
/// A thread is named by the message that it began with, and that is the first of `References`
/// (RFC 5322 §3.6.4), which every answer passes on. So nothing has to be looked up or kept: the
/// identifier is the same in all mailboxes, whatever came before the message, and never changes. An
/// answer that has nothing but `In-Reply-To` counts to the thread of the message that it names.
extension MessageFacts {
    /// `t` and sixteen hexadecimal digits; nil for a message that names none and has no name.
    package var threadIdentifier: String? {
        guard let root = references.first ?? messageID else { return nil }
        // Nobody gains by a collision who may write any identifier into `References`.
        let digits = String(FowlerHash(root).value, radix: 16)
        return "t" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
