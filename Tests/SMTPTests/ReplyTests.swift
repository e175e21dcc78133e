// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing

@Suite("RFC 5321 §4.2 replies")
struct ReplyTests {
    @Test("written on one line and on several")
    func encoding() {
        #expect(String(lossy: Reply.okay.encoded) == "250 2.0.0 OK\r\n")
        let lines = Reply(550, EnhancedStatus(5, 12, 345), lines: ["one", "", "three"])
        #expect(
            String(lossy: lines.encoded)
                == "550-5.12.345 one\r\n550-5.12.345 \r\n550 5.12.345 three\r\n")
        #expect(lines.description == "550 5.12.345 one  three")
        #expect(String(lossy: Reply(354, nil, "go").encoded) == "354 go\r\n")
    }

    @Test("text cannot break out of its line, nor make it too long")
    func text() {
        let reply = Reply(250, 2, 0, 0, "a\r\n250 b\0\t\u{7F}c")
        #expect(String(lossy: reply.encoded) == "250 2.0.0 a??250 b?\t?c\r\n")
        let long = Reply(250, 2, 0, 0, String(repeating: "ä", count: 1000) + "x")
        #expect(long.encoded.count <= 512)
        // RFC 5321 §4.2: on the wire a text is ASCII.
        #expect(long.encoded.allSatisfy { $0 < 0x80 })
        #expect(long.lines[0] == String(repeating: "ä", count: long.lines[0].count))
        let odd = Reply(250, 2, 0, 0, "x" + String(repeating: "ä", count: 1000))
        #expect(odd.lines[0].dropFirst().allSatisfy { $0 == "ä" })
    }

    /// Octets, and what they are read as: descriptions, or the fault.
    static let rows: [(String, [String])] = [
        ("250 ok\r\n", ["250 ok"]),
        ("250\r\n", ["250"]),
        ("250 \r\n", ["250"]),
        ("250 ok\n", ["250 ok"]),
        ("250 2.1.5 ok\r\n", ["250 2.1.5 ok"]),
        ("250-2.1.5 a\r\n250-2.1.5\r\n250 2.1.5 b\r\n", ["250 2.1.5 a  b"]),
        ("250 5.1.5 ok\r\n", ["250 5.1.5 ok"]),
        ("250 a\r\n550-b\r\n550 c\r\n421", ["250 a", "550 b c"]),
        ("250-a\r\n251 b\r\n", ["fault codeChanged"]),
        ("099 a\r\n", ["fault malformed(\"099 a\")"]),
        ("600 a\r\n", ["fault malformed(\"600 a\")"]),
        ("100 a\r\n", ["fault malformed(\"100 a\")"]),
        ("250_a\r\n", ["fault malformed(\"250_a\")"]),
        ("25\r\n", ["fault malformed(\"25\")"]),
        ("\r\n", ["fault malformed(\"\")"]),
        ("250 a\r\nnonsense\r\n", ["250 a", "fault malformed(\"nonsense\")"]),
        ("250 \u{1B}[2Jx\r\n", ["250 ?[2Jx"]),
        (String(repeating: "2", count: 5000), ["fault lineTooLong"]),
        (String(repeating: "250-a\r\n", count: 300), ["fault tooManyLines"]),
        (
            String(repeating: "250-" + String(repeating: "a", count: 1000) + "\r\n", count: 70),
            ["fault tooManyLines"]
        ),
    ]

    @Test("read whole and octet by octet, hostile ones too", arguments: 0..<rows.count)
    func parsing(row: Int) {
        let (text, expected) = Self.rows[row]
        for cut in [text.utf8.count, 1, 2, 3] {
            var parser = ReplyParser()
            var read: [String] = []
            var rest = Array(text.utf8)[...]
            do throws(ReplyParser.Fault) {
                while !rest.isEmpty {
                    parser.receive(Array(rest.prefix(cut)))
                    rest = rest.dropFirst(cut)
                    while let reply = try parser.next() { read.append(reply.description) }
                }
            } catch {
                read.append("fault \(error)")
            }
            #expect(read == expected)
        }
    }

    @Test("offers are read from an EHLO reply as they are written into one")
    func extensions() {
        var offer = Extensions()
        offer.isPipelining = true
        offer.maximumMessageOctets = 1000
        offer.is8BitMIME = true
        offer.hasEnhancedStatusCodes = true
        offer.canStartTLS = true
        offer.saslMechanisms = ["PLAIN", "SCRAM-SHA-256"]
        #expect(Extensions(lines: offer.lines) == offer)
        let odd = Extensions(lines: [
            "size", "pipelining", "AUTH=LOGIN", "auth login PLAIN", "X-UNKNOWN 1", "", "SIZEX 1",
        ])
        #expect(odd.maximumMessageOctets == 0)
        #expect(odd.isPipelining)
        #expect(odd.saslMechanisms == ["LOGIN", "PLAIN"])
        #expect(Extensions(lines: ["SIZE 99999999999999999999"]).maximumMessageOctets == 0)
        #expect(Extensions(lines: ["SIZE -5"]).maximumMessageOctets == 0)
        #expect(Extensions(lines: ["size"]).maximumMessageOctets == 0)
        let further = Extensions(lines: [
            "CHUNKING", "binarymime", "SMTPUTF8", "DSN", "REQUIRETLS", "DELIVERBY 240,x",
            "MT-PRIORITY MIXER", "LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1 X=2",
        ])
        #expect(further.isChunking && further.isBinaryMIME && further.isInternational)
        #expect(further.hasDSN && further.canRequireTLS)
        #expect(further.minimumDeliverBySeconds == 240 && further.priorityProfile == "MIXER")
        #expect(further.limits.recipients == 20 && further.limits.transactions == 5)
        #expect(further.limits.recipientDomains == 1)
        #expect(Extensions(lines: further.lines) == further)
        // RFC 9422 §3.7: what cannot be read does not count.
        for limit in ["RCPTMAX=0", "RCPTMAX=1234567", "RCPTMAX", "RCPTMAX=-1", "RCPTMAX=1x"] {
            #expect(Extensions(lines: ["LIMITS " + limit]).limits == Extensions.Limits())
        }
    }
}
