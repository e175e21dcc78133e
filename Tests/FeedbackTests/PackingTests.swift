// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Testing

@Suite("RFC 1951, RFC 1952: reports that are packed")
struct PackingTests {
    private static func domain(_ octets: [UInt8]) throws(ReportFailure) -> String? {
        guard case .aggregate(let report) = try IncomingReport(opening: octets) else { return nil }
        return report.policy.domain
    }

    @Test("What other programs pack is opened", arguments: PackedSamples.all)
    func opened(name: String, text: String) throws {
        #expect(try Self.domain(PackedSamples.octets(text)) == "example.com", "\(name)")
    }

    @Test("Cut short anywhere or changed anywhere, it is refused or read, and nothing else")
    func damaged() throws {
        for (name, text) in PackedSamples.all {
            let whole = PackedSamples.octets(text)
            #expect(!whole.isEmpty)
            for count in whole.indices {
                let domain = try? Self.domain(Array(whole.prefix(count)))
                #expect(domain == nil || domain == "example.com", "\(name), \(count) octets")
                var changed = whole
                changed[count] ^= 0x55
                _ = try? Self.domain(changed)
            }
        }
    }

    @Test("A changed octet of the content is found by its check sum")
    func checksum() throws {
        let stored = try #require(PackedSamples.all.first { $0.0 == "storedBlocks" })
        var octets = PackedSamples.octets(stored.1)
        let place = try #require(octets.firstRange(of: Array("192.0.2.1".utf8))?.lowerBound)
        octets[place] = UInt8(ascii: "2")
        #expect(throws: ReportFailure("the check sum of its packed content is wrong")) {
            try Self.domain(octets)
        }
    }

    @Test("A bomb is refused when it has grown beyond what a report needs")
    func bomb() {
        do throws(ReportFailure) {
            _ = try IncomingReport(opening: PackedSamples.octets(PackedSamples.bomb))
            Issue.record("it is read")
        } catch {
            #expect(error.description.contains("larger than"))
        }
    }

    @Test("What is packed four times over is not opened")
    func nested() throws {
        var octets = PackedSamples.octets(PackedSamples.all[0].1)
        for _ in 0..<2 { octets = GzipFile.pack(octets) }
        #expect(try Self.domain(octets) == "example.com")
        #expect(throws: ReportFailure.self) { try Self.domain(GzipFile.pack(octets)) }
    }

    @Test("What is packed here is unpacked as the same, and much smaller where it repeats")
    func roundTrip() throws {
        var state: UInt64 = 1
        func chance() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        var inputs: [[UInt8]] = [[], [0], Array("aaa".utf8), [UInt8](repeating: 7, count: 100_000)]
        inputs.append((0..<70_000).map { _ in UInt8(truncatingIfNeeded: chance()) })
        // Words from a small store, so that there are repetitions at all distances and lengths.
        for _ in 0..<10 {
            var text: [UInt8] = []
            while text.count < 60_000 {
                text += repeatElement(
                    UInt8(truncatingIfNeeded: chance() % 4), count: Int(chance() % 400))
                text += (0..<(chance() % 40)).map { _ in UInt8(truncatingIfNeeded: chance() % 9) }
            }
            inputs.append(text)
        }
        for input in inputs { #expect(try GzipFile.unpack(GzipFile.pack(input)) == input) }
        let text = Array(String(repeating: AggregateReportTests.sample, count: 50).utf8)
        #expect(GzipFile.pack(text).count * 30 < text.count)
    }

    @Test("A mail is opened, whatever it wraps the report in")
    func mail() throws {
        let packed = Base64.encode(PackedSamples.octets(PackedSamples.all[0].1))
        let part = "Content-Transfer-Encoding: base64\r\n\r\n\(packed)\r\n"
        let mails = [
            "Content-Type: application/gzip\r\n" + part,
            "Content-Type: application/octet-stream; name=a.xml.gz\r\n" + part,
            "Content-Type: text/plain; name=a.xml.gz\r\n" + part,
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n"
                + "--b\r\nContent-Type: text/html\r\n\r\n<p>hello\r\n"
                + "--b\r\nContent-Type: application/gzip\r\n\(part)--b--\r\n",
            "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n"
                + "Content-Type: application/gzip\r\n" + part,
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                + "Content-Type: application/x-gzip\r\n\r\n\r\n"
                + "--b\r\nContent-Type: text/xml\r\n\r\n\(AggregateReportTests.sample)\r\n--b--\r\n",
        ]
        for mail in mails {
            #expect(try Self.domain(Array(mail.utf8)) == "example.com", "\(mail)")
        }
        #expect(throws: ReportFailure("it carries no report")) {
            try Self.domain(Array("Subject: hello\r\n\r\nworld\r\n".utf8))
        }
    }
}
