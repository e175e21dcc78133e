// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LiveWorld

@Suite("RFC 9525 §6.3 names in certificates")
struct PeerNameTests {
    @Test(
        "A certificate's name stands for a server's name or not",
        arguments: [
            ("mx.example.org", "mx.example.org", true),
            ("MX.Example.ORG", "mx.example.org", true),
            ("*.example.org", "mx.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.b.example.org", false),
            ("*.org", "example.org", false),
            ("m*.example.org", "mx.example.org", false),
            ("example.org", "mx.example.org", false),
            ("", "mx.example.org", false),
        ])
    func matches(_ issued: String, _ name: String, _ expected: Bool) {
        #expect(PeerName.matches(issued, name) == expected)
    }
}
