// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// In whose language a command tells why something waits or failed.
struct ReaderOption: ParsableArguments {
    @Option(
        name: .customLong("for"),
        help: "In the language of this account; else in that of your locale, or the server's.")
    var reader: String?

    var arguments: [(String, JSON)] {
        [("for", JSON(reader)), ("language", JSON(Live.locale?.rawValue))]
    }
}

/// A question about messages, answered for people or as JSON.
struct MessageQuestion: ParsableArguments {
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var reader: ReaderOption
    @Argument(help: "A queue id, a Message-ID or an address.") var text: String

    /// Has `tell` print each message, unless JSON is wanted; returns the answer.
    @discardableResult
    func ask(_ command: String, _ tell: (JSON, Language) -> Void) async throws -> JSON? {
        let answer = try await server.perform(
            command, .object([("text", .string(text))] + reader.arguments))
        if output.json {
            Output.json(answer)
            return nil
        }
        let language = Language(rawValue: answer["language"]?.string ?? "") ?? .english
        for (index, message) in (answer["messages"]?.array ?? []).enumerated() {
            if index > 0 { Output.line("") }
            tell(message, language)
        }
        return answer
    }
}
