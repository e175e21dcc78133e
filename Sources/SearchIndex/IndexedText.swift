// SPDX-License-Identifier: Apache-2.0

import Summary

/// What of a message goes into the index.
struct IndexedText: Sendable {
    /// A larger text is not indexed: the message itself is looked at.
    static let maximumOctets = 128 << 10

    let header: String
    let body: String
    /// Whether that is all of it; if not, nothing is indexed.
    let isWhole: Bool

    var octets: Int { header.utf8.count + body.utf8.count }

    /// Of a message; `isWhole`: nothing that could be found was left out.
    init(_ content: [UInt8], isWhole: Bool) { self.init(SearchText(content), isWhole) }

    /// Fields that stand before messages in a mailbox.
    init(prefix: String) { self.init(SearchText([], prefix: Array(prefix.utf8)), true) }

    private init(_ text: SearchText, _ isWhole: Bool) {
        self.isWhole = isWhole && max(text.header.count, text.body.count) <= Self.maximumOctets
        header = self.isWhole ? String(decoding: text.header, as: UTF8.self) : ""
        body = self.isWhole ? String(decoding: text.body, as: UTF8.self) : ""
    }
}
