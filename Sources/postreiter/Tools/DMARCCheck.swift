// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DKIM
import DMARC
import DNS
import LiveWorld
import SPF
import World

extension DMARCCommand {
    /// What a receiver does with a message: SPF, DKIM, then whether their domains are the author's.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether a message passes, what its author's domain asks for, and why.",
            discussion: """
                With a message, SPF and DKIM are checked first: tell where it came from by --ip, \
                --helo and --mail-from. Without one, tell the author's domain and what SPF and \
                DKIM came to by --from-domain, --spf and --dkim. The exit status is 0 for pass and \
                1 for everything else; with --json it is 0 whenever there is an answer.
                """)
        @Argument(help: "A file; standard input if left out.") var file: String?
        @Option(help: "The client's address.") var ip: String?
        @Option(help: "What the client called itself (EHLO).") var helo: String?
        @Option(help: "The reverse-path; empty for the client's own name.")
        var mailFrom: String?
        @Option(help: "Our own name, for SPF's macro r.") var receiver: String?
        @Option(help: "Instead of a message: the domain of its author.") var fromDomain: String?
        @Option(help: "With --from-domain: what SPF came to, RESULT:DOMAIN.") var spf: String?
        @Option(help: "With --from-domain: what a signature came to, RESULT:DOMAIN (repeatable).")
        var dkim: [String] = []
        @Option(help: "When, in seconds since 1970; default now.") var now: Int64?
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func validate() throws {
            let tellsClient = ip != nil || helo != nil || mailFrom != nil || receiver != nil
            if fromDomain != nil {
                guard !tellsClient, file == nil else {
                    throw ValidationError(
                        "--from-domain stands instead of a message and of where it came from")
                }
            } else {
                guard ip != nil, helo != nil, mailFrom != nil, spf == nil, dkim.isEmpty else {
                    throw ValidationError(
                        "a message needs --ip, --helo and --mail-from; without one, --from-domain "
                            + "is needed")
                }
            }
        }

        func run() async throws {
            let resolver = try names.makeResolver(Live.surroundings)
            let evidence: Evidence
            if let fromDomain {
                evidence = try told(fromDomain)
            } else {
                evidence = try await examined(resolver)
            }
            var check = AlignmentCheck(resolver: resolver)
            check.explains = true
            let verdict = await check.verdict(
                authors: evidence.authors, sender: evidence.sender,
                signatures: evidence.signatures)
            if output.json { return Output.json(verdict.json(evidence)) }
            for step in verdict.steps { Output.line(step) }
            Output.line(
                verdict.result.rawValue + (verdict.problem.map { ": \($0)" } ?? "")
                    + (verdict.result == .fail ? ": \(verdict.disposition.rawValue)" : ""))
            guard verdict.result == .pass else { throw ExitCode(1) }
        }

        /// What the options say.
        private func told(_ author: String) throws -> Evidence {
            guard let domain = Name(mailDomain: author) else {
                throw CommandFailure.usage("`\(author)` is no domain")
            }
            return Evidence(
                authors: AuthorDomains(domain),
                sender: try spf.flatMap { text in
                    try Self.pair(text, "--spf", SPFResult.init).map { .init($0, $1) }
                },
                signatures: try dkim.compactMap { text in
                    try Self.pair(text, "--dkim", DKIMResult.init).map { .init($0, $1) }
                })
        }

        /// `RESULT:DOMAIN`; nil if there is no domain, which only a result without one may have.
        private static func pair<Result>(
            _ text: String, _ option: String, _ make: (String) -> Result?
        ) throws -> (Result, Name)? {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let result = make(parts[0].lowercased()) else {
                throw CommandFailure.usage("`\(parts[0])` in \(option) is no result")
            }
            let domain = parts.count == 2 ? parts[1] : ""
            if domain.isEmpty, parts[0].lowercased() != "pass" { return nil }
            guard let name = Name(mailDomain: domain) else {
                throw CommandFailure.usage("\(option) wants RESULT:DOMAIN, not `\(text)`")
            }
            return (result, name)
        }

        /// What a message and its way here say.
        private func examined(_ resolver: any Resolver) async throws -> Evidence {
            guard let address = ip.flatMap({ IPAddress($0) }) else {
                throw CommandFailure.usage("`\(ip ?? "")` is no IP address")
            }
            let message = try GivenMessage(file ?? "-")
            let client = HostCheck.Client(
                address: address, hello: helo ?? "", sender: (mailFrom ?? "").withoutBrackets)
            let verdict = await HostCheck(
                resolver: resolver, time: Live.surroundings.time, receiver: receiver ?? "unknown"
            ).verdict(on: client)
            var verification = Verification(
                header: message.header, cryptography: LiveMailCryptography())
            message.withBody { verification.update($0) }
            let findings = await verification.finish(
                resolver: resolver, now: now ?? Live.surroundings.time.timestamp.seconds
            ).findings
            return Evidence(
                authors: AuthorDomains(message.header),
                sender: Name(mailDomain: String(lossy: client.domain)).map {
                    .init(verdict.result, $0)
                },
                signatures: findings.compactMap { finding in
                    finding.domain.flatMap { Name(mailDomain: $0) }
                        .map { .init(finding.result, $0) }
                })
        }
    }
}

/// What DMARC goes by.
struct Evidence {
    let authors: AuthorDomains
    let sender: AlignmentCheck.Sender?
    let signatures: [AlignmentCheck.Signature]
}

extension AlignmentCheck.Verdict {
    /// One object; keys may be added, none is ever renamed.
    fileprivate func json(_ evidence: Evidence) -> JSON {
        [
            "result": .string(result.rawValue), "policy": JSON(policy?.rawValue),
            "disposition": .string(disposition.rawValue),
            "policy_domain": JSON(policyDomain?.lowercased.description),
            "spf_aligned": .bool(spfAligned), "dkim_aligned": .bool(dkimAligned),
            "policy_tag": JSON(policyTag?.rawValue),
            "author_domain": JSON(authorDomain?.description),
            "organizational_domain": JSON(organizationalDomain?.description),
            "problem": JSON(problem),
            "spf": evidence.sender.map {
                ["result": .string($0.result.rawValue), "domain": .string("\($0.domain)")]
            } ?? .null,
            "dkim": .array(
                evidence.signatures.map {
                    ["result": .string($0.result.rawValue), "domain": .string("\($0.domain)")]
                }),
            "steps": JSON(steps),
        ]
    }
}
