// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

// RFC 5173: tests on the body.
extension Interpreter {
    mutating func body(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        let keys = try values(arguments.texts(at: 0))
        let parts: [ArraySlice<UInt8>]
        if !hasBody {
            parts = []
        } else if arguments.has("raw") {
            // §5.1: undecoded, as one.
            parts = [incoming.message[bodyStart...].prefix(Limit.bodyOctets)]
        } else {
            let types = arguments.texts("content")
            parts = try content(types == nil ? ["text"] : values(types), at: arguments.line)
        }
        // What the body matches sets no variables (RFC 5173 §7.1).
        let captures = frame.captures
        defer { frame.captures = captures }
        return try compare(parts, keys: keys, arguments, what: "the body")
    }

    /// Whether an empty line follows the header: else there is nothing to compare, not even
    /// an empty string (§4).
    private var hasBody: Bool {
        guard bodyStart == incoming.message.endIndex else { return true }
        let ends: [[UInt8]] = [Array("\n\n".utf8), Array("\n\r\n".utf8)]
        let message = incoming.message
        return ends.contains { message.suffix($0.count).elementsEqual($0) }
            || message == [.lineFeed] || message == [.carriageReturn, .lineFeed]
    }

    /// The content of all parts of these types, decoded, text in UTF-8 (§5.2, §5.3).
    private mutating func content(
        _ types: [String], at line: Int
    ) throws(Interruption) -> [ArraySlice<UInt8>] {
        if let known = knownBodies[types] { return known }
        var found: [ArraySlice<UInt8>] = []
        var room = Limit.bodyOctets
        try work(message.entities.count * types.count * Cost.item, at: line)
        for entity in message.entities where types.contains(where: { entity.isOf($0) }) {
            try work(entity.body.count * Cost.bodyOctet, at: line)
            for part in Self.content(of: entity) where room > 0 {
                found.append(part.prefix(room))
                room -= part.count
            }
        }
        if knownBodies.count == Self.maximumKnownBodies { knownBodies = [:] }
        knownBodies[types] = found
        return found
    }

    private static let maximumKnownBodies = 4

    private static func content(of entity: Entity) -> [ArraySlice<UInt8>] {
        var defects = DefectList()
        if entity.contentType.type == "multipart" { return entity.prologueAndEpilogue }
        if entity.contentType.isMessage, !entity.children.isEmpty {
            // Only the header of the message within.
            let content = entity.content(defects: &defects)
            var bodyStart = content.endIndex
            _ = Header(content, bodyStart: &bodyStart, defects: &defects)
            return [content[..<bodyStart]]
        }
        guard entity.contentType.type == "text" else { return [entity.content(defects: &defects)] }
        return [Array(entity.text(defects: &defects).utf8)[...]]
    }
}

extension Entity {
    /// Whether it is of a type that `:content` names (RFC 5173 §5.2).
    fileprivate func isOf(_ type: String) -> Bool {
        if type.isEmpty { return true }
        let words = type.asciiLowercased.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count <= 2, words.allSatisfy({ !$0.isEmpty }) else { return false }
        return contentType.type == words[0]
            && (words.count == 1 || contentType.subtype == words[1])
    }

    /// What stands before the first and behind the last part of a multipart.
    fileprivate var prologueAndEpilogue: [ArraySlice<UInt8>] {
        guard let boundary = contentType.parameters["boundary"] else { return [body] }
        let delimiter = Array("--\(boundary)".utf8)
        var prologueEnd: Int?
        var epilogueStart = body.endIndex
        var lineStart = body.startIndex
        while lineStart < body.endIndex {
            let lineEnd = body[lineStart...].firstIndex(of: .lineFeed) ?? body.endIndex - 1
            let line = body[lineStart...lineEnd]
            if line.starts(with: delimiter) {
                if prologueEnd == nil { prologueEnd = lineStart }
                if line.dropFirst(delimiter.count).starts(with: "--".utf8) {
                    epilogueStart = lineEnd + 1
                    break
                }
            }
            lineStart = lineEnd + 1
        }
        return [body[..<(prologueEnd ?? body.endIndex)], body[epilogueStart...]]
    }
}
