// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import IMAP
import MailFolders
import Moving
import World

/// `postreiter mailbox export USER …`.
struct MailboxExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an account's messages as a Maildir or as mbox files, and compare.",
        discussion: """
            As Dovecot reads them: with flags, keywords, dates, folders, subscriptions and, in a \
            Maildir, the UIDs. Run again, a Maildir gets what is new and flags as they are now; \
            messages that were removed here stay there. mbox files are written anew. Each message \
            is read again and compared; the exit status is 1 if one is different.
            """)
    @Argument(help: "The account's login.") var account: String
    @Option(help: "The folder that becomes a Maildir.") var maildir: String?
    @Option(help: "How its folders lie: maildir++ (.A.B) or fs (A/B).")
    var layout: MaildirTarget.Layout = .maildir
    @Option(help: "The folder that gets a file of messages for each mailbox.") var mbox: String?
    @Option(help: "How lines that begin with From stand in bodies: mboxrd, mboxo or mboxcl2.")
    var mboxFormat: MboxReader.Quoting = .mboxrd
    @Option(help: "Only this mailbox and those below it (repeatable).") var include: [String] = []
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func validate() throws {
        guard (maildir == nil) != (mbox == nil) else {
            throw ValidationError("say where to: --maildir PATH or --mbox FOLDER")
        }
        for name in include where (try? MailboxName(name)) == nil {
            throw ValidationError("`\(name)` is no name of a mailbox")
        }
    }

    func run() async throws {
        let (account, layout, mboxFormat) = (account, layout, mboxFormat)
        let (maildir, mbox) = (maildir, mbox)
        let names = include.compactMap { try? MailboxName($0) }
        let outcomes: [ExportOutcome]
        do {
            outcomes = try await server.asker().run { asker in
                let job = Export(
                    from: AskedAccount(asker: asker, login: account),
                    time: Live.surroundings.time,
                    isWanted: { name in
                        names.isEmpty || names.contains { $0 == name || $0.isAncestor(of: name) }
                    }, report: Output.progress)
                if let maildir {
                    var target = MaildirTarget(maildir, layout: layout)
                    return try await job.run(into: &target)
                }
                var target = MboxTarget(mbox ?? "", quoting: mboxFormat)
                return try await job.run(into: &target)
            }
        } catch let failure as MovingFailure {
            throw CommandFailure(failure)
        }
        try tell(outcomes)
    }

    /// Differences of a mailbox that are named one by one.
    private static let toldLines = 20

    private func tell(_ outcomes: [ExportOutcome]) throws {
        let isComplete = outcomes.allSatisfy(\.isComplete)
        if output.json {
            Output.json([
                "mailboxes": .array(outcomes.map(\.json)), "complete": .bool(isComplete),
            ])
        } else {
            for outcome in outcomes {
                var line =
                    "\(outcome.mailbox): \(outcome.messages) messages: \(outcome.written) written"
                if outcome.changed > 0 { line += ", \(outcome.changed) with other flags" }
                line += ", \(outcome.equal) equal when read again"
                if outcome.keywordsLeftOut > 0 {
                    line += ", \(outcome.keywordsLeftOut) keywords left out"
                }
                Output.line(line)
                for difference in outcome.differences.prefix(Self.toldLines) {
                    Output.line("  \(difference)")
                }
            }
            let messages = outcomes.reduce(0) { $0 + $1.messages }
            Output.line(
                "\(messages) messages in \(outcomes.count) mailboxes; "
                    + (isComplete ? "all is there as it is here" : "NOT the same"))
        }
        guard isComplete else { throw ExitCode(1) }
    }
}

extension MaildirTarget.Layout: ExpressibleByArgument {}
