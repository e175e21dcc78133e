// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// The commands `postreiter explain …`.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Tell why something was decided as it was.",
        subcommands: [Spam.self])

    struct Spam: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell what a message was taken for, test by test.")
        @OptionGroup var question: MessageQuestion

        func run() async throws { try await question.ask("explain.spam", Self.tell) }

        private static func tell(_ message: JSON, _ language: Language) {
            Output.line("\(message["id"]?.string ?? "")  \(message["time"]?.string ?? "")")
            for test in message["tests"]?.array ?? [] {
                let name = test["test"]?.string ?? ""
                let input = test["input"]?.string ?? ""
                let meaning = test["meaning"]?.string.map { input.isEmpty ? $0 : "  (\($0))" }
                Output.line(
                    "  \(points(test["weight"]))  "
                        + name.padding(to: 24) + "  " + input + (meaning ?? ""))
            }
            let thresholds = (message["thresholds"]?.object ?? []).compactMap { name, value in
                value == .null
                    ? nil
                    : language.choose(name, germanThresholds[name] ?? name)
                        + language.choose(" from ", " ab ") + points(value).trimmed
            }
            Output.line(
                "  \(points(message["sum"]))  " + language.choose("in all; ", "insgesamt; ")
                    + thresholds.joined(separator: ", "))
            let reason = message["reason"]?.string ?? ""
            let sentence = sentences[message["action"]?.string ?? ""]
            Output.line(
                "  \(sentence.map { language.choose($0.english, $0.german) } ?? "")"
                    + (reason.isEmpty ? "" : " (\(reason))"))
        }

        private static let germanThresholds = [
            "mark": "markiert", "junk": "Junk", "defer": "aufgeschoben", "reject": "abgewiesen",
        ]

        private static let sentences: [String: (english: String, german: String)] = [
            "accept": ("It was taken as it is.", "Sie wurde angenommen, wie sie ist."),
            "mark": ("It was taken and marked.", "Sie wurde angenommen und markiert."),
            "junk": ("It was filed as junk.", "Sie kam in Junk."),
            "deferred": ("It was put off.", "Sie wurde aufgeschoben."),
            "reject": ("It was refused.", "Sie wurde abgewiesen."),
        ]

        /// With two places, as wide as a column.
        private static func points(_ value: JSON?) -> String {
            let number: Double =
                switch value {
                case .number(let number): number
                case .integer(let number): Double(number)
                default: 0
                }
            let hundredths = Int((number * 100).rounded())
            let text =
                (hundredths < 0 ? "-" : "") + "\(hundredths.magnitude / 100)."
                + (hundredths.magnitude % 100 < 10 ? "0" : "") + "\(hundredths.magnitude % 100)"
            return String(repeating: " ", count: max(0, 6 - text.count)) + text
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
