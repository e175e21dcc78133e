// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The commands `postreiter dmarc …`, each in a file of its own.
struct DMARCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dmarc", abstract: "Who may use a domain as author (RFC 9989, RFC 9990).",
        subcommands: [ParseReport.self])
}
