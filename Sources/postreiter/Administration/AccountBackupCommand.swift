// SPDX-License-Identifier: Apache-2.0

import Archive
import ArgumentParser
import Bytes
import Moving
import World

extension AccountCommand {
    /// `postreiter account backup USER FILE`.
    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write all of an account into one file, as of one moment, while mail flows.",
            discussion: """
                Messages with flags, keywords, dates and UIDs, mailboxes with uses, subscriptions \
                and annotations, scripts and what they remember, addresses, quota and retention \
                rules, and what is kept of the password and of app passwords: keep the file as \
                you keep the mail. What was removed and could be brought back is not in it.
                """)
        @Argument(help: "The account's login.") var account: String
        @Argument(help: "The file to write; it must not exist yet.") var file: String
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let (account, file) = (account, file)
            let summary = try await MovingErrors.told {
                try await server.asker().run { asker in
                    try await AccountBackup(
                        of: AskedAccount(asker: asker, login: account),
                        time: Live.surroundings.time, report: Output.progress
                    ).write(to: file, version: Postreiter.version)
                }
            }
            if output.json {
                return Output.json([
                    "mailboxes": .integer(Int64(summary.mailboxes)),
                    "messages": .integer(Int64(summary.messages)),
                    "octets": .integer(Int64(summary.octets)),
                ])
            }
            Output.line(
                "\(file): \(account), \(summary.messages) messages in \(summary.mailboxes) mailboxes"
                    + " (\(Output.size(Int64(summary.octets))))")
        }
    }

    /// `postreiter account restore FILE`.
    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring an account back out of a file that `account backup` wrote.",
            discussion: """
                The file is examined first; a damaged one is refused with the place. An account \
                that is not there is made, with its password; one that is there keeps its \
                settings. Mailboxes in which nothing ever was get their UIDs back, so that mail \
                programs go on as if nothing had happened. Run again after an interruption, it \
                goes on. Each message is compared by its hash. Where mail has come since the \
                backup and is lost, --skip-uids keeps its UIDs from meaning other messages.
                """)
        @Argument(help: "The file that `account backup` wrote.") var file: String
        @Option(name: .customLong("as"), help: "Another login than the one in the file.")
        var login: String?
        @Option(help: "Leave out so many UIDs in each mailbox: more than messages came since.")
        var skipUids: UInt32 = 0
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let (login, file, skipped) = (login, file, skipUids)
            let (outcomes, leftOut) = try await MovingErrors.told {
                try await server.asker().run { asker in
                    var source = try AccountSource(file, skippingUIDs: skipped)
                    let account = AskedAccount(
                        asker: asker, login: login ?? source.settings["login"]?.string ?? "")
                    let wish = source.settings.object ?? []
                    let adopted = try await account.ask(
                        "account.adopt",
                        login == nil ? wish : wish.filter { $0.0 != "addresses" }, [])
                    let leftOut = adopted.answer["left-out"]?.array ?? []
                    // Of an account that nobody has used yet.
                    guard try !source.folders().isEmpty else {
                        return ([FolderOutcome](), leftOut)
                    }
                    let outcomes = try await Import(
                        into: account, time: Live.surroundings.time, report: Output.progress
                    ).run(from: &source)
                    return (outcomes, leftOut)
                }
            }
            for line in leftOut { Output.error("left out: \(line.string ?? "")") }
            try MailboxImportCommand.tell(outcomes, json: output.json, isDry: false)
        }
    }
}

/// What goes wrong with moving, as failures of commands.
enum MovingErrors {
    static func told<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let failure as MovingFailure {
            throw CommandFailure(failure)
        } catch let failure as ArchiveFailure {
            throw switch failure.kind {
            case .data: CommandFailure.data(failure.description)
            case .cannotCreate: CommandFailure.cannotCreate(failure.description)
            case .temporary: CommandFailure.temporary(failure.description)
            }
        }
    }
}
