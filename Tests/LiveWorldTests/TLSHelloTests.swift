// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LiveWorld

@Suite("RFC 8446 §4.1 hellos")
struct TLSHelloTests {
    private let client: [UInt8] =
        [22, 3, 1, 0, 65, 1, 0, 0, 61, 3, 3] + [UInt8](repeating: 9, count: 32)
        + [0, 0, 2, 0x13, 0x01, 1, 0, 0, 18, 0, 0, 0, 14, 0, 12, 0, 0, 9]
        + Array("mx.test.x".utf8)
    private let server: [UInt8] =
        [22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3] + [UInt8](repeating: 9, count: 32)
        + [0, 0x13, 0x01, 0, 0, 0]

    @Test("The client's tells the server name, the server's the cipher suite")
    func whole() {
        #expect(TLSHello(records: client) == .client(serverName: "mx.test.x"))
        #expect(TLSHello(records: server) == .server(cipherSuite: 0x1301))
        #expect(TLSHello.name(ofCipherSuite: 0x1301) == "TLS_AES_128_GCM_SHA256")
    }

    @Test("A hello split over two records is read as one")
    func split() {
        let body = server[5...]
        let records = [22, 3, 3, 0, 10] + body.prefix(10) + [22, 3, 3, 0, 34] + body.dropFirst(10)
        #expect(TLSHello(records: records) == .server(cipherSuite: 0x1301))
    }

    @Test("What is cut short or no hello at all says nothing")
    func garbage() {
        #expect(TLSHello(records: Array("EHLO example.org\r\n".utf8)) == nil)
        for whole in [client, server] {
            for count in whole.indices {
                #expect(TLSHello(records: Array(whole.prefix(count))) == nil)
            }
        }
    }
}
