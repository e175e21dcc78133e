// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// Answers where a message is, and why.
struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what happened to a message, and what comes next.")
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption
    @Argument(help: "A queue id, a Message-ID or an address.") var text: String

    func run() async throws {
        let answer = try await server.perform(
            "trace", ["text": .string(text), "language": .string(Live.language.rawValue)])
        guard !output.json else { return Output.json(answer) }
        for (index, message) in (answer["messages"]?.array ?? []).enumerated() {
            if index > 0 { Output.line("") }
            Output.line(message["id"]?.string ?? "")
            for fact in message["facts"]?.array ?? [] {
                Output.line("  \(fact["time"]?.string ?? "")  \(fact["sentence"]?.string ?? "")")
            }
            Output.line("  \(message["now"]?.string ?? "")")
        }
        if let further = answer["further"]?.integer, further > 0 {
            Output.line("… and \(further) further messages")
        }
    }
}
