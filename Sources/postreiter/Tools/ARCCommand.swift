// SPDX-License-Identifier: Apache-2.0

import ARC
import ArgumentParser
import Bytes
import DKIM
import LiveWorld

/// The commands `postreiter arc …`.
struct ARCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "arc", abstract: "What those said who handled a message before (RFC 8617).",
        subcommands: [Verify.self, Seal.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Validate the chain of a message.",
            discussion: """
                The exit status is 0 for pass and 1 for everything else; with --json it is 0 \
                whenever there is an answer.
                """)
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @OptionGroup var options: VerificationOptions
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let verdict = try await ARCCommand.validate(
                try GivenMessage(file), options.policy, names)
            if output.json {
                return Output.json([
                    "result": .string(verdict.status.rawValue), "reason": JSON(verdict.reason),
                    "sealers": JSON(verdict.sealers),
                ])
            }
            Output.line(
                verdict.status.rawValue + (verdict.reason.map { ": \($0)" } ?? "")
                    + (verdict.sealers.isEmpty
                        ? "" : ", sealed by \(verdict.sealers.joined(separator: ", "))"))
            guard verdict.status == .pass else { throw ExitCode(1) }
        }
    }

    struct Seal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the three fields that go on with a message's chain.")
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @OptionGroup var signing: SigningOptions
        @Option(
            name: .customLong("authserv-id"), help: "Whose Authentication-Results are sealed.")
        var authservID: String
        @Option(help: "The fields that are signed, From among them, between colons.") var headers:
            String?
        @OptionGroup var options: VerificationOptions
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let message = try GivenMessage(file)
            let verdict = try await ARCCommand.validate(message, options.policy, names)
            var settings = Sealing.Settings(
                authservID: authservID, identity: try signing.identity())
            settings.time = signing.time
            if let headers { settings.names = try Self.names(headers) }
            var sealing = Sealing(settings: settings, cryptography: LiveMailCryptography())
            message.withBody { sealing.update($0) }
            let fields = try sealing.finish(ReceivedChain(message.header), verdict.status)
                .map { String(lossy: $0.dropLast(2)) }
            if output.json { return Output.json(["headers": JSON(fields)]) }
            guard !fields.isEmpty else {
                Output.error(
                    """
                    not sealed: there is no Authentication-Results of \(authservID) in it, or its \
                    chain has failed before or is full
                    """)
                throw ExitCode(1)
            }
            for field in fields { Output.line(field) }
        }

        /// All that are named, also those that the message does not have: nobody can add them then.
        private static func names(_ text: String) throws -> [ArraySlice<UInt8>] {
            let names = text.split(separator: ":").map {
                $0.lowercased().filter { !$0.isWhitespace }
            }
            // RFC 6376 §5.4.
            guard names.contains("from") else {
                throw CommandFailure.usage("--headers must name From, which is always signed")
            }
            return names.map { Array($0.utf8)[...] }
        }
    }

    private static func validate(
        _ message: GivenMessage, _ policy: Verification.Policy, _ names: NameOptions
    ) async throws -> ReceivedChain.Verdict {
        var validation = ChainValidation(
            ReceivedChain(message.header), policy: policy, cryptography: LiveMailCryptography())
        message.withBody { validation.update($0) }
        return await validation.finish(resolver: try names.makeResolver(Live.surroundings))
    }
}
