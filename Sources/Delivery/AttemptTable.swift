// SPDX-License-Identifier: Apache-2.0

import Mail
import World

/// What was tried, in columns: when, at which host and address, and what was said.
struct AttemptTable {
    private let rows: [[String]]

    /// A column is no wider, whatever a host calls itself.
    private static let maximumCellCharacters = 46
    /// The last column has the whole rest of the line.
    private static let maximumAnswerCharacters = 300

    init(_ attempts: [Notification.Attempt], _ language: Language) {
        let title = [
            language.choose("Time (UTC)", "Zeit (UTC)"), language.choose("Host", "Rechner"),
            language.choose("Address", "Adresse"), language.choose("Answer", "Antwort"),
        ]
        rows = [title] + attempts.map { Self.row($0, language) }
    }

    private static func row(_ attempt: Notification.Attempt, _ language: Language) -> [String] {
        let (host, address) = parts(of: attempt.host)
        let answer = PeerReply(attempt.text).map { String($0.text) } ?? language.tell(attempt.text)
        return [
            String(NotificationWording.moment(attempt.time).dropLast(4)),
            NotificationWording.shortened(host, to: maximumCellCharacters),
            NotificationWording.shortened(address, to: maximumCellCharacters),
            NotificationWording.shortened(answer, to: maximumAnswerCharacters),
        ]
    }

    /// `mx.example.net [192.0.2.1]` taken apart; either may be missing.
    private static func parts(of host: String?) -> (host: Substring, address: Substring) {
        guard let host, !host.isEmpty else { return ("-", "-") }
        guard let bracket = host.lastIndex(of: "["), host.hasSuffix("]") else {
            return (host[...], "-")
        }
        let name = host[..<bracket].prefix { $0 != " " }
        let address = host[host.index(after: bracket)...].dropLast()
        return (name.isEmpty ? "-" : name, address)
    }

    /// The title and a line for each attempt; nothing if there was none.
    var lines: [String] {
        guard rows.count > 1 else { return [] }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count + 2)
            }
            return cells.joined() + row[3]
        }
    }
}
