// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import LiveWorld
import MIME
import Mail
import Sieve
import World

/// The commands `postreiter sieve …`.
struct SieveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sieve", abstract: "Scripts that sort mail (Sieve, RFC 5228).",
        subcommands: [
            Check.self, Test.self, Put.self, Get.self, List.self, Activate.self, Remove.self,
            Default.self,
        ])

    /// Whether a script may be used.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a script: its syntax, and that it requires what it uses.",
            discussion: """
                Warnings say what its author hardly meant; it is valid all the same.
                The exit status is 0 for a valid script, else 1; with --json it is 0.
                """)
        @Argument(help: "A file, or - for standard input.") var file: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            var (errors, warnings) = ([Diagnostic](), [Diagnostic]())
            let octets = try Files.read(file)
            do throws(InvalidScript) {
                warnings = try Script(octets).warnings
            } catch {
                errors = error.errors
            }
            if output.json {
                return Output.json([
                    "valid": .bool(errors.isEmpty),
                    "errors": .array(errors.map(\.json)),
                    "warnings": .array(warnings.map(\.json)),
                ])
            }
            guard errors.isEmpty else {
                for error in errors { Output.line("\(file):\(error.line): \(error.message)") }
                throw ExitCode(1)
            }
            for warning in warnings {
                Output.line("\(file):\(warning.line): warning: \(warning.message)")
            }
            Output.line("\(file) is a valid script")
        }
    }
}

extension Diagnostic {
    fileprivate var json: JSON { ["line": .integer(Int64(line)), "message": .string(message)] }
}

extension SieveCommand {
    /// Which way a message takes, and why.
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a script does with a message, and why; nothing is sent or filed.",
            discussion: """
                Mailboxes that `mailboxexists` may find are named with --mailbox. The exit status \
                is 1 if the script is not valid or fails.
                """)
        @Argument(help: "The script.") var script: String
        @Argument(help: "The message; standard input if left out.") var message = "-"
        @Option(help: "The envelope's sender; that of the From field if left out.")
        var from: String?
        @Option(help: "The envelope's recipient; that of the To field if left out.")
        var to: String?
        @Option(help: "A mailbox that exists (repeatable); INBOX always does.")
        var mailbox: [String] = []
        @Option(help: "A folder with the scripts that may be included, as NAME.sieve.")
        var scripts: String?
        @Option(help: "Spam in percent, 0 to 100.") var spam: Int?
        @Option(help: "What a virus scanner found: 1 is clean, 5 infected.") var virus: Int?
        @Option(help: "An address on the list :addrbook:default (repeatable).")
        var known: [String] = []
        @Option(help: "The time, in seconds since 1970.") var now: Int64?
        @OptionGroup var output: JSONOption

        func run() async throws {
            let compiled: Script
            do {
                compiled = try Script(try Files.read(script))
            } catch let invalid as InvalidScript {
                for error in invalid.errors {
                    Output.error("\(script):\(error.line): \(error.message)")
                }
                throw ExitCode(1)
            }
            let verdict = try Interpreter.run(
                compiled, over: try incoming(),
                in: StatedAccount(
                    mailboxes: Set(mailbox + ["INBOX"]), folder: scripts,
                    known: Set(known.map(\.asciiLowercased))))
            if output.json {
                Output.json(verdict.json)
            } else {
                for step in verdict.steps { Output.line(step.line(of: script)) }
                Output.line("")
                for action in verdict.actions { Output.line("→ \(action.sentence)") }
            }
            if verdict.failure != nil { throw ExitCode(1) }
        }

        private func incoming() throws -> Incoming {
            let octets = try Files.read(message)
            let header = Message(octets).header
            func address(_ name: String) -> String? {
                var defects = DefectList()
                return header.first(name)?.addresses(defects: &defects).participants.first?
                    .addressText
            }
            let surroundings = Live.surroundings
            var incoming = Incoming(
                message: octets, sender: from ?? address("From") ?? "",
                recipient: to ?? address("To") ?? "",
                now: now.map { Timestamp(seconds: $0) } ?? surroundings.time.timestamp)
            incoming.spamPercent = spam
            incoming.virusScore = virus
            incoming.environment = [
                "name": "Postreiter", "version": Postreiter.version, "location": "MDA",
                "phase": "during",
            ]
            return incoming
        }
    }
}

