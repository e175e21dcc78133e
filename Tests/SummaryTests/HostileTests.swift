// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Properties
import Summary
import Testing

@Suite("Summaries of hostile messages")
struct HostileTests {
    private static let property = Property.messageSummary

    @Test("A thousand levels are read to a bound, multiparts and messages")
    func levels() {
        var multiparts = ""
        for level in 0..<1000 {
            multiparts += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n"
        }
        let messages = String(repeating: "Content-Type: message/rfc822\n\n", count: 1000)
        for text in [multiparts, messages] {
            let octets = Messages.octets(text)
            #expect(Self.property.fault(for: octets) == nil)
            let layout = MessageSummary(octets).layout
            #expect(layout.parts.count == Message.maximumDepth)
        }
    }

    @Test("Twelve thousand parts are read to a bound")
    func parts() {
        let part = "--a\n\nx\n"
        let octets = Messages.octets(
            "Content-Type: multipart/digest; boundary=a\n\n"
                + String(repeating: part, count: 12_000))
        let summary = MessageSummary(octets)
        #expect(summary.layout.parts.count <= Message.maximumParts + 1)
        #expect(Self.property.fault(for: octets) == nil)
    }

    @Test(
        "Header fields of a quarter of a megabyte",
        arguments: [
            "Subject: \(String(repeating: "[a]", count: 82_500))x",
            "Subject: \(String(repeating: "=?utf-8?q?x?= ", count: 17_500))",
            "To: \(String(repeating: ",a", count: 125_000))",
            "To: \(String(repeating: "(", count: 250_000))",
            "To: \(String(repeating: "\"", count: 250_000))",
            "From: \(String(repeating: "a b ", count: 62_500))",
            "References: \(String(repeating: "<a@b>", count: 50_000))",
            "Content-Type: text/plain\(String(repeating: ";a*1*=b", count: 35_000))",
            "Content-Type: text/plain\(String(repeating: "; a=b", count: 50_000))",
            "Content-Language: \(String(repeating: "a,", count: 125_000))",
            String(repeating: "X: y\n", count: 50_000) + "Subject: x",
        ])
    func fields(header: String) {
        let octets = Messages.octets("\(header)\n\nText\n")
        let summary = MessageSummary(octets)
        #expect(summary.encoded.count < 8 << 20)
        #expect(Self.property.fault(for: octets) == nil)
    }

    @Test("Octets of any kind, in header and body")
    func octets() {
        var state: UInt32 = 1
        var chance: UInt8 {
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        let names = ["From: ", "Subject: ", "Content-Type: ", "\r\n--", "Content-Disposition: "]
        for _ in 0..<300 {
            var octets: [UInt8] = []
            for _ in 0..<20 {
                octets += names[Int(chance) % names.count].utf8
                octets += (0..<Int(chance % 40)).map { _ in chance }
                octets += "\r\n".utf8
            }
            let fault = Self.property.fault(for: octets)
            #expect(fault == nil, "\(octets)")
        }
    }

    @Test("Messages by chance have every property")
    func chance() {
        for message in Messages.random(200, seed: 7) {
            #expect(Self.property.fault(for: message) == nil, "\(String(lossy: message))")
        }
    }
}
