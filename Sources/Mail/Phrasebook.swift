// SPDX-License-Identifier: Apache-2.0

extension Language {
    /// One of our own findings, which are kept in English, in this language.
    ///
    /// What others said (a server's reply, a system's message) stays as it is, and so does a
    /// finding that this release does not know.
    package func tell(_ finding: String) -> String {
        self == .english
            ? finding : Phrasebook.findings.tell(finding[...], in: self) ?? finding
    }
}

extension Diagnosis {
    /// The sentence in English, as it is kept, with its holes filled in their order.
    package func text(_ holes: String...) -> String {
        Phrasebook.findings.text(of: self, in: .english, holes)
    }

    /// The sentence in a language; what fills the holes is in that language already.
    package func text(in language: Language, _ holes: String...) -> String {
        Phrasebook.findings.text(of: self, in: language, holes)
    }

    /// Which finding a sentence in English is, the outer one where it quotes others; nil for one
    /// that is none of ours.
    package init?(_ finding: String) {
        guard let known = Phrasebook.findings.recognise(finding[...]) else { return nil }
        self = known.diagnosis
    }
}

/// The sentences of all findings, taken apart once.
struct Phrasebook: Sendable {
    /// A finding that quotes findings that quote findings: no deeper.
    private static let maximumDepth = 4

    static let findings = Phrasebook(
        Diagnosis.allCases.map { ($0, $0.sentences.english, $0.sentences.german) })

    /// In the order of recognising: the first that fits counts.
    private let entries: [Entry]
    private let places: [Diagnosis: Int]

    private struct Entry: Sendable {
        var diagnosis: Diagnosis
        /// What stands between the holes.
        var english: [String]
        var german: [String]
        /// Whether a hole holds another finding.
        var isTold: [Bool]
    }

    init(_ sentences: [(diagnosis: Diagnosis, english: String, german: String)]) {
        entries = sentences.map { diagnosis, english, german in
            let (literals, isTold) = Self.parse(english)
            let (translation, isToldThere) = Self.parse(german)
            precondition(isTold == isToldThere, "\(english): the same holes")
            return Entry(
                diagnosis: diagnosis, english: literals, german: translation, isTold: isTold)
        }
        places = Dictionary(
            entries.enumerated().map { ($1.diagnosis, $0) }, uniquingKeysWith: { first, _ in first }
        )
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

    func text(of diagnosis: Diagnosis, in language: Language, _ holes: [String]) -> String {
        guard let place = places[diagnosis] else { return diagnosis.rawValue }
        return Self.fill(entries[place], language, holes)
    }

    private static func fill(_ entry: Entry, _ language: Language, _ holes: [String]) -> String {
        let literals = language == .english ? entry.english : entry.german
        precondition(holes.count == literals.count - 1, "\(entry.diagnosis): each hole is filled")
        var text = literals[0]
        for (hole, literal) in zip(holes, literals.dropFirst()) {
            text += hole
            text += literal
        }
        return text
    }

    /// Nil if no sentence fits.
    func tell(_ finding: Substring, in language: Language, depth: Int = 0) -> String? {
        guard depth < Self.maximumDepth, let (entry, holes) = entry(of: finding) else { return nil }
        let told = zip(holes, entry.isTold).map { hole, isTold in
            (isTold ? tell(hole, in: language, depth: depth + 1) : nil) ?? String(hole)
        }
        return Self.fill(entry, language, told)
    }

    func recognise(_ finding: Substring) -> (diagnosis: Diagnosis, holes: [Substring])? {
        guard let (entry, holes) = entry(of: finding) else { return nil }
        // The name of a host in front is found before much that others say, too.
        if entry.diagnosis == .atHost, self.entry(of: holes[1]) == nil { return nil }
        return (entry.diagnosis, holes)
    }

    private func entry(of finding: Substring) -> (Entry, [Substring])? {
        for entry in entries {
            if let holes = Self.match(finding, entry.english) { return (entry, holes) }
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
