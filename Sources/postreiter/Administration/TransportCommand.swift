// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter transport …`.
struct TransportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transport",
        abstract: "Ways out that are not found by MX records: a smarthost, a mailbox server.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the way for a domain, or for everything (`*`); it replaces an older one."
        )
        @OptionGroup var server: ServerOptions
        @Argument(help: "A domain, or `*` for all that are neither local nor relayed.")
        var domain: String
        @Argument(
            help: "smtp or lmtp, or mx for MX records with --address-fallback.") var `protocol`:
            String
        @Argument(help: "NAME[:PORT], ADDRESS[:PORT] or unix:/PATH.") var host: String?
        @Option(
            help: "opportunistic, none, required (STARTTLS, verified) or implicit (verified).")
        var security: String?
        @Option(help: "The user name; the password comes from a file or is asked for.")
        var user: String?
        @OptionGroup var passwordOption: PasswordOption
        @Flag(
            help: "Try the domain's own address when all its exchangers refuse the connection.")
        var addressFallback = false

        func validate() throws {
            guard ["smtp", "lmtp", "mx"].contains(`protocol`) else {
                throw ValidationError("the protocol is smtp, lmtp or mx")
            }
            guard (`protocol` == "mx") == (host == nil) else {
                throw ValidationError("smtp and lmtp need a host, mx has none")
            }
        }

        func run() async throws {
            let password = try user.map { _ in try passwordOption.read() }
            _ = try await server.perform(
                "transport.add",
                [
                    "domain": .string(domain),
                    "protocol": .string(`protocol` == "mx" ? "smtp" : `protocol`),
                    "host": JSON(host), "security": JSON(security), "user": JSON(user),
                    "password": JSON(password), "address-fallback": .bool(addressFallback),
                ])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the transports.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("transport.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["DOMAIN", "PROTOCOL", "HOST", "SECURITY", "USER"]]
                    + (answer["transports"]?.array ?? []).map {
                        let host = $0["host"]?.string
                        return [
                            $0["domain"]?.string ?? "",
                            host == nil ? "mx" : $0["protocol"]?.string ?? "",
                            host ?? "by MX, then the domain's own address",
                            $0["security"]?.string ?? "", $0["user"]?.string ?? "",
                        ]
                    })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a domain, or everything (`*`), go by MX records again.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String

        func run() async throws {
            _ = try await server.perform("transport.remove", ["domain": .string(domain)])
        }
    }
}
