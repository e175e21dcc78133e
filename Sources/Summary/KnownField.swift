// SPDX-License-Identifier: Apache-2.0

/// A header field that a summary is made of, and where its value stands.
struct KnownField {
    enum Name: UInt8 {
        case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID, references
        case contentType, contentTransferEncoding, contentDisposition, contentID
        case contentDescription, contentLanguage, contentLocation, contentMD5
    }

    let name: Name
    /// What follows the colon, with its folding, without the last line end.
    let value: Range<Int>

    /// Finds out which field a name is; nil for all others, which are most.
    static func name(_ range: Range<Int>, in source: Source) -> Name? {
        func pick(_ name: StaticString, _ field: Name) -> Name? {
            source.isNamed(range, name) ? field : nil
        }
        return switch range.count {
        case 2: pick("to", .to) ?? pick("cc", .cc)
        case 3: pick("bcc", .bcc)
        case 4: pick("date", .date) ?? pick("from", .from)
        case 6: pick("sender", .sender)
        case 7: pick("subject", .subject)
        case 8: pick("reply-to", .replyTo)
        case 10:
            pick("message-id", .messageID) ?? pick("references", .references)
                ?? pick("content-id", .contentID)
        case 11: pick("in-reply-to", .inReplyTo) ?? pick("content-md5", .contentMD5)
        case 12: pick("content-type", .contentType)
        case 16:
            pick("content-language", .contentLanguage)
                ?? pick("content-location", .contentLocation)
        case 19:
            pick("content-disposition", .contentDisposition)
                ?? pick("content-description", .contentDescription)
        case 25: pick("content-transfer-encoding", .contentTransferEncoding)
        default: nil
        }
    }
}
