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

    /// Words that leave the simulation, or end the program where an error would do.
    private static var nowhere: [(what: String, pattern: Regex<Substring>)] {
        [
            ("try!", /try!/),
            ("as!", /\bas!/),
            ("print", /(?:^|[^A-Za-z0-9_.])(?:debugP|p)rint\(/),
        ]
    }

    private static var onlyAtTheRoof: [(what: String, pattern: Regex<Substring>)] {
        [
            ("Task {}", /(?:^|[^A-Za-z0-9_.])Task *\{/),
            ("Task.detached", /\bTask\.(?:detached|immediate)\b/),
            ("Date()", /\bDate(?:\(\)|\.now)/),
            ("a real clock", /\b(?:ContinuousClock|SuspendingClock|clock_gettime|gettimeofday)\b/),
            (
                "Dispatch",
                /\b(?:Dispatch(?:Queue|Group|Semaphore|Time|Source|WorkItem)|import Dispatch)/
            ),
            ("random without a generator", /\.random\((?!.*using:)/),
            ("a random choice without a generator", /\.(?:shuffled|shuffle|randomElement)\(\)/),
            ("the system's generator", /\bSystemRandomNumberGenerator\b/),
            ("UUID()", /\bUUID\(\)/),
            ("the process's environment", /\b(?:ProcessInfo|getenv)\b/),
        ]
    }

    @Test("Time, chance and tasks come from the world that a module is given")
    func forbiddenWords() throws {
        let (everywhere, elsewhere) = (Self.nowhere, Self.nowhere + Self.onlyAtTheRoof)
        for file in try Repository.swiftFiles(in: "Sources") {
            let isRoof = ["LiveWorld", "postreiter"].contains(file.module)
            let words = isRoof ? everywhere : elsewhere
            for (index, line) in file.code.enumerated() {
                for (what, pattern) in words where line.contains(pattern.wordBoundaryKind(.simple))
                {
                    Issue.record("\(file.path):\(index + 1): \(what) does not belong here")
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
            return Self.onlyAtTheRoof.contains { _, pattern in
                file.code[0].contains(pattern.wordBoundaryKind(.simple))
            }
        }
        for line in bad { #expect(finds(line), "\(line)") }
        for line in good { #expect(!finds(line), "\(line)") }
    }
}
