// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Feedback

/// A file with a report, and how it is shown.
struct ReportSource: ParsableArguments {
    @Argument(help: "A file; standard input if left out.") var file = "-"
    @OptionGroup var output: JSONOption

    /// Shows the report if it is of the kind that `pick` picks.
    ///
    /// `nothing` are the members that stand in the JSON of anything else.
    func show<Report>(
        _ kind: String, nothing: [(String, JSON)], summary: (Report) -> JSON,
        table: (Report) -> () -> Void, pick: (IncomingReport) -> Report?
    ) throws {
        let octets = try Files.read(file)
        do throws(ReportFailure) {
            guard let report = pick(try IncomingReport(opening: octets)) else {
                throw ReportFailure("it is a report of another kind")
            }
            output.json ? Output.json(summary(report)) : table(report)()
        } catch {
            guard output.json else {
                Output.error("this is no \(kind): \(error)")
                throw ExitCode(1)
            }
            let reason = ("reason", JSON.string(error.description))
            Output.json(.object([("ok", false)] + nothing + [reason]))
        }
    }
}
