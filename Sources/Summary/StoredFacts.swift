// SPDX-License-Identifier: Apache-2.0

/// The facts of a message where they are stored: nothing is copied, and what nobody wants is passed
/// over.
///
/// Valid as long as the octets that it was made of.
package struct StoredFacts {
    /// Nil where the message says no date.
    package private(set) var sentDate: SentDate?
    package private(set) var isReplyOrForward = false
    private(set) var hasMessageID = false
    /// Stands behind the date.
    let reader: CompactReader<UnsafeRawBufferPointer>

    /// Reads the beginning of the stored form; nil if that is damaged.
    package init?(_ stored: UnsafeRawBufferPointer) {
        var reader = CompactReader(stored)
        guard let flags = reader.byte(), flags < 8 else { return nil }
        if flags & 1 != 0 {
            guard let seconds = reader.signed(), let offset = reader.signed() else { return nil }
            sentDate = SentDate(seconds: Int64(seconds), offsetMinutes: offset)
        }
        isReplyOrForward = flags & 2 != 0
        hasMessageID = flags & 4 != 0
        self.reader = reader
    }

    /// Lends one sort key, of the subject or of an address; nil if it is damaged.
    package func key(_ fact: MessageFacts.Wanted) -> UnsafeRawBufferPointer? {
        precondition(fact.rawValue.nonzeroBitCount == 1, "one at a time")
        var reader = reader
        for _ in 0..<fact.rawValue.trailingZeroBitCount {
            guard reader.string() != nil else { return nil }
        }
        return reader.string().map { UnsafeRawBufferPointer(rebasing: $0) }
    }
}
