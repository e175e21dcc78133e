// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback

extension Property {
    /// Reports, packed or not, or the mail that carries them: what was read can be written, and is
    /// then read and written as the same.
    package static let report = Property("Report") { input throws(Broken) in
        // Longer ones teach nothing more about packing, and take nearly all the time.
        if input.count <= 1024 { try expectPacks(input) }
        guard let report = try? IncomingReport(opening: input) else { return }
        switch report {
        case .aggregate(let report): try expectStable(report)
        case .transport(let report): try expectStable(report)
        case .feedback(let report):
            try expect(report.incidents > 0, "\(report.incidents) incidents")
        }
    }

    private static func expectPacks(_ input: [UInt8]) throws(Broken) {
        let again = try? GzipFile.unpack(GzipFile.pack(input))
        try expect(again == input, "packed and unpacked it is something else")
    }

    private static func expectStable(_ report: AggregateReport) throws(Broken) {
        try expect(!report.records.isEmpty, "no records")
        try expect(report.messages >= 0, "\(report.messages) messages")
        try expect(report.oddities.count <= AggregateReport.maximumOddities, "too many oddities")
        guard let second = try? AggregateReport(parsing: report.xml) else {
            throw Broken("it cannot be read again: \(String(lossy: report.xml))")
        }
        try expect(second.records.count == report.records.count, "other records")
        try expect(second.messages == report.messages, "\(second.messages) messages")
        try expect(second.policy.domain == report.policy.domain, "another domain")
        let third = try? AggregateReport(parsing: second.xml)
        try expect(third?.xml == second.xml, "written again, it is another")
    }

    private static func expectStable(_ report: TLSReport) throws(Broken) {
        guard let second = try? TLSReport(parsing: Array("\(report.json)".utf8)) else {
            throw Broken("it cannot be read again: \(report.json)")
        }
        try expect(second.json == report.json, "\(report.json) becomes \(second.json)")
        try expect(second.failures >= 0 && second.successes >= 0, "a count below 0")
    }
}