/// What the command line says of an account.
private struct StatedAccount: AccountKnowledge {
    let mailboxes: Set<String>
    let folder: String?
    /// In lower case.
    let known: Set<String>

    func hasMailbox(named name: String) -> Bool { mailboxes.contains(name) }
    func hasMailbox(identifiedBy id: String) -> Bool { false }
    func hasSpecialUse(_ attribute: String, mailbox: String?) -> Bool { false }
    func hasSeen(_ sighting: Sighting) -> Bool { false }
    func annotation(_ entry: String, of mailbox: String?) -> [UInt8]? { nil }
    func isListed(_ address: Address, on list: ExternalList) -> Bool {
        known.contains(address.description.asciiLowercased)
    }
    func script(named name: String, isGlobal: Bool) throws -> [UInt8]? {
        // Names of scripts may hold slashes, but lead nowhere else (RFC 5804 §1.6).
        let isWithin = name.split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !["", ".", ".."].contains($0) }
        guard let folder, isWithin else { return nil }
        let path = "\(folder)/\(name).sieve"
        return Files.exists(path) ? try Files.read(path) : nil
    }
}

extension Verdict {
    fileprivate var json: JSON {
        [
            "actions": .array(actions.map(\.json)),
            "steps": .array(
                steps.map {
                    [
                        "script": JSON($0.script), "line": .integer(Int64($0.line)),
                        "text": .string($0.text), "outcome": $0.outcome.map(JSON.bool) ?? .null,
                    ]
                }),
            "error": failure.map(\.json) ?? .null,
        ]
    }
}

extension Verdict.Step {
    fileprivate func line(of main: String) -> String {
        let place = line == 0 ? "" : "\(script.map { "\($0).sieve" } ?? main):\(line): "
        return place + text + (outcome.map { $0 ? " → true" : " → false" } ?? "")
    }
}

extension Action {
    fileprivate var sentence: String {
        switch self {
        case .file(let filing):
            "\(filing.isKeep ? "kept in" : "filed into") \(filing.mailbox)"
                + (filing.flags.isEmpty ? "" : ", flags \(filing.flags.joined(separator: " "))")
                + (filing.header == nil ? "" : ", header edited")
        case .redirect(let address, _): "redirected to \(address)"
        case .discard: "discarded"
        case .reject(let reason, _): "rejected: \(reason)"
        case .reply(let reply): "answered to \(reply.recipient): \(reply.subject)"
        case .notify(let notification):
            "\(notification.recipients.map(\.description).joined(separator: ", ")) notified: "
                + notification.subject
        }
    }

    fileprivate var json: JSON {
        switch self {
        case .file(let filing):
            [
                "action": filing.isKeep ? "keep" : "fileinto", "mailbox": .string(filing.mailbox),
                "flags": JSON(filing.flags), "create": .bool(filing.creates),
                "header": filing.header.map { .string(String(lossy: $0)) } ?? .null,
            ]
        case .redirect(let address, _):
            ["action": "redirect", "address": .string(address.description)]
        case .discard: ["action": "discard"]
        case .reject(let reason, let isExtended):
            ["action": isExtended ? "ereject" : "reject", "reason": .string(reason)]
        case .reply(let reply):
            [
                "action": "vacation", "recipient": .string(reply.recipient.description),
                "subject": .string(reply.subject), "reason": .string(reply.reason),
                "seconds": .integer(reply.seconds),
            ]
        case .notify(let notification):
            [
                "action": "notify", "recipients": JSON(notification.recipients.map(\.description)),
                "subject": .string(notification.subject), "body": .string(notification.body),
                "importance": .integer(Int64(notification.importance)),
            ]
        }
    }
}
