// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension Message {
    /// What `mail parse` tells of a message: one JSON object, everything decoded to Unicode.
    ///
    /// Keys: `headers` (pairs of name and value), `from` and `to` (objects with `name`, empty if
    /// there is none, and `address`), `subject`, `date` (RFC 3339 with the writer's offset),
    /// `parts` (each leaf: `type`, `charset`, `disposition`, `filename`, `size` in decoded octets,
    /// `text` for text) and `defects` (`code`, `place`, `text`). What is not there is null.
    package static func summary(of octets: [UInt8]) -> JSON {
        let message = Message(octets)
        var defects = message.defects
        if octets.contains(0) { defects.note(.nulOctet) }
        message.noteRepeatedFields(&defects)
        let headers = message.header.fields.map { field in
            JSON.array([.string(field.name), .string(Self.decoded(field, &defects))])
        }
        let subject = message.header.first("Subject").map(\.decoded)
        let date = message.header.first("Date")?.date(defects: &defects)
        let from = message.participants("From", &defects)
        let to = message.participants("To", &defects)
        let parts = message.parts.map { Self.summary(of: $0, &defects) }
        return [
            "headers": .array(headers),
            "from": from,
            "to": to,
            "subject": JSON(subject),
            "date": JSON(date?.description),
            "parts": .array(parts),
            "defects": .array(
                defects.defects.map {
                    [
                        "code": .string($0.code.rawValue), "place": .string($0.place),
                        "text": .string($0.text),
                    ]
                }),
        ]
    }

    /// RFC 5322 §3.6: these may stand once.
    private static let singular = [
        "Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To",
        "References", "Subject", "Content-Type", "Content-Transfer-Encoding",
        "Content-Disposition", "MIME-Version",
    ]

    private func noteRepeatedFields(_ defects: inout DefectList) {
        for name in Self.singular where header.all(name).count > 1 {
            defects.note(.fieldRepeated, at: name)
        }
    }

    /// Fields whose own readers say what is odd about them.
    private static let structured = [
        "From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Content-Type", "Content-Disposition",
    ]

    private static func decoded(_ field: HeaderField, _ defects: inout DefectList) -> String {
        guard !structured.contains(where: field.isNamed) else { return field.decoded }
        return field.decoded(defects: &defects)
    }

    private func participants(_ name: String, _ defects: inout DefectList) -> JSON {
        .array(
            header.all(name).flatMap { field in
                field.addresses(defects: &defects).participants.map {
                    ["name": .string($0.name ?? ""), "address": .string($0.addressText)]
                }
            })
    }

    private static func summary(of part: Entity, _ defects: inout DefectList) -> JSON {
        let content = part.content(defects: &defects)
        let isText = part.contentType.isText || part.contentType.isMultipart
        let text = isText ? part.text(of: content, defects: &defects) : nil
        return [
            "type": .string(part.contentType.description),
            "charset": JSON(part.contentType.parameters["charset"]?.asciiLowercased),
            "disposition": JSON(part.disposition?.kind),
            "filename": JSON(part.filename),
            "size": .integer(Int64(content.count)),
            "text": JSON(text),
        ]
    }
}
