// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import MIME

/// The commands `postreiter mail …`.
struct MailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mail", abstract: "Messages (RFC 5322, MIME).", subcommands: [Parse.self])

    /// What a mail program would show, and what is odd.
    struct Parse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a message and print it decoded, as one JSON object.")
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @OptionGroup var output: JSONOption

        func run() async throws {
            Output.json(Message.summary(of: try Files.read(file)))
        }
    }
}
