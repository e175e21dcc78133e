// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Glibc

/// The commands `postreiter account …`.
struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "People with a mailbox and a password.",
        subcommands: [
            Add.self, List.self, Remove.self, Password.self, Enable.self, Disable.self,
            AddAddress.self, RemoveAddress.self, SetLanguage.self, Quota.self, Retention.self,
            Folders.self, AppPasswordCommand.self, Backup.self, Restore.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an account.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var password: PasswordOption
        @Argument(help: "Its login and first address.") var address: String
        @Option(help: "The name of the person.") var name = ""
        @Option(help: "en or de: in which the person is told of messages.") var language: String?
        @Flag(help: "One with which nobody logs in: `mailbox rights` says whose it is.")
        var shared = false

        func run() async throws {
            var arguments: [(String, JSON)] = [
                ("address", .string(address)), ("name", .string(name)),
                ("language", JSON(language)), ("shared", .bool(shared)),
            ]
            if !shared { arguments.append(("password", .string(try password.read()))) }
            _ = try await server.perform("account.add", .object(arguments))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "Only those of this domain.") var domain: String?

        func run() async throws {
            let answer = try await server.perform("account.list", ["domain": JSON(domain)])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["ACCOUNT", "NAME", "STATE", "LANGUAGE", "ADDRESSES"]]
                    + (answer["accounts"]?.array ?? []).map {
                        [
                            $0["account"]?.string ?? "", $0["name"]?.string ?? "",
                            $0["enabled"]?.bool == false
                                ? "disabled" : $0["shared"]?.bool == true ? "shared" : "enabled",
                            $0["language"]?.string ?? "",
                            ($0["addresses"]?.array ?? []).compactMap(\.string)
                                .joined(separator: " "),
                        ]
                    })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account, and the mail stored for it.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Flag(help: "Leave its mail in the store: `change undo` brings both back.")
        var keepMail = false
        @OptionGroup var consent: ConsentOption
        @Argument var address: String

        func run() async throws {
            if !keepMail { try await ask() }
            let answer = try await server.perform(
                "account.remove",
                ["address": .string(address), "keep-mail": .bool(keepMail)])
            guard !output.json else { return Output.json(answer) }
            let mail = Self.mail(answer)
            Output.line(
                "removed \(address); \(mail) \(keepMail ? "kept for its return" : "removed with it")"
            )
        }

        /// What is removed with an account does not come back.
        private func ask() async throws {
            let usage = try await server.perform("account.usage", ["address": .string(address)])
            guard usage["messages"]?.integer ?? 0 > 0 else { return }
            try consent.ask(
                "\(address) has \(Self.mail(usage)), which will be removed with it",
                else: "--keep-mail leaves them")
        }

        private static func mail(_ answer: JSON) -> String {
            let messages = answer["messages"]?.integer ?? 0
            let size = Output.size(answer["octets"]?.integer ?? 0)
            return messages == 1 ? "1 message (\(size))" : "\(messages) messages (\(size))"
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set a password.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var password: PasswordOption
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform(
                "account.password",
                ["address": .string(address), "password": .string(try password.read())])
        }
    }

    struct SetLanguage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "language",
            abstract: "Set in which language the person is told what became of messages.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String
        @Argument(help: "en, de, or none for the server's.") var language: String

        func run() async throws {
            _ = try await server.perform(
                "account.language",
                ["address": .string(address), "language": .string(language)])
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let it be used again.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("account.enable", ["address": .string(address)])
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse its logins and its mail.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("account.disable", ["address": .string(address)])
        }
    }

    struct AddAddress: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account a further address of its own.")
        @OptionGroup var server: ServerOptions
        @Argument var account: String
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform(
                "address.add", ["account": .string(account), "address": .string(address)])
        }
    }

    struct RemoveAddress: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a further address away.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("address.remove", ["address": .string(address)])
        }
    }
}

/// Where a new password comes from: never from the command line, which everyone may read.
struct PasswordOption: ParsableArguments {
    @Option(help: "A file whose first line is the password; - for standard input.")
    var passwordFile: String?

    /// From the file, or typed without echo.
    func read() throws -> String {
        if let passwordFile {
            let octets = try Files.read(passwordFile)
            return String(lossy: octets.prefix { $0 != .lineFeed && $0 != .carriageReturn })
        }
        guard isatty(0) == 1, let typed = getpass("New password: ") else {
            throw CommandFailure.usage("there is no terminal to ask for it: use --password-file")
        }
        return String(cString: typed)
    }
}
