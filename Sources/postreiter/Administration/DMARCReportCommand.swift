// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

extension DMARCCommand {
    /// `postreiter dmarc report DOMAIN`.
    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say who sends in the name of a domain here, as other servers report it.",
            discussion: """
                Reports come by mail to `reports.read-at`, or by `dmarc import`. What failed is \
                either somebody else's, or a server of yours that SPF and DKIM do not know yet.
                """)
        @OptionGroup var question: ReportQuestion

        func run() async throws {
            guard let answer = try await question.ask("dmarc.report") else { return }
            let columns = [
                "messages", "passed", "dkim", "spf", "failed", "quarantined", "rejected",
            ]
            let names = Live.language.choose(
                "MESSAGES PASSED DKIM SPF FAILED JUNK REJECTED",
                "MAILS BESTANDEN DKIM SPF GESCHEITERT SPAM ABGELEHNT")
            ReportTables.show(
                answer["days"], by: ["day"], [Live.language.choose("DAY", "TAG")], columns, names)
            ReportTables.show(
                answer["sources"], by: ["source", "from"],
                [Live.language.choose("SOURCE", "QUELLE"), Live.language.choose("FROM", "VON")],
                columns, names)
            ReportTables.show(
                answer["complaints"], by: ["source", "kind"],
                [
                    Live.language.choose("COMPLAINTS ABOUT", "BESCHWERDEN ÜBER"),
                    Live.language.choose("KIND", "ART"),
                ], ["incidents"], Live.language.choose("MESSAGES", "MAILS"))
        }
    }

    /// `postreiter dmarc import FILE`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a report of another server: on mail, on TLS, or a complaint.",
            discussion: """
                The file is XML or JSON, perhaps packed by gzip or zip, or the mail that carried \
                it. A report that is here already is kept once. Of several files each that can be \
                is kept; the exit status is 65 if one was no report about a domain here.
                """)
        @Argument(help: "Files; standard input if left out.") var files: [String] = ["-"]
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            var refusal: ExitCode?
            for file in files {
                let octets = try Files.read(file)
                do {
                    try await keep(octets, of: file)
                } catch let failure as CommandFailure where failure.exitCode == 65 {
                    // One that is no report, or not for us, keeps no other from being kept.
                    Output.error("\(file): \(failure.text)")
                    refusal = ExitCode(failure.exitCode)
                }
            }
            if let refusal { throw refusal }
        }

        private func keep(_ octets: [UInt8], of file: String) async throws {
            let answer = try await server.perform(
                "dmarc.import", ["octets": .string(Base64.encode(octets))])
            if output.json {
                Output.json(answer)
            } else if answer["kept"]?.bool != true {
                Output.error(
                    Live.language.choose(
                        "\(file): this report is here already",
                        "\(file): diesen Bericht gibt es hier schon"))
            }
        }
    }
}

extension TLSRPTCommand {
    /// `postreiter tlsrpt report DOMAIN`.
    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say how well others reach the exchangers of a domain here over TLS.")
        @OptionGroup var question: ReportQuestion

        func run() async throws {
            guard let answer = try await question.ask("tlsrpt.report") else { return }
            let names = Live.language.choose("SESSIONS FAILED", "SITZUNGEN GESCHEITERT")
            ReportTables.show(
                answer["days"], by: ["day"], [Live.language.choose("DAY", "TAG")],
                ["sessions", "failed"], names)
            ReportTables.show(
                answer["hosts"], by: ["host", "policy", "failures"],
                [
                    "HOST", Live.language.choose("POLICY", "POLICY"),
                    Live.language.choose("FAILURES", "FEHLER"),
                ], ["sessions", "failed"], names)
        }
    }
}

/// A question about what others report of a domain here.
struct ReportQuestion: ParsableArguments {
    @Argument var domain: String
    @Option(help: "How many days, today included.") var days: Int64 = 7
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    /// The answer, of which people have seen the head; nil if it was JSON that was wanted.
    func ask(_ command: String) async throws -> JSON? {
        let answer = try await server.perform(
            command, ["domain": .string(domain), "days": .integer(days)])
        if output.json {
            Output.json(answer)
            return nil
        }
        ReportTables.printHead(answer)
        return answer
    }
}

/// What is reported, as tables for people.
private enum ReportTables {
    static func printHead(_ answer: JSON) {
        let count = answer["reports"]?.integer ?? 0
        let domain = answer["domain"]?.string ?? ""
        let reporters = (answer["reporters"]?.array ?? []).compactMap(\.string)
        let since = answer["since"]?.string?.prefix(10) ?? ""
        guard count > 0 else {
            return Output.line(
                Live.language.choose(
                    "No reports about \(domain) since \(since).",
                    "Keine Berichte über \(domain) seit \(since)."))
        }
        let names = reporters.prefix(8).joined(separator: ", ")
        let more = reporters.count > 8 ? ", …" : ""
        Output.line(
            Live.language.choose(
                "\(count) reports about \(domain) since \(since), from \(names)\(more)",
                "\(count) Berichte über \(domain) seit \(since), von \(names)\(more)"))
    }

    /// Rows of `list`: texts at the left, numbers at the right of them.
    static func show(
        _ list: JSON?, by keys: [String], _ heads: [String], _ columns: [String], _ names: String
    ) {
        guard let rows = list?.array, !rows.isEmpty else { return }
        Output.line("")
        let table = rows.map { row in
            columns.map { "\(row[$0]?.integer ?? 0)" }
                + keys.map { key in
                    row[key]?.string
                        ?? (row[key]?.array ?? []).compactMap(\.string).joined(separator: " ")
                }
        }
        Output.table(
            [names.split(separator: " ").map(String.init) + heads] + table, numbersFrom: 0,
            to: columns.count - 1)
    }
}
