// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

// RFC 5703: the parts of a message, one by one.
extension Interpreter {
    /// The headers that a test with `:mime` looks at (§4.1): of the part that the loop is at, or of
    /// the message; with `:anychild` of all within, too.
    mutating func headers(_ arguments: Arguments) throws(Interruption) -> [[HeaderField]] {
        let start = part ?? message.root
        let entities = arguments.has("anychild") ? [start] + start.descendants : [start]
        // A loop in a loop over thousands of parts would take long.
        try work(entities.count * Cost.header, at: arguments.line)
        // The message's own may have been edited (RFC 5293).
        return entities.map { $0.path.isEmpty ? fields : $0.header.fields }
    }

    /// What `:type` and its like make of fields, in all these headers.
    mutating func partValues(
        _ names: [String], _ arguments: Arguments
    ) throws(Interruption) -> [String] {
        let parameters = try values(arguments.texts("param")).map(\.asciiLowercased)
        var found: [String] = []
        for header in try headers(arguments) {
            for field in try selected(names, arguments, in: header) {
                if arguments.has("param") {
                    found += Self.parameters(of: field)
                        .filter { parameters.contains($0.name) }.map(\.value)
                } else {
                    found.append(Self.value(of: field, arguments))
                }
            }
        }
        return found
    }

    private static func value(of field: HeaderField, _ arguments: Arguments) -> String {
        let isWhole = arguments.has("contenttype")
        guard isWhole || arguments.has("type") || arguments.has("subtype") else {
            return field.decoded.trimmed
        }
        var defects = DefectList()
        if field.isNamed("Content-Type") {
            let type = ContentType(field.value, defects: &defects, at: "")
            if isWhole { return type.description }
            return arguments.has("type") ? type.type : type.subtype
        }
        guard field.isNamed("Content-Disposition"), !arguments.has("subtype") else { return "" }
        return ContentDisposition(field.value, defects: &defects, at: "")?.kind ?? ""
    }

    private static func parameters(of field: HeaderField) -> [(name: String, value: String)] {
        var defects = DefectList()
        if field.isNamed("Content-Type") {
            return ContentType(field.value, defects: &defects, at: "").parameters.all
        }
        return ContentDisposition(field.value, defects: &defects, at: "")?.parameters.all ?? []
    }

    /// §7.
    mutating func extractText(_ arguments: Arguments) throws(Interruption) {
        let name = try string(arguments.text(at: 0))
        try work((part?.body.count ?? 0) * Cost.bodyOctet, at: arguments.line)
        var text = part.map(Self.text) ?? ""
        try spendExpanded(text.utf8.count, at: arguments.line)
        if let first = arguments.number("first") {
            text = String(text.unicodeScalars.prefix(Int(clamping: first)))
        }
        let value = modified(Self.truncated(text), arguments)
        note("extracttext: \(name) is now \(Self.quoted(value))", arguments.line)
        try store(
            value, in: name, isForeign: !arguments.has("length"), line: arguments.line)
    }

    /// Empty for what is no text, or in an encoding or a charset that nobody knows.
    private static func text(of part: Entity) -> String {
        guard part.contentType.isText, part.transferEncoding != nil else { return "" }
        if let label = part.contentType.parameters["charset"], !label.isEmpty,
            Charset(label) == nil
        {
            return ""
        }
        var defects = DefectList()
        return part.text(defects: &defects)
    }
}

extension Entity {
    /// All within it, outer before inner.
    var descendants: [Entity] {
        var all: [Entity] = []
        var open = Array(children.reversed())
        while let entity = open.popLast() {
            all.append(entity)
            open.append(contentsOf: entity.children.reversed())
        }
        return all
    }
}
