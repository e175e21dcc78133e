// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Moving

/// The commands `postreiter mailbox …`.
struct MailboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox", abstract: "What people's mailboxes hold; moving in and out.",
        subcommands: [
            List.self, Rights.self, MailboxImportCommand.self, MailboxExportCommand.self,
            Deleted.self,
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

extension MailboxCommand {
    struct Rights: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or say who may do what with a mailbox.",
            discussion: """
                Without an identifier all who may anything are shown. Rights are letters: l to see \
                the mailbox, r to read it, s to mark as seen, w to set other flags, i to put \
                messages there, p to have scripts put them there and, on the INBOX of a shared \
                account, to write as it, k to make mailboxes below it, x to delete it, t to mark \
                as deleted, e to expunge, a to give rights. Put -- in front of an identifier or \
                rights that begin with a minus.
                """)
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "The login of the account whose mailbox it is.") var account: String
        @Argument(help: "The name of the mailbox, as its owner sees it.") var mailbox: String
        @Argument(
            help: "A login, @DOMAIN, or anyone; with - in front its rights are taken away.")
        var identifier: String?
        @Argument(help: "Letters, as lrs, +i or -te; or none.") var rights: String?

        func run() async throws {
            let answer = try await server.perform(
                "mailbox.rights",
                [
                    "account": .string(account), "mailbox": .string(mailbox),
                    "identifier": JSON(identifier), "rights": JSON(rights),
                ])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["IDENTIFIER", "RIGHTS"]]
                    + (answer["rights"]?.array ?? []).map {
                        [$0["identifier"]?.string ?? "", $0["rights"]?.string ?? ""]
                    })
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

    func file(_ arguments: [(String, JSON)], _ content: LargeContent) async throws -> JSON {
        try await asker.file(
            .object(arguments + [("account", .string(login))]),
            OctetSource(octets: content.octets) { try content.read(at: $0, count: $1) })
    }
}

extension CommandFailure {
    init(_ failure: MovingFailure) {
        self =
            switch failure.kind {
            case .source: .noInput(failure.description.shown)
            case .target: .cannotCreate(failure.description.shown)
            case .temporary: .temporary(failure.description.shown)
            }
    }
}
