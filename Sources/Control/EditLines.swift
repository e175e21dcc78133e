// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Edits as lines of text, one each.
///
/// ```abnf
/// line    = add / remove / mx / null-mx / comment
/// add     = ( "add" / "set" ) SP name [ SP ttl ] SP type SP data
/// remove  = "remove" SP name SP type [ SP data ]
/// mx      = "mx" SP ( "add" / "set" / "remove" ) SP domain SP host [ SP preference [ SP ttl ] ]
/// null-mx = "null-mx" SP domain
/// comment = ";" *CHAR
/// ```
enum EditLines {
    /// All faults are told at once, each with its line.
    static func read(_ text: String) throws(ControlFailure) -> [AskedEdit] {
        var edits: [AskedEdit] = []
        var faults: [String] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let verb = words.first, !verb.hasPrefix(";") else { continue }
            guard faults.count < maximumFaults, edits.count <= ZoneArguments.maximumEdits else {
                break
            }
            do throws(ControlFailure) {
                edits.append(try edit(String(verb), words.dropFirst(), of: line))
            } catch {
                faults.append("\(index + 1): \(error.description)")
            }
        }
        guard faults.isEmpty else { throw .data(faults.joined(separator: "\n")) }
        return edits
    }

    /// Text with more faults is something else than edits.
    private static let maximumFaults = 20

    private static func edit(
        _ verb: String, _ words: ArraySlice<Substring>, of line: Substring
    ) throws(ControlFailure) -> AskedEdit {
        var words = words
        func next(_ what: String) throws(ControlFailure) -> String {
            guard let word = words.popFirst() else { throw .data("`\(verb)` lacks \(what)") }
            return String(word)
        }
        var members: [(String, JSON)] = []
        switch verb {
        case "add", "set", "remove":
            members = [("edit", .string(verb)), ("name", .string(try next("a name")))]
            if verb != "remove", let ttl = words.first.flatMap({ Int64($0) }) {
                members.append(("ttl", .integer(ttl)))
                words.removeFirst()
            }
            members.append(("type", .string(try next("a type of record"))))
            if let first = words.first {
                // As it was written, with all its spaces.
                let data = line[first.startIndex...].reversed().drop(while: \.isWhitespace)
                members.append(("data", .string(String(data.reversed()))))
            } else if verb != "remove" {
                throw .data("`\(verb)` lacks the data")
            }
            words = []
        case "mx":
            let action = try next("add, set or remove")
            members = [
                ("edit", .string("mx-\(action)")), ("name", .string(try next("a domain"))),
                ("host", .string(try next("a host"))),
            ]
            for key in ["preference", "ttl"] where !words.isEmpty {
                let word = try next(key)
                guard let number = Int64(word) else { throw .data("`\(word)` is no number") }
                members.append((key, .integer(number)))
            }
        case "null-mx":
            members = [("edit", "null-mx"), ("name", .string(try next("a domain")))]
        default:
            throw .data("`\(verb)` is no edit: add, set, remove, mx or null-mx")
        }
        guard words.isEmpty else { throw .data("`\(words.joined(separator: " "))` is too much") }
        return try AskedEdit(.object(members))
    }
}
