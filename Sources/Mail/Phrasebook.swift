// SPDX-License-Identifier: Apache-2.0

extension Language {
    /// One of our own findings, which are kept in English, in this language.
    ///
    /// What others said (a server's reply, a system's message) stays as it is, and so does a
    /// finding that the book does not have.
    package func tell(_ finding: String) -> String {
        self == .english ? finding : Phrasebook.german.translate(finding[...]) ?? finding
    }
}

/// Findings in English and in another language.
///
/// A hole `{}` is kept as it is: a name, a number, the words of others. A hole `{+}` holds another
/// finding, which is told too. The first entry that fits counts.
struct Phrasebook: Sendable {
    /// A finding that quotes findings that quote findings: no deeper.
    private static let maximumDepth = 4

    private let entries: [Entry]

    private struct Entry: Sendable {
        /// What stands between the holes in English.
        var literals: [String]
        var isTold: [Bool]
        /// What stands between the holes in the other language, in the same order.
        var translation: [String]
    }

    init(_ pairs: [(english: String, other: String)]) {
        entries = pairs.map { pair in
            let (literals, isTold) = Self.parse(pair.english)
            let (translation, _) = Self.parse(pair.other)
            precondition(literals.count == translation.count, "\(pair.english): as many holes")
            return Entry(literals: literals, isTold: isTold, translation: translation)
        }
    }

    private static func parse(_ pattern: String) -> (literals: [String], isTold: [Bool]) {
        var literals = [""]
        var isTold: [Bool] = []
        var rest = pattern[...]
        while let first = rest.first {
            if rest.hasPrefix("{}") || rest.hasPrefix("{+}") {
                isTold.append(rest.hasPrefix("{+}"))
                literals.append("")
                rest = rest.dropFirst(isTold[isTold.count - 1] ? 3 : 2)
            } else {
                literals[literals.count - 1].append(first)
                rest = rest.dropFirst()
            }
        }
        return (literals, isTold)
    }

    /// Nil if no entry fits.
    func translate(_ finding: Substring, depth: Int = 0) -> String? {
        guard depth < Self.maximumDepth else { return nil }
        for entry in entries {
            guard let holes = Self.match(finding, entry.literals) else { continue }
            var text = entry.translation[0]
            for (index, hole) in holes.enumerated() {
                let told = entry.isTold[index] ? translate(hole, depth: depth + 1) : nil
                text += (told ?? String(hole)) + entry.translation[index + 1]
            }
            return text
        }
        return nil
    }

    /// What fills the holes; each is as short as can be.
    private static func match(_ text: Substring, _ literals: [String]) -> [Substring]? {
        guard text.hasPrefix(literals[0]) else { return nil }
        var rest = text.dropFirst(literals[0].count)
        guard literals.count > 1 else { return rest.isEmpty ? [] : nil }
        var holes: [Substring] = []
        for literal in literals.dropFirst().dropLast() {
            guard let range = rest.firstRange(of: literal) else { return nil }
            holes.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        guard let last = literals.last, rest.hasSuffix(last) else { return nil }
        holes.append(rest.dropLast(last.count))
        return holes
    }
}
