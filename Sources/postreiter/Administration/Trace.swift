// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// Answers where a message is, and why.
struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what happened to a message, and what comes next.")
    @OptionGroup var question: MessageQuestion

    func run() async throws {
        let answer = try await question.ask("trace") { message, language in
            Output.line((message["id"]?.string ?? "") + Self.links(of: message, language))
            for fact in message["facts"]?.array ?? [] {
                Output.line("  \(fact["time"]?.string ?? "")  \(fact["sentence"]?.string ?? "")")
            }
            if let now = message["now"]?.string { Output.line("  \(now)") }
        }
        if let further = answer?["further"]?.integer, further > 0 {
            Output.line("… and \(further) further messages")
        }
    }

    /// Which other messages this one belongs to: they are told too.
    private static func links(of message: JSON, _ language: Language) -> String {
        let words = language == .german ? germanRelations : englishRelations
        let links = (message["links"]?.array ?? []).map { link in
            let relation = link["relation"]?.string ?? ""
            return "\(words[relation] ?? relation) \(link["id"]?.string ?? "")"
        }
        return links.isEmpty ? "" : "  (" + links.joined(separator: ", ") + ")"
    }

    private static let englishRelations = [
        "continues": "continues", "continued_by": "goes on as",
        "notifies_about": "tells of", "notification": "told by",
    ]
    private static let germanRelations = [
        "continues": "setzt fort", "continued_by": "geht weiter als",
        "notifies_about": "berichtet von", "notification": "gemeldet durch",
    ]
}
