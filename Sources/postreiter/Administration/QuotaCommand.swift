// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// `account quota` and `domain quota`: what may be kept, and what is.
struct QuotaOptions: ParsableArguments {
    @Option(help: "Octets: 500M, 2G, none, or default for what is set above it.")
    var storage: String?
    @Option(help: "Messages: a number, none, or default.") var messages: String?

    var isSetting: Bool { storage != nil || messages != nil }

    /// Sets what is given, and shows what holds then.
    func perform(
        _ server: ServerOptions, _ output: JSONOption, for whom: [(String, JSON)]
    ) async throws {
        if isSetting {
            _ = try await server.perform(
                "quota.set",
                .object(whom + [("storage", JSON(storage)), ("messages", JSON(messages))]))
        }
        let answer = try await server.perform("quota.show", .object(whom))
        guard !output.json else { return Output.json(answer) }
        Output.table(
            [["", "STORAGE", "OF", "MESSAGES", "OF", "USED"]]
                + (answer["quotas"]?.array ?? []).map { quota in
                    [
                        (quota["name"]?.string ?? "")
                            + (quota["shared"]?.bool == true ? " (all together)" : ""),
                        Output.size(quota["octets"]?.integer ?? 0),
                        quota["octet_limit"]?.integer.map(Output.size) ?? "-",
                        "\(quota["messages"]?.integer ?? 0)",
                        quota["message_limit"]?.integer.map { "\($0)" } ?? "-",
                        quota["percent"]?.integer.map { "\($0) %" } ?? "-",
                    ]
                }, numbersFrom: 1)
    }
}

extension AccountCommand {
    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set what an account may keep.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var options: QuotaOptions
        @Argument var address: String

        func run() async throws {
            try await options.perform(server, output, for: [("address", .string(address))])
        }
    }
}

extension DomainCommand {
    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set what the accounts of a domain may keep.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var options: QuotaOptions
        @Flag(help: "All of them together, instead of each.") var whole = false
        @Argument var domain: String

        func run() async throws {
            try await options.perform(
                server, output, for: [("domain", .string(domain)), ("whole", .bool(whole))])
        }
    }
}
