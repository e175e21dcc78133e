// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Moving

/// The commands `postreiter mailbox …`.
struct MailboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox", abstract: "What people's mailboxes hold; moving in and out.",
        subcommands: [
            List.self, MailboxImportCommand.self, MailboxExportCommand.self, Deleted.self,
            Undelete.self, Retention.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the mailboxes of an account.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "The account's login.") var account: String

        func run() async throws {
            let answer = try await server.perform(
                "mailbox.list", ["account": .string(account)])
            guard !output.json else { return Output.json(answer) }
            let rows = (answer["mailboxes"]?.array ?? []).map { mailbox in
                [
                    "\(mailbox["messages"]?.integer ?? 0)", "\(mailbox["unseen"]?.integer ?? 0)",
                    "\(mailbox["octets"]?.integer ?? 0)", mailbox["use"]?.string ?? "",
                    mailbox["subscribed"]?.bool == false ? "no" : "yes",
                    mailbox["mailbox"]?.string ?? "",
                ]
            }
            Output.table(
                [["MESSAGES", "UNSEEN", "OCTETS", "USE", "SUBSCRIBED", "MAILBOX"]] + rows,
                numbersFrom: 0, to: 2)
        }
    }
}

/// The account that a command moves messages into or out of.
struct AskedAccount: AccountPort {
    let asker: Asker
    let login: String

    func ask(
        _ command: String, _ arguments: [(String, JSON)], _ octets: [UInt8]
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        try await asker.transfer(
            command, .object(arguments + [("account", .string(login))]), octets)
    }
}

extension CommandFailure {
    init(_ failure: MovingFailure) {
        self =
            switch failure.kind {
            case .source: .noInput(failure.description)
            case .target: .cannotCreate(failure.description)
            case .temporary: .temporary(failure.description)
            }
    }
}
