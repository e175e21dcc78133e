// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter explain …`.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Tell why something was decided as it was.",
        subcommands: [Spam.self])

    struct Spam: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell what a message was taken for, test by test.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "A queue id, a Message-ID or an address.") var text: String

        func run() async throws {
            let answer = try await server.perform("explain.spam", ["text": .string(text)])
            guard !output.json else { return Output.json(answer) }
            for (index, message) in (answer["messages"]?.array ?? []).enumerated() {
                if index > 0 { Output.line("") }
                Self.tell(message)
            }
        }

        private static func tell(_ message: JSON) {
            Output.line("\(message["id"]?.string ?? "")  \(message["time"]?.string ?? "")")
            for test in message["tests"]?.array ?? [] {
                let name = test["test"]?.string ?? ""
                Output.line(
                    "  \(points(test["weight"]))  "
                        + name.padding(to: 24) + "  " + (test["input"]?.string ?? ""))
            }
            let thresholds = (message["thresholds"]?.object ?? []).compactMap { name, value in
                value == .null ? nil : "\(name) from \(points(value).trimmed)"
            }
            Output.line(
                "  \(points(message["sum"]))  in all; \(thresholds.joined(separator: ", "))")
            let reason = message["reason"]?.string ?? ""
            Output.line(
                "  \(sentences[message["action"]?.string ?? ""] ?? "")"
                    + (reason.isEmpty ? "" : " (\(reason))"))
        }

        private static let sentences = [
            "accept": "It was taken as it is.", "mark": "It was taken and marked.",
            "junk": "It was filed as junk.", "deferred": "It was put off.",
            "reject": "It was refused.",
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
