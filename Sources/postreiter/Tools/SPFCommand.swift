// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import SPF
import World

/// The commands `postreiter spf …`.
struct SPFCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spf", abstract: "Who may send mail for a domain (RFC 7208).",
        subcommands: [Check.self])

    /// `check_host()`, as a receiver calls it.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether a client may send mail for a domain, and why.",
            discussion: """
                The exit status is 0 for pass and 1 for everything else; with --json it is 0 \
                whenever there is an answer.
                """)
        @Option(help: "The client's address.") var ip: String
        @Option(help: "What the client called itself (EHLO).") var helo: String
        @Option(help: "The reverse-path; empty for the client's own name.")
        var mailFrom: String
        @Option(help: "Our own name, for the macro r.") var receiver: String?
        @Flag(help: "Tell every record and term that was looked at, as a tree.")
        var explain = false
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            guard let address = IPAddress(ip) else {
                throw CommandFailure.usage("`\(ip)` is no IP address")
            }
            var check = HostCheck(
                resolver: try names.makeResolver(Live.surroundings), time: Live.surroundings.time,
                receiver: receiver ?? "unknown")
            check.explains = explain || output.json
            let verdict = await check.verdict(
                on: .init(address: address, hello: helo, sender: mailFrom.withoutBrackets))
            if output.json { return Output.json(verdict.json) }
            Output.line(verdict.text)
            guard verdict.result == .pass else { throw ExitCode(1) }
        }
    }
}

extension String {
    /// A reverse-path may stand in brackets, as in the command that names it (RFC 5321 §4.1.2).
    var withoutBrackets: String {
        hasPrefix("<") && hasSuffix(">") ? String(dropFirst().dropLast()) : self
    }
}

extension HostCheck.Verdict {
    /// One object; keys may be added, none is ever renamed.
    fileprivate var json: JSON {
        [
            "result": .string(result.rawValue), "mechanism": JSON(mechanism),
            "explanation": JSON(explanation), "problem": JSON(problem),
            "steps": .array(
                steps.map { ["depth": .integer(Int64($0.depth)), "text": .string($0.text)] }),
        ]
    }

    /// The steps as a tree, if there are any, then the result.
    fileprivate var text: String {
        var lines = steps.map { String(repeating: "  ", count: $0.depth) + $0.text }
        lines.append(
            result.rawValue + (mechanism.map { ", by \($0)" } ?? "")
                + (problem.map { ": \($0)" } ?? ""))
        if let explanation { lines.append("the domain explains: \(explanation)") }
        return lines.joined(separator: "\n")
    }
}
