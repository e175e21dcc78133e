// SPDX-License-Identifier: Apache-2.0

import Testing
import TransportSecurity

@Suite("RFC 8460 §3 The record of TLS reports")
struct TLSReportingRecordTests {
    @Test(
        "A record gives its addresses",
        arguments: [
            ("v=TLSRPTv1;rua=mailto:reports@example.com", ["mailto:reports@example.com"]),
            ("v=TLSRPTv1; rua=https://r.example/v1", ["https://r.example/v1"]),
            (
                "v=TLSRPTv1 ; rua=mailto:a@b.example , https://c.example/d ;",
                ["mailto:a@b.example", "https://c.example/d"]
            ),
            ("v=TLSRPTv1; new=thing; rua=mailto:a@b.example", ["mailto:a@b.example"]),
            ("v=TLSRPTv1; rua=ftp://x.example/,mailto:a@b.example", ["mailto:a@b.example"]),
            ("v=TLSRPTv1; rua=MAILTO:a@b.example", ["MAILTO:a@b.example"]),
        ])
    func right(text: String, addresses: [String]) throws {
        #expect(try TLSReportingRecord(parsing: text.utf8).addresses == addresses)
    }

    @Test(
        "What is no record is refused",
        arguments: [
            "", "v=TLSRPTv1", "v=TLSRPTv1;", "v=TLSRPTv2;rua=mailto:a@b",
            "v=tlsrptv1;rua=mailto:a@b",
            "rua=mailto:a@b;v=TLSRPTv1", " v=TLSRPTv1;rua=mailto:a@b", "v=TLSRPTv1;rua=",
            "v=TLSRPTv1;rua=ftp://x/", "v=TLSRPTv1;rua=mailto:a@b;;x=y",
            "v=TLSRPTv1;rua=mailto:a b@c",
            "v=TLSRPTv1;rua=mailto:a@b!10m", "v=TLSRPTv1;rua=mailto:a@b;rua=mailto:c@d",
            "v=TLSRPTv1;rua=mailto:a@b,", "v=TLSRPTv1;RUA=mailto:a@b",
            "v=TLSRPTv1;rua=mailto:a@b;x=",
        ])
    func wrong(text: String) {
        #expect((try? TLSReportingRecord(parsing: text.utf8)) == nil)
    }
}
