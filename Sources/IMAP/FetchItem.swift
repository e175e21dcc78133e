// SPDX-License-Identifier: Apache-2.0

/// A data item of FETCH (RFC 9051 §6.4.5).
package enum FetchItem: Hashable, Sendable {
    case uid
    case flags
    case internalDate
    /// RFC822.SIZE.
    case size
    case envelope
    /// BODY: the structure without extension data.
    case body
    case bodyStructure
    /// BODY[...] and BODY.PEEK[...].
    case section(Section, Partial?, isPeek: Bool)
    /// RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 §6.4.5).
    case message, messageHeader, messageText
    /// BINARY[...] and BINARY.PEEK[...]: the part without its transfer encoding (RFC 3516).
    case binary(part: [UInt32], Partial?, isPeek: Bool)
    /// BINARY.SIZE[...].
    case binarySize(part: [UInt32])
    /// MODSEQ (RFC 7162 §3.1.4).
    case modificationSequence
    /// RFC 8474 §5.
    case emailID, threadID
    /// RFC 8514.
    case saveDate
    /// RFC 8970; lazily: only when it costs nothing.
    case preview(isLazy: Bool)

    package var setsSeen: Bool {
        switch self {
        case .section(_, _, let isPeek), .binary(_, _, let isPeek): !isPeek
        case .message, .messageText: true
        default: false
        }
    }

    /// Whether the message's own octets are needed, not only what is stored about it.
    package var needsContent: Bool {
        switch self {
        case .section, .message, .messageHeader, .messageText, .binary, .binarySize: true
        default: false
        }
    }
}

/// What of a message `BODY[...]` means (RFC 9051 §6.4.5.1).
///
/// ```abnf
/// section-spec    = section-msgtext / (section-part ["." section-text])
/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// section-text    = section-msgtext / "MIME"
/// section-part    = nz-number *("." nz-number)
/// ```
package struct Section: Hashable, Sendable {
    /// Which part of a message or part.
    package enum Text: Hashable, Sendable {
        case header
        /// Names in the client's writing, which the response repeats.
        case fields([[UInt8]])
        case fieldsNot([[UInt8]])
        case text
        case mime
    }

    /// Empty: the message itself.
    package var part: [UInt32]
    /// nil: the whole part.
    package var text: Text?

    package init(part: [UInt32] = [], text: Text? = nil) {
        self.part = part
        self.text = text
    }

    /// MIME allows more, and no message that people send has more.
    package static let maximumDepth = 100
    /// Header fields that one item names.
    package static let maximumFields = 200
}

/// `<offset.count>` (RFC 9051 §6.4.5): so many octets from there, or fewer at the end.
package struct Partial: Hashable, Sendable {
    package var offset: UInt64
    package var count: UInt64

    package init(offset: UInt64, count: UInt64) {
        self.offset = offset
        self.count = count
    }

    /// The part of so many octets that is meant; empty behind their end.
    package func range(of octets: Int) -> Range<Int> {
        let start = Int(min(offset, UInt64(octets)))
        return start..<(start + Int(min(count, UInt64(octets - start))))
    }
}
