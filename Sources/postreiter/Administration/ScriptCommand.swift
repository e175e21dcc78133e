// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

// The scripts that accounts keep.
extension SieveCommand {
    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Store a script of an account; one of the same name is replaced.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "An account, or `global`: scripts that all may include.") var account:
            String
        @Argument(help: "The script's name.") var name: String
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @Flag(help: "Let it sort the account's mail from now on.") var activate = false

        func run() async throws {
            let text = try Files.read(file)
            guard let script = String(validating: text, as: UTF8.self) else {
                throw CommandFailure.data("\(file) is not UTF-8")
            }
            _ = try await server.perform(
                "sieve.put",
                [
                    "account": .string(account), "name": .string(name),
                    "script": .string(script), "activate": .bool(activate),
                ])
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print a script of an account.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "An account, or `global`: scripts that all may include.") var account:
            String
        @Argument(help: "The script's name.") var name: String

        func run() async throws {
            let answer = try await server.perform(
                "sieve.get", ["account": .string(account), "name": .string(name)])
            Output.octets(Array((answer["script"]?.string ?? "").utf8))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the scripts of an account.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "An account, or `global`: scripts that all may include.") var account:
            String

        func run() async throws {
            let answer = try await server.perform("sieve.list", ["account": .string(account)])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["SCRIPT", "OCTETS", "STATE"]]
                    + (answer["scripts"]?.array ?? []).map {
                        [
                            $0["name"]?.string ?? "", "\($0["octets"]?.integer ?? 0)",
                            $0["active"]?.bool == true ? "active" : "",
                        ]
                    }, numbersFrom: 1, to: 1)
            if let domain = answer["default"]?.string {
                Output.line(
                    "none of its own is active: the default of "
                        + (domain == "all" ? "the server" : domain) + " sorts its mail")
            }
        }
    }

    struct Default: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set, show or remove the script for accounts that have none active.",
            discussion: """
                Without a domain all of them are listed, with a domain alone its script is \
                printed. An account with an active script of its own, even an empty one, goes its \
                own way; else the script of its domain sorts its mail, else that of the server.
                """)
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "A domain of this server, or `all`: the whole server.")
        var domain: String?
        @Argument(help: "A file with the script, or - for standard input.") var file: String?
        @Flag(help: "Take the domain's script away.") var remove = false

        func validate() throws {
            if remove, domain == nil || file != nil {
                throw ValidationError("--remove takes a domain, and no file.")
            }
        }

        func run() async throws {
            guard let domain else { return try await list() }
            if remove {
                _ = try await server.perform(
                    "sieve.default.remove", ["domain": .string(domain)])
            } else if let file {
                try await put(domain, file)
            } else {
                let answer = try await server.perform(
                    "sieve.default.get", ["domain": .string(domain)])
                Output.octets(Array((answer["script"]?.string ?? "").utf8))
            }
        }

        private func put(_ domain: String, _ file: String) async throws {
            guard let script = String(validating: try Files.read(file), as: UTF8.self) else {
                throw CommandFailure.data("\(file) is not UTF-8")
            }
            let answer = try await server.perform(
                "sieve.default.put", ["domain": .string(domain), "script": .string(script)])
            for warning in answer["warnings"]?.array ?? [] {
                Output.error("\(file): \(warning.string ?? "")")
            }
        }

        private func list() async throws {
            let answer = try await server.perform("sieve.default.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["FOR", "OCTETS"]]
                    + (answer["defaults"]?.array ?? []).map {
                        [$0["domain"]?.string ?? "", "\($0["octets"]?.integer ?? 0)"]
                    }, numbersFrom: 1, to: 1)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a script that is not active.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "An account, or `global`: scripts that all may include.") var account:
            String
        @Argument(help: "The script's name.") var name: String

        func run() async throws {
            _ = try await server.perform(
                "sieve.remove", ["account": .string(account), "name": .string(name)])
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Choose the script that sorts an account's mail; none without a name.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "An account, or `global`: scripts that all may include.") var account:
            String
        @Argument(help: "The script's name; none: no script sorts the mail any longer.")
        var name: String?

        func run() async throws {
            _ = try await server.perform(
                name == nil ? "sieve.deactivate" : "sieve.activate",
                ["account": .string(account), "name": JSON(name)])
        }
    }
}
