// SPDX-License-Identifier: Apache-2.0

import Summary

/// What of a message goes into the index.
struct IndexedText: Sendable {
    /// A larger message has hardly more text to be found by; it is indexed by its beginning, and
    /// what is not found there is looked for in the message.
    static let maximumOctets = 128 << 10

    let header: String
    let body: String
    /// Whether that is all of it.
    let isWhole: Bool

    var octets: Int { header.utf8.count + body.utf8.count }

    init(_ content: [UInt8]) { self.init(SearchText(content)) }

    /// Fields that stand before messages in a mailbox.
    init(prefix: String) { self.init(SearchText([], prefix: Array(prefix.utf8))) }

    private init(_ text: SearchText) {
        header = String(decoding: text.header.prefix(Self.maximumOctets), as: UTF8.self)
        body = String(decoding: text.body.prefix(Self.maximumOctets), as: UTF8.self)
        isWhole = max(text.header.count, text.body.count) <= Self.maximumOctets
    }
}
