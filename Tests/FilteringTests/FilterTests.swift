// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import Defence
@testable import Filtering

@Suite("RFC 9112: the answer to one request")
struct HTTPResponseTests {
    private static let body = #"{"action":"no action"}"#

    struct Exchange: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let text: String
        var ends = false
        /// Nil: it is refused.
        let result: String?
    }

    @Test(
        "It is understood however it is framed, and octet by octet",
        arguments: [
            Exchange(
                testDescription: "by its length",
                text: "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + body, result: "200 " + body),
            Exchange(
                testDescription: "in chunks",
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "16;x=y\r\n\(body)\r\n0\r\n\r\n", result: "200 " + body),
            Exchange(
                testDescription: "by the end",
                text: "HTTP/1.0 404 Not Found\r\n\r\nno", ends: true, result: "404 no"),
            Exchange(
                testDescription: "cut short",
                text: "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{", ends: true, result: nil),
            Exchange(
                testDescription: "cut in its header", text: "HTTP/1.1", ends: true, result: nil),
            Exchange(testDescription: "no HTTP", text: "220 mail\r\n\r\n", result: nil),
            Exchange(
                testDescription: "too long",
                text: "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", result: nil),
            Exchange(
                testDescription: "with a negative length",
                text: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", result: nil),
            Exchange(
                testDescription: "encoded",
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", result: nil),
            Exchange(
                testDescription: "with a chunk that is none",
                text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", result: nil),
        ])
    func frames(_ exchange: Exchange) throws {
        for drip in [false, true] {
            var response = HTTPResponse()
            let octets = Array(exchange.text.utf8)
            var found: String?
            do {
                for piece in drip ? octets.map({ [$0] }) : [octets] {
                    response.receive(piece)
                    if let result = try response.result() {
                        found = "\(result.status) \(String(lossy: result.body))"
                        break
                    }
                }
                if found == nil, exchange.ends {
                    response.receiveEnd()
                    found = try response.result().map { "\($0.status) \(String(lossy: $0.body))" }
                }
            } catch {
                found = nil
            }
            #expect(found == exchange.result)
        }
    }

    @Test("A header without an end, and a body without one, are not waited for")
    func bounds() {
        var response = HTTPResponse()
        response.receive(Array(repeating: 65, count: 20_000))
        #expect(throws: HTTPResponse.Fault.self) { try response.result() }
        response = HTTPResponse()
        response.receive(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
        response.receive(Array(repeating: 65, count: 2 << 20))
        #expect(throws: HTTPResponse.Fault.self) { try response.result() }
    }

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
