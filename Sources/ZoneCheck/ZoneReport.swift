// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DNS
package import Mail

/// What a check has found, the worst first.
package struct ZoneReport: Sendable {
    package private(set) var findings: [Finding]

    /// In the order of severity, and of the lines within one.
    init(_ findings: [Finding]) {
        self.findings = findings.enumerated().sorted { left, right in
            if left.element.severity != right.element.severity {
                return left.element.severity > right.element.severity
            }
            let (first, second) = (left.element.line ?? 0, right.element.line ?? 0)
            return first != second ? first < second : left.offset < right.offset
        }.map(\.element)
    }

    /// Whether a name server takes the zone, and mail finds its way.
    package var isOK: Bool { !findings.contains { $0.severity == .error } }

    package var errors: [Finding] { findings.filter { $0.severity == .error } }

    /// As `zone check --json` prints it; notices stand among the warnings, marked as such.
    package func json(_ language: Language = .english) -> JSON {
        .object([
            ("ok", .bool(isOK)),
            ("errors", .array(errors.map { $0.json(language) })),
            (
                "warnings",
                .array(findings.filter { $0.severity != .error }.map { $0.json(language) })
            ),
        ])
    }

    /// A paragraph for each finding: where, what, and what to do.
    package func text(_ language: Language, file: String) -> String {
        findings.map { $0.paragraph(language, file: file) }.joined(separator: "\n")
    }
}

extension Finding {
    /// One finding as an object, its records too.
    package func json(_ language: Language) -> JSON {
        .object([
            ("code", .string(code.rawValue)), ("severity", .string(severity.rawValue)),
            ("line", line.map { .integer(Int64($0)) } ?? .null),
            ("text", .string(text[language])), ("advice", .string(advice[language])),
            ("file", JSON(places.first?.file)),
            ("records", .array(places.map(\.json))),
        ])
    }

    func paragraph(_ language: Language, file: String) -> String {
        let place = places.first?.file ?? file
        let word =
            switch severity {
            case .error: language.choose("error", "Fehler")
            case .warning: language.choose("warning", "Warnung")
            case .notice: language.choose("notice", "Hinweis")
            }
        return "\(place):\(line.map { "\($0):" } ?? "") \(word) [\(code.rawValue)]: "
            + "\(text[language])\n    \(advice[language])"
    }
}

extension Finding.Place {
    fileprivate var json: JSON {
        .object([
            ("owner", .string(owner.description)), ("type", .string(type.description)),
            ("line", line.map { .integer(Int64($0)) } ?? .null),
        ])
    }
}
