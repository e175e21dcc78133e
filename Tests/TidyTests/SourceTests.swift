// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("The source text")
struct SourceTests {
    @Test("Every Swift file begins with its licence")
    func licence() throws {
        let files = try Repository.swiftFiles(in: "Sources") + Repository.swiftFiles(in: "Tests")
        #expect(files.count > 300)
        for file in files {
            #expect(
                file.lines.first == "// SPDX-License-Identifier: Apache-2.0",
                "\(file.path) does not begin with the SPDX line")
        }
        for script in try Repository.paths(in: "Scripts") + ["Makefile", "Package.swift"] {
            let head = try Repository.text(of: script).prefix(200)
            #expect(head.contains("SPDX-License-Identifier: Apache-2.0"), "\(script)")
        }
    }

    /// A word that does not belong everywhere.
    private struct Word {
        let what: String
        /// A part of it, quick to look for.
        let key: String
        let pattern: Regex<Substring>

        init(_ what: String, _ key: String, _ pattern: Regex<Substring>) {
            self.what = what
            self.key = key
            // A full stop ends a word, unlike in prose.
            self.pattern = pattern.wordBoundaryKind(.simple)
        }

        func stands(in line: String) -> Bool { line.contains(key) && line.contains(pattern) }
    }

    /// What ends the program where an error would do, or speaks past the log.
    private static var nowhere: [Word] {
        [
            Word("try!", "try!", /try!/),
            Word("as!", "as!", /\bas!/),
            Word("print", "rint(", /(?:^|[^A-Za-z0-9_.])(?:debugP|p)rint\(/),
        ]
    }

    /// What leaves the simulation.
    private static var onlyAtTheRoof: [Word] {
        [
            Word("Task {}", "Task", /(?:^|[^A-Za-z0-9_.])Task *\{/),
            Word("Task.detached", "Task.", /\bTask\.(?:detached|immediate)\b/),
            Word("Date()", "Date", /\bDate(?:\(\)|\.now)/),
            Word("a real clock", "Clock", /\b(?:Continuous|Suspending)Clock\b/),
            Word("a real clock", "get", /\b(?:clock_gettime|gettimeofday)\b/),
            Word(
                "Dispatch", "Dispatch",
                /\b(?:Dispatch(?:Queue|Group|Semaphore|Time|Source|WorkItem)|import Dispatch)/),
            Word("chance without a generator", ".random(", /\.random\((?!.*using:)/),
            Word("chance without a generator", "shuffle", /\.(?:shuffled|shuffle)\(\)/),
            Word("chance without a generator", "randomElement", /\.randomElement\(\)/),
            Word("the system's generator", "System", /\bSystemRandomNumberGenerator\b/),
            Word("UUID()", "UUID()", /\bUUID\(\)/),
            Word("the process's environment", "env", /\bgetenv\b/),
            Word("the process's environment", "ProcessInfo", /\bProcessInfo\b/),
        ]
    }

    @Test("Time, chance and tasks come from the world that a module is given")
    func forbiddenWords() throws {
        let (everywhere, elsewhere) = (Self.nowhere, Self.nowhere + Self.onlyAtTheRoof)
        for file in try Repository.swiftFiles(in: "Sources") {
            let isRoof = ["LiveWorld", "postreiter"].contains(file.module)
            let words = (isRoof ? everywhere : elsewhere).filter { file.text.contains($0.key) }
            guard !words.isEmpty else { continue }
            for (index, line) in file.code.enumerated() {
                for word in words where word.stands(in: line) {
                    Issue.record("\(file.path):\(index + 1): \(word.what) does not belong here")
                }
            }
        }
    }

    @Test("The forbidden words are found where they stand, and not in comments or strings")
    func theSearchItself() {
        let bad = [
            "Task { await x() }", "Task.detached {", "let now = Date()", "Int.random(in: 0..<3)",
            "names.shuffled()", "ContinuousClock().now", "DispatchQueue.main.async {",
        ]
        let good = [
            "group.addTask { await x() }", "Int.random(in: 0..<3, using: &generator)",
            "// Task { } leaves it", "let text = \"Date()\"", "names.shuffled(using: &chance)",
        ]
        func finds(_ line: String) -> Bool {
            let file = SourceFile(path: "Sources/X/Y.swift", text: line)
            return Self.onlyAtTheRoof.contains { $0.stands(in: file.code[0]) }
        }
        for line in bad { #expect(finds(line), "\(line)") }
        for line in good { #expect(!finds(line), "\(line)") }
    }
}
