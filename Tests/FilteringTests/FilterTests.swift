// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import Defence
@testable import Filtering

@Suite("What rspamd says")
struct ScanReportTests {
    @Test("A report is read, whatever else stands in it")
    func report() throws {
        let json = try JSON(
            parsing: #"""
                {"is_skipped":false,"score":15.5,"required_score":15,"action":"reject",
                 "symbols":{"GTUBE":{"name":"GTUBE","score":15,"options":["a","b"]},
                            "B":{"score":0.5},"C":3},
                 "messages":{"smtp_message":"Gtube pattern"},"urls":[]}
                """#.utf8)
        let report = try #require(ScanReport(json))
        #expect(report.action == .reject && report.wish == .reject)
        #expect(report.message == "Gtube pattern")
        #expect(
            report.tests.map { "\($0.name) \($0.weight) \($0.input)" }
                == ["rspamd=B 0.50 ", "rspamd=C 0.00 ", "rspamd=GTUBE 15.00 a, b"])
        #expect(ScanReport([:]) == nil)
        #expect(try ScanReport(JSON(parsing: #"{"action":"my own"}"#.utf8))?.wish == .accept)
    }
}
