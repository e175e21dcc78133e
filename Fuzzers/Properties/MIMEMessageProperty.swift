// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

extension Property {
    /// Messages: taken apart whatever they are, within bounds, and alike with either line end.
    package static let mimeMessage = Property("MIMEMessage") { input throws(Broken) in
        let message = Message(input)
        let found = try outline(message, of: input)
        let canonical = withWholeLineEnds(input)
        try expect(
            try outline(Message(canonical), of: canonical) == found,
            "with CRLF it has other parts: \(found)")
        try expectSameFacts(input, message)
        try expectStableSubject(message)
        let summary = "\(Message.summary(of: input))"
        try expect(summary == "\(Message.summary(of: input))", "told twice, it is another")
    }

    /// Path, type and number of fields of each part.
    private static func outline(
        _ message: Message, of input: [UInt8]
    ) throws(Broken) -> [String] {
        let entities = message.entities
        try expect(entities.count <= Message.maximumParts + 1, "\(entities.count) parts")
        try expect(message.defects.defects.count <= DefectList.maximum, "too many defects")
        var outline: [String] = []
        var paths: Set<String> = []
        for entity in entities {
            try expect(paths.insert(entity.path).inserted, "two parts are \(entity.path)")
            try expect(entity.header.fields.count <= Header.maximumFields, "too many fields")
            try expect(
                entity.path.split(separator: ".").count < Message.maximumDepth + 1, "too deep")
            var defects = DefectList()
            let content = entity.content(defects: &defects)
            try expect(content.count <= input.count, "content larger than its message")
            let text = entity.text(defects: &defects)
            // U+FFFD has three octets, a character of an 8-bit charset at most three.
            try expect(text.utf8.count <= 3 * content.count, "text larger than its content")
            outline.append("\(entity.path) \(entity.contentType) \(entity.header.fields.count)")
        }
        return outline
    }

    private static func withWholeLineEnds(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var last: UInt8 = 0
        for octet in octets {
            if octet == .lineFeed, last != .carriageReturn { result.append(.carriageReturn) }
            result.append(octet)
            last = octet
        }
        return result
    }

    /// What acceptance sees in one pass is what a reader sees.
    private static func expectSameFacts(
        _ input: [UInt8], _ message: Message
    ) throws(Broken) {
        let scan = HeaderScan(input[...])
        guard let start = scan.bodyStart, message.defects.defects.isEmpty else { return }
        try expect(start == message.root.body.startIndex, "the body begins elsewhere")
        let header = message.header
        try expect(scan.hasDate == (header.first("Date") != nil), "Date")
        try expect(scan.hasFrom == (header.first("From") != nil), "From")
        try expect(scan.hasMessageIdentifier == (header.first("Message-ID") != nil), "Message-ID")
        try expect(scan.receivedCount == header.all("Received").count, "Received")
    }

    /// What a person reads, written again, reads the same.
    private static func expectStableSubject(_ message: Message) throws(Broken) {
        for field in message.header.fields.prefix(20) {
            let text = field.decoded
            var writer = HeaderWriter()
            writer.field("Subject", text: text)
            try expect(writer.octets.hasWholeLineEnds, "a field with a bare line end")
            try expect(writer.octets.allSatisfy { $0 < 0x80 }, "a field beyond ASCII")
            for line in writer.octets.split(separator: .lineFeed) {
                try expect(line.count <= HeaderWriter.maximumLineOctets + 1, "a line is too long")
            }
            let again = HeaderField(name: "Subject", value: writer.octets[8...]).decoded
            try expect(
                again == clean(text), "\(text.debugDescription) becomes \(again.debugDescription)")
        }
    }

    /// Control characters become spaces, and those around the text vanish.
    private static func clean(_ text: String) -> String {
        var scalars = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }
        while scalars.first == " " { scalars.removeFirst() }
        while scalars.last == " " { scalars.removeLast() }
        return String(String.UnicodeScalarView(scalars))
    }
}
