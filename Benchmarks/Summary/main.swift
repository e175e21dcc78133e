// SPDX-License-Identifier: Apache-2.0

import MIME
import Summary

/// What a summary costs, by kind of message.
struct Sample {
    let name: String
    let octets: [UInt8]
}

let header = """
    Return-Path: <hans@example.org>\r
    Received: from mx1.example.org (mx1.example.org [192.0.2.1])\r
    \tby mail.example.net with ESMTPS id 4F2A1B\r
    \tfor <maria@example.net>; Sat, 21 Nov 2026 10:00:00 +0100\r
    Received: from localhost (localhost [127.0.0.1])\r
    \tby mx1.example.org with ESMTP id 8DF01; Sat, 21 Nov 2026 09:59:59 +0100\r
    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r
    \tt=1795251599; h=from:to:subject:date:message-id:mime-version:content-type;\r
    \tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r
    \tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r
    \t dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r
    From: "Hans Muster" <hans@example.org>\r
    To: Maria Beispiel <maria@example.net>, team@example.net\r
    Cc: archive@example.net\r
    Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the meeting\r
    Date: Sat, 21 Nov 2026 09:59:58 +0100\r
    Message-ID: <20261121085958.4711@example.org>\r
    In-Reply-To: <20261120180000.0815@example.net>\r
    References: <20261119120000.1@example.net> <20261120180000.0815@example.net>\r
    User-Agent: Mozilla Thunderbird\r
    MIME-Version: 1.0\r

    """
let line = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.\r\n"
let lines = String(repeating: line, count: 100)
let base64 = String(
    repeating: "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZywgYW5kIHRoZSBk\r\n",
    count: 1000)
let samples = [
    Sample(
        name: "plain, 10 KiB",
        octets: Array("\(header)Content-Type: text/plain; charset=utf-8\r\n\r\n\(lines)".utf8)),
    Sample(
        name: "alternative, 20 KiB",
        octets: Array(
            """
            \(header)Content-Type: multipart/alternative; boundary="=_1"\r
            \r
            --=_1\r
            Content-Type: text/plain; charset=utf-8\r
            \r
            \(lines)--=_1\r
            Content-Type: text/html; charset=utf-8\r
            \r
            <html><body><p>\(lines)</p></body></html>\r
            --=_1--\r

            """.utf8)),
    Sample(
        name: "attachment, 85 KiB",
        octets: Array(
            """
            \(header)Content-Type: multipart/mixed; boundary="=_1"\r
            \r
            --=_1\r
            Content-Type: text/plain; charset=utf-8\r
            \r
            \(lines)--=_1\r
            Content-Type: application/pdf; name="report.pdf"\r
            Content-Disposition: attachment; filename="report.pdf"\r
            Content-Transfer-Encoding: base64\r
            \r
            \(base64)--=_1--\r

            """.utf8)),
]

@inline(never)
func measure(_ name: String, _ body: () -> Int) {
    let clock = ContinuousClock()
    var checksum = 0
    for _ in 0..<200 { checksum &+= body() }
    var best = Duration.seconds(1000)
    for _ in 0..<10 {
        let time = clock.measure { for _ in 0..<500 { checksum &+= body() } }
        best = min(best, time)
    }
    let (seconds, attoseconds) = best.components
    let nanoseconds = (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / 500
    let rounded = (nanoseconds / 10).rounded() / 100
    print("\(name): \(rounded) µs\(checksum == 0 ? "!" : "")")
}

// `bench-summary loop`: for a profiler.
if CommandLine.arguments.contains("loop") {
    var checksum = 0
    for _ in 0..<100_000 { checksum &+= MessageSummary(samples[0].octets).envelope.count }
    print(checksum)
} else if CommandLine.arguments.count > 1 {
    for sample in samples {
        let summary = MessageSummary(sample.octets)
        print(String(decoding: summary.envelope, as: UTF8.self))
        print(String(decoding: summary.structure, as: UTF8.self))
        print(String(decoding: MessageSummary.body(of: summary.structure), as: UTF8.self))
        print(String(decoding: summary.preview, as: UTF8.self))
        print(summary.encoded.count, summary.facts.encoded.count)
    }
} else {
    for sample in samples {
        measure("summary of \(sample.name)") { MessageSummary(sample.octets).envelope.count }
        let summary = MessageSummary(sample.octets)
        measure("  stored form") { summary.encoded.count }
        measure("  search text") { SearchText(sample.octets).body.count }
        measure("  MIME.Message") { Message(sample.octets).root.body.count }
    }
}
