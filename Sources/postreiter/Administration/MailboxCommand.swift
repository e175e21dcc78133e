// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The commands `postreiter mailbox …`.
struct MailboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox", abstract: "What people's mailboxes hold; moving in and out.",
        subcommands: [Deleted.self, Undelete.self, Retention.self])
}
