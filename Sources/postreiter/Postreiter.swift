// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Glibc

/// The command line: the binary is the manual.
@main
struct Postreiter: AsyncParsableCommand {
    /// Also written into backups.
    static let version = "0.1"

    static let configuration = CommandConfiguration(
        commandName: "postreiter",
        abstract: "A complete mail exchanger: the zone, the exchanger, the mailbox.",
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Run",
                subcommands: [
                    Demo.self, Setup.self, Serve.self, Reload.self, Check.self,
                    BackupCommand.self, RestoreCommand.self,
                ]),
            CommandGroup(
                name: "Ask",
                subcommands: [
                    Trace.self, ExplainCommand.self, QueueCommand.self, SendmailCommand.self,
                ]),
            CommandGroup(
                name: "Administer",
                subcommands: [
                    DomainCommand.self, AccountCommand.self, MailboxCommand.self,
                    AliasCommand.self, RelayCommand.self, TransportCommand.self,
                    BanCommand.self, SearchCommand.self,
                    ChangeCommand.self,
                ]),
            CommandGroup(
                name: "Tools that need no server",
                subcommands: [
                    MXCommand.self, ZoneCommand.self, SPFCommand.self, DKIMCommand.self,
                    ARCCommand.self, DMARCCommand.self, MTASTSCommand.self, TLSRPTCommand.self,
                    MailCommand.self, SieveCommand.self,
                ]),
        ])

    /// Runs the command in a task while the main thread waits.
    ///
    /// An asynchronous `main` would leave the main thread in its own pthread_exit for ever, where
    /// the C library's setuid passes it over: it would stay root when the server gives that up.
    static func main() {
        // Detached: a task of the main actor would wait for the main thread.
        Task.detached {
            await perform()
            Log.flush()
            Glibc.exit(0)
        }
        while true { pause() }
    }

    /// An error of ours is one sentence and sysexits(3)'s number.
    private static func perform() async {
        do {
            let words = CommandLine.arguments
            if let sendmail = Sendmail.arguments(
                calledAs: words.first ?? "", Array(words.dropFirst()))
            {
                return try await Sendmail(sendmail).run()
            }
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Log.flush()
            Output.error(failure.text)
            exit(withError: ExitCode(failure.exitCode))
        } catch let failure as ControlFailure {
            Output.error(failure.description)
            exit(withError: ExitCode(failure.exitCode))
        } catch {
            exit(withError: error)
        }
    }
}
