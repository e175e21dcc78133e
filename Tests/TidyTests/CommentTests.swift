// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("Documentation comments")
struct CommentTests {
    /// A declaration that other modules see.
    private struct Declaration {
        let place: String
        let name: String
        let isType: Bool
        let isDocumented: Bool
    }

    private static var type: Regex<(Substring, Substring)> {
        let kinds = "struct|enum|class|actor|protocol|typealias"
        return pattern("(?:final |indirect )*(?:\(kinds)) ([A-Za-z0-9_]+)")
    }

    private static var function: Regex<(Substring, Substring)> {
        pattern("(?:static |class |mutating |consuming |borrowing )*func ([A-Za-z0-9_]+)")
    }

    private static func pattern(_ text: String) -> Regex<(Substring, Substring)> {
        do {
            return try Regex("^ *package " + text, as: (Substring, Substring).self)
        } catch {
            preconditionFailure("the pattern is wrong: \(error)")
        }
    }

    /// Asked for by protocols of the language, which document them.
    private static let ofTheLanguage: Set<String> = ["hash", "enqueue", "next"]

    /// The functions that the package's own protocols ask for and document, by protocol.
    private static func requirements() throws -> [String: Set<String>] {
        var requirements: [String: Set<String>] = [:]
        for file in try Repository.swiftFiles(in: "Sources") {
            guard file.text.contains("package protocol ") else { continue }
            var name: String?
            let lines = file.lines
            for (index, line) in lines.enumerated() {
                if let match = line.firstMatch(of: /^package protocol ([A-Za-z]+)/) {
                    name = String(match.output.1)
                } else if line == "}" {
                    name = nil
                } else if let name, isDocumented(index, lines),
                    let match = line.firstMatch(of: /^    (?:mutating )?func ([A-Za-z]+)/)
                {
                    requirements[name, default: []].insert(String(match.output.1))
                }
            }
        }
        return requirements
    }

    private static func declarations() throws -> [Declaration] {
        var declarations: [Declaration] = []
        let (type, function) = (type, function)
        let requirements = try requirements()
        for file in try Repository.swiftFiles(in: "Sources") {
            let lines = file.lines
            let conformances = lines.filter { $0.contains(": ") && $0.hasSuffix("{") }
                .flatMap { $0.split { !$0.isLetter }.dropFirst(2) }
            let witnesses = requirements.filter { name, _ in
                conformances.contains(Substring(name))
            }.values.reduce(ofTheLanguage) { $0.union($1) }
            for (index, line) in lines.enumerated() where line.contains("package ") {
                let typeName = line.firstMatch(of: type)?.output.1
                guard let name = typeName ?? line.firstMatch(of: function)?.output.1 else {
                    continue
                }
                declarations.append(
                    Declaration(
                        place: "\(file.path):\(index + 1)", name: String(name),
                        isType: typeName != nil,
                        isDocumented: isDocumented(index, lines)
                            || typeName == nil && witnesses.contains(String(name))))
            }
        }
        return declarations
    }

    /// Whether a `///` line stands above, attributes passed over.
    private static func isDocumented(_ index: Int, _ lines: [Substring]) -> Bool {
        for line in lines[..<index].reversed() {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("///") { return true }
            guard text.hasPrefix("@") else { return false }
        }
        return false
    }

    @Test("Every type that other modules see says what it is")
    func types() throws {
        let types = try Self.declarations().filter(\.isType)
        #expect(types.count > 150)
        for type in types where !type.isDocumented {
            Issue.record("\(type.place): \(type.name) has no documentation comment")
        }
    }

    @Test("Every function that other modules call says what it does, here or in its protocol")
    func functions() throws {
        let functions = try Self.declarations().filter { !$0.isType }
        #expect(functions.count > 200)
        for function in functions where !function.isDocumented {
            Issue.record("\(function.place): \(function.name) has no documentation comment")
        }
    }
}
