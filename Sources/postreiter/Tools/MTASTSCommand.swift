// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import TransportSecurity

/// The commands `postreiter mta-sts …` (RFC 8461).
struct MTASTSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mta-sts", abstract: "MTA-STS policies: those served here, and anybody's.",
        subcommands: [
            Show.self, List.self, Set.self, Remove.self, ParseRecord.self, ParsePolicy.self,
            Match.self,
        ])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the policy that is served for a domain.")
        @Argument var domain: String
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("sts.show", ["domain": .string(domain)])
            guard !output.json else { return Output.json(answer) }
            Output.octets(
                Array((answer["text"]?.string ?? "").utf8.filter { $0 != .carriageReturn }))
            Output.line("_mta-sts.\(domain) TXT \"v=STSv1; id=\(answer["id"]?.string ?? "");\"")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the policies that are served here.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("sts.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["DOMAIN", "MODE", "SECONDS", "ID", "EXCHANGERS"]]
                    + (answer["policies"]?.array ?? []).map { policy in
                        [
                            policy["domain"]?.string ?? "", policy["mode"]?.string ?? "",
                            "\(policy["max_age"]?.integer ?? 0)", policy["id"]?.string ?? "",
                            (policy["mx"]?.array ?? []).compactMap(\.string)
                                .joined(separator: " "),
                        ]
                    })
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve a policy for a domain, and tell of it in its zone.",
            discussion: """
                What is not said stays as it was; at first: testing, a week, and the exchangers \
                that the zone names.
                """)
        @Argument var domain: String
        @Option(help: "enforce, testing or none.") var mode: String?
        @Option(help: "How many seconds senders may keep it.") var maxAge: Int64?
        @Option(
            name: .customLong("mx"),
            help: "An exchanger, or *.DOMAIN (repeatable): these and no others.")
        var patterns: [String] = []
        @Flag(help: "Although it does not list all exchangers of the zone.") var force = false
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform(
                "sts.set",
                [
                    "domain": .string(domain), "mode": JSON(mode),
                    "max-age": maxAge.map { .integer($0) } ?? .null, "mx": JSON(patterns),
                    "force": .bool(force),
                ])
            if output.json { return Output.json(answer) }
            if answer["record_elsewhere"]?.bool == true {
                Output.error(
                    "the zone is not kept here; write there: _mta-sts.\(domain) TXT "
                        + "\"v=STSv1; id=\(answer["id"]?.string ?? "");\"")
            }
            if answer["host_missing"]?.bool == true {
                Output.error(
                    "mta-sts.\(domain) has no address yet: let it lead to this server, whose "
                        + "`listen.https` and certificate must be for it")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve no policy for a domain any more.")
        @Argument var domain: String
        @Flag(help: "Although senders may still keep it.") var force = false
        @OptionGroup var server: ServerOptions

        func run() async throws {
            _ = try await server.perform(
                "sts.remove", ["domain": .string(domain), "force": .bool(force)])
        }
    }

    struct ParseRecord: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the text of a record at _mta-sts.DOMAIN.")
        @Argument var record: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            do throws(SyntaxError) {
                let id = try STSRecord(parsing: record.utf8).id
                output.json
                    ? Output.json(["valid": true, "id": .string(id)]) : Output.line("id \(id)")
            } catch {
                guard output.json else { throw MTASTSCommand.invalid(error) }
                Output.json(["valid": false, "id": nil])
            }
        }
    }

    struct ParsePolicy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a policy from a file or from standard input.")
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @OptionGroup var output: JSONOption

        func run() async throws {
            let octets = try Files.read(file)
            do throws(SyntaxError) {
                let policy = try STSPolicy(parsing: octets)
                guard output.json else {
                    return Output.octets(Array(policy.text.utf8.filter { $0 != .carriageReturn }))
                }
                Output.json([
                    "valid": true, "mode": .string(policy.mode.rawValue),
                    "mx": JSON(policy.patterns.map(\.description)),
                    "max_age": .integer(Int64(policy.maximumAgeSeconds)),
                ])
            } catch {
                guard output.json else { throw MTASTSCommand.invalid(error) }
                Output.json(["valid": false, "mode": nil, "mx": [], "max_age": nil])
            }
        }
    }

    struct Match: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether a policy's pattern means an exchanger (RFC 8461 §4.1).")
        @Argument var host: String
        @Argument var pattern: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            let isMatched = STSPattern(pattern)?.matches(host) ?? false
            guard !output.json else { return Output.json(["match": .bool(isMatched)]) }
            Output.line(isMatched ? "yes" : "no")
            if !isMatched { throw ExitCode(1) }
        }
    }

    private static func invalid(_ error: SyntaxError) -> CommandFailure { .data("\(error)") }
}
