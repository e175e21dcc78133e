// SPDX-License-Identifier: Apache-2.0

import Bytes
import HTTP
import Testing

@Suite("RFC 9112: the answer to one request")
struct ResponseTests {
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
                testDescription: "behind what is told in between",
                text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + body, result: "200 " + body),
            Exchange(
                testDescription: "another protocol", text: "HTTP/1.1 101 Switching\r\n\r\n",
                result: nil),
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
            var response = Response()
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
        var response = Response()
        response.receive(Array(repeating: 65, count: 20_000))
        #expect(throws: Response.Fault.self) { try response.result() }
        response = Response()
        response.receive(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
        response.receive(Array(repeating: 65, count: 2 << 20))
        #expect(throws: Response.Fault.self) { try response.result() }
    }

    @Test("The status is known before the body has come")
    func early() throws {
        var response = Response()
        response.receive(Array("HTTP/1.1 201 Created\r\n".utf8))
        #expect(try response.status() == nil)
        response.receive(Array("Content-Length: 99\r\n\r\nbegin".utf8))
        #expect(try response.status() == 201)
        #expect(try response.result() == nil)
        response.receiveEnd()
        #expect(try response.status() == 201)
    }
}
