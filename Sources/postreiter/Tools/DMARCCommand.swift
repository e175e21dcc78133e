// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The commands `postreiter dmarc …`, each in a file of its own.
struct DMARCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dmarc",
        abstract: "Whether the domain in From stands behind a message (RFC 9989, RFC 9990).",
        subcommands: [
            Report.self, Import.self, Check.self, ParseRecord.self, ParseReport.self,
        ])
}
