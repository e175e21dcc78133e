// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DKIM
import DNS
import LiveWorld
import Mail
import ZoneCheck

/// Which key is meant.
struct KeyChoice: ParsableArguments {
    @Option(help: "rsa (2048 bits) or ed25519; both, if left out.") var algorithm: String?

    func kinds() throws -> [KeyKind] {
        guard let algorithm else { return [.rsa, .ed25519] }
        guard let kind = KeyKind(rawValue: algorithm) else {
            throw CommandFailure.usage("`\(algorithm)` is no algorithm: rsa or ed25519")
        }
        return [kind]
    }
}

extension DKIMCommand {
    private static func perform(
        _ command: String, _ domain: String?, _ arguments: [(String, JSON)] = [],
        _ server: ServerOptions, _ output: JSONOption
    ) async throws {
        let answer = try await server.perform(
            "dkim.\(command)",
            .object([("domain", JSON(domain)), ("language", ZoneCommand.language)] + arguments))
        guard !output.json else { return Output.json(answer) }
        if let domains = answer["domains"]?.array { return list(domains) }
        show(answer)
    }

    private static func list(_ domains: [JSON]) {
        let language = Live.language
        Output.table(
            [["DOMAIN", "SIGNS", "RECORDS", "KEYS", "FINDINGS"]]
                + domains.map { domain in
                    let signing = (domain["keys"]?.array ?? []).filter {
                        $0["signing"]?.bool == true
                    }
                    return [
                        domain["domain"]?.string ?? "",
                        domain["signs"]?.bool == true
                            ? language.choose("yes", "ja") : language.choose("no", "nein"),
                        domain["zone"]?.string ?? domain["place"]?.string ?? "",
                        signing.compactMap { $0["selector"]?.string }.joined(separator: " "),
                        (domain["findings"]?.array ?? []).compactMap { $0["code"]?.string }
                            .joined(separator: " "),
                    ]
                })
    }

    private static func show(_ answer: JSON) {
        let keys = answer["keys"]?.array ?? []
        if !keys.isEmpty {
            Output.table(
                [["SELECTOR", "ALGORITHM", "STATE", "SIGNS", "SINCE", "SEEN", "LAST USED"]]
                    + keys.map { key in
                        [
                            key["selector"]?.string ?? "", key["algorithm"]?.string ?? "",
                            key["state"]?.string ?? "",
                            key["signing"]?.bool == true ? "*" : "-",
                            key["since"]?.string ?? "", key["seen"]?.string ?? "-",
                            key["used"]?.string ?? "-",
                        ]
                    })
        }
        for finding in answer["findings"]?.array ?? [] {
            Output.line(
                "\n\(finding["text"]?.string ?? "")\n  \(finding["advice"]?.string ?? "")")
        }
        let isByHand = answer["place"]?.string == "by-hand"
        let missing = keys.filter { key in
            guard let state = key["state"]?.string else { return false }
            return state == "made" || state == "published"
                || isByHand && (state == "revoked" || key["fault"]?.string != nil)
        }
        guard !missing.isEmpty else { return }
        Output.line("")
        for key in missing { Output.line(key["record"]?.string ?? "") }
    }

    struct Keygen: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make keys that sign the mail of a domain, and publish them.",
            discussion: """
                With --output nothing is asked of a server: the private key is written to that \
                file as PEM, and the record to be published is printed.
                """)
        @OptionGroup var server: ServerOptions
        @OptionGroup var choice: KeyChoice
        @OptionGroup var output: JSONOption
        @Option(help: "The name of the key; with --algorithm.") var selector: String?
        @Option(name: .customLong("output"), help: "A new file for the private key, PEM.")
        var file: String?
        @Argument var domain: String

        func run() async throws {
            let kinds = try choice.kinds()
            guard let file else {
                return try await DKIMCommand.perform(
                    "keygen", domain,
                    [
                        ("algorithm", JSON(choice.algorithm)), ("selector", JSON(selector)),
                    ], server, output)
            }
            guard let kind = kinds.count == 1 ? kinds.first : .rsa, let selector else {
                throw CommandFailure.usage("--output goes with --selector")
            }
            try make(kind, selector, file)
        }

        private func make(_ kind: KeyKind, _ selector: String, _ file: String) throws {
            guard !Files.exists(file) else {
                throw CommandFailure.cannotCreate("\(file) exists already")
            }
            guard let name = try? Name("\(selector)._domainkey.\(try Domain(domain).name)") else {
                throw CommandFailure.usage("\(selector)._domainkey.\(domain) is no name")
            }
            let key = try LiveSigningKey(new: kind)
            try Files.write(Array(key.pem.utf8), to: file, mode: 0o600)
            let text = "v=DKIM1; k=\(kind.rawValue); p=\(Base64.encode(key.publicKey))"
            let record = ResourceRecord(
                owner: name, type: .txt, ttl: ZoneChange.defaultTTL,
                data: .txt(ManagedRecord.cut(Array(text.utf8)))
            ).text
            guard !output.json else {
                return Output.json([
                    "selector": .string(selector), "algorithm": .string(kind.rawValue),
                    "name": .string(name.description), "text": .string(text),
                    "record": .string(record), "file": .string(file),
                ])
            }
            Output.line(record)
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make successors of the keys that sign a domain's mail.",
            discussion: """
                They are published now and sign once they were seen; the old ones are revoked \
                seven days after they have signed for the last time.
                """)
        @OptionGroup var server: ServerOptions
        @OptionGroup var choice: KeyChoice
        @OptionGroup var output: JSONOption
        @Argument var domain: String

        func run() async throws {
            try await DKIMCommand.perform(
                "rotate", domain, [("algorithm", JSON(choice.algorithm))], server, output)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the keys of a domain, or of all, and what is missing.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument var domain: String?

        func run() async throws {
            try await DKIMCommand.perform("status", domain, [], server, output)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key at once, such as one that others have got hold of.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var consent: ConsentOption
        @Argument var domain: String
        @Argument var selector: String

        func run() async throws {
            try consent.ask(
                "what was signed with \(selector) and is still on its way will not be verified",
                else: "`postreiter dkim rotate` replaces keys without that")
            try await DKIMCommand.perform(
                "revoke", domain, [("selector", .string(selector))], server, output)
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the keys into the zone again, if somebody has taken them out.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument var domain: String

        func run() async throws {
            try await DKIMCommand.perform("publish", domain, [], server, output)
        }
    }
}
