// SPDX-License-Identifier: Apache-2.0

import DNS
import Mail
import Testing

@testable import ZoneCheck

/// A zone that is in order, and what else is put into it.
enum Zones {
    static let sound = """
        $TTL 3600
        @       SOA ns1 hostmaster 1 7200 900 1209600 300
                NS  ns1
                NS  ns2
                MX  10 mx1
                MX  20 mx2
                TXT "v=spf1 mx -all"

        ns1     A 192.0.2.1
                AAAA 2001:db8::1
        ns2     A 192.0.2.2
        mx1     A 192.0.2.3
                AAAA 2001:db8::3
        mx2     A 192.0.2.4
                AAAA 2001:db8::4
        www     CNAME @
        _dmarc  TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"

        """

    static func report(
        on text: String, origin: String = "example.org", examiner: ZoneExaminer = ZoneExaminer()
    ) async throws -> ZoneReport {
        let origin = try Name(origin)
        return await examiner.report(
            on: MasterFile.parse(Array(text.utf8), origin: origin), origin: origin)
    }

    /// Codes with severity and line, worst first.
    static func told(_ report: ZoneReport) -> [String] {
        report.findings.map { "\($0.severity) \($0.code.rawValue) \($0.line ?? 0)" }
    }
}
