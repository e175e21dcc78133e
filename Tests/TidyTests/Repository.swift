// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The source text of this package, read from the folder it was built from.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let sources = Result { try readSwiftFiles(in: "Sources") }

    /// Every Swift file below a folder, in the order of the paths.
    static func swiftFiles(in folder: String) throws -> [SourceFile] {
        guard folder.hasPrefix("Sources") else { return try readSwiftFiles(in: folder) }
        return try sources.get().filter { $0.path.hasPrefix(folder + "/") }
    }

    private static func readSwiftFiles(in folder: String) throws -> [SourceFile] {
        try paths(in: folder).filter { $0.hasSuffix(".swift") }.map { path in
            SourceFile(path: path, text: try text(of: path))
        }
    }

    /// The paths of all files below a folder, relative to the package.
    static func paths(in folder: String) throws -> [String] {
        let url = root.appending(path: folder).resolvingSymlinksInPath()
        return try FileManager.default.subpathsOfDirectory(atPath: url.path)
            .map { "\(folder)/\($0)" }.sorted()
    }

    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    /// README and everything in Documentation.
    static func documents() throws -> [String] {
        ["README.md"] + (try paths(in: "Documentation").filter { $0.hasSuffix(".md") })
    }
}

/// One file, and what of it is code.
struct SourceFile: Sendable {
    let path: String
    let text: String

    /// The folder below Sources or Tests, which is the module.
    var module: String { String(path.split(separator: "/")[1]) }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The lines with comments and the text of strings taken out, so that words in them do not
    /// count; line numbers stay.
    var code: [String] {
        var code: [String] = []
        var isInString = false
        for line in lines {
            if line.contains("\"\"\"") {
                // The line on which a long string begins or ends may hold code beside it.
                let opens = !isInString
                let parts = line.components(separatedBy: "\"\"\"")
                if parts.count == 2 { isInString.toggle() }
                code.append(Self.strip(opens ? parts[0] : parts.last ?? ""))
            } else {
                code.append(isInString ? "" : Self.strip(String(line)))
            }
        }
        return code
    }

    private static func strip(_ line: String) -> String {
        var result = ""
        var isInString = false
        var isEscaped = false
        var last: Character = " "
        for character in line {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    isInString = false
                }
            } else if character == "\"" {
                isInString = true
            } else if character == "/", last == "/" {
                result.removeLast()
                break
            } else {
                result.append(character)
            }
            last = character
        }
        return result
    }
}
