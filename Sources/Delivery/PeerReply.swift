// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What another server answered, taken out of the sentence in which evidence quotes it:
/// `HOST said: 550 5.1.1 no such user (in reply to RCPT TO)`.
struct PeerReply: Hashable, Sendable {
    /// The reply alone, its code in front.
    let text: Substring

    /// Nil for a sentence that quotes nobody.
    init?(_ evidence: String) {
        var quote = evidence[...]
        if let said = evidence.firstRange(of: " said: ") { quote = evidence[said.upperBound...] }
        // reply-code = %x32-35 %x30-35 %x30-39 (RFC 5321 §4.2)
        let head = quote.utf8.prefix(4)
        guard head.count >= 3, head.prefix(3).allSatisfy(\.isDigit),
            head.count == 3 || head.last == .space || head.last == UInt8(ascii: "-")
        else { return nil }
        if quote.hasSuffix(")"), let context = quote.ranges(of: " (in reply to ").last {
            quote = quote[..<context.lowerBound]
        }
        text = quote
    }
}
