// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import IMAP
import MailFolders
import Moving
import Settings
import World

/// `postreiter mailbox import USER …`.
struct MailboxImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring messages from elsewhere into an account, each once, and compare.",
        discussion: """
            With flags, keywords, dates, folders and subscriptions. It can be run again at any \
            time, also after it was interrupted: then only what is new comes over, and flags that \
            were changed there. Messages that were removed here do not come back. At the end each \
            message is compared by its hash with what the store holds; the exit status is 1 if \
            something is missing or different.
            """)
    @Argument(help: "The account's login.") var account: String
    @Option(help: "A Maildir of Dovecot (Maildir++ or a tree) or Courier: the folder with cur.")
    var maildir: String?
    @Option(help: "A file of messages, or a folder of such files.") var mbox: String?
    @Option(help: "Into which mailbox the messages of a single file go; default INBOX.")
    var mailbox: String?
    @Option(help: "How lines that begin with From stand in bodies: mboxrd, mboxo or mboxcl2.")
    var mboxFormat: MboxReader.Quoting = .mboxrd
    @OptionGroup var imap: IMAPOptions
    @OptionGroup var options: MoveOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func validate() throws {
        guard [maildir, mbox, imap.imap].count(where: { $0 != nil }) == 1 else {
            throw ValidationError(
                "say where the messages are: --maildir PATH, --mbox FILE or --imap HOST")
        }
        guard mailbox == nil || mbox != nil else {
            throw ValidationError("--mailbox is for a file of messages")
        }
    }

    func run() async throws {
        let (account, options) = (account, options)
        let target = try mailbox.map { name in
            guard let name = try? MailboxName(name) else {
                throw CommandFailure.usage("`\(name)` is no name of a mailbox")
            }
            return name
        }
        let (maildir, mbox, mboxFormat) = (maildir, mbox, mboxFormat)
        let other = try await imap.server(or: account, asker: server)
        let largest = max(
            Import.largestOctets, try server.settings().limits.messageOctets)
        let outcomes: [FolderOutcome]
        do {
            outcomes = try await server.asker().run { asker in
                let job = Import(
                    into: AskedAccount(asker: asker, login: account), options: options.value,
                    time: Live.surroundings.time, report: Output.progress)
                if let maildir {
                    var source = MaildirSource(maildir, largestOctets: largest)
                    return try await job.run(from: &source)
                }
                if let other {
                    var source = IMAPSource(
                        other, network: Live.network, time: Live.surroundings.time,
                        largestOctets: largest)
                    let outcomes = try await job.run(from: &source)
                    await source.close()
                    return outcomes
                }
                var source = MboxSource(mbox ?? "", mailbox: target, quoting: mboxFormat)
                return try await job.run(from: &source)
            }
        } catch let failure as MovingFailure {
            throw CommandFailure(failure)
        }
        try Self.tell(outcomes, json: output.json, isDry: options.dryRun)
    }

    /// One line for each folder, what is wrong below it, and the sum.
    static func tell(_ outcomes: [FolderOutcome], json: Bool, isDry: Bool) throws {
        let isComplete = outcomes.allSatisfy(\.isComplete)
        if json {
            Output.json([
                "mailboxes": .array(outcomes.map(\.json)), "complete": .bool(isComplete),
            ])
        } else {
            outcomes.forEach { tell($0, isDry: isDry) }
            let messages = outcomes.reduce(0) { $0 + $1.messages }
            let new = outcomes.reduce(0) { $0 + $1.new }
            Output.line(
                "\(messages) messages in \(outcomes.count) folders, \(new) "
                    + (isDry ? "would be new" : "new")
                    + (isDry ? "" : isComplete ? "; all is here as it is there" : "; NOT the same"))
        }
        guard isComplete else { throw ExitCode(1) }
    }

    private static func tell(_ outcome: FolderOutcome, isDry: Bool) {
        var facts = ["\(outcome.new) \(isDry ? "would be new" : "new")", "\(outcome.known) known"]
        if outcome.flagsDiffer > 0 { facts.append("\(outcome.flagsDiffer) with other flags") }
        if outcome.isVerified { facts.append("\(outcome.equal) equal by hash") }
        if outcome.removedHere > 0 { facts.append("\(outcome.removedHere) removed here since") }
        if outcome.keywordsLeftOut > 0 {
            facts.append("\(outcome.keywordsLeftOut) keywords left out: there is no room for them")
        }
        Output.line(
            "\(outcome.mailbox): \(outcome.messages) messages: \(facts.joined(separator: ", "))")
        for line in (outcome.unreadable + outcome.differences).prefix(toldLines) {
            Output.line("  \(line.shown)")
        }
        let rest = outcome.unreadable.count + outcome.differences.count - toldLines
        if rest > 0 { Output.line("  and \(rest) more; --json names them all") }
    }

    /// Messages of a folder that are named one by one.
    private static let toldLines = 20
}

extension MboxReader.Quoting: ExpressibleByArgument {}

/// What is moved, and whether it is.
struct MoveOptions: ParsableArguments {
    @Option(help: "Only this folder and those below it, by its name here (repeatable).")
    var include: [String] = []
    @Option(help: "Without this folder and those below it (repeatable).")
    var exclude: [String] = []
    @Flag(help: "Change nothing; say what would be new.") var dryRun = false
    @Flag(help: "Change nothing; read everything again and compare.") var verify = false

    func validate() throws {
        for name in include + exclude where (try? MailboxName(name)) == nil {
            throw ValidationError("`\(name)` is no name of a mailbox")
        }
    }

    var value: Import.Options {
        var options = Import.Options()
        options.isDry = dryRun
        options.onlyVerifies = verify
        options.isWanted = { [include, exclude] folder in
            func isIn(_ names: [String]) -> Bool {
                names.contains { name in
                    guard let name = try? MailboxName(name) else { return false }
                    return name == folder.name || name.isAncestor(of: folder.name)
                }
            }
            return (include.isEmpty || isIn(include)) && !isIn(exclude)
        }
        return options
    }
}
