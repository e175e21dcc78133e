// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DKIM
import LiveWorld
import World

/// The commands `postreiter dkim …`.
struct DKIMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dkim", abstract: "Signatures of messages by domains (RFC 6376).",
        subcommands: [
            Verify.self, Sign.self, Keygen.self, Rotate.self, Status.self, Revoke.self,
            Publish.self,
        ])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify the signatures of a message.",
            discussion: """
                The exit status is 0 for pass and 1 for everything else; with --json it is 0 \
                whenever there is an answer.
                """)
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @Option(help: "When, in seconds since 1970; default now.") var now: Int64?
        @Flag(name: .customLong("allow-sha1"), help: "Let rsa-sha1 count, against RFC 8301.")
        var allowSHA1 = false
        @OptionGroup var options: VerificationOptions
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let message = try GivenMessage(file)
            var policy = options.policy
            policy.allowsSHA1 = allowSHA1
            var verification = Verification(
                header: message.header, policy: policy, cryptography: LiveMailCryptography())
            message.withBody { verification.update($0) }
            let (result, findings) = await verification.finish(
                resolver: try names.makeResolver(Live.surroundings),
                now: now ?? Live.surroundings.time.timestamp.seconds)
            if output.json {
                return Output.json([
                    "result": .string(result.rawValue),
                    "signatures": .array(findings.map { $0.json(of: message.header) }),
                ])
            }
            Output.line(result.rawValue)
            for finding in findings {
                Output.line("  " + finding.text)
                for copy in finding.copiedFields(message.header) where !copy.isThere {
                    Output.line("    as it was signed, \(copy.name): \(copy.value.harmless)")
                }
            }
            guard result == .pass else { throw ExitCode(1) }
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a message and print it; with --json only the new field.",
            discussion: """
                No name is looked up. With --dns, --zone or --resolver the new signature is \
                verified against the key that stands there, and if it does not pass, a line on \
                standard error says why.
                """)
        @Argument(help: "A file; standard input if left out.") var file = "-"
        @OptionGroup var signing: SigningOptions
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let message = try GivenMessage(file)
            var settings = Signer.Settings()
            settings.time = signing.time
            var signer = Signer(
                header: message.header, settings: settings, cryptography: LiveMailCryptography())
            message.withBody { signer.update($0) }
            let field = try signer.finish([try signing.identity()])[0]
            if names.isGiven { try await verify(field + message.octets) }
            if output.json {
                return Output.json(["header": .string(String(lossy: field.dropLast(2)))])
            }
            Output.octets(field + message.octets)
        }

        /// Tells what verifiers will say of the topmost signature, if that is not a pass.
        private func verify(_ signed: [UInt8]) async throws {
            let message = GivenMessage(octets: signed)
            var verification = Verification(
                header: message.header, cryptography: LiveMailCryptography())
            message.withBody { verification.update($0) }
            let findings = await verification.finish(
                resolver: try names.makeResolver(Live.surroundings),
                now: signing.time ?? Live.surroundings.time.timestamp.seconds
            ).findings
            guard let finding = findings.first, finding.result != .pass else { return }
            Output.error("the signature does not pass: \(finding.text)")
        }
    }
}

extension Verification.Finding {
    /// One signature; keys may be added, none is ever renamed.
    fileprivate func json(of header: FieldList) -> JSON {
        [
            "result": .string(result.rawValue), "domain": JSON(domain),
            "selector": JSON(selector), "algorithm": JSON(algorithm), "identity": JSON(identity),
            "testing": .bool(isTesting), "reason": JSON(reason),
            "copied_fields": .array(
                copiedFields(header).map {
                    [
                        "name": .string($0.name), "value": .string($0.value),
                        "is_there": .bool($0.isThere),
                    ]
                }),
        ]
    }

    /// What `z=` says of the fields that were signed (RFC 6376 §3.5).
    fileprivate func copiedFields(_ header: FieldList) -> [CopiedField] {
        copies.map { CopiedField.all($0, in: header) } ?? []
    }

    fileprivate var text: String {
        let who = [domain, selector, algorithm].compactMap(\.self).joined(separator: " ")
        return "\(result.rawValue) \(who)" + (reason.map { ": \($0)" } ?? "")
    }
}

extension String {
    /// What a stranger wrote, without what would command a terminal.
    fileprivate var harmless: String {
        String(
            unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
    }
}
