// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DMARC

extension DMARCCommand {
    struct ParseRecord: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the text of a record at _dmarc.DOMAIN.",
            discussion: """
                Policies that are not said are those that receivers fall back to. The exit status \
                is 0 for a record by which they act and 1 for everything else; with --json it is 0.
                """)
        @Argument var record: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            let record = PolicyRecord(parsing: Array(record.utf8))
            if output.json { return Output.json(PolicyRecord.json(record)) }
            guard let record else {
                throw Self.invalid("it does not begin with `v=DMARC1`")
            }
            switch record.standing {
            case .repetitive: throw Self.invalid("it has a tag twice (RFC 6376 §3.2)")
            case .unusable:
                throw Self.invalid("it has no valid policy in p, sp or np, and no valid rua")
            case .complete, .monitoring: Output.line(record.text)
            }
        }

        private static func invalid(_ reason: String) -> any Error {
            Output.error("no receiver acts by this record: \(reason)")
            return ExitCode(1)
        }
    }
}

extension PolicyRecord {
    /// What the record comes to, defaults included; nil is none of DMARC.
    fileprivate static func json(_ record: PolicyRecord?) -> JSON {
        guard let record, record.isUsable else {
            return [
                "valid": false, "p": nil, "sp": nil, "np": nil, "adkim": nil, "aspf": nil,
                "t": nil, "psd": nil, "rua": [], "ruf": [],
            ]
        }
        return [
            "valid": true, "p": .string(record.policy.rawValue),
            "sp": .string(record.subdomainPolicy.rawValue),
            "np": .string(record.nonexistentPolicy.rawValue),
            "adkim": .string(record.dkimAlignment.rawValue),
            "aspf": .string(record.spfAlignment.rawValue), "t": .bool(record.isTesting),
            "psd": .string(record.publicSuffix?.rawValue ?? "default"),
            "rua": JSON(record.aggregateReports.map(\.text)),
            "ruf": JSON(record.failureReports.map(\.text)),
            "fo": JSON(record.failureOptions.letters), "ignored": JSON(record.faulty),
            "historic": JSON(record.historic),
        ]
    }

    /// For people, a line for each tag.
    fileprivate var text: String {
        var lines = [
            "p=\(policy.rawValue)" + (standing == .monitoring ? " (no valid policy)" : ""),
            "sp=\(subdomainPolicy.rawValue)", "np=\(nonexistentPolicy.rawValue)",
            "adkim=\(dkimAlignment.rawValue)", "aspf=\(spfAlignment.rawValue)",
            "t=\(isTesting ? "y" : "n")", "psd=\(publicSuffix?.rawValue ?? "u")",
        ]
        lines += aggregateReports.map { "rua=\($0)" } + failureReports.map { "ruf=\($0)" }
        if !failureReports.isEmpty {
            lines.append("fo=\(failureOptions.letters.joined(separator: ":"))")
        }
        lines += faulty.map { "ignored, because it is no valid tag: \($0)" }
        lines += historic.map { "ignored, because RFC 9989 has no such tag: \($0)" }
        return lines.joined(separator: "\n")
    }
}

extension PolicyRecord.FailureOptions {
    fileprivate var letters: [String] {
        [(Self.all, "0"), (.any, "1"), (.signature, "d"), (.sender, "s")]
            .filter { contains($0.0) }.map(\.1)
    }
}
