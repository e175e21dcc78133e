// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// The command line: the binary is the manual.
@main
struct Postreiter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postreiter",
        abstract: "A complete mail exchanger: the zone, the exchanger, the mailbox.",
        version: "0.1",
        groupedSubcommands: [
            CommandGroup(
                name: "Run", subcommands: [Demo.self, Setup.self, Serve.self, Check.self]),
            CommandGroup(name: "Ask", subcommands: [Trace.self, QueueCommand.self]),
            CommandGroup(
                name: "Administer",
                subcommands: [
                    DomainCommand.self, AccountCommand.self, AliasCommand.self, RelayCommand.self,
                    TransportCommand.self,
                    ChangeCommand.self,
                ]),
            CommandGroup(
                name: "Tools that need no server",
                subcommands: [MXCommand.self, ZoneCommand.self, MailCommand.self]),
        ])

    /// As `main()`, but an error of ours is one sentence and sysexits(3)'s number.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
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
